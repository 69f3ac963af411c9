import type { Batch } from '../../core/batch.js'
import { NO_WATERMARK } from '../../core/element.js'
import { SabotError } from '../../core/errors.js'
import { addCounters, countersMember, type Json, memberOf } from '../../core/json.js'
import { INSERT, type RowKind } from '../../core/row-kind.js'
import type { JoinSide } from '../../kernel/interval-join.js'
import { InputWatermarks } from '../input-watermarks.js'
import type { Operator, OperatorContext, OperatorState, Output } from '../operator.js'
import { delayedOutput } from './delayed-output.js'
import { JOIN_SIDES, JoinSides, type JoinSidesSettings } from './join-sides.js'
import { LATE_OUTPUTS } from './join-type.js'
import type { RowStoreOptions } from './row-store.js'

/** A row that is kept: the slot in the store of its side, and the id of its key. */
export interface SideRow {
  readonly side: JoinSide
  readonly slot: number
  readonly id: number
}

/** What makes results of fired windows, and has state of its own. */
export interface Snapshotted {
  snapshot(): Json
  restore(state: Json): void
}

export interface TwoSidedOptions extends RowStoreOptions {
  /** How far the watermark that is handed on lies back, ms, so that results are not late for what follows. */
  readonly delayMs?: number
}

/**
 * Two inputs whose rows are kept by key until the watermark sets results free: what window joins, co-groups and as-of
 * joins share. State, late rows and results are those of record-by-record processing, however the rows were cut into
 * batches.
 */
export abstract class TwoSided implements Operator {
  readonly dropped: Record<string, number> = {}
  protected readonly context: OperatorContext
  protected readonly sides: JoinSides
  private readonly watermarks: InputWatermarks
  private readonly results: Snapshotted
  private readonly delayed: Output
  private reached = NO_WATERMARK

  constructor(
    context: OperatorContext,
    settings: JoinSidesSettings,
    results: Snapshotted,
    { delayMs = 0, ...stores }: TwoSidedOptions = {},
  ) {
    this.context = context
    this.results = results
    this.sides = new JoinSides(context.kernel, context.keyGroups.of, settings, stores)
    this.watermarks = new InputWatermarks(context.kernel, JOIN_SIDES.length)
    this.delayed = delayedOutput(context.output, delayMs)
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
    const rows = sides.snapshot({ left: this.flagsOf('left'), right: this.flagsOf('right') })
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
      const { slots, ids, times, arrivals, flags } = restored[side]
      return Array.from(slots, (slot, at) => {
        const row = { side, slot, id: ids[at] ?? 0 }
        return { row, time: times[at] ?? 0, arrival: arrivals[at] ?? 0, flag: flags[at] ?? 0 }
      })
    })
    for (const { row, time, flag } of rows.sort((a, b) => a.arrival - b.arrival)) {
      this.sides.coder.index.retain(row.id)
      this.restoreRow(row, time, flag, this.reached)
    }
  }

  gauges(): Readonly<Record<string, number>> {
    const { sides } = this
    return {
      leftRows: sides.store('left').length,
      rightRows: sides.store('right').length,
      keys: sides.keyCount,
    }
  }

  close(): void {
    this.sides.close()
    this.watermarks.close()
  }

  /** Keeps a row, in the order of arrival; false when it is late at the watermark in force before it. */
  protected abstract add(row: SideRow, timestamp: number, watermark: number, kind: RowKind): boolean

  /**
   * Puts out what the watermark sets free; results carry the watermark in force `before`. Each step of the iterator does
   * a bounded amount of work.
   */
  protected abstract fire(watermark: number, before: number): Generator<void, void, void>

  /** Keeps a row of a snapshot, with the byte that `flagsOf` gave for it. */
  protected abstract restoreRow(row: SideRow, timestamp: number, flag: number, watermark: number): void

  /** Does what is due before a batch. */
  protected *beforeBatch(): Generator<void, void, void> {}

  /** A batch as it is to be kept. */
  protected asKept(batch: Batch): Batch {
    return batch
  }

  /** Whether results of rows have to be put out before the next row is added. */
  protected get hasMuch(): boolean {
    return false
  }

  /** Puts out what rows themselves have set free. */
  protected *flush(): Generator<void, void, void> {}

  /** By slot: 0, or a byte for a row that is kept. */
  protected flagsOf(side: JoinSide): Uint8Array {
    return this.sides.store(side).used()
  }

  protected get output(): Output {
    return this.context.output
  }

  /** Rows that are not kept any more. */
  protected release(rows: readonly SideRow[]): void {
    for (const side of JOIN_SIDES) {
      const slots = rows.flatMap(row => (row.side === side ? [row.slot] : []))
      this.sides.store(side).release(Uint32Array.from(slots))
    }
    for (const { id } of rows) this.sides.coder.index.drop(id)
  }

  private *addBatch(batch: Batch, side: JoinSide, input: number): Generator<void, void, void> {
    const { timestamps, kinds } = batch
    if (timestamps === undefined || batch.watermarks === undefined) {
      throw new SabotError('NO_TIMESTAMPS', `Operator ${this.context.id} got rows without event time`)
    }
    const { sides } = this
    yield* this.beforeBatch()
    const watermarks = this.watermarks.ofRows(batch.watermarks, input)
    if (sides.keyCount > 0) sides.coder.index.settle()
    // The kernel's view is void after its next call.
    const ids = sides.code(side, batch).slice()
    const slots = sides.store(side).add(this.asKept(batch))
    const late: number[] = []
    for (let row = 0; row < slots.length; row++) {
      const watermark = watermarks[row] ?? this.reached
      if (watermark > this.reached) yield* this.fireUpTo(watermark)
      const id = ids[row] ?? 0
      // Before it is added, so that whoever adds it may let it go at once.
      sides.coder.index.retain(id)
      const kind = (kinds?.[row] ?? INSERT) as RowKind
      const isInTime = this.add({ side, slot: slots[row] ?? 0, id }, timestamps[row] ?? 0, watermark, kind)
      if (this.hasMuch) yield* this.flush()
      if (isInTime) continue
      sides.coder.index.drop(id)
      late.push(row)
    }
    yield* this.flush()
    if (late.length > 0) this.setAside(batch.with({ watermarks }), side, slots, late)
    this.watermarks.emit(this.delayed)
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
    // Keys go with their last rows, also where no row follows.
    if (this.sides.keyCount > 0) this.sides.coder.index.settle()
    this.watermarks.emit(this.delayed)
  }

  /** What fires carries the watermark in force before. */
  private *fireUpTo(watermark: number): Generator<void, void, void> {
    if (watermark <= this.reached) return
    const before = this.reached
    this.reached = watermark
    yield* this.fire(watermark, before)
  }
}
