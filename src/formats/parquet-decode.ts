/*
 * Decoding one column chunk: what hyparquet is shown and handed, and turning its arrays into columns.
 *
 * Parsers run once a value of a dictionary, else once a row. They give numbers, dictionary codes and exact integers, so
 * that the rows' arrays hold what goes into the column, and no Date, BigInt or new string is made a row.
 */
import type { DecodedArray, ParquetParsers, SchemaElement, SchemaTree } from 'hyparquet'
import { bitmapBytes, setBit } from '../core/bitmap.js'
import type { Column } from '../core/column.js'
import {
  BoolColumn,
  DecimalColumn,
  Float32Column,
  Float64Column,
  Int32Column,
  Int64Column,
  TimestampColumn,
} from '../core/columns-fixed.js'
import { DictionaryColumn, Utf8Column } from '../core/columns-text.js'
import { formatDecimal } from '../core/decimal.js'
import { Dictionary, MAX_DICTIONARY_ENTRIES } from '../core/dictionary.js'
import { describeValue, SabotError } from '../core/errors.js'
import { MAX_INT64, MAX_TIMESTAMP, MIN_INT64, writeWords } from '../core/int64.js'
import { type DecimalType, type Field, typeName } from '../core/types.js'
import { decodeUtf8 } from '../core/utf8.js'
import { NestedDecoder } from './parquet-nested.js'
import { decimalScale, leafKind } from './parquet-types.js'
import { type ColumnDecoder, TIMESTAMP_PARSERS, unscaled } from './parquet-values.js'

/** The element that hyparquet is shown instead of the file's, so that it hands out exact values through our parsers. */
export function shownElement(element: SchemaElement): SchemaElement {
  const { converted_type, logical_type, ...bare } = element
  switch (leafKind(element)) {
    case 'decimal':
      return bare
    case 'date':
      return { ...bare, converted_type: 'DATE' }
    // Integers go the way of timestamps, whose parser is called once a dictionary entry.
    case 'int64':
    case 'millis':
      return { ...bare, logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' } }
    case 'micros':
      return { ...bare, logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' } }
    case 'nanos':
      return { ...bare, logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'NANOS' } }
    case 'text':
      return { ...bare, converted_type: 'UTF8' }
    default:
      return element
  }
}

/** A decoder of `field` from the file column `tree`; `firstRow` counts the rows of the file before it. */
export function columnDecoder(tree: SchemaTree, field: Field, rowCount: number, firstRow: number): ColumnDecoder {
  const { element, children } = tree
  if (children.length > 0 || element.repetition_type === 'REPEATED' || field.type === 'object') {
    return new NestedDecoder(tree, field, firstRow)
  }
  switch (field.type) {
    case 'bool':
      return new BoolDecoder(field, rowCount, firstRow)
    case 'i32':
      return new Int32Decoder(field, rowCount, firstRow)
    case 'i64':
      return new Int64Decoder(field, rowCount, firstRow)
    case 'f32':
      return new Float32Decoder(field, rowCount, firstRow)
    case 'f64':
      return new Float64Decoder(field, rowCount, firstRow)
    case 'timestamp':
      return new TimestampDecoder(field, rowCount, firstRow)
    case 'utf8':
      return new Utf8Decoder(field, rowCount, firstRow)
    default:
      if (field.type.kind !== 'decimal') throw new TypeError(`Column ${field.name} is not nested in the file`)
      return new DecimalDecoder(field, field.type, decimalScale(element), rowCount, firstRow)
  }
}

abstract class FlatDecoder implements ColumnDecoder {
  parsers: Partial<ParquetParsers> = {}
  rows = 0
  protected readonly field: Field
  protected readonly rowCount: number
  private readonly firstRow: number
  private validity: Uint8Array | undefined

  constructor(field: Field, rowCount: number, firstRow: number) {
    this.field = field
    this.rowCount = rowCount
    this.firstRow = firstRow
  }

  add(values: DecodedArray): void {
    if (this.rows + values.length > this.rowCount) {
      throw new SabotError('PARQUET_INVALID', `Column ${this.field.name} has more rows than its row group`, {
        field: this.field.name,
      })
    }
    this.write(values, this.rows)
    this.rows += values.length
  }

  finish(): Column {
    return this.column(this.validity)
  }

  protected abstract write(values: DecodedArray, at: number): void
  protected abstract column(validity: Uint8Array | undefined): Column

  protected setNull(row: number): void {
    if (!this.field.nullable) {
      throw new SabotError(
        'NULL_VALUE',
        `Column ${this.field.name} is null in row ${this.firstRow + row}, but not declared nullable`,
        { field: this.field.name, position: this.firstRow + row },
      )
    }
    this.validity ??= new Uint8Array(bitmapBytes(this.rowCount)).fill(0xff)
    setBit(this.validity, row, false)
  }

  protected outOfRange(row: number, value: unknown): SabotError {
    const position = this.firstRow + row
    return new SabotError(
      'OUT_OF_RANGE',
      `Column ${this.field.name}, row ${position}: ${describeValue(value)} does not fit ${typeName(this.field.type)}`,
      { field: this.field.name, value, position },
    )
  }
}

class BoolDecoder extends FlatDecoder {
  private readonly bits = new Uint8Array(bitmapBytes(this.rowCount))

  protected write(values: DecodedArray, at: number): void {
    for (let index = 0; index < values.length; index++) {
      const value: unknown = values[index]
      if (value === null || value === undefined) this.setNull(at + index)
      else if (value) setBit(this.bits, at + index, true)
    }
  }

  protected column(validity: Uint8Array | undefined): Column {
    return new BoolColumn(this.bits, this.rowCount, validity)
  }
}

/** Numbers of either integer width, narrowed where they fit. */
class Int32Decoder extends FlatDecoder {
  override parsers = { timestampFromMilliseconds: Number }
  private readonly values = new Int32Array(this.rowCount)

  protected write(values: DecodedArray, at: number): void {
    const target = this.values
    for (let index = 0; index < values.length; index++) {
      const value: unknown = values[index]
      if (typeof value === 'number' && (value | 0) === value) target[at + index] = value
      else if (value === null || value === undefined) this.setNull(at + index)
      else this.writeOther(value, at + index)
    }
  }

  /** A bigint comes from columns of unsigned integers. */
  private writeOther(value: unknown, row: number): void {
    const number = Number(value)
    if ((number | 0) !== number) throw this.outOfRange(row, value)
    this.values[row] = number
  }

  protected column(validity: Uint8Array | undefined): Column {
    return new Int32Column(this.values, validity)
  }
}

class Int64Decoder extends FlatDecoder {
  override parsers = { timestampFromMilliseconds: (value: bigint) => value }
  private readonly values = new BigInt64Array(this.rowCount)
  private readonly words = new Int32Array(this.values.buffer)

  protected write(values: DecodedArray, at: number): void {
    if (values instanceof BigInt64Array) {
      this.values.set(values, at)
      return
    }
    for (let index = 0; index < values.length; index++) {
      const value: unknown = values[index]
      if (typeof value === 'bigint') {
        if (value > MAX_INT64) throw this.outOfRange(at + index, value)
        this.values[at + index] = value
      } else if (typeof value === 'number') writeWords(this.words, at + index, value)
      else this.setNull(at + index)
    }
  }

  protected column(validity: Uint8Array | undefined): Column {
    return new Int64Column(this.values, validity)
  }
}

class Float32Decoder extends FlatDecoder {
  private readonly values = new Float32Array(this.rowCount)

  protected write(values: DecodedArray, at: number): void {
    for (let index = 0; index < values.length; index++) {
      const value: unknown = values[index]
      if (typeof value === 'number') this.values[at + index] = value
      else this.setNull(at + index)
    }
  }

  protected column(validity: Uint8Array | undefined): Column {
    return new Float32Column(this.values, validity)
  }
}

/** Floats as they are, and integers that an f64 holds exactly. */
class Float64Decoder extends FlatDecoder {
  override parsers = { timestampFromMilliseconds: exactNumber }
  private readonly values = new Float64Array(this.rowCount)

  protected write(values: DecodedArray, at: number): void {
    for (let index = 0; index < values.length; index++) {
      const value: unknown = values[index]
      if (typeof value === 'number') this.values[at + index] = value
      else if (value === null || value === undefined) this.setNull(at + index)
      else this.values[at + index] = this.exact(value, at + index)
    }
  }

  private exact(value: unknown, row: number): number {
    const number = exactNumber(value)
    if (typeof number !== 'number') throw this.outOfRange(row, value)
    return number
  }

  protected column(validity: Uint8Array | undefined): Column {
    return new Float64Column(this.values, validity)
  }
}

/** The number of an integer within ±2^53; the bigint itself beyond, to be reported with its row. */
function exactNumber(value: unknown): unknown {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** Microseconds and nanoseconds are cut to milliseconds, towards −∞. */
class TimestampDecoder extends FlatDecoder {
  override parsers = TIMESTAMP_PARSERS
  private readonly values = new BigInt64Array(this.rowCount)
  private readonly words = new Int32Array(this.values.buffer)

  protected write(values: DecodedArray, at: number): void {
    const { words } = this
    for (let index = 0; index < values.length; index++) {
      const value: unknown = values[index]
      if (typeof value === 'number') {
        if (!(Math.abs(value) <= MAX_TIMESTAMP)) throw this.outOfRange(at + index, value)
        writeWords(words, at + index, value)
      } else this.setNull(at + index)
    }
  }

  protected column(validity: Uint8Array | undefined): Column {
    return new TimestampColumn(this.values, validity)
  }
}

/** Codes of a dictionary of its own; plain strings from the row on where the dictionary is full. */
class Utf8Decoder extends FlatDecoder {
  private readonly dictionary = new Dictionary()
  private readonly codes = new Int32Array(this.rowCount)
  private strings: string[] | undefined
  override parsers = {
    stringFromBytes: (bytes: Uint8Array) => this.codeOrText(decodeUtf8(bytes)),
    jsonFromBytes: (bytes: Uint8Array) => this.codeOrText(decodeUtf8(bytes)),
  }

  private codeOrText(text: string): number | string {
    const known = this.dictionary.find(text)
    if (known !== undefined) return known
    return this.dictionary.size < MAX_DICTIONARY_ENTRIES ? this.dictionary.encode(text) : text
  }

  protected write(values: DecodedArray, at: number): void {
    const { codes } = this
    for (let index = 0; index < values.length; index++) {
      const value: unknown = values[index]
      if (typeof value === 'number' && this.strings === undefined) codes[at + index] = value
      else if (value === null || value === undefined) this.setNull(at + index)
      else this.writeOther(value, at + index)
    }
  }

  private writeOther(value: unknown, row: number): void {
    // Columns without a string annotation, and UUIDs, come as bytes and as text.
    const code =
      value instanceof Uint8Array
        ? this.codeOrText(decodeUtf8(value))
        : typeof value === 'string'
          ? this.codeOrText(value)
          : Number(value)
    if (typeof code === 'number' && this.strings === undefined) {
      this.codes[row] = code
      return
    }
    if (this.strings === undefined) this.strings = Array.from(this.codes.subarray(0, row), before => this.entry(before))
    while (this.strings.length < row) this.strings.push('')
    this.strings.push(typeof code === 'number' ? this.entry(code) : code)
  }

  private entry(code: number): string {
    return code < this.dictionary.size ? this.dictionary.string(code) : ''
  }

  protected column(validity: Uint8Array | undefined): Column {
    const { strings } = this
    if (strings === undefined) return new DictionaryColumn(this.codes, this.dictionary, validity)
    while (strings.length < this.rowCount) strings.push('')
    const plain = Utf8Column.from(strings)
    return new Utf8Column(plain.offsets, plain.bytes, validity)
  }
}

class DecimalDecoder extends FlatDecoder {
  private readonly type: DecimalType
  private readonly factor: bigint
  private readonly values = new BigInt64Array(this.rowCount)

  constructor(field: Field, type: DecimalType, fileScale: number, rowCount: number, firstRow: number) {
    super(field, rowCount, firstRow)
    this.type = type
    this.factor = 10n ** BigInt(type.scale - fileScale)
  }

  protected write(values: DecodedArray, at: number): void {
    for (let index = 0; index < values.length; index++) {
      const value = unscaled(values[index])
      if (value === undefined) {
        this.setNull(at + index)
        continue
      }
      const scaled = value * this.factor
      if (scaled < MIN_INT64 || scaled > MAX_INT64)
        throw this.outOfRange(at + index, formatDecimal(scaled, this.type.scale))
      this.values[at + index] = scaled
    }
  }

  protected column(validity: Uint8Array | undefined): Column {
    return new DecimalColumn(this.type, this.values, validity)
  }
}
