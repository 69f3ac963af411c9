import { Batch, MAX_BATCH_ROWS } from '../../core/batch.js'
import type { Column } from '../../core/column.js'
import { NO_WATERMARK } from '../../core/element.js'
import { Schema } from '../../core/schema.js'
import type { Field } from '../../core/types.js'
import { NO_ROW } from '../../kernel/interval-join.js'
import type { RowPlaces } from './held-columns.js'
import { type HeldMarks, HeldRows } from './held-rows.js'
import { ownedColumn } from './owned-column.js'
import { RowSlots } from './row-slots.js'

export interface RowStoreOptions {
  /** Whether the watermark in force before each row is kept. Default false. */
  readonly keepsWatermarks?: boolean
}

/** The number of the next row that comes. */
export interface ArrivalCounter {
  next: number
}

/** A batch is kept as a whole where at least one in so many of its rows is. */
const WHOLE = 3

/**
 * Rows that an operator keeps, each known by a slot below 2^31. They stay in the columns in which they came. Law: what was added reads back by its slot
 * until it is released, whatever is added and released in between.
 */
export class RowStore {
  readonly schema: Schema
  readonly fields: readonly Field[]
  readonly keepsWatermarks: boolean
  private readonly held: HeldRows
  private readonly slots: RowSlots
  private readonly counter: ArrivalCounter

  /** Stores that share a counter number their rows in the order in which they came to any of them. */
  constructor(
    fields: readonly Field[],
    counter: ArrivalCounter = { next: 0 },
    { keepsWatermarks = false }: RowStoreOptions = {},
  ) {
    this.keepsWatermarks = keepsWatermarks
    this.counter = counter
    this.fields = fields
    this.schema = new Schema(fields)
    this.held = new HeldRows(fields)
    this.slots = new RowSlots(this.held)
  }

  /** Rows that are kept. */
  get length(): number {
    return this.slots.length
  }

  /** All slots are below this. */
  get limit(): number {
    return this.slots.limit
  }

  /** By slot: 1 where it holds a row. */
  used(): Uint8Array {
    return this.slots.used()
  }

  /**
   * Keeps the selected rows of a batch: their slots. Rows without event time are of time 0. Restored rows have the
   * numbers of arrival that they had.
   */
  add(batch: Batch, restored?: Float64Array): Uint32Array {
    const slots = this.take(batch.length)
    this.write(batch, slots, restored)
    return slots
  }

  /** Slots for rows that are written later, or given back. */
  take(count: number): Uint32Array {
    return this.slots.take(count)
  }

  /** Slots that were taken last and not written to: the next ones are the same, in the same order. */
  giveBack(slots: Uint32Array): void {
    this.slots.give(slots.slice().reverse())
  }

  /** Keeps selected row i of a batch at slots[i]; see `add`. */
  write(batch: Batch, slots: Uint32Array, restored?: Float64Array): void {
    // What is restored may be more rows than a batch should have, since batches are thinned out as a whole.
    for (let from = 0; from < slots.length; from += MAX_BATCH_ROWS) {
      const to = Math.min(slots.length, from + MAX_BATCH_ROWS)
      const part = slots.length <= MAX_BATCH_ROWS ? batch : batch.slice(from, to)
      this.hold(part, slots.subarray(from, to), restored?.slice(from, to))
    }
  }

  release(slots: Uint32Array): void {
    if (slots.length === 0) return
    this.held.release(slots)
    this.slots.give(slots)
  }

  /** Where rows stand until the next row is written or released; for fields of the same rows. */
  locate(slots: Uint32Array): RowPlaces {
    return this.held.locate(slots)
  }

  /** The values of field `index`, in the order of the slots. With `outer` some of them may be NO_ROW, which is null. */
  gather(index: number, slots: Uint32Array, outer: boolean): Column {
    return this.gatherAt(index, this.locate(slots), outer)
  }

  gatherAt(index: number, places: RowPlaces, outer: boolean): Column {
    return this.held.gather(index, places, outer)
  }

  /** All fields of the rows, in the order of the slots. With `outer` some of them may be NO_ROW: nulls. */
  batch(slots: Uint32Array, outer = false): Batch {
    const places = this.locate(slots)
    const columns = this.fields.map((_, index) => this.gatherAt(index, places, outer))
    return new Batch({ schema: this.schema, columns, rowCount: slots.length })
  }

  /** Event times, ms. */
  timesOf(slots: Uint32Array): Float64Array {
    return this.held.marks(this.locate(slots), 'times')
  }

  /** The watermarks in force before the rows, ms; of a store that keeps them. */
  watermarksOf(slots: Uint32Array): Float64Array {
    return this.held.marks(this.locate(slots), 'watermarks')
  }

  /** Numbers that rise in the order in which the rows were added. */
  arrivalsOf(slots: Uint32Array): Float64Array {
    return this.held.marks(this.locate(slots), 'arrivals')
  }

  private hold(batch: Batch, slots: Uint32Array, restored: Float64Array | undefined): void {
    const arrivals = restored ?? this.nextArrivals(slots.length)
    if (restored !== undefined) this.passOver(restored)
    const { selection, rowCount } = batch
    const columns = this.fields.map(({ name }) => batch.column(name))
    if (selection === undefined) {
      this.held.hold(columns.map(ownedColumn), this.marksOf(batch, arrivals), slots.slice(), rowCount)
    } else if (selection.length * WHOLE >= rowCount) {
      const slotOf = new Uint32Array(rowCount).fill(NO_ROW)
      const arrivalOf = new Float64Array(rowCount)
      for (let at = 0; at < selection.length; at++) {
        const row = selection[at] as number
        slotOf[row] = slots[at] as number
        arrivalOf[row] = arrivals[at] as number
      }
      this.held.hold(columns.map(ownedColumn), this.marksOf(batch, arrivalOf), slotOf, selection.length)
    } else {
      const copy = batch.with({ schema: this.schema, columns }).compact()
      this.held.hold(copy.columns, this.marksOf(copy, arrivals), slots.slice(), slots.length)
    }
  }

  /** Times and watermarks of a batch are lent: these are copies. */
  private marksOf({ timestamps, watermarks, rowCount }: Batch, arrivals: Float64Array): HeldMarks {
    return {
      times: timestamps?.slice() ?? new Float64Array(rowCount),
      arrivals,
      watermarks: this.keepsWatermarks
        ? (watermarks?.slice() ?? new Float64Array(rowCount).fill(NO_WATERMARK))
        : undefined,
    }
  }

  private nextArrivals(count: number): Float64Array {
    const arrivals = new Float64Array(count)
    const first = this.counter.next
    for (let row = 0; row < count; row++) arrivals[row] = first + row
    this.counter.next = first + count
    return arrivals
  }

  private passOver(arrivals: Float64Array): void {
    const { counter } = this
    for (const arrival of arrivals) counter.next = Math.max(counter.next, arrival + 1)
  }
}
