import { SabotError } from '../core/errors.js'
import type { JobGraph } from '../graph/job-graph.js'
import { xxh64Hex } from '../kernel/hash.js'
import type { Kernel } from '../kernel/module.js'
import type { Hash } from '../state/manifest.js'
import { type Recovery, recover } from '../state/recovery.js'
import { CheckpointCoordinator, type CheckpointSettings } from './coordinator.js'
import type { Environment } from './environment.js'
import type { JobEvent, JobHandle, JobMetrics, JobResult, JobStatus } from './job-handle.js'
import { collectMetrics } from './metrics.js'
import { Task } from './task.js'
import { Wiring } from './wiring.js'

export interface RunSettings {
  readonly checkpoints: CheckpointSettings | undefined
  readonly resume: boolean
  readonly batchRows: number
  readonly onEvent: (event: JobEvent) => void
}

/** One run of a job: recovers, wires, runs the task, and cleans up whatever happens. */
export class JobRun implements JobHandle {
  readonly name: string
  readonly ended: Promise<JobResult>
  status: JobStatus = 'starting'
  private readonly startedAtMs: number
  /** Taken before the operators are closed. */
  private finalMetrics: JobMetrics | undefined
  private wiring: Wiring | undefined
  private coordinator: CheckpointCoordinator | undefined
  private task: Task | undefined
  private resumedFrom: number | undefined
  private wasCancelled = false
  private hasStopped = false

  private readonly graph: JobGraph
  private readonly environment: Environment
  private readonly settings: RunSettings

  constructor(graph: JobGraph, environment: Environment, settings: RunSettings) {
    this.graph = graph
    this.environment = environment
    this.settings = settings
    this.name = graph.name
    this.startedAtMs = environment.clock.elapsed()
    this.ended = this.run()
  }

  metrics(): JobMetrics {
    const elapsedMs = this.environment.clock.elapsed() - this.startedAtMs
    return this.finalMetrics ?? collectMetrics(this.wiring, this.coordinator?.counters, elapsedMs)
  }

  async checkpoint(): Promise<number> {
    if (this.settings.checkpoints === undefined) {
      throw new SabotError('NO_CHECKPOINT_STORAGE', `Job ${this.name} runs without a checkpoint storage; give it one`)
    }
    if (this.coordinator === undefined) {
      throw new SabotError('CHECKPOINT_FAILED', `Job ${this.name} is ${this.status}, it takes no checkpoint now`)
    }
    return this.coordinator.request()
  }

  async stop(): Promise<JobResult> {
    if (this.status === 'starting' || this.status === 'running') {
      this.status = 'stopping'
      this.beginStop()
    }
    return this.ended
  }

  async cancel(): Promise<JobResult> {
    this.wasCancelled = true
    this.task?.cancel()
    return this.ended
  }

  private async run(): Promise<JobResult> {
    // The constructor returns first, so that whoever started the job has its handle when events come.
    await Promise.resolve()
    let error: SabotError | undefined
    let hasFinished = false
    try {
      const kernel = this.environment.createKernel()
      const hash: Hash = bytes => xxh64Hex(kernel, bytes)
      const recovery = await this.recover(hash)
      hasFinished = await this.work(kernel, hash, recovery)
    } catch (cause) {
      error = failureOf(cause, this.name)
    }
    try {
      await this.close()
    } catch (cause) {
      error ??= failureOf(cause, this.name)
    }
    const status =
      error !== undefined ? 'failed' : this.wasCancelled ? 'cancelled' : hasFinished ? 'finished' : 'stopped'
    this.status = status
    const metrics = this.metrics()
    return { status, error, metrics, resumedFrom: this.resumedFrom, lastCheckpoint: metrics.checkpoints.lastId }
  }

  private async recover(hash: Hash): Promise<Recovery | undefined> {
    const { checkpoints, resume, onEvent } = this.settings
    if (!resume || checkpoints === undefined) return undefined
    const recovery = await recover(checkpoints.storage, this.name, hash)
    this.resumedFrom = recovery?.checkpointId
    onEvent({ kind: 'resumed', checkpointId: recovery?.checkpointId, passedOver: recovery?.passedOver ?? [] })
    return recovery
  }

  /** True when all input was worked off, false when the job was stopped or cancelled before. */
  private async work(kernel: Kernel, hash: Hash, recovery: Recovery | undefined): Promise<boolean> {
    const wiring = await Wiring.open(this.graph, {
      environment: this.environment,
      kernel,
      recovery,
      batchRows: this.settings.batchRows,
      acknowledge: (node, checkpointId, state) => this.coordinator?.acknowledge(node, checkpointId, state),
      onItem: () => this.task?.wake(),
      onFailure: cause => this.task?.fail(cause),
    })
    this.wiring = wiring
    this.coordinator = await this.createCoordinator(hash, wiring)
    const task = new Task(wiring, this.environment.clock, {
      wantsBarrier: () => this.coordinator?.wantsBarrier ?? false,
      beginCheckpoint: () => this.coordinator?.begin(wiring.positions()) ?? 0,
      hasStopped: () => this.hasStopped,
    })
    this.task = task
    if (this.wasCancelled) return false
    if (this.status === 'stopping') this.beginStop()
    else this.status = 'running'
    this.coordinator?.start()
    for (const { pump } of wiring.sources) pump.start()
    const hasFinished = await task.run()
    if (this.wasCancelled) return false
    if (!hasFinished) for (const { pump } of wiring.sinks) pump.prepare(0, () => undefined)
    for (const { pump } of wiring.sinks) await pump.drained()
    task.throwFailure()
    return hasFinished
  }

  private async createCoordinator(hash: Hash, wiring: Wiring): Promise<CheckpointCoordinator | undefined> {
    const { checkpoints, onEvent } = this.settings
    if (checkpoints === undefined) return undefined
    const existing = await checkpoints.storage.list()
    return new CheckpointCoordinator(checkpoints, this.graph, this.environment, hash, {
      lastCheckpointId: existing.at(-1) ?? 0,
      onWish: () => this.task?.wake(),
      onComplete: event => {
        for (const { pump } of wiring.sinks) pump.commit(event.checkpointId)
        onEvent(event)
      },
      onFailure: error => onEvent({ kind: 'checkpoint-failed', error }),
    })
  }

  private beginStop(): void {
    if (this.task === undefined) return
    this.task.stop()
    const stopped = (): void => {
      this.hasStopped = true
      this.task?.wake()
    }
    // A last checkpoint that fails is reported as an event; it does not keep the job from stopping.
    if (this.coordinator === undefined) stopped()
    else this.coordinator.request().then(stopped, stopped)
  }

  private async close(): Promise<void> {
    await this.coordinator?.close()
    // A checkpoint that became complete in the meantime has given the sinks something to commit.
    for (const { pump } of this.wiring?.sinks ?? []) await pump.drained()
    this.finalMetrics = this.metrics()
    await this.wiring?.close()
  }
}

function failureOf(cause: unknown, job: string): SabotError {
  if (cause instanceof SabotError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new SabotError('JOB_FAILED', `Job ${job} failed: ${reason}`, { job }, { cause })
}
