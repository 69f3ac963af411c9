/* One column of a batch that is gathered from the rows of several: the columns of rows on their way to one receiver. */
import { bitmapBytes, getBit, setBit } from '../../core/bitmap.js'
import type { Column } from '../../core/column.js'
import {
  BoolColumn,
  DecimalColumn,
  Float32Column,
  Float64Column,
  Int32Column,
  Int64Column,
  TimestampColumn,
  Word64Column,
} from '../../core/columns-fixed.js'
import { DictionaryColumn } from '../../core/columns-text.js'
import type { Dictionary } from '../../core/dictionary.js'
import { gatherDoubles, gatherFloats, gatherIntegers, gatherWords } from './gather.js'

/** Some rows of a batch: `rows[from]` to `rows[to - 1]`. */
export interface RowList {
  readonly rows: Uint32Array
  readonly from: number
  readonly to: number
}

/** A place for `capacity` values in a buffer. */
export interface Place {
  readonly buffer: ArrayBuffer
  /** A multiple of 8. */
  readonly at: number
  readonly capacity: number
}

/**
 * Laws: after appends of row lists L1, L2, ... of columns C1, C2, ..., `finish` gives a column whose values are those of
 * C1.gather(L1), C2.gather(L2), ... in that order; and the packer is as new.
 */
export interface ColumnPacker {
  /** Bytes that a row takes of the place. */
  readonly rowBytes: number
  /** Whether the column's values can go behind those that are there. */
  fits(column: Column): boolean
  /** Where values go from now on; the first `length` are brought along. */
  move(place: Place, length: number): void
  append(column: Column, list: RowList, length: number): void
  finish(length: number): Column
}

/** What all packers do: validity bitmaps are made when the first column with nulls comes. */
export abstract class BaseColumnPacker<Packed extends Column> implements ColumnPacker {
  abstract readonly rowBytes: number
  private validity: Uint8Array | undefined
  private capacity = 0

  abstract fits(column: Column): column is Packed
  protected abstract place(place: Place, length: number): void
  protected abstract gather(column: Packed, list: RowList, length: number): void
  protected abstract column(length: number, validity: Uint8Array | undefined): Column

  move(place: Place, length: number): void {
    this.capacity = place.capacity
    if (this.validity !== undefined) this.validity = allValid(place.capacity, this.validity)
    this.place(place, length)
  }

  append(column: Column, list: RowList, length: number): void {
    if (!this.fits(column)) throw new TypeError('A column of another form must begin another batch')
    if (column.validity !== undefined) this.gatherNulls(column.validity, list, length)
    this.gather(column, list, length)
  }

  finish(length: number): Column {
    const { validity } = this
    this.validity = undefined
    return this.column(length, validity?.subarray(0, bitmapBytes(length)))
  }

  private gatherNulls(source: Uint8Array, { rows, from, to }: RowList, length: number): void {
    this.validity ??= allValid(this.capacity)
    for (let index = from, at = length; index < to; index++, at++) {
      if (!getBit(source, rows[index] ?? 0)) setBit(this.validity, at, false)
    }
  }
}

/** Bitmaps say "valid" behind the values that are there, so that only nulls need to be written. */
function allValid(capacity: number, earlier?: Uint8Array): Uint8Array {
  const validity = new Uint8Array(bitmapBytes(capacity)).fill(0xff)
  if (earlier !== undefined) validity.set(earlier)
  return validity
}

class IntegerPacker extends BaseColumnPacker<Int32Column> {
  readonly rowBytes = 4
  private values = new Int32Array(0)

  fits(column: Column): column is Int32Column {
    return column instanceof Int32Column
  }

  protected place({ buffer, at, capacity }: Place, length: number): void {
    this.values = moved(this.values, new Int32Array(buffer, at, capacity), length)
  }

  protected gather({ values }: Int32Column, list: RowList, length: number): void {
    gatherIntegers(this.values, length, values, list)
  }

  protected column(length: number, validity: Uint8Array | undefined): Column {
    return new Int32Column(this.values.subarray(0, length), validity)
  }
}

class FloatPacker extends BaseColumnPacker<Float32Column> {
  readonly rowBytes = 4
  private values = new Float32Array(0)

  fits(column: Column): column is Float32Column {
    return column instanceof Float32Column
  }

  protected place({ buffer, at, capacity }: Place, length: number): void {
    this.values = moved(this.values, new Float32Array(buffer, at, capacity), length)
  }

  protected gather({ values }: Float32Column, list: RowList, length: number): void {
    gatherFloats(this.values, length, values, list)
  }

  protected column(length: number, validity: Uint8Array | undefined): Column {
    return new Float32Column(this.values.subarray(0, length), validity)
  }
}

class DoublePacker extends BaseColumnPacker<Float64Column> {
  readonly rowBytes = 8
  private values = new Float64Array(0)

  fits(column: Column): column is Float64Column {
    return column instanceof Float64Column
  }

  protected place({ buffer, at, capacity }: Place, length: number): void {
    this.values = moved(this.values, new Float64Array(buffer, at, capacity), length)
  }

  protected gather({ values }: Float64Column, list: RowList, length: number): void {
    gatherDoubles(this.values, length, values, list)
  }

  protected column(length: number, validity: Uint8Array | undefined): Column {
    return new Float64Column(this.values.subarray(0, length), validity)
  }
}

type WordColumn = Int64Column | TimestampColumn | DecimalColumn

class WordPacker extends BaseColumnPacker<Word64Column> {
  readonly rowBytes = 8
  private values = new BigInt64Array(0)
  private words = new Int32Array(0)
  private readonly type: WordColumn['type']

  constructor(type: WordColumn['type']) {
    super()
    this.type = type
  }

  fits(column: Column): column is Word64Column {
    return column instanceof Word64Column
  }

  protected place({ buffer, at, capacity }: Place, length: number): void {
    this.words = moved(this.words, new Int32Array(buffer, at, capacity * 2), length * 2)
    this.values = new BigInt64Array(buffer, at, capacity)
  }

  protected gather({ words }: Word64Column, list: RowList, length: number): void {
    gatherWords(this.words, length, words, list)
  }

  protected column(length: number, validity: Uint8Array | undefined): Column {
    const { type } = this
    const values = this.values.subarray(0, length)
    if (type === 'i64') return new Int64Column(values, validity)
    return type === 'timestamp' ? new TimestampColumn(values, validity) : new DecimalColumn(type, values, validity)
  }
}

/** Rows of one dictionary: those of another begin another batch. */
class CodePacker extends BaseColumnPacker<DictionaryColumn> {
  readonly rowBytes = 4
  private codes = new Int32Array(0)
  private dictionary: Dictionary | undefined

  fits(column: Column): column is DictionaryColumn {
    if (!(column instanceof DictionaryColumn)) return false
    return this.dictionary === undefined || this.dictionary === column.dictionary
  }

  protected place({ buffer, at, capacity }: Place, length: number): void {
    this.codes = moved(this.codes, new Int32Array(buffer, at, capacity), length)
  }

  protected gather({ codes, dictionary }: DictionaryColumn, list: RowList, length: number): void {
    this.dictionary = dictionary
    gatherIntegers(this.codes, length, codes, list)
  }

  protected column(length: number, validity: Uint8Array | undefined): Column {
    const { dictionary } = this
    if (dictionary === undefined) throw new TypeError('No rows were packed')
    this.dictionary = undefined
    return new DictionaryColumn(this.codes.subarray(0, length), dictionary, validity)
  }
}

/** The bits stand in a place of a byte a row, of which they take an eighth: so every place is as long as any other. */
class BitPacker extends BaseColumnPacker<BoolColumn> {
  readonly rowBytes = 1
  private bits = new Uint8Array(0)

  fits(column: Column): column is BoolColumn {
    return column instanceof BoolColumn
  }

  protected place({ buffer, at, capacity }: Place, length: number): void {
    this.bits = moved(this.bits, new Uint8Array(buffer, at, capacity), bitmapBytes(length))
  }

  protected gather({ bits }: BoolColumn, { rows, from, to }: RowList, length: number): void {
    for (let index = from, at = length; index < to; index++, at++) setBit(this.bits, at, getBit(bits, rows[index] ?? 0))
  }

  protected column(length: number, validity: Uint8Array | undefined): Column {
    return new BoolColumn(this.bits.subarray(0, bitmapBytes(length)), length, validity)
  }
}

/** A packer for columns of fixed width, and for codes; undefined for others. */
export function fixedPacker(column: Column): ColumnPacker | undefined {
  if (column instanceof Int32Column) return new IntegerPacker()
  if (column instanceof Float64Column) return new DoublePacker()
  if (column instanceof Float32Column) return new FloatPacker()
  if (column instanceof DictionaryColumn) return new CodePacker()
  if (column instanceof BoolColumn) return new BitPacker()
  if (column instanceof Int64Column || column instanceof TimestampColumn || column instanceof DecimalColumn) {
    return new WordPacker(column.type)
  }
  return undefined
}

interface Settable<Self> {
  set(values: Self): void
  subarray(from: number, to: number): Self
}

/** `to`, with the first `length` values of `from`. */
export function moved<Values extends Settable<Values>>(from: Values, to: Values, length: number): Values {
  if (length > 0) to.set(from.subarray(0, length))
  return to
}
