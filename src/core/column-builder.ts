/* What all column builders share. The classes stand in builders-fixed.ts, builders-text.ts and builders-nested.ts. */
import { bitmapBytes, countSetBits, getBit, setBit } from './bitmap.js'
import type { Column } from './column.js'
import { describeValue, SabotError } from './errors.js'

/**
 * Builds one column: JavaScript values in, Arrow layout out. A builder checks a value before it writes anything, and
 * can be cut back to an earlier length, so that a row that fails in its last field leaves no trace. `append` takes any
 * value but null and undefined; after `finish` the builder is empty again.
 */
export interface ColumnBuilder {
  readonly length: number
  /** @throws SabotError TYPE_MISMATCH, OUT_OF_RANGE, DECIMAL_INVALID or NULL_VALUE, with nothing written. */
  append(value: unknown): void
  appendNull(): void
  truncate(length: number): void
  finish(): Column
}

/** How many rows a builder has room for at first. */
export const FIRST_ROWS = 1024

export function typeMismatch(path: string, expected: string, value: unknown, hint = ''): SabotError {
  return new SabotError('TYPE_MISMATCH', `Field ${path} takes ${expected}, not ${kindOf(value)}${hint}`, {
    field: path,
    expected,
    value,
  })
}

export function outOfRange(path: string, range: string, value: unknown): SabotError {
  return new SabotError('OUT_OF_RANGE', `Field ${path} holds ${range}, not ${describeValue(value)}`, {
    field: path,
    value,
  })
}

function kindOf(value: unknown): string {
  const kind = typeof value
  return kind === 'object' || kind === 'undefined' ? describeValue(value) : `the ${kind} ${describeValue(value)}`
}

/** Validity that exists only from the first null on. */
export class ValidityBuilder {
  private bits: Uint8Array | undefined

  set(row: number, valid: boolean): void {
    if (this.bits === undefined) {
      if (valid) return
      this.bits = new Uint8Array(Math.max(128, bitmapBytes(row + 1) * 2)).fill(0xff)
    } else if (row >>> 3 >= this.bits.length) {
      const larger = new Uint8Array(bitmapBytes(row + 1) * 2).fill(0xff)
      larger.set(this.bits)
      this.bits = larger
    }
    setBit(this.bits, row, valid)
  }

  isSet(row: number): boolean {
    return this.bits === undefined || getBit(this.bits, row)
  }

  finish(length: number): Uint8Array | undefined {
    const { bits } = this
    this.bits = undefined
    if (bits === undefined || countSetBits(bits, length) === length) return undefined
    const kept = bits.slice(0, bitmapBytes(length))
    if ((length & 7) !== 0) kept[kept.length - 1] = (kept[kept.length - 1] ?? 0) & ((1 << (length & 7)) - 1)
    return kept
  }
}
