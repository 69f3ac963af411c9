/*
 * Whole records: combining two, putting one out as a row of the output columns.
 */
import {
  OUT_COLUMN_STRIDE, OUT_COUNT, OUT_END, OUT_FIRST_COLUMN, OUT_KEY_ID, OUT_START, RESULT_DETAIL,
} from '../abi'
import { SIMD } from '../build'
import { put, putV128 } from '../guard'
import { resultPtr } from '../memory'
import {
  Aggregation, AT_MAX, AT_MIN, AT_N, AT_ROWS, AT_SUM, Column, columnAt, hasMinMax, isFloat, output,
} from './aggregation'

/**
 * Adds the records `bits` of the page `from` to those of the page `to`; false when an integer sum leaves the i64 range:
 * RESULT_DETAIL is its column, and what was added before stays.
 */
export function combineRecords(state: Aggregation, to: usize, from: usize, bits: u64): bool {
  const columns = state.columnCount
  const recordBytes = <usize>state.recordBytes
  if (columns == 0 || columnAt(state, 0).at != 0) {
    for (let rest = bits; rest != 0; rest &= rest - 1) {
      const at = <usize>ctz<u64>(rest) * recordBytes
      put<f64>(to + at, load<f64>(to + at, AT_ROWS) + load<f64>(from + at, AT_ROWS), AT_ROWS)
    }
  }
  for (let c: u32 = 0; c < columns; c++) {
    const column = columnAt(state, c)
    const minMax = hasMinMax(column)
    const float = isFloat(column)
    for (let rest = bits; rest != 0; rest &= rest - 1) {
      const at = <usize>column.at + <usize>ctz<u64>(rest) * recordBytes
      const a = to + at
      const b = from + at
      if (float) combineFloat(a, b, minMax)
      else if (!combineInteger(a, b, minMax)) {
        put<u32>(resultPtr(), c, RESULT_DETAIL)
        return false
      }
    }
  }
  return true
}

// @ts-ignore: decorator
@inline
function combineFloat(a: usize, b: usize, minMax: bool): void {
  if (SIMD) {
    putV128(a, f64x2.add(v128.load(a), v128.load(b)))
    // pmin(x, y) is y < x ? y : x.
    if (minMax) putV128(a + AT_MIN, f64x2.pmin(v128.load(a + AT_MIN), v128.load(b + AT_MIN)))
  } else {
    put<f64>(a, load<f64>(a, AT_N) + load<f64>(b, AT_N), AT_N)
    put<f64>(a, load<f64>(a, AT_SUM) + load<f64>(b, AT_SUM), AT_SUM)
    if (minMax) {
      if (load<f64>(b, AT_MIN) < load<f64>(a, AT_MIN)) put<f64>(a, load<f64>(b, AT_MIN), AT_MIN)
      if (load<f64>(b, AT_MAX) < load<f64>(a, AT_MAX)) put<f64>(a, load<f64>(b, AT_MAX), AT_MAX)
    }
  }
}

// @ts-ignore: decorator
@inline
function combineInteger(a: usize, b: usize, minMax: bool): bool {
  const left = load<i64>(a, AT_SUM)
  const right = load<i64>(b, AT_SUM)
  const sum = left + right
  if (((left ^ sum) & (right ^ sum)) < 0) return false
  put<f64>(a, load<f64>(a, AT_N) + load<f64>(b, AT_N), AT_N)
  put<i64>(a, sum, AT_SUM)
  if (minMax) {
    put<i64>(a, min<i64>(load<i64>(a, AT_MIN), load<i64>(b, AT_MIN)), AT_MIN)
    put<i64>(a, min<i64>(load<i64>(a, AT_MAX), load<i64>(b, AT_MAX)), AT_MAX)
  }
  return true
}

/** NaN has many bit patterns, and which one an addition yields is up to the host's processor: one stands for all. */
// @ts-ignore: decorator
@inline
export function canonical(value: f64): f64 {
  return value == value ? value : NaN
}

/** Key, bounds and row count of a result. */
// @ts-ignore: decorator
@inline
export function putBounds(state: Aggregation, row: u32, id: u32, startMs: f64, endMs: f64, record: usize): void {
  const at = <usize>row << 3
  put<u32>(output(state, OUT_KEY_ID) + (<usize>row << 2), id)
  put<f64>(output(state, OUT_START) + at, startMs)
  put<f64>(output(state, OUT_END) + at, endMs)
  put<f64>(output(state, OUT_COUNT) + at, load<f64>(record, AT_ROWS))
}

/** What a record keeps of a column, from `from` on, goes to byte `at` of the column's output columns. */
// @ts-ignore: decorator
@inline
export function putColumn(
  column: Column, from: usize, at: usize, nonNull: usize, sums: usize, minima: usize, maxima: usize,
): void {
  put<f64>(nonNull + at, load<f64>(from, AT_N))
  if (isFloat(column)) {
    put<f64>(sums + at, canonical(load<f64>(from, AT_SUM)))
    if (minima != 0) {
      const low = load<f64>(from, AT_MIN)
      const high = -load<f64>(from, AT_MAX)
      // As they started: every value was NaN. Adding 0 makes 0 of -0.
      put<f64>(minima + at, low > high ? NaN : low + 0)
      put<f64>(maxima + at, low > high ? NaN : high + 0)
    }
  } else {
    put<i64>(sums + at, load<i64>(from, AT_SUM))
    if (minima != 0) {
      put<i64>(minima + at, load<i64>(from, AT_MIN))
      put<i64>(maxima + at, ~load<i64>(from, AT_MAX))
    }
  }
}

/** Output column `part` (OUT_NON_NULL, ...) of aggregated column `c`; 0 where there is none. */
// @ts-ignore: decorator
@inline
export function outputOf(state: Aggregation, c: u32, part: u32): usize {
  return output(state, OUT_FIRST_COLUMN + c * OUT_COLUMN_STRIDE + part)
}
