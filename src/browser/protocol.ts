import type { SabotError } from '../core/errors.js'
import { EMPTY_JOB_METRICS } from '../runtime/empty-metrics.js'
import type { JobMetrics, JobResult, JobStatus } from '../runtime/job-handle.js'
import { decodeError, encodeError, type WireError } from '../runtime/wire-error.js'

export { decodeError, encodeError, toSabotError, type WireError } from '../runtime/wire-error.js'

/*
 * What a page and the worker that runs its job say to each other.
 *
 *   page                       worker
 *    | -- start ----------------> |   once, first
 *    | <------------- progress -- |   at most every `progressMs`, and once before `ended`
 *    | -- checkpoint, stop, ----> |   any number, any time
 *    |    cancel                  |
 *    | <--------- checkpointed -- |   one for each `checkpoint`
 *    | <---------------- ended -- |   once, last
 */

export interface StartRequest {
  readonly type: 'start'
  /** A key of what `serveJobs` was given. */
  readonly job: string
  readonly parameters: Readonly<Record<string, string>>
  readonly resume: boolean
  readonly checkpoints: { readonly intervalMs: number; readonly retained: number }
  readonly baseUrl: string
  readonly blobs: Readonly<Record<string, Blob>>
  readonly progressMs: number
  /** Written file -> how many of its newest bytes each progress report should hold. */
  readonly tails: Readonly<Record<string, number>>
  readonly parallelism: number | undefined
  readonly restart: { readonly attempts: number; readonly delayMs: number } | undefined
  readonly hangTimeoutMs: number
}

/** What every worker of a job must know to build it and to find its files. */
export type WorkSettings = Pick<StartRequest, 'job' | 'parameters' | 'baseUrl' | 'blobs' | 'tails'>

/**
 * What the worker that runs a parallel job says to each worker that it starts for its subtasks, once and first. The rest
 * goes over the port: the engine's protocol, and what was written.
 */
export interface WorkRequest extends WorkSettings {
  readonly type: 'work'
  readonly port: MessagePort
  /** The lock that the worker is to hold as long as it lives. */
  readonly lock: string
}

/** What a worker for subtasks says beside the port: that it holds its lock, or that it has failed. */
export type FromSubtasks = { readonly type: 'working' } | { readonly type: 'failed'; readonly error: WireError }

/** On the port, before each of the engine's heartbeats. */
export interface TailsMessage {
  readonly kind: 'tails'
  readonly tails: Readonly<Record<string, Uint8Array>>
}

export type Request =
  | StartRequest
  | { readonly type: 'checkpoint'; readonly call: number }
  | { readonly type: 'stop' }
  | { readonly type: 'cancel' }

export type Report =
  | {
      readonly type: 'progress'
      readonly status: JobStatus
      readonly metrics: WireMetrics
      /** The newest bytes that this run wrote to the files of `tails`; they may begin within a line. */
      readonly tails: Readonly<Record<string, Uint8Array>>
    }
  | { readonly type: 'checkpointed'; readonly call: number; readonly outcome: number | WireError }
  | { readonly type: 'ended'; readonly result: WireResult }

type WireMetrics = Omit<JobMetrics, 'checkpoints'> & {
  readonly checkpoints: Omit<JobMetrics['checkpoints'], 'lastError'> & { readonly lastError: WireError | undefined }
}

type WireResult = Omit<JobResult, 'error' | 'metrics'> & {
  readonly error: WireError | undefined
  readonly metrics: WireMetrics
}

/** How a job ended that never got as far as to run. */
export function failedResult(error: SabotError, metrics: JobMetrics = EMPTY_JOB_METRICS): JobResult {
  return {
    status: 'failed',
    error,
    metrics,
    resumedFrom: undefined,
    restarts: 0,
    lastCheckpoint: metrics.checkpoints.lastId,
  }
}

export function encodeMetrics(metrics: JobMetrics): WireMetrics {
  const { lastError } = metrics.checkpoints
  return { ...metrics, checkpoints: { ...metrics.checkpoints, lastError: lastError && encodeError(lastError) } }
}

export function decodeMetrics(metrics: WireMetrics): JobMetrics {
  const { lastError } = metrics.checkpoints
  return { ...metrics, checkpoints: { ...metrics.checkpoints, lastError: lastError && decodeError(lastError) } }
}

export function encodeResult(result: JobResult): WireResult {
  return { ...result, error: result.error && encodeError(result.error), metrics: encodeMetrics(result.metrics) }
}

export function decodeResult(result: WireResult): JobResult {
  return { ...result, error: result.error && decodeError(result.error), metrics: decodeMetrics(result.metrics) }
}
