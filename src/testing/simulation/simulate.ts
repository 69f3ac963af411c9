import { SabotError } from '../../core/errors.js'
import type { Job } from '../../graph/job.js'
import type { Kernel } from '../../kernel/module.js'
import { DEFAULT_FAULTS, type Faults, NO_FAULTS } from './faults.js'
import { type RunSettings, SimulatedRun, type Simulation } from './simulated-run.js'
import { decodeTrace, encodeTrace, type TraceEvent, traceLine } from './trace.js'

export interface SimulateOptions {
  /** Everything that chance decides follows from it: the same seed, the same trace. */
  readonly seed: number
  /** A fresh instance of the kernels, such as `nodeEnvironment().createKernel()`. */
  readonly createKernel: () => Kernel
  /** Parallel subtasks at first. Default: 1 to 4, by the seed. */
  readonly parallelism?: number
  /** Simulated worker threads, at most. Default: 1 to 3, by the seed. */
  readonly workers?: number
  /** Chances that differ from DEFAULT_FAULTS; 'none': nothing goes wrong. */
  readonly faults?: Partial<Faults> | 'none'
  readonly parameters?: Readonly<Record<string, string>>
  /** Files that are there at the start. */
  readonly files?: Readonly<Record<string, Uint8Array>>
  /** Rows a batch has at most. Default 32: many batches, many chances. */
  readonly batchRows?: number
  /** The lines that each output file must hold, in any order. Default: what the job writes undisturbed, in one task. */
  readonly expected?: ReadonlyMap<string, readonly string[]>
  /** Steps of the scheduler after which a run counts as stuck. Default 200,000. */
  readonly maxSteps?: number
  /** Is given a run that fails, as JSON (SavedTrace), and a name for its file: see replay. */
  readonly saveTrace?: (name: string, text: string) => void | Promise<void>
}

const DEFAULT_BATCH_ROWS = 32
const DEFAULT_MAX_STEPS = 200_000

/**
 * Runs a whole parallel job in this thread, on virtual time: its workers, its messages, its disks and its sources are
 * simulated, and fail as the seed says; the engine is the real one. The job must write to files (ndjson, csvFile) and
 * read from sources that can be read again; what it writes in the end must be what it writes undisturbed.
 *
 * @throws SabotError SIMULATION_FAILED with `details.seed`, `details.trace` and `details.saved` (a SavedTrace as JSON),
 * its message ending with the trace
 */
export async function simulate(job: Job, options: SimulateOptions): Promise<Simulation> {
  const expected = options.expected ?? (await undisturbed(job, options))
  const settings = settingsOf(options)
  const run = new SimulatedRun(job, settings)
  let cause: unknown
  try {
    const simulation = await run.run()
    const difference = differenceOf(expected, simulation.outputs)
    if (difference === undefined) return simulation
    cause = new Error(difference)
  } catch (thrown) {
    cause = thrown
  }
  const { seed } = options
  const reason = cause instanceof Error ? cause.message : String(cause)
  const saved = savedTrace(job, settings, run.events, reason)
  await options.saveTrace?.(`${job.name}-seed-${seed}.json`, saved)
  const trace = run.events.map(traceLine)
  throw new SabotError(
    'SIMULATION_FAILED',
    `Job ${job.name} fails with seed ${seed}: ${reason}\n${trace.join('\n')}`,
    { seed, reason, trace, saved },
    { cause },
  )
}

/** What the job writes when nothing goes wrong, in one task: the oracle of its simulations. */
export async function undisturbed(
  job: Job,
  options: Omit<SimulateOptions, 'seed'>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const settings = settingsOf({ ...options, seed: 0, parallelism: 1, workers: 1, faults: 'none' })
  return (await new SimulatedRun(job, { ...settings, restarts: false }).run()).outputs
}

/**
 * Runs a saved trace again: what chance decided is as it was, so with the same job the events are the same.
 * @throws SabotError TRACE_INVALID, SIMULATION_FAILED as simulate
 */
export async function replay(
  job: Job,
  saved: string,
  options: Pick<SimulateOptions, 'createKernel' | 'files' | 'expected' | 'saveTrace'>,
): Promise<Simulation> {
  const { seed, faults, parameters, batchRows, maxSteps, parallelism, workers } = decodeTrace(saved)
  return simulate(job, {
    ...options,
    seed,
    faults,
    parameters,
    batchRows,
    maxSteps,
    ...(parallelism !== null && { parallelism }),
    ...(workers !== null && { workers }),
  })
}

function settingsOf(options: SimulateOptions): RunSettings {
  const { seed, createKernel, parallelism = null, workers = null, faults, parameters = {}, files = {} } = options
  return {
    seed,
    createKernel,
    parallelism,
    workers,
    faults: faults === 'none' ? NO_FAULTS : { ...DEFAULT_FAULTS, ...faults },
    parameters,
    files,
    batchRows: options.batchRows ?? DEFAULT_BATCH_ROWS,
    maxSteps: options.maxSteps ?? DEFAULT_MAX_STEPS,
    restarts: true,
  }
}

function savedTrace(job: Job, settings: RunSettings, events: readonly TraceEvent[], reason: string): string {
  const { seed, faults, parameters, batchRows, maxSteps, parallelism, workers } = settings
  const followsFrom = { seed, faults, parameters, batchRows, maxSteps, parallelism, workers }
  return encodeTrace({ format: 'sabot-simulation', version: 1, job: job.name, reason, ...followsFrom, events })
}

/** The first difference in words. */
function differenceOf(
  expected: ReadonlyMap<string, readonly string[]>,
  actual: ReadonlyMap<string, readonly string[]>,
): string | undefined {
  for (const path of new Set([...expected.keys(), ...actual.keys()])) {
    const wanted = expected.get(path) ?? []
    const got = actual.get(path) ?? []
    const count = Math.max(wanted.length, got.length)
    for (let line = 0; line < count; line++) {
      if (wanted[line] === got[line]) continue
      return (
        `${path} has ${got.length} lines instead of ${wanted.length}; in order, line ${line + 1} is ` +
        `${got[line] ?? 'missing'} instead of ${wanted[line] ?? 'not there'}`
      )
    }
  }
  return undefined
}
