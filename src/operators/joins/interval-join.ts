import type { Batch } from '../../core/batch.js'
import { SabotError } from '../../core/errors.js'
import { addCounters, countersMember, type Json, memberOf } from '../../core/json.js'
import { IntervalJoinState, type JoinOutputs, type JoinSide, NO_ROW } from '../../kernel/interval-join.js'
import { InputWatermarks } from '../input-watermarks.js'
import type { Operator, OperatorContext, OperatorFactory, OperatorState, Output } from '../operator.js'
import { delayedOutput } from './delayed-output.js'
import { JoinProjection } from './join-projection.js'
import { JOIN_SIDES, JoinSides, type JoinSidesSettings } from './join-sides.js'
import { isOuter, type JoinType, LATE_OUTPUTS, nullableSides } from './join-type.js'

export interface IntervalJoinOperatorSettings extends JoinSidesSettings {
  readonly type: JoinType
  /** right time - left time is within [lowerMs, upperMs], both included. */
  readonly lowerMs: number
  readonly upperMs: number
}

/** Rows that come at least before keys are let go again. */
const SETTLED_ROWS = 16_384

/**
 * Pairs rows of two inputs (0: left, 1: right) whose keys are equal and whose event times are near one another: Flink's
 * interval join.
 * - A row whose event time is below the watermark in force is late: it goes to the late output of its side.
 * - A pair carries the larger of the two event times.
 * - A row leaves when the watermark reaches its time + how much later a partner may be, and at least its own time.
 * - A row of an outer side that leaves without having met a partner comes out alone, with its own event time. So that
 *   it is not late for what follows, the watermark that is handed on lies back by the time for which such rows wait
 *   (as in Flink SQL).
 */
export function intervalJoinOperator(settings: IntervalJoinOperatorSettings): OperatorFactory {
  return context => new IntervalJoinOperator(context, settings)
}

class IntervalJoinOperator implements Operator {
  readonly dropped: Record<string, number> = {}
  private readonly context: OperatorContext
  private readonly settings: IntervalJoinOperatorSettings
  private readonly watermarks: InputWatermarks
  private readonly sides: JoinSides
  private readonly projection: JoinProjection
  private readonly delayMs: number
  private readonly delayed: Output
  private state: IntervalJoinState | undefined
  private rowsSinceSettled = 0
  /** Rows have got ids that no kept row holds yet. */
  private isAdding = false

  constructor(context: OperatorContext, settings: IntervalJoinOperatorSettings) {
    this.context = context
    this.settings = settings
    const { type } = settings
    this.watermarks = new InputWatermarks(context.kernel, JOIN_SIDES.length)
    this.sides = new JoinSides(context.kernel, context.keyGroups.of, settings)
    this.projection = new JoinProjection(context.id, settings.select, nullableSides(type))
    this.delayMs = watermarkDelayMs(settings)
    this.delayed = delayedOutput(context.output, this.delayMs)
  }

  get watermark(): number {
    return this.watermarks.current
  }

  onBatch(batch: Batch, input: number): Generator<void, void, void> {
    return this.addBatch(batch.compact(), JOIN_SIDES[input] ?? 'left', input)
  }

  *onWatermark(timestamp: number, input: number): Generator<void, void, void> {
    this.watermarks.advance(input, timestamp)
    yield* this.moveOn()
  }

  *onIdle(input: number): Generator<void, void, void> {
    this.watermarks.idle(input)
    yield* this.moveOn()
  }

  *onActive(input: number): Generator<void, void, void> {
    this.watermarks.active(input)
    yield* this.moveOn()
  }

  snapshot(): OperatorState {
    const { sides, state, dropped } = this
    const flagsOf = (side: JoinSide) => state?.flags(side, sides.store(side).limit) ?? new Uint8Array(0)
    const json: Json = {
      dropped: { ...dropped },
      ...this.gauges(),
      schemas: sides.schemas(),
      projection: this.projection.snapshot(),
    }
    const rows = sides.snapshot({ left: flagsOf('left'), right: flagsOf('right') })
    return { state: json, parts: [this.watermarks.snapshot(), rows] }
  }

  restore(states: readonly OperatorState[]): void {
    const { keyGroups } = this.context
    this.watermarks.restore(...states)
    for (const { state } of states) {
      if (keyGroups.start === 0) addCounters(this.dropped, countersMember(state, 'dropped'))
      this.sides.restoreSchemas(memberOf(state, 'schemas') ?? null)
      this.projection.restore(memberOf(state, 'projection') ?? null)
    }
    const restored = this.sides.restore(states, keyGroups)
    for (const side of JOIN_SIDES) {
      const { slots, ids, times, flags } = restored[side]
      if (slots.length === 0) continue
      const matched = flags.map(flag => flag >>> 1)
      this.opened().restoreRows(side, ids, times, slots, matched)
    }
    this.state?.restoreWatermark(this.watermarks.current)
  }

  gauges(): Readonly<Record<string, number>> {
    const { sides } = this
    if (!this.isAdding) this.letKeysGo(0)
    return { leftRows: sides.store('left').length, rightRows: sides.store('right').length, keys: sides.keyCount }
  }

  close(): void {
    this.state?.destroy()
    this.sides.close()
    this.watermarks.close()
  }

  private *addBatch(batch: Batch, side: JoinSide, input: number): Generator<void, void, void> {
    const { timestamps } = batch
    if (timestamps === undefined || batch.watermarks === undefined) {
      throw new SabotError('NO_TIMESTAMPS', `Operator ${this.context.id} got rows without event time`)
    }
    const { sides } = this
    const watermarks = this.watermarks.ofRows(batch.watermarks, input)
    this.settle(batch.rowCount)
    this.isAdding = true
    sides.code(side, batch)
    const slots = this.keep(batch, side, timestamps, watermarks)
    for (const outputs of this.opened().add(side, timestamps, watermarks, slots)) {
      this.emit(outputs)
      yield
    }
    this.isAdding = false
    this.watermarks.emit(this.delayed)
  }

  /**
   * Lets keys go that no row has any more, now and then: a key that comes back soon keeps its place, and those that do
   * not are at most as many as the keys and SETTLED_ROWS.
   */
  private settle(rows: number): void {
    const { sides } = this
    this.rowsSinceSettled += rows
    if (this.rowsSinceSettled > Math.max(SETTLED_ROWS, sides.keyCount)) this.letKeysGo(rows)
  }

  /** `rows`: how many come now. */
  private letKeysGo(rows: number): void {
    const { sides } = this
    this.rowsSinceSettled = rows
    if (sides.keyCount > 0) sides.coder.index.settle()
  }

  /** The slots of the rows of a batch; NO_ROW for those that are late, which go aside. */
  private keep(batch: Batch, side: JoinSide, timestamps: Float64Array, watermarks: Float64Array): Uint32Array {
    const store = this.sides.store(side)
    const late: number[] = []
    const kept: number[] = []
    for (let row = 0; row < timestamps.length; row++) {
      if ((timestamps[row] as number) < (watermarks[row] as number)) late.push(row)
    }
    if (late.length === 0) return store.add(batch)
    this.dropped[LATE_OUTPUTS[side]] = (this.dropped[LATE_OUTPUTS[side]] ?? 0) + late.length
    this.context.output.side(LATE_OUTPUTS[side], batch.with({ watermarks }).select(Uint32Array.from(late)))
    for (let row = 0, at = 0; row < timestamps.length; row++) {
      if (late[at] === row) at++
      else kept.push(row)
    }
    const slots = new Uint32Array(timestamps.length).fill(NO_ROW)
    const taken = store.add(batch.select(Uint32Array.from(kept)))
    for (const [at, row] of kept.entries()) slots[row] = taken[at] ?? 0
    return slots
  }

  /** What the watermark sets free, then the watermark. */
  private *moveOn(): Generator<void, void, void> {
    this.watermarks.emitActive(this.context.output)
    if (this.state !== undefined) {
      for (const outputs of this.state.advance(this.watermarks.current)) {
        this.emit(outputs)
        yield
      }
    }
    // Keys go with their last rows, also where no row follows.
    if (this.sides.keyCount > 0) this.sides.coder.index.settle()
    this.watermarks.emit(this.delayed)
  }

  /** The outputs of the kernel are views: what goes into a batch is copied. */
  private emit({ count, left, right, times, watermarks, leftGone, rightGone }: JoinOutputs): void {
    const { sides, delayMs } = this
    const nullable = nullableSides(this.settings.type)
    if (count > 0) {
      const pairs = {
        left: { store: sides.store('left'), slots: left, outer: nullable.left },
        right: { store: sides.store('right'), slots: right, outer: nullable.right },
        timestamps: times.slice(),
        watermarks: delayMs === 0 ? watermarks.slice() : watermarks.map(watermark => watermark - delayMs),
      }
      this.context.output.batch(this.projection.project(pairs))
    }
    sides.store('left').release(leftGone)
    sides.store('right').release(rightGone)
  }

  private opened(): IntervalJoinState {
    const { lowerMs, upperMs, type } = this.settings
    this.state ??= new IntervalJoinState(this.context.kernel, this.sides.coder.index, {
      lowerMs,
      upperMs,
      outerLeft: isOuter(type, 'left'),
      outerRight: isOuter(type, 'right'),
    })
    return this.state
  }
}

/** How long rows of an outer side wait for a partner, ms. */
function watermarkDelayMs({ type, lowerMs, upperMs }: IntervalJoinOperatorSettings): number {
  const leftMs = isOuter(type, 'left') ? Math.max(0, upperMs) : 0
  const rightMs = isOuter(type, 'right') ? Math.max(0, -lowerMs) : 0
  return Math.max(leftMs, rightMs)
}
