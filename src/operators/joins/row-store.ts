import { Batch } from '../../core/batch.js'
import type { Column } from '../../core/column.js'
import { NO_WATERMARK } from '../../core/element.js'
import { Schema } from '../../core/schema.js'
import type { Field } from '../../core/types.js'
import { CHUNK_ROWS, type Chunks, RowSlots } from './row-slots.js'
import { gatherStored, type StoredColumn, storedColumn, writeNumbers } from './stored-columns.js'

export interface RowStoreOptions {
  /** Whether the watermark in force before each row is kept. Default false. */
  readonly keepsWatermarks?: boolean
}

/** The number of the next row that comes. */
export interface ArrivalCounter {
  next: number
}

/**
 * Rows that an operator keeps, in columns, each known by a slot below 2^31. Law: what was added reads back by its slot
 * until it is released, whatever is added and released in between.
 */
export class RowStore {
  readonly schema: Schema
  readonly fields: readonly Field[]
  private readonly columns: readonly StoredColumn[]
  private readonly slots: RowSlots
  private readonly times = new StoredNumbers()
  private readonly arrivals = new StoredNumbers()
  private readonly watermarks: StoredNumbers | undefined
  private readonly counter: ArrivalCounter

  /** Stores that share a counter number their rows in the order in which they came to any of them. */
  constructor(
    fields: readonly Field[],
    counter: ArrivalCounter = { next: 0 },
    { keepsWatermarks = false }: RowStoreOptions = {},
  ) {
    this.watermarks = keepsWatermarks ? new StoredNumbers() : undefined
    this.counter = counter
    this.fields = fields
    this.schema = new Schema(fields)
    this.columns = fields.map(storedColumn)
    const all: readonly Chunks[] = [...this.columns, this.times, this.arrivals, this.watermarks ?? []].flat()
    this.slots = new RowSlots({
      open: chunk => {
        for (const column of all) column.open(chunk)
      },
      drop: chunk => {
        for (const column of all) column.drop(chunk)
      },
    })
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
   * Keeps the rows of a batch without a selection: their slots. Rows without event time are of time 0. Restored rows
   * have the numbers of arrival that they had.
   */
  add(batch: Batch, restored?: Float64Array): Uint32Array {
    const slots = this.take(batch.rowCount)
    this.write(batch, slots, restored)
    return slots
  }

  /** Slots for rows that are written later, or released without. */
  take(count: number): Uint32Array {
    return this.slots.take(count)
  }

  /** Slots that were taken and not written to. */
  giveBack(slots: Uint32Array): void {
    this.slots.give(slots)
  }

  /** Keeps row i of a batch without a selection at slots[i]; see `add`. */
  write(batch: Batch, slots: Uint32Array, restored?: Float64Array): void {
    for (const [index, { name }] of this.fields.entries()) this.columns[index]?.write(batch.column(name), slots)
    writeNumbers(this.arrivals.chunks, restored ?? this.nextArrivals(slots.length), slots)
    if (restored !== undefined) this.passOver(restored)
    if (batch.timestamps !== undefined) writeNumbers(this.times.chunks, batch.timestamps, slots)
    else writeNumbers(this.times.chunks, new Float64Array(slots.length), slots)
    const { watermarks = new Float64Array(slots.length).fill(NO_WATERMARK) } = batch
    if (this.watermarks !== undefined) writeNumbers(this.watermarks.chunks, watermarks, slots)
  }

  release(slots: Uint32Array): void {
    if (slots.length === 0) return
    for (const column of this.columns) column.release?.(slots)
    this.slots.give(slots)
  }

  /** The values of field `index`, in the order of the slots. With `outer` some of them may be NO_ROW, which is null. */
  gather(index: number, slots: Uint32Array, outer: boolean): Column {
    const column = this.columns[index]
    if (column === undefined) throw new RangeError(`The store has ${this.columns.length} columns, none at ${index}`)
    return column.gather(slots, outer)
  }

  /** All fields of the rows, in the order of the slots. With `outer` some of them may be NO_ROW: nulls. */
  batch(slots: Uint32Array, outer = false): Batch {
    const columns = this.columns.map(column => column.gather(slots, outer))
    return new Batch({ schema: this.schema, columns, rowCount: slots.length })
  }

  /** Event times, ms. */
  timesOf(slots: Uint32Array): Float64Array {
    return gatherStored(this.times.chunks, slots)
  }

  get keepsWatermarks(): boolean {
    return this.watermarks !== undefined
  }

  /** The watermarks in force before the rows, ms; of a store that keeps them. */
  watermarksOf(slots: Uint32Array): Float64Array {
    return gatherStored(this.watermarks?.chunks ?? [], slots)
  }

  /** Numbers that rise in the order in which the rows were added. */
  arrivalsOf(slots: Uint32Array): Float64Array {
    return gatherStored(this.arrivals.chunks, slots)
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

class StoredNumbers implements Chunks {
  readonly chunks: (Float64Array | undefined)[] = []

  open(chunk: number): void {
    this.chunks[chunk] = new Float64Array(CHUNK_ROWS)
  }

  drop(chunk: number): void {
    this.chunks[chunk] = undefined
  }
}
