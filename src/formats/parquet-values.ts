/* What the decoders of flat and of nested columns share. */
import type { DecodedArray, ParquetParsers } from 'hyparquet'
import type { Column } from '../core/column.js'

const DAY_MS = 86_400_000
/** More than any decimal of a database has. */
const MAX_DECIMAL_BYTES = 64

/** Collects the decoded arrays of one column of one row group. */
export interface ColumnDecoder {
  /** Overrides of hyparquet's parsers, for this column. */
  readonly parsers: Partial<ParquetParsers>
  /** @throws SabotError NULL_VALUE or OUT_OF_RANGE with the row of the file. */
  add(values: DecodedArray): void
  readonly rows: number
  finish(): Column
}

function floorDivide(value: bigint, divisor: bigint): number {
  const quotient = value / divisor
  return Number(value % divisor < 0n ? quotient - 1n : quotient)
}

/** Times in ms, cut towards −∞. */
export const TIMESTAMP_PARSERS: Partial<ParquetParsers> = {
  timestampFromMilliseconds: Number,
  timestampFromMicroseconds: micros => floorDivide(micros, 1000n),
  timestampFromNanoseconds: nanos => floorDivide(nanos, 1_000_000n),
  dateFromDays: days => days * DAY_MS,
}

/** The integer of a decimal: INT32 and INT64 as they are, byte arrays as big-endian two's complement. @throws RangeError */
export function unscaled(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return BigInt(value)
  if (!(value instanceof Uint8Array)) return undefined
  if (value.length > MAX_DECIMAL_BYTES) throw new RangeError(`it has a decimal of ${value.length} bytes`)
  let result = 0n
  for (const byte of value) result = (result << 8n) | BigInt(byte)
  return BigInt.asIntN(value.length * 8, result)
}
