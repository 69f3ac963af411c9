/* The three builds of the kernels, for tests that run on each. */
import { instantiateKernel, type Kernel, type KernelOptions } from '../../src/kernel/module.js'
import { kernelBytes } from '../platform/kernel-bytes.js'

export interface Build {
  readonly name: 'simd' | 'scalar' | 'checked'
  create(options?: KernelOptions): Kernel
}

const FILES = { simd: 'sabot.wasm', scalar: 'sabot.scalar.wasm', checked: 'sabot.checked.wasm' } as const

async function load(name: Build['name']): Promise<Build> {
  const module = await WebAssembly.compile(await kernelBytes(FILES[name]))
  return { name, create: options => instantiateKernel(module, options) }
}

export const builds: readonly Build[] = await Promise.all([load('simd'), load('scalar'), load('checked')])
