import type { Files } from '../core/files.js'
import type { Kernel } from '../kernel/module.js'
import type { ByteOutput } from '../operators/sink.js'

/** All that the engine needs from the world around it. Tests hand in their own. */
export interface Environment {
  /** 'node', 'browser', 'test': it stands in manifests. */
  readonly name: string
  /** A fresh instance of the kernel module. */
  createKernel(): Kernel
  readonly files: Files
  readonly clock: Clock
  readonly standardOutput: ByteOutput
}

export interface Clock {
  /** Processing time, ms since the epoch. */
  now(): number
  /** Monotone time for measuring, ms from any origin. */
  elapsed(): number
  /** Fulfilled after the event loop had a turn. */
  nextTurn(): Promise<void>
  /** Calls `run` once after `delayMs`; the returned function cancels it. */
  schedule(delayMs: number, run: () => void): () => void
}
