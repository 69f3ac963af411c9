/* All that the engine needs of Node. */
import { readFileSync } from 'node:fs'
import type { Files } from '../core/files.js'
import { instantiateKernel } from '../kernel/module.js'
import type { ByteOutput } from '../operators/sink.js'
import type { Environment } from '../runtime/environment.js'
import { systemClock } from './clock.js'
import { nodeFiles } from './files.js'
import { byteOutput } from './standard-output.js'

export interface NodeEnvironmentOptions {
  /** What relative paths start from; the working directory when it is not given. */
  readonly baseDirectory?: string
  /** Files of another kind. */
  readonly files?: Files
  /** The most memory that a job's kernel takes, in bytes. Default 2 GiB. */
  readonly memoryLimitBytes?: number
  /** Where a stdout sink writes. Default: this process's standard output. */
  readonly standardOutput?: ByteOutput
}

/** Node as an environment: files, the system's clock, standard output, and the kernel module of this package. */
export function nodeEnvironment(options: NodeEnvironmentOptions = {}): Environment {
  const { baseDirectory, memoryLimitBytes } = options
  return {
    name: 'node',
    createKernel: () => instantiateKernel(kernelModule(), memoryLimitBytes === undefined ? {} : { memoryLimitBytes }),
    files: options.files ?? nodeFiles(baseDirectory === undefined ? {} : { baseDirectory }),
    clock: systemClock,
    standardOutput: options.standardOutput ?? byteOutput(process.stdout),
  }
}

/** Builds of the kernels, the fastest first. They lie at the same place from sources and from the published files. */
const BUILDS = ['../../build/sabot.wasm', '../../build/sabot.scalar.wasm']

let compiled: WebAssembly.Module | undefined

/** The compiled kernels, once a process: the SIMD build where the engine takes it, else the scalar one. */
function kernelModule(): WebAssembly.Module {
  if (compiled !== undefined) return compiled
  for (const build of BUILDS) {
    const bytes = readFileSync(new URL(build, import.meta.url))
    if (WebAssembly.validate(bytes)) compiled = new WebAssembly.Module(bytes)
    if (compiled !== undefined) return compiled
  }
  throw new Error('This JavaScript engine takes neither build of the kernels; Node 20.19 or newer does')
}
