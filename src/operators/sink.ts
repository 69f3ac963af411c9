import type { Batch } from '../core/batch.js'
import type { Files } from '../core/files.js'
import type { Json } from '../core/json.js'
import type { Kernel } from '../kernel/module.js'
import type { SourceClock } from './source.js'

/** Where results go. A sink is a description; `open` starts writing. */
export interface Sink<in Row = never> {
  /** The kind of sink, for people: 'ndjson', 'collect'. */
  readonly kind: string
  /** Where it writes, for people. */
  readonly description: string
  /**
   * What a crash does to the output: 'exactly-once': nothing is lost or repeated; 'at-least-once': rows behind the
   * last checkpoint are written again.
   */
  readonly guarantee: 'exactly-once' | 'at-least-once'
  /** 'changelog': its writer looks at the kinds of rows. 'append' (the default): it takes inserts only. */
  readonly accepts?: 'append' | 'changelog'
  /** True where several subtasks may each open it and write side by side; without it one subtask writes all. */
  readonly concurrent?: boolean
  /** Type level only: the rows that it takes; a sink of fewer fields takes rows of more. */
  readonly takes?: (row: Row) => void
  open(context: SinkContext): Promise<SinkWriter>
}

export interface SinkContext {
  /** What `prepare` returned for the checkpoint that the job resumes from; undefined on a fresh start. */
  readonly state: Json | undefined
  readonly files: Files
  /** The task's kernel instance: for sinks that encode bytes. */
  readonly kernel: Kernel
  readonly standardOutput: ByteOutput
  /** For sinks that do something from time to time. */
  readonly clock: SourceClock
}

export interface ByteOutput {
  write(bytes: Uint8Array): Promise<void>
}

/** Calls come one at a time: each after the promise of the one before is fulfilled. */
export interface SinkWriter {
  /** Takes over a batch. */
  write(batch: Batch): void | Promise<void>
  /**
   * A barrier: makes everything written so far durable and returns what `open` needs to go on from here.
   */
  prepare(checkpointId: number): Promise<Json>
  /** The checkpoint is complete: what was prepared for it may become visible. */
  commit(checkpointId: number): Promise<void>
  /** End of input: everything becomes durable and visible. */
  finish(): Promise<void>
  /** Releases resources; called once, also after a failure. */
  close(): Promise<void>
}
