import { SabotError } from '../core/errors.js'
import type { JobGraph } from '../graph/job-graph.js'
import type { CheckpointStorage } from '../state/checkpoint-storage.js'
import type { Environment } from './environment.js'
import type { JobEvent, JobHandle } from './job-handle.js'
import { JobRun } from './job-run.js'

export interface ExecuteOptions {
  readonly checkpoints?:
    | {
        readonly storage: CheckpointStorage
        /** Time between checkpoints, ms; 0: only on demand and when the job is stopped. Default 10,000. */
        readonly intervalMs?: number | undefined
        /** Complete checkpoints that are kept. Default 3. */
        readonly retained?: number | undefined
      }
    | undefined
  /** Go on from the newest whole checkpoint of the storage; from the start where there is none. Default false. */
  readonly resume?: boolean | undefined
  /** Rows a batch has at most, 1 to 65,536. Default 8,192. Results do not depend on it. */
  readonly batchRows?: number | undefined
  /** Told of what happens to the job, as it happens. */
  readonly onEvent?: ((event: JobEvent) => void) | undefined
}

const DEFAULT_BATCH_ROWS = 8192
const DEFAULT_INTERVAL_MS = 10_000
const DEFAULT_RETAINED = 3

/** Runs a job in this thread, by turns with the rest of the event loop. @throws SabotError INVALID_OPTION */
export function execute(graph: JobGraph, environment: Environment, options: ExecuteOptions = {}): JobHandle {
  const { checkpoints, resume = false, batchRows = DEFAULT_BATCH_ROWS, onEvent = () => undefined } = options
  const { intervalMs = DEFAULT_INTERVAL_MS, retained = DEFAULT_RETAINED } = checkpoints ?? {}
  if (!Number.isInteger(batchRows) || batchRows < 1 || batchRows > 65_536) {
    throw invalidOption('batchRows', batchRows, 'a whole number from 1 to 65536')
  }
  if (!(intervalMs >= 0)) throw invalidOption('intervalMs', intervalMs, '0 or more milliseconds')
  if (!Number.isInteger(retained) || retained < 1) throw invalidOption('retained', retained, 'a whole number from 1')
  if (resume && checkpoints === undefined) {
    throw invalidOption('resume', resume, 'only possible with a checkpoint storage to resume from')
  }
  const settings = checkpoints === undefined ? undefined : { storage: checkpoints.storage, intervalMs, retained }
  return new JobRun(graph, environment, { checkpoints: settings, resume, batchRows, onEvent })
}

function invalidOption(option: string, value: unknown, allowed: string): SabotError {
  return new SabotError('INVALID_OPTION', `Option ${option} is ${allowed}, not ${value}`, { option, value })
}
