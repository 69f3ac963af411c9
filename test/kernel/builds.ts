/* The three builds of the kernels, for tests that run on each. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { instantiateKernel, type Kernel, type KernelOptions } from '../../src/kernel/module.js'

export interface Build {
  readonly name: 'simd' | 'scalar' | 'checked'
  create(options?: KernelOptions): Kernel
}

const FILES = { simd: 'sabot.wasm', scalar: 'sabot.scalar.wasm', checked: 'sabot.checked.wasm' } as const

function load(name: Build['name']): Build {
  const path = fileURLToPath(new URL(`../../build/${FILES[name]}`, import.meta.url))
  if (!existsSync(path)) throw new Error(`build/${FILES[name]} is not built: run "node scripts/build-wasm.mjs" first`)
  const module = new WebAssembly.Module(readFileSync(path))
  return { name, create: options => instantiateKernel(module, options) }
}

export const builds: readonly Build[] = [load('simd'), load('scalar'), load('checked')]
