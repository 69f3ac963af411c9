import type { Kernel } from '../kernel/module.js'
import type { Environment } from '../runtime/environment.js'
import { ManualClock } from './manual-clock.js'
import { MemoryFiles } from './memory-files.js'

export interface TestEnvironment extends Environment {
  readonly clock: ManualClock
  readonly files: MemoryFiles
  /** What was written to standard output. */
  readonly written: Uint8Array[]
}

/** An environment of files in memory and a clock that is moved by hand. */
export function testEnvironment(
  createKernel: () => Kernel,
  { files = new MemoryFiles(), clock = new ManualClock() }: { files?: MemoryFiles; clock?: ManualClock } = {},
): TestEnvironment {
  const written: Uint8Array[] = []
  return {
    name: 'test',
    createKernel,
    files,
    clock,
    written,
    standardOutput: {
      write(bytes) {
        written.push(bytes.slice())
        return Promise.resolve()
      },
    },
  }
}
