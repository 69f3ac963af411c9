import { Batch } from '../../core/batch.js'
import type { Column } from '../../core/column.js'
import { Utf8Column } from '../../core/columns-text.js'
import type { Schema } from '../../core/schema.js'
import { type ColumnPacker, fixedPacker, type RowList } from './column-packer.js'
import { gatherBytes, gatherDoubles } from './gather.js'
import { TextPacker } from './text-packer.js'

/** Room for so many rows at least, so that a few rows do not mean a few buffers. */
const LEAST_ROOM = 64

/** Which marks the rows of a batch carry, and what they have in common. */
interface Head {
  readonly schema: Schema
  readonly hasTimestamps: boolean
  readonly hasWatermarks: boolean
  readonly split: number | undefined
}

/** Whether the rows of a batch can be packed: not those with lists, structs or JavaScript values. */
export function isPackable({ columns }: Batch): boolean {
  return columns.every(column => column instanceof Utf8Column || fixedPacker(column) !== undefined)
}

/**
 * Gathers rows of several batches into one whose columns stand in one buffer, so that it can be handed to another
 * thread as it is.
 * Laws: the rows of `finish()` are those appended since the last, in that order, with their times, watermarks and kinds;
 * its buffers are nobody else's.
 */
export class BatchPacker {
  private head: Head | undefined
  private packers: readonly ColumnPacker[] = []
  private timestamps = new Float64Array(0)
  private watermarks = new Float64Array(0)
  /** Made when the first batch with kinds comes: before that every row is an insert. */
  private kinds: Uint8Array | undefined
  private rows = 0
  private room = 0
  /** Rows of the last batch: the next one begins with as much room. */
  private usual = 0
  private readonly capacity: number

  /** @param capacity the most rows that it packs */
  constructor(capacity: number) {
    this.capacity = capacity
  }

  get length(): number {
    return this.rows
  }

  /** Rows that there is still room for. */
  get free(): number {
    return this.capacity - this.rows
  }

  /** Whether rows of this batch can go behind those that are there. */
  accepts(batch: Batch): boolean {
    const { head, packers } = this
    if (this.rows === 0 || head === undefined) return true
    const { schema, hasTimestamps, hasWatermarks, split } = headOf(batch)
    if (head.hasTimestamps !== hasTimestamps || head.hasWatermarks !== hasWatermarks || head.split !== split)
      return false
    return isSame(head.schema, schema) && batch.columns.every((column, index) => packers[index]?.fits(column))
  }

  /** At most `free` rows of a batch that it accepts. */
  append(batch: Batch, list: RowList): void {
    const { rows: length } = this
    const count = list.to - list.from
    if (length === 0) this.begin(batch)
    this.reserve(length + count)
    const { timestamps, watermarks, kinds, columns } = batch
    if (timestamps !== undefined) gatherDoubles(this.timestamps, length, timestamps, list)
    if (watermarks !== undefined) gatherDoubles(this.watermarks, length, watermarks, list)
    if (kinds !== undefined) {
      this.kinds ??= new Uint8Array(this.room)
      gatherBytes(this.kinds, length, kinds, list)
    }
    for (let index = 0; index < columns.length; index++) {
      this.packers[index]?.append(columns[index] as Column, list, length)
    }
    this.rows += count
  }

  /** The rows as a batch; it is empty then. */
  finish(): Batch {
    const { head, rows, timestamps, watermarks, kinds } = this
    if (head === undefined || rows === 0) throw new TypeError('No rows were packed')
    const batch = new Batch({
      schema: head.schema,
      columns: this.packers.map(packer => packer.finish(rows)),
      rowCount: rows,
      timestamps: head.hasTimestamps ? timestamps.subarray(0, rows) : undefined,
      watermarks: head.hasWatermarks ? watermarks.subarray(0, rows) : undefined,
      kinds: kinds?.subarray(0, rows),
      split: head.split,
    })
    this.usual = rows
    this.rows = 0
    this.room = 0
    this.kinds = undefined
    return batch
  }

  private begin(batch: Batch): void {
    this.head = headOf(batch)
    if (batch.columns.every((column, index) => this.packers[index]?.fits(column))) return
    this.packers = batch.columns.map(packerOf)
  }

  private reserve(rows: number): void {
    if (rows <= this.room) return
    const { packers, head, rows: length } = this
    this.room = Math.min(this.capacity, Math.max(rows, this.room * 2, this.usual, LEAST_ROOM))
    const marks = (head?.hasTimestamps ? 1 : 0) + (head?.hasWatermarks ? 1 : 0)
    // Every part begins at a multiple of 8, and has room for one value more: offsets of strings need it.
    const sizeOf = (rowBytes: number): number => ((this.room + 1) * rowBytes + 7) & ~7
    const size = marks * this.room * 8 + packers.reduce((sum, { rowBytes }) => sum + sizeOf(rowBytes), 0)
    const buffer = new ArrayBuffer(size)
    let at = 0
    const move = (values: Float64Array): Float64Array<ArrayBuffer> => {
      const larger = new Float64Array(buffer, at, this.room)
      if (length > 0) larger.set(values.subarray(0, length))
      at += this.room * 8
      return larger
    }
    if (head?.hasTimestamps) this.timestamps = move(this.timestamps)
    if (head?.hasWatermarks) this.watermarks = move(this.watermarks)
    for (const packer of packers) {
      packer.move({ buffer, at, capacity: this.room }, length)
      at += sizeOf(packer.rowBytes)
    }
    if (this.kinds !== undefined) {
      const kinds = new Uint8Array(this.room)
      kinds.set(this.kinds.subarray(0, length))
      this.kinds = kinds
    }
  }
}

function packerOf(column: Column): ColumnPacker {
  const packer = column instanceof Utf8Column ? new TextPacker() : fixedPacker(column)
  if (packer === undefined) throw new TypeError('Rows with lists, structs or JavaScript values cannot be packed')
  return packer
}

function headOf({ schema, timestamps, watermarks, split }: Batch): Head {
  return { schema, hasTimestamps: timestamps !== undefined, hasWatermarks: watermarks !== undefined, split }
}

function isSame(a: Schema, b: Schema): boolean {
  return a === b || a.equals(b)
}
