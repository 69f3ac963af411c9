import type { Batch } from '../../core/batch.js'
import { SabotError } from '../../core/errors.js'
import { addCounters, countersMember, type Json, memberOf } from '../../core/json.js'
import type { WindowGeometry } from '../../core/window-geometry.js'
import type { JoinSide } from '../../kernel/interval-join.js'
import { InputWatermarks } from '../input-watermarks.js'
import type { Operator, OperatorContext, OperatorState, Output } from '../operator.js'
import type { Assigner } from '../windows/assigner.js'
import { JOIN_SIDES, JoinSides, type JoinSidesSettings } from './join-sides.js'
import { LATE_OUTPUTS } from './join-type.js'
import { type FiredWindow, type JoinWindows, joinWindows, type WindowedRow } from './join-windows.js'

export interface WindowedSidesSettings extends JoinSidesSettings {
  readonly assigner: () => Assigner
  readonly geometry: WindowGeometry | undefined
}

/** What makes results of fired windows, and has state of its own. */
export interface Snapshotted {
  snapshot(): Json
  restore(state: Json): void
}

/**
 * Two inputs whose rows are kept in windows until these fire: what window joins and co-groups share. State, late rows
 * and results are those of record-by-record processing, however the rows were cut into batches.
 */
export abstract class WindowedSides implements Operator {
  readonly dropped: Record<string, number> = {}
  protected readonly context: OperatorContext
  protected readonly sides: JoinSides
  private readonly watermarks: InputWatermarks
  private readonly windows: JoinWindows
  private readonly results: Snapshotted
  private reached = Number.NEGATIVE_INFINITY

  constructor(context: OperatorContext, settings: WindowedSidesSettings, results: Snapshotted) {
    this.context = context
    this.results = results
    this.sides = new JoinSides(context.kernel, settings)
    this.watermarks = new InputWatermarks(context.kernel, JOIN_SIDES.length)
    this.windows = joinWindows(context.kernel, settings.assigner(), settings.geometry)
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
    const { sides } = this
    const state: Json = {
      dropped: { ...this.dropped },
      ...this.gauges(),
      schemas: sides.schemas(),
      results: this.results.snapshot(),
    }
    const rows = sides.snapshot({ left: sides.store('left').used(), right: sides.store('right').used() })
    return { state, parts: [this.watermarks.snapshot(), rows] }
  }

  restore(states: readonly OperatorState[]): void {
    const { keyGroups } = this.context
    this.watermarks.restore(...states)
    this.reached = this.watermarks.current
    for (const { state } of states) {
      if (keyGroups.start === 0) addCounters(this.dropped, countersMember(state, 'dropped'))
      this.sides.restoreSchemas(memberOf(state, 'schemas') ?? null)
      this.results.restore(memberOf(state, 'results') ?? null)
    }
    const restored = this.sides.restore(states, keyGroups)
    const rows = JOIN_SIDES.flatMap(side => {
      const { slots, ids, times, arrivals } = restored[side]
      return Array.from(slots, (slot, at) => {
        return { side, slot, id: ids[at] ?? 0, time: times[at] ?? 0, arrival: arrivals[at] ?? 0 }
      })
    })
    for (const { side, slot, id, time } of rows.sort((a, b) => a.arrival - b.arrival)) {
      this.sides.coder.index.retain(id)
      // Of windows that had fired before the snapshot nothing comes again.
      this.windows.add({ side, slot, id }, time, this.reached)
    }
  }

  gauges(): Readonly<Record<string, number>> {
    const { sides } = this
    return {
      openWindows: this.windows.count,
      leftRows: sides.store('left').length,
      rightRows: sides.store('right').length,
      keys: sides.keyCount,
    }
  }

  close(): void {
    this.windows.close()
    this.sides.close()
    this.watermarks.close()
  }

  /** Puts the results of windows that fire out; each step of the iterator does a bounded amount of work. */
  protected abstract fired(windows: Iterable<FiredWindow>, watermark: number): Generator<void, void, void>

  protected get output(): Output {
    return this.context.output
  }

  /** Rows that no window holds any more. */
  protected release(rows: readonly WindowedRow[]): void {
    for (const side of JOIN_SIDES) {
      const slots = rows.flatMap(row => (row.side === side ? [row.slot] : []))
      this.sides.store(side).release(Uint32Array.from(slots))
    }
    for (const { id } of rows) this.sides.coder.index.drop(id)
  }

  private *addBatch(batch: Batch, side: JoinSide, input: number): Generator<void, void, void> {
    const { timestamps } = batch
    if (timestamps === undefined || batch.watermarks === undefined) {
      throw new SabotError('NO_TIMESTAMPS', `Operator ${this.context.id} got rows without event time`)
    }
    const { sides } = this
    const watermarks = this.watermarks.ofRows(batch.watermarks, input)
    if (sides.keyCount > 0) sides.coder.index.settle()
    // The kernel's view is void after its next call.
    const ids = sides.code(side, batch).slice()
    const slots = sides.store(side).add(batch)
    const late: number[] = []
    for (let row = 0; row < slots.length; row++) {
      const watermark = watermarks[row] ?? this.reached
      if (watermark > this.reached) yield* this.fireUpTo(watermark)
      const id = ids[row] ?? 0
      const isInTime = this.windows.add({ side, slot: slots[row] ?? 0, id }, timestamps[row] ?? 0, watermark)
      if (isInTime) sides.coder.index.retain(id)
      else late.push(row)
    }
    if (late.length > 0) this.setAside(batch.with({ watermarks }), side, slots, late)
    this.watermarks.emit(this.output)
  }

  private setAside(batch: Batch, side: JoinSide, slots: Uint32Array, late: readonly number[]): void {
    const name = LATE_OUTPUTS[side]
    this.dropped[name] = (this.dropped[name] ?? 0) + late.length
    this.sides.store(side).release(Uint32Array.from(late, row => slots[row] ?? 0))
    this.output.side(name, batch.select(Uint32Array.from(late)))
  }

  private *moveOn(): Generator<void, void, void> {
    this.watermarks.emitActive(this.output)
    yield* this.fireUpTo(this.watermarks.current)
    this.watermarks.emit(this.output)
  }

  /** What fires carries the watermark in force before. */
  private *fireUpTo(watermark: number): Generator<void, void, void> {
    if (watermark <= this.reached) return
    const before = this.reached
    this.reached = watermark
    yield* this.fired(this.windows.fire(watermark), before)
  }
}
