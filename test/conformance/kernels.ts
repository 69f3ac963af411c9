import { readFileSync } from 'node:fs'
import { instantiateKernel, type Kernel } from '../../src/kernel/module.js'
import { compare, type Outcome } from './vector.js'

const BUILDS = ['sabot.wasm', 'sabot.scalar.wasm', 'sabot.checked.wasm']

let kernels: ReadonlyMap<string, Kernel> | undefined

function load(): ReadonlyMap<string, Kernel> {
  const read = (file: string) => new Uint8Array(readFileSync(new URL(`../../build/${file}`, import.meta.url)))
  return new Map(BUILDS.map(file => [file, instantiateKernel(read(file))]))
}

/** Compares what every build of the kernels makes of a vector; a failure names the build. */
export function compareOnEachBuild(expected: unknown, run: (kernel: Kernel) => unknown): Outcome {
  kernels ??= load()
  for (const [file, kernel] of kernels) {
    const outcome = compare(expected, run(kernel))
    if (outcome.status === 'failed') return { ...outcome, got: { build: file, got: outcome.got } }
  }
  return { status: 'passed' }
}
