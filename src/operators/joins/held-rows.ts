import type { Column } from '../../core/column.js'
import { DictionaryColumn } from '../../core/columns-text.js'
import type { Dictionary } from '../../core/dictionary.js'
import type { Field } from '../../core/types.js'
import { HeldColumn, type RowPlaces } from './held-columns.js'
import { stringsOf } from './held-text.js'
import { CHUNK_MASK, CHUNK_ROWS, CHUNK_SHIFT, type Chunks } from './row-slots.js'

/** What rows carry besides their fields, by row. */
export interface HeldMarks {
  /** Event times, ms. */
  readonly times: Float64Array
  readonly arrivals: Float64Array
  /** ms, where they are kept. */
  readonly watermarks: Float64Array | undefined
}

interface HeldBatch extends HeldMarks {
  /** By row: its slot; NO_ROW where the row is not kept. */
  readonly slots: Uint32Array
  /** Rows that are kept. */
  live: number
}

/** A batch of fewer rows is small: so many of them are joined into one. */
const SMALL_ROWS = 256
const SMALL_BATCHES = 64
/** A batch of which at most a third is left is sparse. */
const SPARSE = 3
/** Rows, with what is dead of them, that sparse batches may have besides half of the rows that are kept. */
const SPARSE_ROWS = 2048
/** Rows of sparse batches that are copied at once, or as many as are released at once. */
const MOST_JOINED = 16_384
/** A dictionary of at most this many entries is never given up. */
const SMALL_DICTIONARY = 1024
/** Of a larger one, a row must be kept for so many entries. */
const ENTRIES_PER_ROW = 8

/**
 * Rows that stand where they came: in the columns of their batches, which are kept as long as they are well used. Small
 * batches are joined, and of sparse ones what is left is copied together. So memory is bounded by the rows that are
 * kept: about three times them at most, and half of them for what is sparse.
 */
export class HeldRows implements Chunks {
  private readonly columns: readonly HeldColumn[]
  private readonly batches: (HeldBatch | undefined)[] = []
  /** Numbers of batches that are free. */
  private readonly free: number[] = []
  /** By chunk of slots: batch and row of each. */
  private readonly places: (Int32Array | undefined)[] = []
  /** Numbers of small and of sparse batches, in the order in which they became so. */
  private readonly small = new Set<number>()
  private readonly sparse = new Set<number>()
  private sparseRows = 0
  private kept = 0
  /** The batch that came last, and how many came since dictionaries were looked after. */
  private latest = NOWHERE
  private sinceReview = 0

  constructor(fields: readonly Field[]) {
    this.columns = fields.map(field => new HeldColumn(field))
  }

  /** Batches that are kept. */
  get batchCount(): number {
    return this.batches.length - this.free.length
  }

  open(chunk: number): void {
    this.places[chunk] = new Int32Array(CHUNK_ROWS * 2).fill(NOWHERE)
  }

  drop(chunk: number): void {
    this.places[chunk] = undefined
  }

  /** Keeps row i of the columns at slots[i]; `live` of the slots are slots, the others are NO_ROW. */
  hold(columns: readonly Column[], marks: HeldMarks, slots: Uint32Array, live: number): void {
    if (live === 0) return
    this.latest = this.keep(columns, marks, slots, live)
    this.kept += live
    if (this.small.size >= SMALL_BATCHES) this.join([...this.small])
    this.reviewDictionaries()
  }

  locate(slots: Uint32Array): RowPlaces {
    const { places } = this
    const batches = new Int32Array(slots.length)
    const rows = new Int32Array(slots.length)
    for (let at = 0; at < slots.length; at++) {
      const slot = slots[at] as number
      const chunk = places[slot >>> CHUNK_SHIFT]
      const place = (slot & CHUNK_MASK) * 2
      batches[at] = chunk === undefined ? NOWHERE : (chunk[place] as number)
      rows[at] = chunk === undefined ? 0 : (chunk[place + 1] as number)
    }
    return { batches, rows }
  }

  /** A field of the rows. With `outer` some of them may not be there: nulls. */
  gather(field: number, places: RowPlaces, outer: boolean): Column {
    const column = this.columns[field]
    if (column === undefined) throw new RangeError(`The rows have ${this.columns.length} fields, none at ${field}`)
    return column.gather(places, outer)
  }

  marks({ batches, rows }: RowPlaces, which: keyof HeldMarks): Float64Array {
    const gathered = new Float64Array(rows.length)
    for (let at = 0; at < rows.length; at++) {
      gathered[at] = this.batches[batches[at] as number]?.[which]?.[rows[at] as number] ?? 0
    }
    return gathered
  }

  release(slots: Uint32Array): void {
    const { places, batches } = this
    for (let at = 0; at < slots.length; at++) {
      const slot = slots[at] as number
      const chunk = places[slot >>> CHUNK_SHIFT]
      const place = (slot & CHUNK_MASK) * 2
      const number = chunk?.[place] ?? NOWHERE
      const batch = batches[number]
      if (chunk === undefined || batch === undefined) throw new TypeError(`Row ${slot} is not in the store`)
      chunk[place] = NOWHERE
      const live = batch.live - 1
      batch.live = live
      if (live === 0) this.remove(number, batch)
      else if (live * SPARSE <= batch.slots.length) this.noteSparse(number, batch)
    }
    this.kept -= slots.length
    if (this.sparseRows > SPARSE_ROWS + this.kept / 2) this.joinSparse(Math.max(slots.length, MOST_JOINED))
  }

  private keep(columns: readonly Column[], marks: HeldMarks, slots: Uint32Array, live: number): number {
    const number = this.free.pop() ?? this.batches.length
    const batch = { ...marks, slots, live }
    this.batches[number] = batch
    for (const [field, column] of this.columns.entries()) column.hold(number, columns[field] as Column)
    for (let row = 0; row < slots.length; row++) {
      const slot = slots[row] as number
      const chunk = this.places[slot >>> CHUNK_SHIFT]
      if (chunk === undefined) continue
      const place = (slot & CHUNK_MASK) * 2
      chunk[place] = number
      chunk[place + 1] = row
    }
    if (slots.length < SMALL_ROWS) this.small.add(number)
    else if (live * SPARSE <= slots.length) this.noteSparse(number, batch)
    return number
  }

  /** Small batches are joined soon anyway. */
  private noteSparse(number: number, { slots }: HeldBatch): void {
    if (slots.length < SMALL_ROWS || this.sparse.has(number)) return
    this.sparse.add(number)
    this.sparseRows += slots.length
  }

  private remove(number: number, { slots }: HeldBatch): void {
    for (const column of this.columns) column.drop(number)
    this.batches[number] = undefined
    this.free.push(number)
    this.small.delete(number)
    if (this.sparse.delete(number)) this.sparseRows -= slots.length
  }

  /** As much at once as is released at once, or a little more: over time that is enough, and no call takes long. */
  private joinSparse(most: number): void {
    const numbers: number[] = []
    let rows = 0
    for (const number of this.sparse) {
      rows += this.batches[number]?.live ?? 0
      if (rows > most && numbers.length > 0) break
      numbers.push(number)
    }
    this.join(numbers)
  }

  /** Copies what is left of some batches into one. */
  private join(numbers: readonly number[]): void {
    const slots = Uint32Array.from(numbers.flatMap(number => this.slotsOf(number)))
    const places = this.locate(slots)
    const gathered = this.columns.map(column => column.gather(places, false))
    const isLarge = (column: Column) => column instanceof DictionaryColumn && column.dictionary.size > SMALL_DICTIONARY
    const used = gathered.some(isLarge) ? this.dictionaryRows() : NO_DICTIONARIES
    const columns = gathered.map((column, field) => {
      return column instanceof DictionaryColumn && this.isPoor(field, column, used) ? stringsOf(column) : column
    })
    const watermarks = this.batches[numbers[0] ?? 0]?.watermarks && this.marks(places, 'watermarks')
    const marks = { times: this.marks(places, 'times'), arrivals: this.marks(places, 'arrivals'), watermarks }
    for (const number of numbers) this.remove(number, this.batches[number] as HeldBatch)
    if (slots.length > 0) this.keep(columns, marks, slots, slots.length)
  }

  /** The slots of the rows of a batch that are still there. */
  private slotsOf(number: number): number[] {
    const found: number[] = []
    const { slots } = this.batches[number] as HeldBatch
    for (let row = 0; row < slots.length; row++) {
      const slot = slots[row] as number
      const chunk = this.places[slot >>> CHUNK_SHIFT]
      const place = (slot & CHUNK_MASK) * 2
      if (chunk !== undefined && chunk[place] === number && chunk[place + 1] === row) found.push(slot)
    }
    return found
  }

  /** Kept rows by dictionary. */
  private dictionaryRows(): Map<Dictionary, number> {
    const rows = new Map<Dictionary, number>()
    for (const column of this.columns) {
      for (const [number, batch] of this.batches.entries()) {
        const held = column.at(number)
        if (batch === undefined || !(held instanceof DictionaryColumn)) continue
        rows.set(held.dictionary, (rows.get(held.dictionary) ?? 0) + batch.live)
      }
    }
    return rows
  }

  /** A few rows must not keep all of a large dictionary. Looked after as often as there are new batches for the old. */
  private reviewDictionaries(): void {
    this.sinceReview++
    if (this.sinceReview < Math.max(SMALL_BATCHES, this.batchCount)) return
    this.sinceReview = 0
    const used = this.dictionaryRows()
    for (const [field, column] of this.columns.entries()) {
      for (const number of this.batches.keys()) {
        const held = column.at(number)
        if (!(held instanceof DictionaryColumn) || !this.isPoor(field, held, used)) continue
        column.drop(number)
        column.hold(number, stringsOf(held))
      }
    }
  }

  /** Whether few rows refer to a large dictionary; the newest one may still be growing into use. */
  private isPoor(field: number, { dictionary }: DictionaryColumn, used: ReadonlyMap<Dictionary, number>): boolean {
    const newest = this.columns[field]?.at(this.latest)
    if (newest instanceof DictionaryColumn && newest.dictionary === dictionary) return false
    return dictionary.size > SMALL_DICTIONARY && (used.get(dictionary) ?? 0) * ENTRIES_PER_ROW < dictionary.size
  }
}

const NO_DICTIONARIES: ReadonlyMap<Dictionary, number> = new Map()

/** The number of the batch of a row that is not there. */
const NOWHERE = -1
