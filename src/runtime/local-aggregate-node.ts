import type { Batch } from '../core/batch.js'
import type { StreamElement } from '../core/element.js'
import type { LocalAggregate } from '../operators/local-aggregate.js'
import type { Output, Steps } from '../operators/operator.js'
import { TaskNode } from './task-node.js'

/**
 * Before an exchange: aggregates rows that go to a window operator in other subtasks. What it holds leaves before any
 * barrier, so that checkpoints know nothing of it.
 */
export class LocalAggregateNode extends TaskNode implements Output {
  private readonly aggregate: LocalAggregate
  private steps: Steps | undefined
  /** Follows when the steps are done. */
  private behind: StreamElement | undefined

  constructor(id: string, create: (output: Output) => LocalAggregate) {
    super(id, 'exchange')
    this.aggregate = create(this)
  }

  override get hasWork(): boolean {
    return this.steps !== undefined || super.hasWork
  }

  override step(): void {
    if (this.steps === undefined) {
      super.step()
      return
    }
    if (this.steps.next().done !== true) return
    this.steps = undefined
    const { behind } = this
    this.behind = undefined
    if (behind !== undefined) this.emitToAll(behind)
  }

  close(): void {
    this.aggregate.close()
  }

  batch(batch: Batch): void {
    this.emit('main', batch)
  }

  /** Rows that leave as they came. */
  side(_output: string, batch: Batch): void {
    this.emit('main', batch)
  }

  watermark(timestamp: number): void {
    this.emitToAll({ kind: 'watermark', timestamp })
  }

  idle(split?: number): void {
    this.drainBefore({ kind: 'idle', split })
  }

  active(split?: number): void {
    this.emitToAll({ kind: 'active', split })
  }

  protected override onBatch(batch: Batch): void {
    this.steps = this.aggregate.onBatch(batch)
  }

  protected override onWatermark(timestamp: number): void {
    this.steps = this.aggregate.onWatermark(timestamp)
  }

  protected override onIdle(_input: number, split: number | undefined): void {
    this.aggregate.stop()
    this.idle(split)
  }

  protected override onActive(_input: number, split: number | undefined): void {
    this.active(split)
  }

  protected override onBarrier(checkpointId: number): void {
    this.drainBefore({ kind: 'barrier', checkpointId })
  }

  protected override onEnd(): void {
    this.drainBefore({ kind: 'end' })
  }

  private drainBefore(element: StreamElement): void {
    this.behind = element
    this.steps = this.aggregate.drain()
  }
}
