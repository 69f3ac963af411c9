import { SabotError } from '../../core/errors.js'
import { ExecutionGraph } from '../../graph/execution-graph.js'
import type { Job } from '../../graph/job.js'
import type { Kernel } from '../../kernel/module.js'
import type { Environment } from '../../runtime/environment.js'
import { execute, type Workers } from '../../runtime/execute.js'
import type { JobEvent, JobHandle, JobResult } from '../../runtime/job-handle.js'
import { RemoteExecutor } from '../../runtime/remote/remote-executor.js'
import { fingerprintOf } from '../../runtime/remote/worker-host.js'
import { exponentialDelay } from '../../runtime/restart-strategy.js'
import { MemoryCheckpointStorage } from '../../state/memory-storage.js'
import { MemoryFiles } from '../memory-files.js'
import { randomBelow } from '../seeded-random.js'
import { DEFAULT_FAULTS, type FaultKind, type Faults, NO_FAULTS } from './faults.js'
import { simulatedFiles, simulatedStorage, withSimulatedSources } from './simulated-io.js'
import { SimulatedThreads } from './simulated-threads.js'
import { SimulatedProcess, SimulatedWorld } from './simulated-world.js'

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
}

export interface Simulation {
  readonly seed: number
  /** One line an event, with the scheduler's step and the virtual time. */
  readonly trace: readonly string[]
  /** How often each fault happened. */
  readonly faults: Readonly<Record<FaultKind, number>>
  /** The lines of each file that the job wrote, sorted. */
  readonly outputs: ReadonlyMap<string, readonly string[]>
  /** Times that the machine started the job. */
  readonly lives: number
  readonly checkpoints: number
}

/** After so many disturbances the world is left in peace, so that every run ends. */
const MOST_DISTURBANCES = 12
const HANG_TIMEOUT_MS = 4_000

/**
 * Runs a whole parallel job in this thread, on virtual time: its workers, its messages, its disks and its sources are
 * simulated, and fail as the seed says; the engine is the real one. The job must write to files (ndjson, csvFile) and
 * read from sources that can be read again; what it writes in the end must be what it writes undisturbed.
 *
 * @throws SabotError SIMULATION_FAILED with `details.seed` and `details.trace`, its message ending with the trace
 */
export async function simulate(job: Job, options: SimulateOptions): Promise<Simulation> {
  const expected = options.expected ?? (await undisturbed(job, options))
  const run = new SimulatedRun(
    job,
    options,
    options.faults === 'none' ? NO_FAULTS : { ...DEFAULT_FAULTS, ...options.faults },
  )
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
  throw new SabotError(
    'SIMULATION_FAILED',
    `Job ${job.name} fails with seed ${seed}: ${reason}\n${run.trace.join('\n')}`,
    { seed, reason, trace: run.trace },
    { cause },
  )
}

/** What the job writes when nothing goes wrong, in one task: the oracle of its simulations. */
export async function undisturbed(
  job: Job,
  options: Omit<SimulateOptions, 'seed'>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const settings = { ...options, seed: 0, parallelism: 1, workers: 1 }
  return (await new SimulatedRun(job, settings, NO_FAULTS).run()).outputs
}

class SimulatedRun {
  private readonly job: Job
  private readonly options: SimulateOptions
  private readonly chances: Faults
  private readonly world: SimulatedWorld
  private readonly files = new MemoryFiles()
  private readonly storage = new MemoryCheckpointStorage()
  private readonly faults: Record<FaultKind, number> = { ...NO_FAULTS }
  private disturbances = 0
  private lives = 0
  private isStopping = false
  private checkpoints = 0
  private parallelism: number
  private readonly workers: number
  /** Acts upon the life that runs now. */
  private disturb: () => void = () => undefined

  constructor(job: Job, options: SimulateOptions, chances: Faults) {
    const { seed, maxSteps = 200_000, files = {} } = options
    this.job = job
    this.options = options
    this.chances = chances
    this.world = new SimulatedWorld(seed, maxSteps, () => this.disturb())
    this.parallelism = options.parallelism ?? 1 + randomBelow(this.world.random, 4)
    this.workers = options.workers ?? 1 + randomBelow(this.world.random, 3)
    for (const [path, bytes] of Object.entries(files)) this.files.put(path, bytes)
  }

  get trace(): readonly string[] {
    return this.world.trace
  }

  async run(): Promise<Simulation> {
    for (;;) {
      const result = await this.live()
      // A job that is being stopped does not run again after a fault; the next life does.
      const isFault = this.isStopping && result?.error?.code.startsWith('WORKER_')
      if (result?.status === 'failed' && !isFault) throw result.error ?? new Error('the job failed')
      if (result?.status === 'finished') break
      if (result !== undefined) this.parallelism = 1 + randomBelow(this.world.random, 4)
    }
    const { seed, files: given = {} } = this.options
    const outputs = new Map<string, readonly string[]>()
    for (const path of this.files.paths()) {
      if (!Object.hasOwn(given, path)) outputs.set(path, linesOf(this.files.get(path)))
    }
    const { trace, faults, lives, checkpoints } = this
    return { seed, trace, faults, outputs, lives, checkpoints }
  }

  /** From a start of the machine to its crash, or to the end of the job; undefined after a crash. */
  private async live(): Promise<JobResult | undefined> {
    const { world } = this
    this.isStopping = false
    const master = new SimulatedProcess(`life ${++this.lives}`, world)
    const threads = this.threadsOf(master)
    world.tell(`${master.name} begins with parallelism ${this.parallelism}, ${this.workers} workers`)
    const handle = this.start(master, threads)
    const crashed = new Promise<undefined>(resolve => {
      this.disturb = () => this.maybe(master, threads, handle, () => resolve(undefined))
    })
    const result = await world.until(Promise.race([handle.ended, crashed]))
    this.disturb = () => undefined
    if (result !== undefined) world.tell(`${master.name} ends: ${result.status}`)
    threads.endAll()
    master.end()
    return result
  }

  private start(master: SimulatedProcess, threads: SimulatedThreads): JobHandle {
    const { job, options, workers, parallelism } = this
    const environment = this.environment(master)
    const graph = withSimulatedSources(job.plan(options.parameters), master, this.happens)
    const fingerprint = fingerprintOf(environment.createKernel(), new ExecutionGraph(graph, parallelism))
    const simulated: Workers = {
      open: (deployment, events) => {
        const settings = {
          workers: Math.min(workers, deployment.execution.slots.length),
          fingerprint,
          hangTimeoutMs: HANG_TIMEOUT_MS,
          closeTimeoutMs: HANG_TIMEOUT_MS,
        }
        return RemoteExecutor.open(deployment, threads, settings, environment, events)
      },
    }
    return execute(graph, environment, {
      parallelism,
      workers: simulated,
      resume: true,
      batchRows: options.batchRows ?? 32,
      restart: exponentialDelay({ initial: 50, most: 1_000 }),
      checkpoints: {
        storage: simulatedStorage(this.storage, master, this.happens),
        intervalMs: 150,
        timeoutMs: 3_000,
        retained: 2,
      },
      onEvent: event => this.told(master, event),
    })
  }

  private threadsOf(master: SimulatedProcess): SimulatedThreads {
    return new SimulatedThreads({
      world: this.world,
      master,
      plan: worker => withSimulatedSources(this.job.plan(this.options.parameters), worker, this.happens),
      environment: (worker, standardOutput) => ({ ...this.environment(worker), standardOutput }),
      isLost: (worker, message) => {
        const isAcknowledgement = (message as { readonly kind?: unknown }).kind === 'acknowledged'
        return (
          isAcknowledgement && this.happensNow('lostAcknowledgement', `an acknowledgement of ${worker.name} is lost`)
        )
      },
    })
  }

  private environment(actor: SimulatedProcess): Environment {
    return {
      name: 'simulation',
      createKernel: this.options.createKernel,
      files: simulatedFiles(this.files, actor, this.happens),
      clock: actor.clock,
      standardOutput: { write: () => actor.wait(1) },
    }
  }

  private readonly happens = (kind: FaultKind, what: string): boolean => this.happensNow(kind, `${kind}: ${what}`)

  private happensNow(kind: FaultKind, text: string): boolean {
    if (!this.world.chance(this.chances[kind])) return false
    this.faults[kind] += 1
    this.world.tell(text)
    return true
  }

  /** What may happen between two steps. */
  private maybe(master: SimulatedProcess, threads: SimulatedThreads, handle: JobHandle, crash: () => void): void {
    const { world } = this
    if (this.happensNow('checkpoint', 'a checkpoint is asked for')) void handle.checkpoint().catch(() => undefined)
    if (this.disturbances >= MOST_DISTURBANCES) return
    const worker = threads.workers[randomBelow(world.random, threads.workers.length)]
    if (this.happensNow('crash', `${master.name}: the machine stops`)) {
      this.disturbances += 1
      threads.endAll()
      master.end()
      this.files.crash(randomBelow(world.random, 2 ** 31))
      crash()
    } else if (worker !== undefined && this.happensNow('workerDeath', `${worker.actor.name} dies`)) {
      this.disturbances += 1
      worker.die(new Error('it was killed'))
    } else if (
      worker !== undefined &&
      // Opening takes as long as it takes: nobody finds out about a worker that hangs there.
      handle.status === 'running' &&
      this.happensNow('workerHang', `${worker.actor.name} hangs`)
    ) {
      this.disturbances += 1
      worker.actor.isFrozen = true
    } else if (handle.status === 'running' && this.happensNow('rescale', `${master.name} is stopped to be rescaled`)) {
      this.disturbances += 1
      this.isStopping = true
      void handle.stop()
    }
  }

  private told(master: SimulatedProcess, event: JobEvent): void {
    switch (event.kind) {
      case 'resumed':
        this.world.tell(`${master.name} resumes from ${event.checkpointId ?? 'the start'}`)
        break
      case 'checkpoint-completed':
        this.checkpoints += 1
        this.world.tell(`checkpoint ${event.checkpointId} is complete, ${event.sizeBytes} bytes`)
        break
      case 'checkpoint-failed':
        this.world.tell(event.error.message)
        break
      case 'restarting':
        this.world.tell(`${event.error.message}; restart ${event.restart} in ${event.delayMs} ms`)
    }
  }
}

function linesOf(bytes: Uint8Array | undefined): readonly string[] {
  const lines = new TextDecoder().decode(bytes).split('\n')
  return lines.slice(0, -1).sort()
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
