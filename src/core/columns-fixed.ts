/* Columns whose rows have a fixed width: bool, numbers, timestamps, decimals. */
import { gatherBits, getBit, setBit, sliceBits } from './bitmap.js'
import { BaseColumn } from './column.js'
import { formatDecimal } from './decimal.js'
import { joinWords, writeWords } from './int64.js'
import type { DecimalType } from './types.js'

/** One bit a row. */
export class BoolColumn extends BaseColumn {
  readonly type = 'bool'
  readonly bits: Uint8Array

  constructor(bits: Uint8Array, length: number, validity?: Uint8Array) {
    super(length, validity)
    if (bits.length * 8 < length) throw new TypeError(`${bits.length} bytes of bits are too short for ${length} rows`)
    this.bits = bits
  }

  /** A column of the given values, without nulls. */
  static from(values: readonly boolean[]): BoolColumn {
    const bits = new Uint8Array((values.length + 7) >>> 3)
    for (const [row, value] of values.entries()) setBit(bits, row, value)
    return new BoolColumn(bits, values.length)
  }

  value(row: number): boolean | null {
    return this.isValid(row) ? getBit(this.bits, row) : null
  }

  gather(rows: Uint32Array): BoolColumn {
    return new BoolColumn(gatherBits(this.bits, rows), rows.length, this.gatherValidity(rows))
  }

  slice(from: number, to: number): BoolColumn {
    return new BoolColumn(sliceBits(this.bits, from, to), to - from, this.sliceValidity(from, to))
  }
}

export class Int32Column extends BaseColumn {
  readonly type = 'i32'
  readonly values: Int32Array

  constructor(values: Int32Array, validity?: Uint8Array) {
    super(values.length, validity)
    this.values = values
  }

  value(row: number): number | null {
    return this.isValid(row) ? (this.values[row] ?? null) : null
  }

  gather(rows: Uint32Array): Int32Column {
    const values = new Int32Array(rows.length)
    for (let index = 0; index < rows.length; index++) values[index] = this.values[rows[index] ?? 0] ?? 0
    return new Int32Column(values, this.gatherValidity(rows))
  }

  slice(from: number, to: number): Int32Column {
    return new Int32Column(this.values.subarray(from, to), this.sliceValidity(from, to))
  }
}

export class Float32Column extends BaseColumn {
  readonly type = 'f32'
  readonly values: Float32Array

  constructor(values: Float32Array, validity?: Uint8Array) {
    super(values.length, validity)
    this.values = values
  }

  value(row: number): number | null {
    return this.isValid(row) ? (this.values[row] ?? null) : null
  }

  gather(rows: Uint32Array): Float32Column {
    const values = new Float32Array(rows.length)
    for (let index = 0; index < rows.length; index++) values[index] = this.values[rows[index] ?? 0] ?? 0
    return new Float32Column(values, this.gatherValidity(rows))
  }

  slice(from: number, to: number): Float32Column {
    return new Float32Column(this.values.subarray(from, to), this.sliceValidity(from, to))
  }
}

export class Float64Column extends BaseColumn {
  readonly type = 'f64'
  readonly values: Float64Array

  constructor(values: Float64Array, validity?: Uint8Array) {
    super(values.length, validity)
    this.values = values
  }

  value(row: number): number | null {
    return this.isValid(row) ? (this.values[row] ?? null) : null
  }

  gather(rows: Uint32Array): Float64Column {
    const values = new Float64Array(rows.length)
    for (let index = 0; index < rows.length; index++) values[index] = this.values[rows[index] ?? 0] ?? 0
    return new Float64Column(values, this.gatherValidity(rows))
  }

  slice(from: number, to: number): Float64Column {
    return new Float64Column(this.values.subarray(from, to), this.sliceValidity(from, to))
  }
}

/** Columns over 64-bit integers, which can be read as two 32-bit words without making a BigInt. */
export abstract class Word64Column extends BaseColumn {
  readonly values: BigInt64Array
  /** The same buffer as 32-bit words: low, high, low, high. */
  readonly words: Int32Array

  constructor(values: BigInt64Array, validity: Uint8Array | undefined) {
    super(values.length, validity)
    this.values = values
    this.words = new Int32Array(values.buffer, values.byteOffset, values.length * 2)
  }

  /** The lower 32 bits, as an unsigned number. */
  low(row: number): number {
    return (this.words[row * 2] ?? 0) >>> 0
  }

  /** The upper 32 bits, signed. */
  high(row: number): number {
    return this.words[row * 2 + 1] ?? 0
  }

  /** The integer as a number: exact within ±2^53, the nearest number beyond. Nulls give whatever the slot holds. */
  number(row: number): number {
    return joinWords(this.words[row * 2] ?? 0, this.words[row * 2 + 1] ?? 0)
  }

  protected gatherWords(rows: Uint32Array): BigInt64Array {
    const values = new BigInt64Array(rows.length)
    const target = new Int32Array(values.buffer)
    const source = this.words
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index] ?? 0
      target[index * 2] = source[row * 2] ?? 0
      target[index * 2 + 1] = source[row * 2 + 1] ?? 0
    }
    return values
  }
}

export class Int64Column extends Word64Column {
  readonly type = 'i64'

  constructor(values: BigInt64Array, validity?: Uint8Array) {
    super(values, validity)
  }

  value(row: number): bigint | null {
    return this.isValid(row) ? (this.values[row] ?? null) : null
  }

  gather(rows: Uint32Array): Int64Column {
    return new Int64Column(this.gatherWords(rows), this.gatherValidity(rows))
  }

  slice(from: number, to: number): Int64Column {
    return new Int64Column(this.values.subarray(from, to), this.sliceValidity(from, to))
  }
}

/** Milliseconds since 1970-01-01T00:00:00Z, within ±8.64e15. */
export class TimestampColumn extends Word64Column {
  readonly type = 'timestamp'

  constructor(values: BigInt64Array, validity?: Uint8Array) {
    super(values, validity)
  }

  /** A column of the given whole numbers of milliseconds. */
  static fromMillis(millis: Float64Array, validity?: Uint8Array): TimestampColumn {
    const values = new BigInt64Array(millis.length)
    const words = new Int32Array(values.buffer)
    for (let row = 0; row < millis.length; row++) writeWords(words, row, millis[row] ?? 0)
    return new TimestampColumn(values, validity)
  }

  value(row: number): number | null {
    return this.isValid(row) ? this.number(row) : null
  }

  /** All rows as f64 ms; NaN where the row is null. */
  toMillis(): Float64Array {
    const { words, length, validity } = this
    const millis = new Float64Array(length)
    for (let row = 0; row < length; row++) millis[row] = joinWords(words[row * 2] ?? 0, words[row * 2 + 1] ?? 0)
    if (validity !== undefined) {
      for (let row = 0; row < length; row++) if (!getBit(validity, row)) millis[row] = Number.NaN
    }
    return millis
  }

  gather(rows: Uint32Array): TimestampColumn {
    return new TimestampColumn(this.gatherWords(rows), this.gatherValidity(rows))
  }

  slice(from: number, to: number): TimestampColumn {
    return new TimestampColumn(this.values.subarray(from, to), this.sliceValidity(from, to))
  }
}

/** Exact decimals: integers scaled by 10^scale. */
export class DecimalColumn extends Word64Column {
  readonly type: DecimalType

  constructor(type: DecimalType, values: BigInt64Array, validity?: Uint8Array) {
    super(values, validity)
    this.type = type
  }

  value(row: number): string | null {
    return this.isValid(row) ? formatDecimal(this.values[row] ?? 0n, this.type.scale) : null
  }

  gather(rows: Uint32Array): DecimalColumn {
    return new DecimalColumn(this.type, this.gatherWords(rows), this.gatherValidity(rows))
  }

  slice(from: number, to: number): DecimalColumn {
    return new DecimalColumn(this.type, this.values.subarray(from, to), this.sliceValidity(from, to))
  }
}
