/* What a job's master and its workers say to one another. */
import type { RecoveredState } from '../../state/recovery.js'
import type { Acknowledgement } from '../executor.js'
import type { SubtaskMetrics } from '../metrics.js'
import type { WireError } from '../wire-error.js'

export type MasterMessage =
  | {
      readonly kind: 'deploy'
      /** The name of the master's job. */
      readonly job: string
      /** Of the graph that the worker must have built by itself. */
      readonly fingerprint: string
      readonly parallelism: number
      readonly batchRows: number
      readonly bufferTimeoutMs: number
      readonly worker: number
      readonly workers: number
      readonly states: ReadonlyMap<string, readonly RecoveredState[]>
      /** Ports to the other workers, by their numbers. */
      readonly peers: ReadonlyMap<number, unknown>
      /** It says that it lives at least so often, ms. */
      readonly heartbeatMs: number
    }
  | { readonly kind: 'start' | 'stop' | 'proceed' | 'end-sources' | 'drain' | 'close' }
  | { readonly kind: 'trigger' | 'complete' | 'abort'; readonly checkpointId: number }
  | { readonly kind: 'release'; readonly hasFinished: boolean }
  /** What was written to standard output is out, or why not. */
  | { readonly kind: 'written'; readonly error: WireError | undefined }

export type WorkerMessage =
  | { readonly kind: 'opened' | 'released' | 'drained' }
  | { readonly kind: 'closed'; readonly error: WireError | undefined }
  | { readonly kind: 'heartbeat'; readonly metrics: readonly SubtaskMetrics[] }
  | { readonly kind: 'ended'; readonly subtask: string }
  | { readonly kind: 'failed'; readonly error: WireError }
  | ({ readonly kind: 'acknowledged'; readonly subtask: string } & Acknowledgement)
  /** For standard output, which only the master has. The next one comes when this one is written. */
  | { readonly kind: 'write'; readonly bytes: Uint8Array }
