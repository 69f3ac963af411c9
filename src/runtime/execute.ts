import { SabotError } from '../core/errors.js'
import { ExecutionGraph } from '../graph/execution-graph.js'
import type { JobGraph } from '../graph/job-graph.js'
import type { CheckpointStorage } from '../state/checkpoint-storage.js'
import { LocalChannels } from './channels.js'
import type { CheckpointSettings } from './coordinator.js'
import type { Environment } from './environment.js'
import type { Deployment, Executor, ExecutorEvents } from './executor.js'
import type { JobEvent, JobHandle } from './job-handle.js'
import { JobRun } from './job-run.js'
import { LocalExecutor } from './local-executor.js'
import { noRestart, type RestartStrategy } from './restart-strategy.js'
import { type ResumeOptions, StartPoint } from './start-point.js'
import type { Tracer } from './tracing.js'

export interface CheckpointOptions {
  readonly storage: CheckpointStorage
  /** Time between checkpoints, ms; 0: only on demand and when the job is stopped. Default 10,000. */
  readonly intervalMs?: number | undefined
  /** Time without a checkpoint between two periodic ones, ms, at least. Default 0. */
  readonly minPauseMs?: number | undefined
  /** A checkpoint that takes longer is given up, ms. Default 10 minutes. */
  readonly timeoutMs?: number | undefined
  /** Checkpoints that may fail one behind the other before the job does. Default: any number. */
  readonly tolerableFailures?: number | undefined
  /**
   * What sinks prepared becomes visible with the first checkpoint that is complete so long after the last that made
   * something visible, ms; 0: with each. Savepoints, and the last checkpoint of a job that stops, always do. Fewer commits
   * mean fewer and larger files or transactions, and results that are seen later; nothing is lost in a crash between.
   * Default 0.
   */
  readonly commitIntervalMs?: number | undefined
  /** Complete checkpoints that are kept, beside savepoints. Default 3. */
  readonly retained?: number | undefined
  /**
   * Whether a checkpoint writes only what has changed since the one before it. The state as it was last written is then
   * kept in memory beside the state itself. Default true.
   */
  readonly incremental?: boolean | undefined
}

/** Opens the subtasks of a job somewhere else than in this thread. */
export interface Workers {
  open(deployment: Deployment, events: ExecutorEvents): Promise<Executor>
}

export interface ExecuteOptions {
  readonly checkpoints?: CheckpointOptions | undefined
  /**
   * Go on from a checkpoint: with true from the newest that is whole, or from the start where there is none; with
   * options from the one that they name. Default false.
   */
  readonly resume?: boolean | ResumeOptions | undefined
  /** Rows a batch has at most, 1 to 65,536. Default 8,192. Results do not depend on it. */
  readonly batchRows?: number | undefined
  /**
   * Between parallel subtasks, rows wait for a full batch so long at most, ms; 0: they leave at once. Default 10. Longer
   * means fewer messages, shorter means less latency; results do not depend on it.
   */
  readonly bufferTimeoutMs?: number | undefined
  /** Parallel subtasks of keyed operators and of sources that can be split. Default: what the job says, or 1. */
  readonly parallelism?: number | undefined
  /** What happens when the job fails. Default: it has failed. */
  readonly restart?: RestartStrategy | undefined
  /** Where its subtasks run. Default: all in this thread, by turns. */
  readonly workers?: Workers | undefined
  /** Told of what happens to the job, as it happens. */
  readonly onEvent?: ((event: JobEvent) => void) | undefined
  /** Gets spans of checkpoints and recoveries: a tracer of OpenTelemetry, or any of its shape. Default: none. */
  readonly tracer?: Tracer | undefined
}

const DEFAULT_BATCH_ROWS = 8192
const DEFAULT_BUFFER_TIMEOUT_MS = 10
/** Longer than this is a mistake: rows would seem lost. */
const MAX_BUFFER_TIMEOUT_MS = 60_000
const DEFAULT_INTERVAL_MS = 10_000
const DEFAULT_TIMEOUT_MS = 600_000
const DEFAULT_RETAINED = 3

/** Runs a job, by turns with the rest of the event loop. @throws SabotError INVALID_OPTION, INVALID_PARALLELISM */
export function execute(graph: JobGraph, environment: Environment, options: ExecuteOptions = {}): JobHandle {
  const { resume = false, batchRows = DEFAULT_BATCH_ROWS, onEvent = () => undefined, restart = noRestart } = options
  if (!Number.isInteger(batchRows) || batchRows < 1 || batchRows > 65_536) {
    throw invalidOption('batchRows', batchRows, 'a whole number from 1 to 65536')
  }
  const { bufferTimeoutMs = DEFAULT_BUFFER_TIMEOUT_MS } = options
  if (!(bufferTimeoutMs >= 0 && bufferTimeoutMs <= MAX_BUFFER_TIMEOUT_MS)) {
    throw invalidOption(
      'bufferTimeoutMs',
      bufferTimeoutMs,
      `a number of milliseconds from 0 to ${MAX_BUFFER_TIMEOUT_MS}`,
    )
  }
  const checkpoints = checkpointSettings(options.checkpoints)
  if (resume !== false && checkpoints === undefined) {
    throw invalidOption('resume', resume, 'only possible with a checkpoint storage to resume from')
  }
  const execution = new ExecutionGraph(graph, options.parallelism)
  const workers = options.workers ?? inThisThread(environment)
  const openExecutor = workers.open.bind(workers)
  const startPoint = checkpoints && new StartPoint(checkpoints.storage, resumeOptions(resume))
  const settings = {
    checkpoints,
    startPoint,
    batchRows,
    bufferTimeoutMs,
    restart,
    onEvent,
    tracer: options.tracer,
    openExecutor,
  }
  return new JobRun(execution, environment, settings)
}

function resumeOptions(resume: boolean | ResumeOptions): ResumeOptions | undefined {
  if (typeof resume === 'boolean') return resume ? {} : undefined
  const { checkpointId } = resume
  if (checkpointId !== undefined && !(Number.isSafeInteger(checkpointId) && checkpointId >= 0)) {
    throw invalidOption('resume.checkpointId', checkpointId, 'the number of a checkpoint')
  }
  return resume
}

/** All subtasks by turns in the thread that runs the job. */
export function inThisThread(environment: Environment): Workers {
  return {
    open(deployment, events) {
      const context = { environment, kernel: environment.createKernel(), channels: new LocalChannels() }
      return LocalExecutor.open(deployment.execution.subtasks, deployment, context, events)
    },
  }
}

function checkpointSettings(options: CheckpointOptions | undefined): CheckpointSettings | undefined {
  if (options === undefined) return undefined
  const {
    storage,
    intervalMs = DEFAULT_INTERVAL_MS,
    retained = DEFAULT_RETAINED,
    minPauseMs = 0,
    commitIntervalMs = 0,
    incremental = true,
  } = options
  const { timeoutMs = DEFAULT_TIMEOUT_MS, tolerableFailures = Number.POSITIVE_INFINITY } = options
  if (!(intervalMs >= 0)) throw invalidOption('intervalMs', intervalMs, '0 or more milliseconds')
  if (!(minPauseMs >= 0)) throw invalidOption('minPauseMs', minPauseMs, '0 or more milliseconds')
  if (!(commitIntervalMs >= 0 && commitIntervalMs < Number.POSITIVE_INFINITY)) {
    throw invalidOption('commitIntervalMs', commitIntervalMs, '0 or more milliseconds, and finite')
  }
  if (!(timeoutMs > 0)) throw invalidOption('timeoutMs', timeoutMs, 'more than 0 milliseconds')
  if (!(tolerableFailures >= 0)) throw invalidOption('tolerableFailures', tolerableFailures, 'a number from 0')
  if (!Number.isInteger(retained) || retained < 1) throw invalidOption('retained', retained, 'a whole number from 1')
  const times = { intervalMs, minPauseMs, commitIntervalMs, timeoutMs }
  return { storage, ...times, tolerableFailures, retained, incremental }
}

function invalidOption(option: string, value: unknown, allowed: string): SabotError {
  return new SabotError('INVALID_OPTION', `Option ${option} is ${allowed}, not ${value}`, { option, value })
}
