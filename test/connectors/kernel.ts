/* One kernel for all contexts of a test file: nothing that sources and sinks keep in it outlives them. */
import type { Kernel } from '../../src/kernel/module.js'
import { builds } from '../kernel/builds.js'

let kernel: Kernel | undefined

export function testKernel(): Kernel {
  const build = builds.find(({ name }) => name === 'checked')
  if (build === undefined) throw new TypeError('no kernel is built')
  kernel ??= build.create()
  return kernel
}
