/*
 * Event timestamps and the bounded-out-of-orderness watermark, record by record.
 *
 * A timestamp is a whole number of milliseconds: finer units and fractional milliseconds are floored, so that
 * "a window fires when the watermark reaches end - 1" leaves no gap below the end of a window.
 * The watermark written beside a row is the one in force before that row; it does not know the row's own timestamp.
 *
 *   generator:  0                8                16
 *               +----------------+----------------+
 *               | bound ms (f64) | max timestamp  |
 *               +----------------+----------------+
 */
import {
  LIMIT_TIMESTAMP, RESULT_DETAIL, RESULT_NUMBER, RESULT_ROW, RESULT_STATUS, STATUS_ARGUMENT, STATUS_OK,
  STATUS_TIMESTAMP, TIMESTAMP_NAN, TIMESTAMP_NULL, TIMESTAMP_RANGE, TYPE_F32, TYPE_F64, TYPE_I32, TYPE_I64,
  UNIT_MICROSECOND, UNIT_MILLISECOND, UNIT_NANOSECOND, UNIT_SECOND,
} from '../abi'
import { SIMD } from '../build'
import { put, putV128 } from '../guard'
import { allocate, release, resultPtr } from '../memory'

const AT_BOUND: usize = 0
const AT_MAX: usize = 8
const GENERATOR_BYTES: usize = 16

/**
 * A watermark generator; `boundMs` is a whole number >= 0 (0: timestamps ascend). 0 = failure, status in the result
 * area.
 */
export function watermarksCreate(boundMs: f64): usize {
  if (!(boundMs >= 0 && boundMs <= <f64>LIMIT_TIMESTAMP) || Math.floor(boundMs) != boundMs) {
    put<i32>(resultPtr(), STATUS_ARGUMENT, RESULT_STATUS)
    put<u32>(resultPtr(), 0, RESULT_DETAIL)
    return 0
  }
  const generator = allocate(GENERATOR_BYTES)
  if (generator == 0) return 0
  put<f64>(generator, boundMs, AT_BOUND)
  put<f64>(generator, -Infinity, AT_MAX)
  return generator
}

export function watermarksRelease(generator: usize): void {
  release(generator)
}

/** The watermark after the rows seen so far: max timestamp - bound - 1, or -Infinity. */
export function watermarksCurrent(generator: usize): f64 {
  return load<f64>(generator, AT_MAX) - load<f64>(generator, AT_BOUND) - 1
}

/** The highest timestamp seen, or -Infinity. With the bound it is the generator's whole state. */
export function watermarksMax(generator: usize): f64 {
  return load<f64>(generator, AT_MAX)
}

/** Restores a generator: `maxTimestamp` is what watermarksMax() returned. */
export function watermarksSet(generator: usize, maxTimestamp: f64): void {
  put<f64>(generator, maxTimestamp, AT_MAX)
}

// @ts-ignore: decorator
@inline
function isValid(validity: usize, row: u32): bool {
  return validity == 0 || ((<u32>load<u8>(validity + (row >> 3)) >> (row & 7)) & 1) != 0
}

// @ts-ignore: decorator
@inline
function floorDivide(value: i64, by: i64): i64 {
  const quotient = value / by
  return quotient - <i64>(value - quotient * by < 0)
}

/** Row `row` of a column as ms, floored; NaN only for NaN. Integers beyond the range come out beyond it. */
// @ts-ignore: decorator
@inline
function readMs(source: usize, type: i32, unit: i32, row: u32): f64 {
  if (type == TYPE_I64) {
    const value = load<i64>(source + (<usize>row << 3))
    if (unit == UNIT_MILLISECOND) return <f64>value
    if (unit == UNIT_MICROSECOND) return <f64>floorDivide(value, 1000)
    if (unit == UNIT_NANOSECOND) return <f64>floorDivide(value, 1000000)
    return <f64>value * 1000
  }
  const value = type == TYPE_I32 ? <f64>load<i32>(source + (<usize>row << 2))
    : type == TYPE_F32 ? <f64>load<f32>(source + (<usize>row << 2))
      : load<f64>(source + (<usize>row << 3))
  if (unit == UNIT_MILLISECOND) return Math.floor(value)
  if (unit == UNIT_MICROSECOND) return Math.floor(value / 1000)
  if (unit == UNIT_NANOSECOND) return Math.floor(value / 1000000)
  return Math.floor(value * 1000)
}

/** The lowest timestamp of this call. */
let lowest: f64 = 0

// @ts-ignore: decorator
@inline
function assignRows(
  type: i32, unit: i32, source: usize, validity: usize, from: u32, to: u32,
  timestamps: usize, watermarks: usize, generator: usize,
): u32 {
  const delay = load<f64>(generator, AT_BOUND) + 1
  let highest = load<f64>(generator, AT_MAX)
  let low = lowest
  let row = from
  for (; row < to; row++) {
    if (!isValid(validity, row)) break
    // + 0 makes 0 of -0, which would differ from it bytewise.
    const ms = readMs(source, type, unit, row) + 0
    // False for NaN too.
    if (!(Math.abs(ms) <= <f64>LIMIT_TIMESTAMP)) break
    put<f64>(timestamps + (<usize>row << 3), ms)
    put<f64>(watermarks + (<usize>row << 3), highest - delay)
    if (ms > highest) highest = ms
    if (ms < low) low = ms
  }
  lowest = low
  put<f64>(generator, highest, AT_MAX)
  return row
}

/** 1.5 * 2^52: an integer within ±2^51, added to its bits, becomes the integer in the bits of a number behind it. */
const MAGIC: f64 = 6755399441055744
const MAGIC_RANGE: i64 = 1 << 51

/** Two i64 as f64. Those beyond ±2^51 become NaN: there is no instruction for this, and the trick ends there. */
// @ts-ignore: decorator
@inline
function toFloats(values: v128): v128 {
  const numbers = f64x2.sub(i64x2.add(values, f64x2.splat(MAGIC)), f64x2.splat(MAGIC))
  const beyond = v128.or(
    i64x2.gt_s(values, i64x2.splat(MAGIC_RANGE - 1)), i64x2.lt_s(values, i64x2.splat(-MAGIC_RANGE)),
  )
  return v128.or(numbers, beyond)
}

/**
 * Milliseconds in f64 or i64 without nulls, two rows a step: the maximum before row r + 1 is that before row r or row
 * r.
 * It ends before the first pair that holds a bad row (or an i64 beyond ±2^51), which the loop above then looks at.
 */
// @ts-ignore: decorator
@inline
function assignPairs(
  type: i32, source: usize, from: u32, to: u32, timestamps: usize, watermarks: usize, generator: usize,
): u32 {
  const delay = f64x2.splat(load<f64>(generator, AT_BOUND) + 1)
  const limit = f64x2.splat(<f64>LIMIT_TIMESTAMP)
  const zero = f64x2.splat(0)
  // Both lanes: the highest timestamp before the pair.
  let highest = f64x2.splat(load<f64>(generator, AT_MAX))
  let low = f64x2.splat(Infinity)
  let row = from
  for (; row + 2 <= to; row += 2) {
    const at = <usize>row << 3
    const values = v128.load(source + at)
    const ms = type == TYPE_I64 ? toFloats(values) : f64x2.add(f64x2.floor(values), zero)
    if (!i64x2.all_true(f64x2.le(f64x2.abs(ms), limit))) break
    putV128(timestamps + at, ms)
    low = f64x2.pmin(low, ms)
    const first = v128.shuffle<f64>(ms, ms, 0, 0)
    const afterFirst = f64x2.pmax(highest, first)
    putV128(watermarks + at, f64x2.sub(v128.shuffle<f64>(highest, afterFirst, 0, 2), delay))
    highest = f64x2.pmax(afterFirst, v128.shuffle<f64>(ms, ms, 1, 1))
  }
  put<f64>(generator, f64x2.extract_lane(highest, 0), AT_MAX)
  lowest = min<f64>(f64x2.extract_lane(low, 0), f64x2.extract_lane(low, 1))
  return row
}

/**
 * Reads the rows [from, to) of a column into `outTimestamps` and `outWatermarks` (f64[], indexed by row). Returns the
 * number of rows before the first bad one, or all; the result area has the status, the lowest timestamp of these rows
 * as RESULT_NUMBER, and RESULT_ROW and RESULT_DETAIL (a TIMESTAMP_ reason) of the bad row. The host may go on behind
 * it. The generator knows the good rows only.
 */
export function timestampsAssign(
  generator: usize, source: usize, type: i32, unit: i32, validity: usize, from: u32, to: u32,
  outTimestamps: usize, outWatermarks: usize,
): i32 {
  const known = type == TYPE_I32 || type == TYPE_I64 || type == TYPE_F32 || type == TYPE_F64
  if (!known || unit < UNIT_SECOND || unit > UNIT_NANOSECOND || to < from) {
    put<i32>(resultPtr(), STATUS_ARGUMENT, RESULT_STATUS)
    put<u32>(resultPtr(), !known ? 2 : to < from ? 6 : 3, RESULT_DETAIL)
    return STATUS_ARGUMENT
  }
  let row = from
  lowest = Infinity
  // The common pairs of type and unit as constants, so that the reader folds to one conversion.
  if (type == TYPE_F64 && unit == UNIT_MILLISECOND) {
    if (SIMD && validity == 0) row = assignPairs(TYPE_F64, source, row, to, outTimestamps, outWatermarks, generator)
    row = assignRows(TYPE_F64, UNIT_MILLISECOND, source, validity, row, to, outTimestamps, outWatermarks, generator)
  } else if (type == TYPE_I64 && unit == UNIT_MILLISECOND) {
    if (SIMD && validity == 0) row = assignPairs(TYPE_I64, source, row, to, outTimestamps, outWatermarks, generator)
    row = assignRows(TYPE_I64, UNIT_MILLISECOND, source, validity, row, to, outTimestamps, outWatermarks, generator)
  } else {
    row = assignRows(type, unit, source, validity, row, to, outTimestamps, outWatermarks, generator)
  }
  put<f64>(resultPtr(), lowest, RESULT_NUMBER)
  put<i32>(resultPtr(), row == to ? STATUS_OK : STATUS_TIMESTAMP, RESULT_STATUS)
  if (row < to) {
    const reason = !isValid(validity, row) ? TIMESTAMP_NULL
      : isNaN(readMs(source, type, unit, row)) ? TIMESTAMP_NAN : TIMESTAMP_RANGE
    put<u32>(resultPtr(), row, RESULT_ROW)
    put<u32>(resultPtr(), reason, RESULT_DETAIL)
  }
  return row - from
}
