/* What all columns share. The classes stand in columns-fixed.ts, columns-text.ts and columns-nested.ts. */
import { gatherBits, getBit, sliceBits } from './bitmap.js'
import type { ColumnType } from './types.js'

/**
 * One column of a batch, in Arrow's layout: little-endian values, and a validity bitmap where there are nulls.
 * Columns are immutable by agreement and may share buffers with others.
 *
 * Laws: `gather(s).value(i) === value(s[i])`; `slice(a, b).value(i) === value(a + i)`; both keep the type.
 */
export interface Column {
  readonly type: ColumnType
  readonly length: number
  /** One bit a row, 0 where the row is null; undefined where no row is. Object columns never have one. */
  readonly validity: Uint8Array | undefined
  /** False where the row is null. */
  isValid(row: number): boolean
  /** The JavaScript value of a row, or null. Rows outside [0, length) are the caller's mistake. */
  value(row: number): unknown
  /** The given rows, in their order, copied. */
  gather(rows: Uint32Array): Column
  /** Rows [from, to). Shares buffers where it can. */
  slice(from: number, to: number): Column
}

export abstract class BaseColumn implements Column {
  abstract readonly type: ColumnType
  readonly length: number
  readonly validity: Uint8Array | undefined

  constructor(length: number, validity: Uint8Array | undefined) {
    if (validity !== undefined && validity.length * 8 < length) {
      throw new TypeError(`A validity bitmap of ${validity.length} bytes is too short for ${length} rows`)
    }
    this.length = length
    this.validity = validity
  }

  isValid(row: number): boolean {
    return this.validity === undefined || getBit(this.validity, row)
  }

  abstract value(row: number): unknown
  abstract gather(rows: Uint32Array): Column
  abstract slice(from: number, to: number): Column

  protected gatherValidity(rows: Uint32Array): Uint8Array | undefined {
    return this.validity === undefined ? undefined : gatherBits(this.validity, rows)
  }

  protected sliceValidity(from: number, to: number): Uint8Array | undefined {
    return this.validity === undefined ? undefined : sliceBits(this.validity, from, to)
  }
}
