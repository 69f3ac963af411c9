import type { ExecutionGraph } from '../graph/execution-graph.js'
import type { OperatorSnapshot } from '../state/checkpoint.js'
import type { RecoveredState } from '../state/recovery.js'
import type { SubtaskMetrics } from './metrics.js'

/** What an executor is to run. */
export interface Deployment {
  readonly execution: ExecutionGraph
  /** What operators begin with, by operator and former subtask; empty where the job begins anew. */
  readonly states: ReadonlyMap<string, readonly RecoveredState[]>
  readonly batchRows: number
  readonly bufferTimeoutMs: number
}

/** Every operator of a subtask has sealed its part of a checkpoint. */
export interface Acknowledgement {
  readonly checkpointId: number
  readonly snapshots: readonly OperatorSnapshot[]
  /** How long the subtask held channels back until the barrier had come from all others, ms. */
  readonly alignmentMs: number
}

/** What an executor tells whoever runs the job. */
export interface ExecutorEvents {
  acknowledged(subtask: string, acknowledgement: Acknowledgement): void
  /** A subtask has worked off all of its input. It stays, since barriers may still come. */
  ended(subtask: string): void
  /** It can do nothing more; what it held is lost. Told once at most. */
  failed(cause: unknown): void
}

/**
 * Runs the subtasks of a job: in this thread, or in workers. What the one who runs the job promises: `start` once, then
 * any of the others, `release` when every subtask has ended or is to stop, `close` last and always.
 */
export interface Executor {
  start(): void
  /** Subtasks that begin paths inject the barrier of this checkpoint. */
  trigger(checkpointId: number): void
  /** The checkpoint is complete: what sinks prepared for it may become visible. */
  complete(checkpointId: number): void
  /** The checkpoint is given up. */
  abort(checkpointId: number): void
  /** Reads nothing more; what was read flows through. */
  stop(): void
  /** Takes a stop back. */
  proceed(): void
  /** All sources end here, as if nothing came after: the watermark +Infinity follows what was read. */
  endSources(): void
  /** Fulfilled when everything has left the subtasks and the sinks have written it. */
  release(hasFinished: boolean): Promise<void>
  /** Fulfilled when the sinks have carried out what they were given. */
  drained(): Promise<void>
  metrics(): readonly SubtaskMetrics[]
  close(): Promise<void>
}
