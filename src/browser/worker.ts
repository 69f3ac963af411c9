import { SabotError } from '../core/errors.js'
import type { Job } from '../graph/job.js'
import { execute } from '../runtime/execute.js'
import type { JobHandle, JobResult } from '../runtime/job-handle.js'
import { fixedDelay } from '../runtime/restart-strategy.js'
import { browserEnvironment } from './environment.js'
import { browserFiles } from './files.js'
import { IndexedDbCheckpointStorage } from './indexeddb-storage.js'
import { withJobLock } from './job-lock.js'
import { jobFolder } from './job-names.js'
import {
  encodeError,
  encodeMetrics,
  encodeResult,
  type FromSubtasks,
  failedResult,
  type Report,
  type Request,
  type StartRequest,
  toSabotError,
  type WorkRequest,
} from './protocol.js'
import { serveSubtasks } from './subtask-worker.js'
import { tailFiles } from './tail-files.js'
import { checkMilliseconds, webWorkers } from './web-workers.js'

/** A page that was just closed or reloaded holds the job's lock for a moment longer. */
const LOCK_WAIT_MS = 3000

/** What a dedicated worker's global scope has of a port. */
interface Port {
  postMessage(report: Report | FromSubtasks): void
  addEventListener(type: 'message', listener: (event: MessageEvent<Request | WorkRequest>) => void): void
}

/**
 * Makes a dedicated worker run jobs for the page that created it (see JobWorker there). The worker's module is two
 * lines: import the job, and call this with it under a name. Checkpoints go to IndexedDB, files that the job writes to
 * the origin-private file system, both under that name. One tab at a time runs a job.
 */
export function serveJobs(jobs: Readonly<Record<string, Job>>): void {
  const port: Port = globalThis
  // What comes before the job runs waits for it: stopping a job that starts stops it once it runs.
  let handle: Promise<JobHandle | undefined> = Promise.resolve(undefined)
  port.addEventListener('message', ({ data: request }) => {
    if (request.type === 'work') {
      const job = jobs[request.job]
      if (job !== undefined) void serveSubtasks(message => port.postMessage(message), job, request)
    } else if (request.type === 'start') {
      handle = new Promise(started => {
        void run(port, jobs, request, started).then(result => {
          started(undefined)
          port.postMessage({ type: 'ended', result: encodeResult(result) })
        })
      })
    } else {
      void handle.then(running => command(port, running, request))
    }
  })
}

async function command(
  port: Port,
  handle: JobHandle | undefined,
  request: Exclude<Request, StartRequest>,
): Promise<void> {
  if (request.type === 'stop') await handle?.stop()
  if (request.type === 'cancel') await handle?.cancel()
  if (request.type !== 'checkpoint') return
  const { call } = request
  try {
    if (!handle) throw new SabotError('CHECKPOINT_FAILED', 'the job has not started')
    port.postMessage({ type: 'checkpointed', call, outcome: await handle.checkpoint() })
  } catch (cause) {
    const error = toSabotError(cause, 'CHECKPOINT_FAILED', 'the checkpoint failed')
    port.postMessage({ type: 'checkpointed', call, outcome: encodeError(error) })
  }
}

async function run(
  port: Port,
  jobs: Readonly<Record<string, Job>>,
  request: StartRequest,
  started: (handle: JobHandle) => void,
): Promise<JobResult> {
  try {
    const job = Object.hasOwn(jobs, request.job) ? jobs[request.job] : undefined
    if (!job) {
      const known = Object.keys(jobs).join(', ')
      throw new SabotError('UNKNOWN_JOB', `the worker has no job ${request.job}; it has: ${known}`, {
        job: request.job,
      })
    }
    const graph = job.plan(request.parameters)
    return await withJobLock(request.job, LOCK_WAIT_MS, async () => {
      const { baseUrl, blobs, parallelism, restart, progressMs } = request
      const tails = tailFiles(browserFiles({ folder: jobFolder(request.job), baseUrl, blobs }), request.tails)
      const environment = await browserEnvironment({ files: tails.files })
      const storage = new IndexedDbCheckpointStorage(request.job)
      // Results of an earlier run are about to be overwritten: resuming from its checkpoints would mix two runs.
      if (!request.resume) await storage.clear()
      const written = new Map<string, Uint8Array>()
      const workers = webWorkers(
        {
          work: request,
          hangTimeoutMs: checkMilliseconds('hangTimeoutMs', request.hangTimeoutMs),
          heartbeatMs: Math.min(checkMilliseconds('progressMs', progressMs), request.hangTimeoutMs / 4),
          onTails: newest => {
            // A worker knows only of what it wrote itself.
            for (const [path, bytes] of Object.entries(newest)) if (bytes.length > 0) written.set(path, bytes)
          },
        },
        environment,
      )
      const handle = execute(graph, environment, {
        checkpoints: { storage, ...request.checkpoints },
        resume: request.resume,
        parallelism,
        restart: restart && fixedDelay(restart.attempts, restart.delayMs),
        workers,
      })
      started(handle)
      return reportUntilEnd(port, handle, () => ({ ...tails.newest(), ...Object.fromEntries(written) }), progressMs)
    })
  } catch (cause) {
    return failedResult(toSabotError(cause, 'JOB_FAILED', `job ${request.job} failed`))
  }
}

async function reportUntilEnd(
  port: Port,
  handle: JobHandle,
  tails: () => Record<string, Uint8Array>,
  progressMs: number,
): Promise<JobResult> {
  const report = () =>
    port.postMessage({
      type: 'progress',
      status: handle.status,
      metrics: encodeMetrics(handle.metrics()),
      tails: tails(),
    })
  const timer = setInterval(report, progressMs)
  const result = await handle.ended
  clearInterval(timer)
  report()
  return result
}
