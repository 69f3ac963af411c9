import { SabotError } from '../core/errors.js'
import { EMPTY_JOB_METRICS } from '../runtime/empty-metrics.js'
import type { JobMetrics, JobResult, JobStatus } from '../runtime/job-handle.js'
import { decodeError, decodeMetrics, decodeResult, failedResult, type Report, type Request } from './protocol.js'

export interface JobWorkerOptions {
  /** Values for the job's parameters. */
  readonly parameters?: Readonly<Record<string, string>>
  /** Goes on from the newest checkpoint in IndexedDB, where there is one. Default: false. */
  readonly resume?: boolean
  readonly checkpoints?: {
    /** Between checkpoints, in ms. Default: 10,000. */
    readonly intervalMs?: number
    /** How many are kept. Default: 3. */
    readonly retained?: number
  }
  /** What relative URLs among the parameters are relative to. Default: the page's URL. */
  readonly baseUrl?: string
  /** Files and Blobs that the job reads by name. */
  readonly blobs?: Readonly<Record<string, Blob>>
  /** Written file -> how many of its newest bytes each progress report should hold. */
  readonly tails?: Readonly<Record<string, number>>
  /** Least time between two progress reports, in ms. Default: 200. */
  readonly progressMs?: number
  readonly onProgress?: (progress: JobProgress) => void
  /**
   * Parallel subtasks of keyed operators and of sources that can be split. With more than one, the worker starts its own
   * script once more for each slot. Default: what the job says, or 1: all in the one worker.
   */
  readonly parallelism?: number
  /** Goes on from the newest checkpoint when the job fails, after `delayMs` (default: 0). Default: no attempts. */
  readonly restart?: { readonly attempts: number; readonly delayMs?: number }
  /** A worker of a parallel job that does not answer for so long is ended, in ms. Default: 30,000. */
  readonly hangTimeoutMs?: number
}

export interface JobProgress {
  readonly status: JobStatus
  readonly metrics: JobMetrics
  /** The newest bytes that this run wrote to the files of `tails`; they may begin within a line. */
  readonly tails: Readonly<Record<string, Uint8Array>>
}

/** A job in a Web Worker that called `serveJobs`, as its page sees it: one run, after which the worker is ended. */
export class JobWorker {
  /** Fulfilled when the job has ended for whatever reason; never rejected. */
  readonly ended: Promise<JobResult>
  readonly #worker: Worker
  readonly #end: (result: JobResult) => void
  readonly #checkpoints = new Map<number, { resolve: (id: number) => void; reject: (error: SabotError) => void }>()
  readonly #onProgress: ((progress: JobProgress) => void) | undefined
  #calls = 0
  #metrics = EMPTY_JOB_METRICS
  #result: JobResult | undefined

  /** Starts the job that `serveJobs` knows as `job`. The worker is this job's from now on. */
  constructor(worker: Worker, job: string, options: JobWorkerOptions = {}) {
    let end: (result: JobResult) => void = () => {}
    this.ended = new Promise(resolve => {
      end = resolve
    })
    this.#end = end
    this.#worker = worker
    this.#onProgress = options.onProgress
    worker.addEventListener('message', event => this.#receive(event.data))
    worker.addEventListener('error', event => {
      event.preventDefault()
      this.#fail(`the worker failed: ${event.message || 'its script cannot be loaded'}; reload the page and resume`)
    })
    worker.addEventListener('messageerror', () => this.#fail('the worker sent what this page cannot read'))
    this.#send({
      type: 'start',
      job,
      parameters: options.parameters ?? {},
      resume: options.resume ?? false,
      checkpoints: {
        intervalMs: options.checkpoints?.intervalMs ?? 10_000,
        retained: options.checkpoints?.retained ?? 3,
      },
      baseUrl: options.baseUrl ?? document.baseURI,
      blobs: options.blobs ?? {},
      progressMs: options.progressMs ?? 200,
      tails: options.tails ?? {},
      parallelism: options.parallelism,
      restart: options.restart && { attempts: options.restart.attempts, delayMs: options.restart.delayMs ?? 0 },
      hangTimeoutMs: options.hangTimeoutMs ?? 30_000,
    })
  }

  /** Takes a checkpoint now; fulfilled with its id when it is complete. Rejected with CHECKPOINT_FAILED. */
  async checkpoint(): Promise<number> {
    if (this.#result) throw endedBefore(this.#result)
    const call = this.#calls++
    return new Promise((resolve, reject) => {
      this.#checkpoints.set(call, { resolve, reject })
      this.#send({ type: 'checkpoint', call })
    })
  }

  /** Stops reading, takes a last checkpoint, and ends with status 'stopped'. */
  stop(): Promise<JobResult> {
    this.#send({ type: 'stop' })
    return this.ended
  }

  /** Ends without a checkpoint, with status 'cancelled'. */
  cancel(): Promise<JobResult> {
    this.#send({ type: 'cancel' })
    return this.ended
  }

  #send(request: Request): void {
    this.#worker.postMessage(request)
  }

  #receive(report: Report): void {
    switch (report.type) {
      case 'progress':
        this.#metrics = decodeMetrics(report.metrics)
        this.#onProgress?.({ status: report.status, metrics: this.#metrics, tails: report.tails })
        break
      case 'checkpointed': {
        const call = this.#checkpoints.get(report.call)
        this.#checkpoints.delete(report.call)
        if (typeof report.outcome === 'number') call?.resolve(report.outcome)
        else call?.reject(decodeError(report.outcome))
        break
      }
      case 'ended':
        this.#finish(decodeResult(report.result))
    }
  }

  #fail(message: string): void {
    this.#finish(failedResult(new SabotError('WORKER_FAILED', message), this.#metrics))
  }

  #finish(result: JobResult): void {
    this.#result = result
    this.#worker.terminate()
    for (const call of this.#checkpoints.values()) call.reject(endedBefore(result))
    this.#checkpoints.clear()
    this.#end(result)
  }
}

function endedBefore({ status, error }: JobResult): SabotError {
  const message = `the job ended (${status}) before the checkpoint was complete`
  return new SabotError('CHECKPOINT_FAILED', message, { status }, { cause: error })
}
