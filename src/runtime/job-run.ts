import { SabotError } from '../core/errors.js'
import { ExecutionGraph } from '../graph/execution-graph.js'
import { xxh64Hex } from '../kernel/hash.js'
import type { Hash } from '../state/manifest.js'
import type { Recovery } from '../state/recovery.js'
import { type Attempt, newAttempt, type Outcome } from './attempt.js'
import { CheckpointCoordinator, type CheckpointSettings, newCheckpointCounters } from './coordinator.js'
import type { Environment } from './environment.js'
import type { Deployment, Executor, ExecutorEvents } from './executor.js'
import type { JobEvent, JobHandle, JobMetrics, JobResult, JobStatus, StopOptions } from './job-handle.js'
import { collectMetrics } from './metrics.js'
import type { RestartStrategy } from './restart-strategy.js'
import type { StartPoint } from './start-point.js'
import { JobTracing, type OpenSpan, type Tracer } from './tracing.js'
import { type OperatorWatermark, watermarkReport } from './watermark-report.js'

export interface RunSettings {
  readonly checkpoints: CheckpointSettings | undefined
  /** Where attempts begin; undefined where there are no checkpoints. */
  readonly startPoint: StartPoint | undefined
  readonly batchRows: number
  readonly bufferTimeoutMs: number
  readonly restart: RestartStrategy
  readonly onEvent: (event: JobEvent) => void
  readonly tracer: Tracer | undefined
  readonly openExecutor: (deployment: Deployment, events: ExecutorEvents) => Promise<Executor>
}

/** Somebody waits for the job to run with another parallelism. */
interface Rescaling {
  readonly from: ExecutionGraph
  readonly to: ExecutionGraph
  readonly resolve: () => void
  readonly reject: (error: SabotError) => void
}

/** How an attempt came to its end. */
interface Ended {
  readonly error: SabotError | undefined
  readonly outcome: Outcome
}

/** A run of a job: recovers, opens its subtasks, lets them run, runs them again after a failure, and cleans up. */
export class JobRun implements JobHandle {
  readonly name: string
  readonly ended: Promise<JobResult>
  status: JobStatus = 'starting'
  private readonly startedAtMs: number
  /** Of the last attempt, taken before its operators were closed. */
  private lastMetrics: JobMetrics | undefined
  private readonly counters = newCheckpointCounters()
  private attempt: Attempt | undefined
  private resumedFrom: number | undefined
  private restarts = 0
  private wasCancelled = false
  private stopping: StopOptions | undefined
  private rescaling: Rescaling | undefined
  private hasRun = false
  /** Ends the wait before a restart. */
  private endWait: () => void = () => undefined
  private lastId = 0
  private lastCommitMs = Number.NEGATIVE_INFINITY
  private readonly tracing: JobTracing
  /** Open until subtasks run. */
  private recoverySpan: OpenSpan | undefined

  private execution: ExecutionGraph
  private readonly environment: Environment
  private readonly settings: RunSettings

  constructor(execution: ExecutionGraph, environment: Environment, settings: RunSettings) {
    this.execution = execution
    this.environment = environment
    this.settings = settings
    this.name = execution.job.name
    this.startedAtMs = environment.clock.elapsed()
    this.tracing = new JobTracing(settings.tracer, this.name, environment.clock)
    this.ended = this.run()
  }

  metrics(): JobMetrics {
    const executor = this.attempt?.executor
    if (executor === undefined && this.lastMetrics !== undefined) return this.lastMetrics
    const elapsedMs = this.environment.clock.elapsed() - this.startedAtMs
    const times = { elapsedMs, takenAtMs: this.environment.clock.now() }
    return collectMetrics(this.execution.job, executor?.metrics() ?? [], this.counters, times)
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

  async rescale(parallelism: number): Promise<void> {
    const to = new ExecutionGraph(this.execution.job, parallelism)
    const { coordinator, attempt, execution: from } = this
    const executor = attempt?.executor
    if (this.status !== 'running' || executor === undefined) throw this.rescaleFailed(`it is ${this.status}`)
    this.status = 'rescaling'
    executor.stop()
    try {
      await coordinator.request()
    } catch (cause) {
      if (this.status === 'rescaling' && this.attempt === attempt) {
        this.status = 'running'
        executor.proceed()
      }
      throw this.rescaleFailed(cause instanceof Error ? cause.message : String(cause), cause)
    }
    // It was told to stop or to be cancelled meanwhile, or it failed.
    if (this.status !== 'rescaling' || this.attempt !== attempt) throw this.rescaleFailed(`it is ${this.status}`)
    const switched = new Promise<void>((resolve, reject) => {
      this.rescaling = { from, to, resolve, reject }
    })
    attempt?.conclude('rescaled')
    return switched
  }

  async stop(options: StopOptions = {}): Promise<JobResult> {
    if (this.stopping === undefined && this.canStop) {
      this.stopping = options
      if (this.status !== 'restarting') this.status = 'stopping'
      this.endWait()
      void this.beginStop()
    }
    return this.ended
  }

  async cancel(): Promise<JobResult> {
    this.wasCancelled = true
    this.endWait()
    this.attempt?.conclude('stopped')
    return this.ended
  }

  private get canStop(): boolean {
    return ['starting', 'running', 'rescaling', 'restarting'].includes(this.status)
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
      const ended = await this.live()
      const { error, outcome } = ended
      if (error !== undefined) this.recoverySpan?.fail(error)
      const isOver = this.wasCancelled || this.stopping !== undefined
      if (!isOver && this.changesParallelism(ended)) {
        this.recoverySpan = this.tracing.begin('sabot.recovery', { 'sabot.recovery.reason': 'rescaling' })
        continue
      }
      // A job that did not even start would not start the next time, unless it was a worker that died or hung.
      const isHopeless = !this.hasRun && error?.code !== 'WORKER_FAILED' && error?.code !== 'WORKER_HANGS'
      const delayMs = error === undefined || isOver || isHopeless ? undefined : mayRestart({ atMs: clock.elapsed() })
      if (error === undefined || delayMs === undefined) return this.result(error, outcome)
      this.restarts += 1
      this.status = 'restarting'
      this.recoverySpan = this.tracing.begin('sabot.recovery', {
        'sabot.recovery.reason': 'failure',
        'sabot.recovery.cause': error.code,
        'sabot.recovery.restart': this.restarts,
      })
      this.settings.onEvent({ kind: 'restarting', error, delayMs, restart: this.restarts })
      await this.wait(delayMs)
      // Stopped or cancelled while nothing ran: what the checkpoint holds is what there is.
      if (this.wasCancelled || this.stopping !== undefined) return this.result(undefined, 'stopped')
    }
  }

  /**
   * Whether the next attempt runs at once: with the new parallelism, or, when that cannot be opened, with the former.
   * A failure of the former subtasks is left to the restart strategy.
   */
  private changesParallelism({ error, outcome }: Ended): boolean {
    const { rescaling } = this
    if (rescaling === undefined) return false
    if (error === undefined && outcome === 'rescaled') {
      this.execution = rescaling.to
      return true
    }
    const isOpening = this.execution === rescaling.to
    this.execution = rescaling.from
    this.rescaling = undefined
    rescaling.reject(this.rescaleFailed(error?.message ?? 'it has ended', error))
    return isOpening && error !== undefined
  }

  private rescaleFailed(reason: string, cause?: unknown): SabotError {
    const message = `Job ${this.name} cannot be rescaled: ${reason}`
    return new SabotError('RESCALE_FAILED', message, { job: this.name }, { cause })
  }

  private result(error: SabotError | undefined, outcome: Outcome): JobResult {
    const ended = outcome === 'finished' ? 'finished' : 'stopped'
    const status = error !== undefined ? 'failed' : this.wasCancelled ? 'cancelled' : ended
    this.status = status
    this.rescaling?.reject(this.rescaleFailed(`it is ${status}`, error))
    this.recoverySpan?.end({ 'sabot.recovery.outcome': status })
    const metrics = this.metrics()
    const { resumedFrom, restarts } = this
    return { status, error, metrics, resumedFrom, restarts, lastCheckpoint: metrics.checkpoints.lastId }
  }

  /** One attempt, from recovery to the release of everything. */
  private async live(): Promise<Ended> {
    const attempt = newAttempt()
    this.attempt = attempt
    let error: SabotError | undefined
    let outcome: Outcome = 'stopped'
    try {
      outcome = await this.work(attempt)
    } catch (cause) {
      error = failureOf(cause, this.name)
    }
    try {
      await this.close(attempt)
    } catch (cause) {
      error ??= failureOf(cause, this.name)
    }
    this.attempt = undefined
    return { error, outcome }
  }

  private async work(attempt: Attempt): Promise<Outcome> {
    const kernel = this.environment.createKernel()
    const hash: Hash = bytes => xxh64Hex(kernel, bytes)
    const recovery = await this.recover(hash)
    const { execution } = this
    const { batchRows, bufferTimeoutMs, openExecutor } = this.settings
    const running = new Set(execution.subtasks.map(({ id }) => id))
    const deployment = { execution, states: recovery?.states ?? new Map(), batchRows, bufferTimeoutMs }
    const executor = await openExecutor(deployment, {
      acknowledged: (subtask, acknowledgement) => attempt.coordinator?.acknowledge(subtask, acknowledgement),
      ended: subtask => {
        running.delete(subtask)
        if (running.size === 0) attempt.conclude('finished')
      },
      failed: attempt.fail,
    })
    attempt.executor = executor
    attempt.coordinator = this.createCoordinator(attempt, executor, hash, recovery)
    if (this.wasCancelled) return 'stopped'
    this.status = this.stopping === undefined ? 'running' : 'stopping'
    if (this.stopping !== undefined) void this.beginStop()
    this.hasRun = true
    executor.start()
    this.recoverySpan?.end({
      'sabot.recovery.outcome': 'running',
      'sabot.recovery.parallelism': execution.parallelism,
      ...(recovery && { 'sabot.checkpoint.id': recovery.checkpointId }),
      'sabot.recovery.passed_over': recovery?.passedOver.length ?? 0,
    })
    this.recoverySpan = undefined
    attempt.coordinator.start()
    this.hasRescaled()
    const outcome = await attempt.outcome
    if (this.wasCancelled) return 'stopped'
    await executor.release(outcome === 'finished')
    if (attempt.failure !== undefined) throw attempt.failure.cause
    return outcome
  }

  private hasRescaled(): void {
    const { rescaling, execution, resumedFrom } = this
    if (rescaling === undefined) return
    this.rescaling = undefined
    const from = rescaling.from.parallelism
    this.settings.onEvent({ kind: 'rescaled', from, to: execution.parallelism, checkpointId: resumedFrom })
    rescaling.resolve()
  }

  private async recover(hash: Hash): Promise<Recovery | undefined> {
    const { startPoint, onEvent } = this.settings
    if (startPoint === undefined) return undefined
    if (startPoint.resumes) {
      this.recoverySpan ??= this.tracing.begin('sabot.recovery', { 'sabot.recovery.reason': 'resuming' })
    }
    this.lastId = Math.max(this.lastId, await startPoint.lastId())
    const beginning = await startPoint.next(this.execution.job, hash)
    if (beginning === undefined) return undefined
    const { recovery, nonRestored } = beginning
    this.resumedFrom = recovery?.checkpointId
    onEvent({
      kind: 'resumed',
      checkpointId: recovery?.checkpointId,
      passedOver: recovery?.passedOver ?? [],
      ...nonRestored,
    })
    return recovery
  }

  private createCoordinator(
    attempt: Attempt,
    executor: Executor,
    hash: Hash,
    recovery: Recovery | undefined,
  ): CheckpointCoordinator {
    const { checkpoints, onEvent } = this.settings
    const hooks = {
      lastCheckpointId: this.lastId,
      tracing: this.tracing,
      recovery,
      trigger: (id: number) => executor.trigger(id),
      abort: (id: number) => executor.abort(id),
      onComplete: (event: Extract<JobEvent, { kind: 'checkpoint-completed' }>) => {
        if (this.mayCommit(event.isSavepoint)) executor.complete(event.checkpointId)
        onEvent(event)
      },
      onFailure: (error: SabotError) => onEvent({ kind: 'checkpoint-failed', error }),
      onIntolerable: attempt.fail,
    }
    return new CheckpointCoordinator(checkpoints, this.execution, this.environment, hash, hooks, this.counters)
  }

  /** What sinks prepared stays prepared, and is committed with a later checkpoint, or when the job resumes. */
  private mayCommit(isSavepoint: boolean): boolean {
    const now = this.environment.clock.elapsed()
    const { commitIntervalMs = 0 } = this.settings.checkpoints ?? {}
    if (!isSavepoint && this.status === 'running' && now - this.lastCommitMs < commitIntervalMs) return false
    this.lastCommitMs = now
    return true
  }

  private async beginStop(): Promise<void> {
    const { attempt, stopping } = this
    const { executor, coordinator } = attempt ?? {}
    if (stopping === undefined || executor === undefined || coordinator === undefined) return
    executor.stop()
    // A last checkpoint that fails is reported as an event; it does not keep the job from stopping.
    await coordinator.request(stopping.savepoint).catch(() => undefined)
    if (stopping.drain !== true) {
      attempt?.conclude('stopped')
      return
    }
    // Behind the end of its sources the job is another one: nobody may resume from there.
    await coordinator.close()
    executor.endSources()
  }

  private async close(attempt: Attempt): Promise<void> {
    const { coordinator, executor } = attempt
    await coordinator?.close()
    this.lastId = Math.max(this.lastId, coordinator?.lastId ?? 0)
    // A checkpoint that became complete in the meantime has given the sinks something to commit.
    await executor?.drained()
    if (executor !== undefined) this.lastMetrics = this.metrics()
    attempt.executor = undefined
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

function failureOf(cause: unknown, job: string): SabotError {
  if (cause instanceof SabotError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new SabotError('JOB_FAILED', `Job ${job} failed: ${reason}`, { job }, { cause })
}
