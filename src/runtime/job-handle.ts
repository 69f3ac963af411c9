import type { SabotError } from '../core/errors.js'
import type { InputWatermark, OperatorWatermark } from './watermark-report.js'

/** A running job. */
export interface JobHandle {
  readonly name: string
  readonly status: JobStatus
  /** Fulfilled when the job has ended for whatever reason; never rejected. */
  readonly ended: Promise<JobResult>
  metrics(): JobMetrics
  /** The watermark of each operator, of its inputs and splits, and who holds it since when. */
  watermarks(): readonly OperatorWatermark[]
  /** Takes a checkpoint now; fulfilled with its id when it is complete. Rejected with CHECKPOINT_FAILED or NO_CHECKPOINT_STORAGE. */
  checkpoint(): Promise<number>
  /** As checkpoint(); this one is kept until somebody removes it. */
  savepoint(): Promise<number>
  /**
   * Goes on with another number of parallel subtasks, where nobody fixed it for an operator: stops reading, takes a
   * checkpoint, and opens new subtasks from it. Each row counts once. Fulfilled when they run.
   *
   * Rejected with RESCALE_FAILED when the job does not run, when it ends meanwhile, or when checkpoint or new subtasks
   * fail: it then goes on as it was. Rejected with INVALID_PARALLELISM or NO_CHECKPOINT_STORAGE before anything happens.
   */
  rescale(parallelism: number): Promise<void>
  /**
   * Stops reading, takes a last checkpoint where there is a storage, and ends with status 'stopped': it can be resumed.
   * With `drain` it ends as if its input ended there: after the last checkpoint the watermark +Infinity is sent, windows
   * fire, sinks finish, and the status is 'finished'.
   */
  stop(options?: StopOptions): Promise<JobResult>
  /** Ends at once, without a checkpoint, with status 'cancelled'. */
  cancel(): Promise<JobResult>
}

export interface StopOptions {
  /** Everything that was read is brought to its end; default false: it waits for whoever resumes. */
  readonly drain?: boolean
  /** The last checkpoint is a savepoint: kept until somebody removes it. Default false. */
  readonly savepoint?: boolean
}

export type JobStatus =
  | 'starting'
  | 'running'
  | 'restarting'
  | 'rescaling'
  | 'stopping'
  | 'finished'
  | 'stopped'
  | 'cancelled'
  | 'failed'

export interface JobResult {
  readonly status: 'finished' | 'stopped' | 'cancelled' | 'failed'
  /** Why it failed. */
  readonly error: SabotError | undefined
  readonly metrics: JobMetrics
  /** The checkpoint that it resumed from, and the last one that it completed. */
  readonly resumedFrom: number | undefined
  /** How often it failed and ran again. */
  readonly restarts: number
  readonly lastCheckpoint: number | undefined
}

/** What happens to a job, for logs and summaries. */
export type JobEvent =
  | {
      readonly kind: 'resumed'
      /** undefined: there was no checkpoint, so the job began at the start. */
      readonly checkpointId: number | undefined
      /** Newer checkpoints that are damaged. */
      readonly passedOver: readonly SabotError[]
      /** Operators whose state was dropped, since the job no longer has them: see allowNonRestored. */
      readonly dropped: readonly string[]
      /** Sources and sinks that the checkpoint does not know; they begin at their start. */
      readonly begun: readonly string[]
    }
  | {
      /** The job runs with another parallelism. */
      readonly kind: 'rescaled'
      readonly from: number
      readonly to: number
      /** What its new subtasks began with. */
      readonly checkpointId: number | undefined
    }
  | {
      readonly kind: 'checkpoint-completed'
      readonly checkpointId: number
      readonly isSavepoint: boolean
      /** Of its parts and manifest. */
      readonly sizeBytes: number
      /** So many of these were written for it; the rest is of checkpoints before. */
      readonly writtenBytes: number
      readonly durationMs: number
      /** The longest time for which one of its tasks held channels back until the barrier had come from all others. */
      readonly alignmentMs: number
    }
  | { readonly kind: 'checkpoint-failed'; readonly error: SabotError }
  | {
      /** The job failed, and runs again after a delay from the newest checkpoint, or from its start where there is none. */
      readonly kind: 'restarting'
      readonly error: SabotError
      readonly delayMs: number
      /** Restarts so far, this one included. */
      readonly restart: number
    }

export interface JobMetrics {
  readonly rowsIn: number
  readonly rowsOut: number
  /** Rows that sources will give in all, where known. */
  readonly rowsExpected: number | undefined
  readonly elapsedMs: number
  /** Processing time when the metrics were taken, ms since the epoch: the lag of a watermark is the time since it. */
  readonly takenAtMs: number
  readonly operators: readonly OperatorMetrics[]
  readonly checkpoints: {
    readonly completed: number
    readonly failed: number
    readonly lastId: number | undefined
    readonly lastBytes: number
    /** So many of these were written for it; the rest is of checkpoints before. */
    readonly lastWrittenBytes: number
    /** From its barrier until it was complete. */
    readonly lastDurationMs: number
    /** The longest time for which one of its tasks held channels back until the barrier had come from all others. */
    readonly lastAlignmentMs: number
    /** The error of the last one that failed, if the last one failed. */
    readonly lastError: SabotError | undefined
  }
}

export interface OperatorMetrics {
  readonly id: string
  readonly kind: string
  readonly rowsIn: number
  readonly rowsOut: number
  /** Bytes of those rows in their columns: see bytesOf. */
  readonly bytesIn: number
  readonly bytesOut: number
  /** Time that it worked, ms, over all subtasks. */
  readonly busyMs: number
  /** Time that its tasks waited for space in a sink or in a channel to another task, ms, over all subtasks. */
  readonly backpressuredMs: number
  /** Time in which its tasks held channels back until a barrier had come from all others, ms, over all subtasks. */
  readonly alignmentMs: number
  /** The rest of the time that its tasks ran, ms: it waited for input, or others of its task worked. */
  readonly idleMs: number
  /** The watermark that it has reached, ms; -Infinity: none yet, +Infinity: its input has ended. */
  readonly watermark: number
  /** Processing time at which it last put a watermark out, ms since the epoch; undefined: not in this run. */
  readonly watermarkSinceMs: number | undefined
  /** What its inputs, or the splits of its source, have reached. */
  readonly inputs: readonly InputWatermark[]
  /** Bytes of its state in the last complete checkpoint of this run, over all subtasks; 0 where there is none. */
  readonly checkpointBytes: number
  /** Rows that were dropped or sent aside, by reason: 'late', 'invalid-timestamp'. */
  readonly dropped: Readonly<Record<string, number>>
  /** Gauges of the operator's own, such as openWindows, keys, stateBytes. */
  readonly gauges: Readonly<Record<string, number>>
}
