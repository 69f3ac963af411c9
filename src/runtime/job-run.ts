import { SabotError } from '../core/errors.js'
import type { ExecutionGraph } from '../graph/execution-graph.js'
import { xxh64Hex } from '../kernel/hash.js'
import type { Hash } from '../state/manifest.js'
import { type Recovery, recover } from '../state/recovery.js'
import { CheckpointCoordinator, type CheckpointSettings, newCheckpointCounters } from './coordinator.js'
import type { Environment } from './environment.js'
import type { Deployment, Executor, ExecutorEvents } from './executor.js'
import type { JobEvent, JobHandle, JobMetrics, JobResult, JobStatus } from './job-handle.js'
import { collectMetrics } from './metrics.js'
import type { RestartStrategy } from './restart-strategy.js'
import { checkFit } from './state-fit.js'
import { type OperatorWatermark, watermarkReport } from './watermark-report.js'

export interface RunSettings {
  readonly checkpoints: CheckpointSettings | undefined
  readonly resume: boolean
  readonly batchRows: number
  readonly restart: RestartStrategy
  readonly onEvent: (event: JobEvent) => void
  readonly openExecutor: (deployment: Deployment, events: ExecutorEvents) => Promise<Executor>
}

/** One life of the job, from its start or a recovery to its end or a failure. */
interface Attempt {
  executor: Executor | undefined
  coordinator: CheckpointCoordinator | undefined
  /** Fulfilled with true when every subtask has ended, with false when the job is to stop or to be cancelled. */
  readonly outcome: Promise<boolean>
  readonly conclude: (hasFinished: boolean) => void
  readonly fail: (cause: unknown) => void
  failure: { readonly cause: unknown } | undefined
}

/** A run of a job: recovers, opens its subtasks, lets them run, runs them again after a failure, and cleans up. */
export class JobRun implements JobHandle {
  readonly name: string
  readonly ended: Promise<JobResult>
  status: JobStatus = 'starting'
  private readonly startedAtMs: number
  /** Taken before the operators are closed. */
  private finalMetrics: JobMetrics | undefined
  private readonly counters = newCheckpointCounters()
  private attempt: Attempt | undefined
  private resumedFrom: number | undefined
  private restarts = 0
  private wasCancelled = false
  private isStopping = false
  private hasRun = false
  /** Ends the wait before a restart. */
  private endWait: () => void = () => undefined
  /** Checkpoints that are not of this run; undefined before it has looked. */
  private lastForeignId: number | undefined
  private lastId = 0

  private readonly execution: ExecutionGraph
  private readonly environment: Environment
  private readonly settings: RunSettings

  constructor(execution: ExecutionGraph, environment: Environment, settings: RunSettings) {
    this.execution = execution
    this.environment = environment
    this.settings = settings
    this.name = execution.job.name
    this.startedAtMs = environment.clock.elapsed()
    this.ended = this.run()
  }

  metrics(): JobMetrics {
    if (this.finalMetrics !== undefined) return this.finalMetrics
    const elapsedMs = this.environment.clock.elapsed() - this.startedAtMs
    const subtasks = this.attempt?.executor?.metrics() ?? []
    const times = { elapsedMs, takenAtMs: this.environment.clock.now() }
    return collectMetrics(this.execution.job, subtasks, this.counters, times)
  }

  watermarks(): readonly OperatorWatermark[] {
    return watermarkReport(this.metrics())
  }

  async checkpoint(): Promise<number> {
    return this.coordinator.request()
  }

  async savepoint(): Promise<number> {
    return this.coordinator.request(true)
  }

  async stop(): Promise<JobResult> {
    if (!this.isStopping && (this.status === 'starting' || this.status === 'running' || this.status === 'restarting')) {
      this.isStopping = true
      if (this.status !== 'restarting') this.status = 'stopping'
      this.endWait()
      this.beginStop()
    }
    return this.ended
  }

  async cancel(): Promise<JobResult> {
    this.wasCancelled = true
    this.endWait()
    this.attempt?.conclude(false)
    return this.ended
  }

  private get coordinator(): CheckpointCoordinator {
    if (this.settings.checkpoints === undefined) {
      throw new SabotError('NO_CHECKPOINT_STORAGE', `Job ${this.name} runs without a checkpoint storage; give it one`)
    }
    const coordinator = this.attempt?.coordinator
    if (coordinator === undefined) {
      throw new SabotError('CHECKPOINT_FAILED', `Job ${this.name} is ${this.status}, it takes no checkpoint now`)
    }
    return coordinator
  }

  private async run(): Promise<JobResult> {
    // The constructor returns first, so that whoever started the job has its handle when events come.
    await Promise.resolve()
    const { clock } = this.environment
    const mayRestart = this.settings.restart.begin()
    for (;;) {
      const { error, hasFinished } = await this.live()
      // A job that did not even start would not start the next time, unless it was a worker that died.
      const isHopeless = !this.hasRun && error?.code !== 'WORKER_FAILED'
      const isFinal = this.wasCancelled || this.isStopping || isHopeless
      const delayMs = error === undefined || isFinal ? undefined : mayRestart({ atMs: clock.elapsed() })
      if (error === undefined || delayMs === undefined) return this.result(error, hasFinished)
      this.restarts += 1
      this.status = 'restarting'
      this.settings.onEvent({ kind: 'restarting', error, delayMs, restart: this.restarts })
      await this.wait(delayMs)
      // Stopped or cancelled while nothing ran: what the checkpoint holds is what there is.
      if (this.wasCancelled || this.isStopping) return this.result(undefined, false)
      this.attempt = undefined
      this.finalMetrics = undefined
    }
  }

  private result(error: SabotError | undefined, hasFinished: boolean): JobResult {
    const status =
      error !== undefined ? 'failed' : this.wasCancelled ? 'cancelled' : hasFinished ? 'finished' : 'stopped'
    this.status = status
    const metrics = this.metrics()
    const { resumedFrom, restarts } = this
    return { status, error, metrics, resumedFrom, restarts, lastCheckpoint: metrics.checkpoints.lastId }
  }

  /** One attempt, from recovery to the release of everything. */
  private async live(): Promise<{ readonly error: SabotError | undefined; readonly hasFinished: boolean }> {
    const attempt = newAttempt()
    this.attempt = attempt
    let error: SabotError | undefined
    let hasFinished = false
    try {
      hasFinished = await this.work(attempt)
    } catch (cause) {
      error = failureOf(cause, this.name)
    }
    try {
      await this.close(attempt)
    } catch (cause) {
      error ??= failureOf(cause, this.name)
    }
    return { error, hasFinished }
  }

  private async work(attempt: Attempt): Promise<boolean> {
    const kernel = this.environment.createKernel()
    const hash: Hash = bytes => xxh64Hex(kernel, bytes)
    const recovery = await this.recover(hash)
    const { batchRows, openExecutor } = this.settings
    const running = new Set(this.execution.subtasks.map(({ id }) => id))
    const deployment = { execution: this.execution, states: recovery?.states ?? new Map(), batchRows }
    const executor = await openExecutor(deployment, {
      acknowledged: (subtask, id, snapshots) => attempt.coordinator?.acknowledge(subtask, id, snapshots),
      ended: subtask => {
        running.delete(subtask)
        if (running.size === 0) attempt.conclude(true)
      },
      failed: attempt.fail,
    })
    attempt.executor = executor
    attempt.coordinator = this.createCoordinator(attempt, executor, hash)
    if (this.wasCancelled) return false
    if (this.isStopping) {
      this.status = 'stopping'
      this.beginStop()
    } else {
      this.status = 'running'
    }
    this.hasRun = true
    executor.start()
    attempt.coordinator.start()
    const hasFinished = await attempt.outcome
    if (this.wasCancelled) return false
    await executor.release(hasFinished)
    if (attempt.failure !== undefined) throw attempt.failure.cause
    return hasFinished
  }

  private async recover(hash: Hash): Promise<Recovery | undefined> {
    const { checkpoints, resume, onEvent } = this.settings
    if (checkpoints === undefined) return undefined
    const { storage } = checkpoints
    if (this.lastForeignId === undefined) {
      const last = (await storage.list()).at(-1) ?? 0
      this.lastForeignId = resume ? -1 : last
      this.lastId = last
    }
    if (!resume && this.restarts === 0) return undefined
    const recovery = await recover(storage, this.name, hash, this.lastForeignId)
    if (recovery !== undefined) checkFit(this.execution.job, recovery)
    this.resumedFrom = recovery?.checkpointId
    onEvent({ kind: 'resumed', checkpointId: recovery?.checkpointId, passedOver: recovery?.passedOver ?? [] })
    return recovery
  }

  private createCoordinator(attempt: Attempt, executor: Executor, hash: Hash): CheckpointCoordinator {
    const { checkpoints, onEvent } = this.settings
    const hooks = {
      lastCheckpointId: this.lastId,
      trigger: (id: number) => executor.trigger(id),
      abort: (id: number) => executor.abort(id),
      onComplete: (event: Extract<JobEvent, { kind: 'checkpoint-completed' }>) => {
        executor.complete(event.checkpointId)
        onEvent(event)
      },
      onFailure: (error: SabotError) => onEvent({ kind: 'checkpoint-failed', error }),
      onIntolerable: attempt.fail,
    }
    return new CheckpointCoordinator(checkpoints, this.execution, this.environment, hash, hooks, this.counters)
  }

  private beginStop(): void {
    const { attempt } = this
    const { executor, coordinator } = attempt ?? {}
    if (attempt === undefined || executor === undefined || coordinator === undefined) return
    executor.stop()
    const stopped = (): void => attempt.conclude(false)
    // A last checkpoint that fails is reported as an event; it does not keep the job from stopping.
    coordinator.request().then(stopped, stopped)
  }

  private async close(attempt: Attempt): Promise<void> {
    const { coordinator, executor } = attempt
    await coordinator?.close()
    this.lastId = Math.max(this.lastId, coordinator?.lastId ?? 0)
    // A checkpoint that became complete in the meantime has given the sinks something to commit.
    await executor?.drained()
    this.finalMetrics = this.metrics()
    await executor?.close()
  }

  private wait(delayMs: number): Promise<void> {
    return new Promise(resolve => {
      const cancel = this.environment.clock.schedule(delayMs, resolve)
      this.endWait = () => {
        cancel()
        resolve()
      }
    })
  }
}

function newAttempt(): Attempt {
  let conclude: (hasFinished: boolean) => void = () => undefined
  let reject: (cause: unknown) => void = () => undefined
  const outcome = new Promise<boolean>((resolve, refuse) => {
    conclude = resolve
    reject = refuse
  })
  // It may fail before or after anybody waits for it.
  outcome.catch(() => undefined)
  const attempt: Attempt = {
    executor: undefined,
    coordinator: undefined,
    outcome,
    conclude,
    fail: cause => {
      attempt.failure ??= { cause }
      reject(cause)
    },
    failure: undefined,
  }
  return attempt
}

function failureOf(cause: unknown, job: string): SabotError {
  if (cause instanceof SabotError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new SabotError('JOB_FAILED', `Job ${job} failed: ${reason}`, { job }, { cause })
}
