/* Builders of columns of a fixed width. Null rows have slots of 0, so that equal rows are equal bytes. */
import { bitmapBytes } from './bitmap.js'
import type { Column } from './column.js'
import { type ColumnBuilder, FIRST_ROWS, outOfRange, typeMismatch, ValidityBuilder } from './column-builder.js'
import {
  BoolColumn,
  DecimalColumn,
  Float32Column,
  Float64Column,
  Int32Column,
  Int64Column,
  TimestampColumn,
} from './columns-fixed.js'
import { parseDecimal } from './decimal.js'
import { SabotError } from './errors.js'
import { MAX_INT64, MAX_TIMESTAMP, MIN_INT64, writeWords } from './int64.js'
import type { DecimalType } from './types.js'

/** Subclasses check a value and write it at `this.length`, after `reserve`. */
abstract class FixedBuilder implements ColumnBuilder {
  length = 0
  protected readonly path: string
  protected readonly validity = new ValidityBuilder()
  private capacity = FIRST_ROWS

  constructor(path: string) {
    this.path = path
  }

  append(value: unknown): void {
    this.write(value)
    this.validity.set(this.length, true)
    this.length++
  }

  appendNull(): void {
    this.reserve()
    this.clear(this.length)
    this.validity.set(this.length, false)
    this.length++
  }

  truncate(length: number): void {
    this.length = length
  }

  finish(): Column {
    const column = this.column(this.length, this.validity.finish(this.length))
    this.length = 0
    return column
  }

  /** Makes room for one more row. */
  protected reserve(): void {
    if (this.length < this.capacity) return
    this.capacity *= 2
    this.grow(this.capacity)
  }

  protected abstract write(value: unknown): void
  protected abstract clear(row: number): void
  protected abstract grow(capacity: number): void
  protected abstract column(length: number, validity: Uint8Array | undefined): Column
}

export class BoolBuilder extends FixedBuilder {
  private values: Uint8Array = new Uint8Array(FIRST_ROWS)

  protected write(value: unknown): void {
    if (typeof value !== 'boolean') throw typeMismatch(this.path, 'true or false', value)
    this.reserve()
    this.values[this.length] = value ? 1 : 0
  }

  protected clear(row: number): void {
    this.values[row] = 0
  }

  protected grow(capacity: number): void {
    const larger = new Uint8Array(capacity)
    larger.set(this.values)
    this.values = larger
  }

  protected column(length: number, validity: Uint8Array | undefined): Column {
    const bits = new Uint8Array(bitmapBytes(length))
    for (let row = 0; row < length; row++) {
      bits[row >>> 3] = (bits[row >>> 3] ?? 0) | ((this.values[row] ?? 0) << (row & 7))
    }
    return new BoolColumn(bits, length, validity)
  }
}

export class Int32Builder extends FixedBuilder {
  private values: Int32Array = new Int32Array(FIRST_ROWS)

  protected write(value: unknown): void {
    if (typeof value !== 'number') throw typeMismatch(this.path, 'a whole number', value)
    if ((value | 0) !== value) {
      if (Number.isFinite(value) && !Number.isInteger(value)) {
        throw typeMismatch(this.path, 'a whole number', value, ". Declare it 'f64', or round the value")
      }
      throw outOfRange(this.path, "whole numbers within ±2^31 ('i64' and 'f64' hold larger ones)", value)
    }
    this.reserve()
    this.values[this.length] = value
  }

  protected clear(row: number): void {
    this.values[row] = 0
  }

  protected grow(capacity: number): void {
    const larger = new Int32Array(capacity)
    larger.set(this.values)
    this.values = larger
  }

  protected column(length: number, validity: Uint8Array | undefined): Column {
    return new Int32Column(this.values.slice(0, length), validity)
  }
}

export class Float64Builder extends FixedBuilder {
  private values: Float64Array = new Float64Array(FIRST_ROWS)

  protected write(value: unknown): void {
    if (typeof value !== 'number') throw typeMismatch(this.path, 'a number', value)
    this.reserve()
    this.values[this.length] = value
  }

  protected clear(row: number): void {
    this.values[row] = 0
  }

  protected grow(capacity: number): void {
    const larger = new Float64Array(capacity)
    larger.set(this.values)
    this.values = larger
  }

  protected column(length: number, validity: Uint8Array | undefined): Column {
    return new Float64Column(this.values.slice(0, length), validity)
  }
}

/** Numbers are rounded to the nearest f32. */
export class Float32Builder extends FixedBuilder {
  private values: Float32Array = new Float32Array(FIRST_ROWS)

  protected write(value: unknown): void {
    if (typeof value !== 'number') throw typeMismatch(this.path, 'a number', value)
    this.reserve()
    this.values[this.length] = value
  }

  protected clear(row: number): void {
    this.values[row] = 0
  }

  protected grow(capacity: number): void {
    const larger = new Float32Array(capacity)
    larger.set(this.values)
    this.values = larger
  }

  protected column(length: number, validity: Uint8Array | undefined): Column {
    return new Float32Column(this.values.slice(0, length), validity)
  }
}

abstract class Word64Builder extends FixedBuilder {
  protected values = new BigInt64Array(FIRST_ROWS)
  private words = new Int32Array(this.values.buffer)

  protected clear(row: number): void {
    writeWords(this.words, row, 0)
  }

  protected grow(capacity: number): void {
    const larger = new BigInt64Array(capacity)
    larger.set(this.values)
    this.values = larger
    this.words = new Int32Array(larger.buffer)
  }

  protected writeNumber(value: number): void {
    this.reserve()
    writeWords(this.words, this.length, value)
  }

  protected writeBigInt(value: bigint): void {
    this.reserve()
    this.values[this.length] = value
  }
}

export class Int64Builder extends Word64Builder {
  protected write(value: unknown): void {
    if (typeof value === 'bigint') {
      if (value < MIN_INT64 || value > MAX_INT64) throw outOfRange(this.path, 'integers within ±2^63', value)
      this.writeBigInt(value)
    } else if (typeof value === 'number') {
      if (!Number.isSafeInteger(value)) {
        if (Number.isFinite(value) && !Number.isInteger(value)) throw typeMismatch(this.path, 'an integer', value)
        throw outOfRange(this.path, 'numbers within ±2^53 and bigints within ±2^63', value)
      }
      this.writeNumber(value)
    } else {
      throw typeMismatch(this.path, 'a bigint or a whole number', value)
    }
  }

  protected column(length: number, validity: Uint8Array | undefined): Column {
    return new Int64Column(this.values.slice(0, length), validity)
  }
}

/** Takes whole milliseconds since the epoch, or a Date. */
export class TimestampBuilder extends Word64Builder {
  protected write(value: unknown): void {
    const ms = value instanceof Date ? value.getTime() : value
    if (typeof ms !== 'number') {
      throw typeMismatch(this.path, 'milliseconds since 1970 or a Date', value, hintForText(value))
    }
    // A NaN fails this comparison too.
    if (!(Math.abs(ms) <= MAX_TIMESTAMP)) throw outOfRange(this.path, 'times within ±8.64e15 ms of 1970', value)
    if (!Number.isInteger(ms))
      throw typeMismatch(this.path, 'whole milliseconds', value, '. Round it, e.g. by Math.floor')
    this.writeNumber(ms)
  }

  protected column(length: number, validity: Uint8Array | undefined): Column {
    return new TimestampColumn(this.values.slice(0, length), validity)
  }
}

function hintForText(value: unknown): string {
  return typeof value === 'string' ? '. Turn texts into times with Date.parse' : ''
}

/** Takes decimal texts, bigints and safe whole numbers; not fractions of numbers, which are seldom what they seem. */
export class DecimalBuilder extends Word64Builder {
  private readonly type: DecimalType

  constructor(path: string, type: DecimalType) {
    super(path)
    this.type = type
  }

  protected write(value: unknown): void {
    if (typeof value !== 'string' && typeof value !== 'bigint' && !Number.isSafeInteger(value)) {
      throw typeMismatch(this.path, "a decimal text such as '12.30', a bigint or a safe whole number", value)
    }
    try {
      this.writeBigInt(parseDecimal(String(value), this.type.scale))
    } catch (error) {
      if (!(error instanceof SabotError)) throw error
      const details = { ...error.details, field: this.path, value }
      throw new SabotError(error.code, `Field ${this.path}: ${error.message}`, details, { cause: error })
    }
  }

  protected column(length: number, validity: Uint8Array | undefined): Column {
    return new DecimalColumn(this.type, this.values.slice(0, length), validity)
  }
}
