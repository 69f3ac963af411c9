import type { Files } from '../core/files.js'
import { instantiateKernel } from '../kernel/module.js'
import type { ByteOutput } from '../operators/sink.js'
import type { Environment } from '../runtime/environment.js'
import { browserClock } from './clock.js'
import { kernelModule } from './kernel-module.js'

export interface BrowserEnvironmentOptions {
  /** Where the job reads and writes: see `browserFiles`. */
  readonly files: Files
  /** The most memory that a job's kernel takes, in bytes. Default 2 GiB. */
  readonly memoryLimitBytes?: number
  /** Where a stdout sink writes. Default: the console, a line at a time. */
  readonly standardOutput?: ByteOutput
}

/** A page or worker as an environment. Fails with KERNEL_UNAVAILABLE where the kernels cannot be loaded. */
export async function browserEnvironment(options: BrowserEnvironmentOptions): Promise<Environment> {
  const { files, memoryLimitBytes } = options
  const module = await kernelModule()
  return {
    name: 'browser',
    createKernel: () => instantiateKernel(module, memoryLimitBytes === undefined ? {} : { memoryLimitBytes }),
    files,
    clock: browserClock(),
    standardOutput: options.standardOutput ?? consoleOutput(),
  }
}

function consoleOutput(): ByteOutput {
  const decoder = new TextDecoder()
  let begun = ''
  return {
    write: async bytes => {
      const lines = (begun + decoder.decode(bytes, { stream: true })).split('\n')
      begun = lines.pop() ?? ''
      for (const line of lines) console.log(line)
    },
  }
}
