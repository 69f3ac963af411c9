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
import { type FaultKind, NO_FAULTS } from './faults.js'
import { type KernelPool, poolOf } from './kernel-pool.js'
import { simulatedFiles, simulatedStorage, withSimulatedSources } from './simulated-io.js'
import { type MessageFate, SimulatedThreads } from './simulated-threads.js'
import { SimulatedProcess, SimulatedWorld } from './simulated-world.js'
import { type TraceEvent, type TraceSettings, traceLine } from './trace.js'

/** A run with all that was left open decided. */
export interface RunSettings extends TraceSettings {
  readonly createKernel: () => Kernel
  readonly files: Readonly<Record<string, Uint8Array>>
  /** Whether a job that fails runs again; the oracle's does not. */
  readonly restarts: boolean
}

export interface Simulation {
  readonly seed: number
  readonly events: readonly TraceEvent[]
  /** The events, one line each. */
  readonly trace: readonly string[]
  /** How often each fault happened. */
  readonly faults: Readonly<Record<FaultKind, number>>
  /** The lines of each file that the job wrote, sorted. */
  readonly outputs: ReadonlyMap<string, readonly string[]>
  /** Times that the machine started the job. */
  readonly lives: number
  readonly checkpoints: number
}

/** Messages that may come twice without harm: who sends them again cannot know whether they came. */
const REPEATABLE: ReadonlySet<unknown> = new Set(['acknowledged', 'trigger', 'complete', 'abort'])

/** After so many disturbances the world is left in peace, so that every run ends. */
const MOST_DISTURBANCES = 12
/** A job that fails more often than it is disturbed fails by itself. */
const MOST_RESTARTS = 4 * MOST_DISTURBANCES
const HANG_TIMEOUT_MS = 4_000
const OPEN_TIMEOUT_MS = 20_000

/** One run of a job on a machine of its own: lives of the machine, until the job has finished. */
export class SimulatedRun {
  private readonly job: Job
  private readonly settings: RunSettings
  private readonly world: SimulatedWorld
  private readonly files = new MemoryFiles()
  private readonly storage = new MemoryCheckpointStorage()
  private readonly kernels: KernelPool
  private readonly faults: Record<FaultKind, number> = { ...NO_FAULTS }
  private disturbances = 0
  private lives = 0
  private isStopping = false
  private checkpoints = 0
  private parallelism: number
  private readonly workers: number
  /** Acts upon the life that runs now. */
  private disturb: () => void = () => undefined

  constructor(job: Job, settings: RunSettings) {
    const { seed, maxSteps, parallelism, workers, files } = settings
    this.job = job
    this.settings = settings
    this.kernels = poolOf(settings.createKernel)
    this.world = new SimulatedWorld(seed, maxSteps, () => this.disturb())
    this.parallelism = parallelism ?? 1 + randomBelow(this.world.random, 4)
    this.workers = workers ?? 1 + randomBelow(this.world.random, 3)
    for (const [path, bytes] of Object.entries(files)) this.files.put(path, bytes)
  }

  get events(): readonly TraceEvent[] {
    return this.world.events
  }

  async run(): Promise<Simulation> {
    for (;;) {
      const result = await this.live()
      // A job that is being stopped does not run again after a fault; the next life does, and there are not many stops.
      if (result?.status === 'failed' && !this.isStopping) throw result.error ?? new Error('the job failed')
      if (result?.status === 'finished') break
      if (result !== undefined) this.parallelism = 1 + randomBelow(this.world.random, 4)
    }
    const { seed, files: given } = this.settings
    const outputs = new Map<string, readonly string[]>()
    for (const path of this.files.paths()) {
      if (!Object.hasOwn(given, path)) outputs.set(path, linesOf(this.files.get(path)))
    }
    const { events, faults, lives, checkpoints } = this
    return { seed, events, trace: events.map(traceLine), faults, outputs, lives, checkpoints }
  }

  /** From a start of the machine to its crash, or to the end of the job; undefined after a crash. */
  private async live(): Promise<JobResult | undefined> {
    const { world } = this
    this.isStopping = false
    const master = new SimulatedProcess(`life ${++this.lives}`, world)
    const threads = this.threadsOf(master)
    world.tell('life', `${master.name} begins with parallelism ${this.parallelism}, ${this.workers} workers`)
    const handle = this.start(master, threads)
    const crashed = new Promise<undefined>(resolve => {
      this.disturb = () => this.maybe(master, threads, handle, () => resolve(undefined))
    })
    const result = await world.until(Promise.race([handle.ended, crashed]))
    this.disturb = () => undefined
    if (result !== undefined) world.tell('life', `${master.name} ends: ${result.status}`)
    threads.endAll()
    master.end()
    return result
  }

  private start(master: SimulatedProcess, threads: SimulatedThreads): JobHandle {
    const { job, settings, workers, parallelism } = this
    const environment = this.environment(master, true)
    const graph = withSimulatedSources(job.plan(settings.parameters), master, this.happens)
    const simulated: Workers = {
      open: (deployment, events) => {
        const fingerprint = fingerprintOf(this.kernels.forHashing, deployment.execution)
        const remote = {
          workers: Math.min(workers, deployment.execution.slots.length),
          fingerprint,
          hangTimeoutMs: HANG_TIMEOUT_MS,
          openTimeoutMs: OPEN_TIMEOUT_MS,
          closeTimeoutMs: HANG_TIMEOUT_MS,
        }
        return RemoteExecutor.open(deployment, threads, remote, environment, events)
      },
    }
    return execute(graph, environment, {
      parallelism,
      workers: simulated,
      resume: true,
      batchRows: settings.batchRows,
      restart: exponentialDelay({ initial: 50, most: 1_000, attempts: settings.restarts ? MOST_RESTARTS : 0 }),
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
      plan: worker => withSimulatedSources(this.job.plan(this.settings.parameters), worker, this.happens),
      environment: (worker, standardOutput) => ({ ...this.environment(worker, false), standardOutput }),
      fate: (worker, message) => this.fateOf(worker, message),
    })
  }

  /** A master only hashes. */
  private kernelOf(actor: SimulatedProcess, isMaster: boolean): Kernel {
    if (isMaster) return this.kernels.forHashing
    const kernel = this.kernels.take()
    actor.onEnd(() => this.kernels.giveBack(kernel))
    return kernel
  }

  private environment(actor: SimulatedProcess, isMaster: boolean): Environment {
    return {
      name: 'simulation',
      createKernel: () => this.kernelOf(actor, isMaster),
      files: simulatedFiles(this.files, actor, this.happens),
      clock: actor.clock,
      standardOutput: { write: () => actor.wait(1) },
    }
  }

  /** Of a message between the master and a worker, or between two workers. */
  private fateOf(from: SimulatedProcess, message: unknown): MessageFate {
    const { kind } = message as { readonly kind?: unknown }
    if (kind === 'acknowledged' && this.happens('lostAcknowledgement', `of ${from.name}`)) return 'lost'
    if (REPEATABLE.has(kind) && this.happens('duplicateMessage', `${String(kind)} from ${from.name}`)) return 'twice'
    return this.happens('slowMessage', `${String(kind)} from ${from.name}`) ? 'late' : 'in time'
  }

  private readonly happens = (kind: FaultKind, what: string): boolean => this.happensNow(kind, `${kind}: ${what}`)

  private happensNow(kind: FaultKind, text: string): boolean {
    const chance = this.settings.faults[kind]
    if (chance === 0 || !this.world.chance(chance)) return false
    this.faults[kind] += 1
    this.world.tell(kind, text)
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
    } else if (worker !== undefined && this.happensNow('workerHang', `${worker.actor.name} hangs`)) {
      this.disturbances += 1
      worker.actor.isFrozen = true
    } else if (handle.status === 'running' && this.happensNow('rescale', `${master.name} is to be rescaled`)) {
      this.disturbances += 1
      const parallelism = 1 + randomBelow(world.random, 4)
      handle.rescale(parallelism).catch((cause: unknown) => world.tell('engine', String(cause)))
    } else if (handle.status === 'running' && this.happensNow('stop', `${master.name} is stopped`)) {
      this.disturbances += 1
      this.isStopping = true
      void handle.stop()
    }
  }

  private told(master: SimulatedProcess, event: JobEvent): void {
    switch (event.kind) {
      case 'rescaled':
        this.world.tell('engine', `${master.name} runs with parallelism ${event.to} instead of ${event.from}`)
        break
      case 'resumed':
        this.world.tell('engine', `${master.name} resumes from ${event.checkpointId ?? 'the start'}`)
        break
      case 'checkpoint-completed':
        this.checkpoints += 1
        this.world.tell('engine', `checkpoint ${event.checkpointId} is complete, ${event.sizeBytes} bytes`)
        break
      case 'checkpoint-failed':
        this.world.tell('engine', event.error.message)
        break
      case 'restarting':
        this.world.tell('engine', `${event.error.message}; restart ${event.restart} in ${event.delayMs} ms`)
    }
  }
}

function linesOf(bytes: Uint8Array | undefined): readonly string[] {
  const lines = new TextDecoder().decode(bytes).split('\n')
  return lines.slice(0, -1).sort()
}
