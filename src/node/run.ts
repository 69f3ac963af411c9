/* Running a job in this process. */
import { type Duration, parseDuration } from '../core/duration.js'
import { SabotError } from '../core/errors.js'
import { ExecutionGraph } from '../graph/execution-graph.js'
import type { Job } from '../graph/job.js'
import type { JobGraph } from '../graph/job-graph.js'
import { withMaxParallelism } from '../graph/parallelism.js'
import { xxh64Hex } from '../kernel/hash.js'
import type { Environment } from '../runtime/environment.js'
import { execute, type Workers } from '../runtime/execute.js'
import type { JobEvent, JobHandle, JobResult } from '../runtime/job-handle.js'
import type { RestartStrategy } from '../runtime/restart-strategy.js'
import type { Tracer } from '../runtime/tracing.js'
import { inspectCheckpoint } from '../state/checkpoint.js'
import type { CheckpointStorage } from '../state/checkpoint-storage.js'
import type { Hash } from '../state/manifest.js'
import { isSavepoint } from '../state/retention.js'
import { ofOtherJob, removeUnusedParts } from '../state/shared-parts.js'
import { DirectoryCheckpointStorage } from './directory-storage.js'
import { type NodeEnvironmentOptions, nodeEnvironment } from './environment.js'
import type { ServedJob } from './http/job-views.js'
import { serveMetrics } from './http/metrics-server.js'
import { type ResumeFrom, resumeOptions } from './resume-from.js'
import { nodeWorkers, type WorkerOptions } from './workers/worker-threads.js'

export interface RunOptions extends NodeEnvironmentOptions {
  /** Values for the job's parameters. */
  readonly parameters?: Readonly<Record<string, string>>
  /** Where checkpoints are kept; without it there are none, or those in `.sabot/<job name>` with `resume`. */
  readonly checkpointDirectory?: string
  /** Time between checkpoints; 0: only when asked for and when the job is stopped. Default '10s'. */
  readonly checkpointInterval?: Duration
  /**
   * What sinks prepared becomes visible with the first checkpoint that is complete so long after the last that did so;
   * 0: with each. Savepoints, and the last checkpoint of a job that stops, always do. Default 0.
   */
  readonly commitInterval?: Duration
  /** Complete checkpoints that are kept. Default 3. */
  readonly retainedCheckpoints?: number
  /** Whether a checkpoint writes only what has changed since the one before it. Default true. */
  readonly incrementalCheckpoints?: boolean
  /**
   * Go on from a checkpoint: with true from the newest that is whole, or from the beginning where there is none; else
   * from the one that is named.
   */
  readonly resume?: boolean | ResumeFrom
  /** Time without a checkpoint between two periodic ones, at least. Default 0. */
  readonly checkpointMinPause?: Duration
  /** A checkpoint that takes longer is given up. Default '10m'. */
  readonly checkpointTimeout?: Duration
  /** Checkpoints that may fail one behind the other before the job does. Default: any number. */
  readonly tolerableCheckpointFailures?: number
  /** Rows a batch has at most. */
  readonly batchRows?: number
  /** Between parallel subtasks, rows wait for a full batch so long at most; 0: they leave at once. Default '10ms'. */
  readonly bufferTimeout?: Duration
  /** Parallel subtasks of keyed operators and of sources that can be split. Default: what the job says, or 1. */
  readonly parallelism?: number
  /** The number of key groups, instead of what the job says: see `j.maxParallelism`. */
  readonly maxParallelism?: number
  /** What happens when the job fails: see fixedDelay, exponentialDelay, failureRate. Default: it has failed. */
  readonly restart?: RestartStrategy
  /** Runs the subtasks in worker threads. Default: all in this thread, by turns. */
  readonly workers?: WorkerOptions
  /** Told of what happens to the job, as it happens. */
  readonly onEvent?: (event: JobEvent) => void
  /** Gets spans of checkpoints and recoveries: `trace.getTracer('my-service')` of @opentelemetry/api, for one. */
  readonly tracer?: Tracer
  /** Serves metrics, health and the state of the job over HTTP while it runs, and takes its control: see serveMetrics. */
  readonly http?: HttpOptions
  /** Aborting stops the job: it drains and takes a last checkpoint. */
  readonly signal?: AbortSignal
}

export interface HttpOptions {
  /** Default 127.0.0.1: this machine only. */
  readonly host?: string
  /** 0: one that is free. Default 9464. */
  readonly port?: number
  /** What whoever asks must send as `Authorization: Bearer ...`; needed where the address is not loopback. */
  readonly token?: string | undefined
  /** Told where it listens before the job starts. */
  readonly onListening?: (url: string) => void
}

/** Runs a job to its end. Never rejected for what happens in the job: see the result's `status` and `error`. */
export async function run(job: Job, options: RunOptions = {}): Promise<JobResult> {
  return (await start(job, options)).ended
}

/**
 * Submits a job to this process and returns at once with its handle. Several jobs may run side by side; openJobHost
 * shows them through one server.
 *
 * Without `resume` the checkpoints of an earlier run, savepoints aside, are removed first: its results are about to be overwritten, and
 * resuming from them later would mix two runs.
 *
 * @throws SabotError for a graph that is not sound, unknown parameters, or a directory that holds the checkpoints of
 * another job (CHECKPOINT_OF_OTHER_JOB), CHECKPOINT_MISSING, and those of serveMetrics
 */
export async function start(job: Job, options: RunOptions = {}): Promise<JobHandle> {
  const submission = await prepare(job, options)
  const served: ServedJob[] = []
  const { http } = options
  const server = http === undefined ? undefined : await serveMetrics({ ...http, jobs: () => served })
  if (server !== undefined) http?.onListening?.(server.url)
  const { handle, graph } = submission.begin()
  served.push({ handle, graph, control: handle })
  if (server !== undefined) void handle.ended.then(() => server.close())
  return handle
}

/** A job that is checked and only needs to be begun. */
export interface Submission {
  begin(): { readonly handle: JobHandle; readonly graph: JobGraph }
}

/** What start does before anything runs; throws as it does. */
export async function prepare(job: Job, options: Omit<RunOptions, 'http'>): Promise<Submission> {
  const graph = withMaxParallelism(job.plan(options.parameters), options.maxParallelism)
  const environment = nodeEnvironment(options)
  const kernel = environment.createKernel()
  const hash: Hash = bytes => xxh64Hex(kernel, bytes)
  const isResumed = options.resume !== undefined && options.resume !== false
  const directory = options.checkpointDirectory ?? (isResumed ? defaultCheckpointDirectory(graph.name) : undefined)
  const intervalMs = parseDuration(options.checkpointInterval ?? '10s')
  const checkpoints =
    directory === undefined
      ? undefined
      : {
          storage: new DirectoryCheckpointStorage(directory),
          intervalMs,
          retained: options.retainedCheckpoints ?? 3,
          incremental: options.incrementalCheckpoints,
          minPauseMs: parseDuration(options.checkpointMinPause ?? 0),
          commitIntervalMs: parseDuration(options.commitInterval ?? 0),
          timeoutMs: parseDuration(options.checkpointTimeout ?? '10m'),
          tolerableFailures: options.tolerableCheckpointFailures,
        }
  const { batchRows, onEvent, tracer, parallelism, restart, bufferTimeout } = options
  const bufferTimeoutMs = bufferTimeout === undefined ? undefined : parseDuration(bufferTimeout)
  // What is wrong with the plan is said before anything is opened.
  new ExecutionGraph(graph, parallelism)
  const resume = await resumeOptions(options.resume, hash)
  if (checkpoints !== undefined && !isResumed) await removeEarlierRun(checkpoints.storage, graph.name, hash)
  const workers = options.workers && workersOf(options.workers, options, environment)
  return {
    begin() {
      const settings = {
        checkpoints,
        resume,
        batchRows,
        bufferTimeoutMs,
        onEvent,
        tracer,
        parallelism,
        restart,
        workers,
      }
      const handle = execute(graph, environment, settings)
      stopOnAbort(handle, options.signal)
      return { handle, graph }
    },
  }
}

function workersOf(workers: WorkerOptions, options: Omit<RunOptions, 'http'>, environment: Environment): Workers {
  if (options.files !== undefined) {
    throw new SabotError('INVALID_OPTION', 'Files of another kind stay in this thread: leave out workers, or files', {
      option: 'workers',
    })
  }
  const { parameters = {}, maxParallelism, baseDirectory, memoryLimitBytes } = options
  return nodeWorkers(workers, { parameters, maxParallelism, baseDirectory, memoryLimitBytes }, environment)
}

/** Where the command line keeps a job's checkpoints when it is told nothing else. */
export function defaultCheckpointDirectory(job: string): string {
  return `.sabot/${job}`
}

async function removeEarlierRun(storage: CheckpointStorage, job: string, hash: Hash): Promise<void> {
  const ids = await storage.list()
  for (const id of ids) {
    const found = await jobOf(storage, id, hash)
    if (found === undefined || found === job) continue
    throw ofOtherJob(storage, found, job)
  }
  for (const id of ids) if (!(await isSavepoint(storage, id, hash))) await storage.remove(id)
  await removeUnusedParts(storage, job, hash)
}

/** undefined where the manifest is damaged. */
async function jobOf(storage: CheckpointStorage, id: number, hash: Hash): Promise<string | undefined> {
  try {
    return (await inspectCheckpoint(storage, id, hash)).job
  } catch (error) {
    if (error instanceof SabotError && error.code === 'CHECKPOINT_CORRUPT') return undefined
    throw error
  }
}

function stopOnAbort(handle: JobHandle, signal: AbortSignal | undefined): void {
  if (signal === undefined) return
  const stop = (): void => void handle.stop()
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop, { once: true })
  void handle.ended.then(() => signal.removeEventListener('abort', stop))
}
