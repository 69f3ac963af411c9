import type { Subtask } from '../graph/execution-graph.js'
import type { Kernel } from '../kernel/module.js'
import { Alignment } from './alignment.js'
import type { Channels } from './channels.js'
import type { Environment } from './environment.js'
import type { Deployment, Executor, ExecutorEvents } from './executor.js'
import type { SubtaskMetrics } from './metrics.js'
import { SubtaskRun } from './subtask-run.js'
import { restoredStates } from './subtask-state.js'

export interface LocalExecutorContext {
  readonly environment: Environment
  readonly kernel: Kernel
  readonly channels: Channels
}

/** Runs subtasks in this thread, by turns. */
export class LocalExecutor implements Executor {
  private readonly runs: readonly SubtaskRun[]
  private readonly events: ExecutorEvents
  private running: Promise<unknown> = Promise.resolve()
  private hasFailed = false

  private constructor(runs: readonly SubtaskRun[], events: ExecutorEvents) {
    this.runs = runs
    this.events = events
  }

  /** Opens the given subtasks; what is open is closed again when one of them does not open. */
  static async open(
    subtasks: readonly Subtask[],
    deployment: Deployment,
    { environment, kernel, channels }: LocalExecutorContext,
    events: ExecutorEvents,
  ): Promise<LocalExecutor> {
    const { execution, states, batchRows, bufferTimeoutMs } = deployment
    const alignment = new Alignment()
    const runs: SubtaskRun[] = []
    try {
      for (const subtask of subtasks) {
        const restored = restoredStates(subtask, states)
        const given = { execution, environment, kernel, channels, restored, alignment }
        const context = { ...given, batchRows, bufferTimeoutMs }
        const run = await SubtaskRun.open(subtask, context, {
          acknowledged: ({ id }, acknowledgement) => events.acknowledged(id, acknowledgement),
          ended: ({ id }) => events.ended(id),
        })
        runs.push(run)
      }
    } catch (cause) {
      for (const run of runs) await run.close().catch(() => undefined)
      throw cause
    }
    return new LocalExecutor(runs, events)
  }

  start(): void {
    const all = this.runs.map(run => run.run())
    // The first failure ends the others; all have come to rest before anything is closed.
    for (const run of all) run.catch((cause: unknown) => this.fail(cause))
    this.running = Promise.allSettled(all)
  }

  trigger(checkpointId: number): void {
    for (const { task } of this.runs) task.trigger(checkpointId)
  }

  complete(checkpointId: number): void {
    for (const run of this.runs) run.commit(checkpointId)
  }

  abort(checkpointId: number): void {
    for (const { task } of this.runs) task.abort(checkpointId)
  }

  stop(): void {
    for (const { task } of this.runs) task.stop()
  }

  proceed(): void {
    for (const { task } of this.runs) task.proceed()
  }

  endSources(): void {
    for (const { task } of this.runs) task.endSources()
  }

  async release(hasFinished: boolean): Promise<void> {
    for (const { task } of this.runs) task.release(hasFinished)
    await this.running
  }

  async drained(): Promise<void> {
    for (const run of this.runs) await run.drained()
  }

  metrics(): readonly SubtaskMetrics[] {
    return this.runs.map(({ metrics }) => metrics)
  }

  async close(): Promise<void> {
    for (const { task } of this.runs) task.cancel()
    await this.running
    const failures: unknown[] = []
    for (const run of this.runs) await run.close().catch((cause: unknown) => failures.push(cause))
    if (failures.length > 0) throw failures[0]
  }

  private fail(cause: unknown): void {
    if (this.hasFailed) return
    this.hasFailed = true
    for (const { task } of this.runs) task.cancel()
    this.events.failed(cause)
  }
}
