import type { Batch } from '../core/batch.js'
import { bytesOf } from '../core/batch-bytes.js'
import { END_OF_INPUT, NO_WATERMARK, type StreamElement } from '../core/element.js'
import type { Operator, OperatorState, Output, Steps } from '../operators/operator.js'
import { DEAD_LETTER_OUTPUT } from '../operators/time/dead-letters.js'
import type { InputProgress } from './input-progress.js'
import type { SinkPump } from './sink-pump.js'
import type { WakeUps } from './wake-ups.js'

/** What a node tells the checkpoint in flight. */
export type Acknowledge = (counters: NodeCounters, checkpointId: number, state: OperatorState) => void

/** The node's id, and its rows at the barrier. */
export interface NodeCounters {
  readonly id: string
  readonly rowsIn: number
  readonly rowsOut: number
}

interface Consumer {
  readonly node: TaskNode
  readonly input: number
}

interface Queued {
  readonly element: StreamElement
  readonly input: number
}

/**
 * One operator in a task, with the elements that wait for it. The task steps the most downstream node that has work,
 * so that an element has left the task before the next one enters, and no call goes deeper than one operator.
 */
export abstract class TaskNode {
  rowsIn = 0
  rowsOut = 0
  /** The last watermark that came in, ms. */
  lastWatermark = NO_WATERMARK
  private readonly queue: Queued[] = []
  private readonly consumers = new Map<string, Consumer[]>()
  private aligning = { checkpointId: 0, missing: 0 }
  private ended = 0
  inputs = 0
  bytesIn = 0
  bytesOut = 0
  /** Time that its steps took, ms. */
  busyMs = 0
  /** What is known of its inputs' event time; set where it is told. */
  progress: InputProgress | undefined

  readonly id: string
  readonly kind: string

  constructor(id: string, kind: string) {
    this.id = id
    this.kind = kind
  }

  connect(output: string, node: TaskNode): void {
    const consumers = this.consumers.get(output) ?? []
    consumers.push({ node, input: node.inputs++ })
    this.consumers.set(output, consumers)
  }

  get hasWork(): boolean {
    return this.queue.length > 0
  }

  /** An element waits that the operator has no room for. */
  get isBlocked(): boolean {
    return false
  }

  get hasEnded(): boolean {
    return this.ended > 0 && this.ended >= this.inputs
  }

  /** Whether nothing holds the columns of a batch that it was given, once that has left the task. */
  get letsGoOfColumns(): boolean {
    return false
  }

  /** Whether this holds of all that is put to the outputs, but for the main one where that is left out. */
  protected outputsLetGo(which: 'all' | 'all but main'): boolean {
    for (const [output, consumers] of this.consumers) {
      if (which === 'all but main' && output === 'main') continue
      if (!consumers.every(({ node }) => node.letsGoOfColumns)) return false
    }
    return true
  }

  give(element: StreamElement, input: number): void {
    this.queue.push({ element, input })
  }

  /** A bounded piece of work. */
  step(): void {
    const next = this.queue.shift()
    if (next !== undefined) this.take(next.element, next.input)
  }

  protected emit(output: string, batch: Batch): void {
    const rows = batch.length
    if (rows === 0) return
    this.rowsOut += rows
    this.bytesOut += bytesOf(batch)
    for (const { node, input } of this.consumers.get(output) ?? []) node.give({ kind: 'batch', batch }, input)
  }

  protected emitToAll(element: StreamElement): void {
    for (const consumers of this.consumers.values()) {
      for (const { node, input } of consumers) node.give(element, input)
    }
  }

  protected abstract onBatch(batch: Batch, input: number): void
  protected abstract onWatermark(timestamp: number, input: number): void
  protected abstract onIdle(input: number, split: number | undefined): void
  protected abstract onActive(input: number, split: number | undefined): void
  protected abstract onBarrier(checkpointId: number): void
  protected abstract onEnd(): void

  private take(element: StreamElement, input: number): void {
    this.progress?.see(element, input)
    switch (element.kind) {
      case 'batch':
        this.rowsIn += element.batch.length
        this.bytesIn += bytesOf(element.batch)
        this.onBatch(element.batch, input)
        break
      case 'watermark':
        this.lastWatermark = element.timestamp
        this.onWatermark(element.timestamp, input)
        break
      case 'idle':
        this.onIdle(input, element.split)
        break
      case 'active':
        this.onActive(input, element.split)
        break
      case 'barrier':
        this.alignBarrier(element.checkpointId)
        break
      case 'end':
        this.ended += 1
        if (this.ended >= this.inputs) this.onEnd()
    }
  }

  /**
   * The task injects a barrier into all sources at one point, those that have ended included, so no data comes between
   * the first barrier and the last: counting aligns them.
   */
  private alignBarrier(checkpointId: number): void {
    if (this.aligning.checkpointId !== checkpointId) {
      this.aligning = { checkpointId, missing: this.inputs }
    }
    this.aligning.missing -= 1
    if (this.aligning.missing === 0) this.onBarrier(checkpointId)
  }
}

/** Where elements enter a task. It has no queue of its own: what it is given goes on at once. */
export abstract class EntryNode extends TaskNode {
  private hasFinished = false

  override get hasEnded(): boolean {
    return this.hasFinished
  }

  override get letsGoOfColumns(): boolean {
    return this.outputsLetGo('all')
  }

  enter(batch: Batch): void {
    this.rowsIn += batch.length
    this.bytesIn += bytesOf(batch)
    this.emit('main', batch)
  }

  idle(split?: number): void {
    this.emitToAll({ kind: 'idle', split })
  }

  active(split?: number): void {
    this.emitToAll({ kind: 'active', split })
  }

  barrier(checkpointId: number): void {
    this.emitToAll({ kind: 'barrier', checkpointId })
  }

  /** Nothing but barriers follows. The watermark +Infinity has gone before it. */
  end(): void {
    this.hasFinished = true
    this.emitToAll({ kind: 'end' })
  }

  protected override onBatch(): void {}
  protected override onWatermark(): void {}
  protected override onIdle(): void {}
  protected override onActive(): void {}
  protected override onBarrier(): void {}
  protected override onEnd(): void {}
}

/** Where a source's rows enter: one stream out of the splits that the subtask reads. */
export class SourceNode extends EntryNode {
  /** Records that became no row. */
  setAside(deadLetters: Batch): void {
    this.emit(DEAD_LETTER_OUTPUT, deadLetters)
  }

  override end(): void {
    this.lastWatermark = END_OF_INPUT
    this.emitToAll({ kind: 'watermark', timestamp: END_OF_INPUT })
    super.end()
  }
}

/** An operator with its queue; it is the operator's Output. */
export class OperatorNode extends TaskNode implements Output {
  private current: Operator | undefined
  private wakeUps: WakeUps | undefined
  private steps: Steps | undefined
  private reachedTime: number | undefined
  private isWoken = false
  private holdsEnd = false

  private readonly acknowledge: Acknowledge

  constructor(id: string, kind: string, acknowledge: Acknowledge) {
    super(id, kind)
    this.acknowledge = acknowledge
  }

  /** The operator needs its Output before it exists, so it comes in a second call. */
  install(operator: Operator, wakeUps: WakeUps): void {
    this.current = operator
    this.wakeUps = wakeUps
  }

  /** Processing time has reached what the operator asked for. */
  processingTimeReached(now: number): void {
    this.reachedTime = now
  }

  /** The operator is to be called when its steps are done. */
  wake(): void {
    this.isWoken = true
  }

  close(): void {
    this.wakeUps?.close()
    this.operator.close()
  }

  get operator(): Operator {
    if (this.current === undefined) throw new TypeError(`Operator ${this.id} is not installed`)
    return this.current
  }

  /** The watermark that the operator has reached, ms. */
  get reachedWatermark(): number {
    return Math.max(this.lastWatermark, this.operator.watermark ?? NO_WATERMARK)
  }

  get dropped(): Readonly<Record<string, number>> {
    return { ...this.operator.dropped }
  }

  get gauges(): Readonly<Record<string, number>> {
    return this.operator.gauges()
  }

  override get hasWork(): boolean {
    if (this.steps !== undefined || this.reachedTime !== undefined || this.isWoken) return true
    return super.hasWork && this.operator.isFull !== true
  }

  override get isBlocked(): boolean {
    return super.hasWork && !this.hasWork
  }

  override get hasEnded(): boolean {
    return super.hasEnded && !this.holdsEnd
  }

  override get letsGoOfColumns(): boolean {
    const { columnUse } = this.operator
    return columnUse !== undefined && this.outputsLetGo(columnUse === 'used' ? 'all but main' : 'all')
  }

  override step(): void {
    if (this.steps !== undefined) {
      if (this.steps.next().done === true) this.steps = undefined
    } else if (this.reachedTime !== undefined) {
      const now = this.reachedTime
      this.reachedTime = undefined
      this.steps = this.operator.onProcessingTime?.(now)
    } else if (this.isWoken) {
      this.isWoken = false
      this.steps = this.operator.onWake?.()
    } else {
      super.step()
    }
    if (this.holdsEnd && this.steps === undefined && this.operator.isPending !== true) {
      this.holdsEnd = false
      this.emitToAll({ kind: 'end' })
    }
  }

  batch(batch: Batch): void {
    this.emit('main', batch)
  }

  side(output: string, batch: Batch): void {
    this.emit(output, batch)
  }

  watermark(timestamp: number): void {
    this.progress?.emitted()
    this.emitToAll({ kind: 'watermark', timestamp })
  }

  idle(split?: number): void {
    this.emitToAll({ kind: 'idle', split })
  }

  active(split?: number): void {
    this.emitToAll({ kind: 'active', split })
  }

  protected override onBatch(batch: Batch, input: number): void {
    this.steps = this.operator.onBatch(batch, input)
  }

  protected override onWatermark(timestamp: number, input: number): void {
    this.steps = this.operator.onWatermark(timestamp, input)
  }

  protected override onIdle(input: number, split: number | undefined): void {
    if (this.operator.onIdle === undefined) this.idle(split)
    else this.steps = this.operator.onIdle(input, split)
  }

  protected override onActive(input: number, split: number | undefined): void {
    if (this.operator.onActive === undefined) this.active(split)
    else this.steps = this.operator.onActive(input, split)
  }

  protected override onBarrier(checkpointId: number): void {
    this.acknowledge(this, checkpointId, this.operator.snapshot())
    this.emitToAll({ kind: 'barrier', checkpointId })
  }

  protected override onEnd(): void {
    if (this.operator.isPending === true) this.holdsEnd = true
    else this.emitToAll({ kind: 'end' })
  }
}

/** The end of a path: hands batches to the pump that writes them. */
export class SinkNode extends TaskNode {
  readonly pump: SinkPump
  private readonly acknowledge: Acknowledge

  constructor(id: string, kind: string, pump: SinkPump, acknowledge: Acknowledge) {
    super(id, kind)
    this.pump = pump
    this.acknowledge = acknowledge
  }

  /** What leaves the task has times of its own: within the task they are lent. */
  protected override onBatch(batch: Batch): void {
    const { timestamps, watermarks } = batch
    this.rowsOut += batch.length
    this.bytesOut += bytesOf(batch)
    this.pump.write(batch.with({ timestamps: timestamps?.slice(), watermarks: watermarks?.slice() }))
  }

  protected override onWatermark(): void {}
  protected override onIdle(): void {}
  protected override onActive(): void {}

  protected override onBarrier(checkpointId: number): void {
    // The rows at the barrier, not those when the sink has got there.
    const { id, rowsIn, rowsOut } = this
    const counters = { id, rowsIn, rowsOut }
    this.pump.prepare(checkpointId, state => this.acknowledge(counters, checkpointId, { state, parts: [] }))
  }

  protected override onEnd(): void {
    this.pump.finish()
  }
}
