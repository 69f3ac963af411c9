/*
 * Merging partial aggregates: rows that another kernel has put out (records.ts) become records again, which are
 * combined with those of their slices.
 *
 *   parts, u32[]: row counts | of each column: counts of values, sums, minima, maxima (0, 0 where there are none)
 */
import { put } from '../guard'
import { Aggregation, AT_MAX, AT_MIN, AT_N, AT_ROWS, AT_SUM, columnAt, hasMinMax, isFloat } from './aggregation'
import { combineRecords } from './records'

/** Value `row` of the 64-bit column whose pointer stands at `parts`. */
// @ts-ignore: decorator
@inline
function valueAt<T>(parts: usize, row: u32, offset: usize): T {
  return load<T>(<usize>load<u32>(parts + offset) + (<usize>row << 3))
}

/** Minima as they stand in a record: where there was nothing but NaN, as new. */
// @ts-ignore: decorator
@inline
function minimum(value: f64): f64 {
  return value == value ? value : Infinity
}

/**
 * Merges the rows [first, first + count) into the records that they were resolved to. Returns how many were merged:
 * fewer than `count` where an integer sum leaves the i64 range; RESULT_DETAIL is then the column.
 */
export function mergeColumns(state: Aggregation, parts: usize, first: u32, count: u32): u32 {
  // What is in a sink counts nowhere.
  const from = state.lateSink
  for (let i: u32 = 0; i < count; i++) {
    const row = first + i
    put<f64>(from, valueAt<f64>(parts, row, 0), AT_ROWS)
    let part = parts
    for (let c: u32 = 0; c < state.columnCount; c++) {
      const column = columnAt(state, c)
      const record = from + <usize>column.at
      put<f64>(record, valueAt<f64>(part, row, 4), AT_N)
      put<u64>(record, valueAt<u64>(part, row, 8), AT_SUM)
      if (hasMinMax(column)) {
        if (isFloat(column)) {
          put<f64>(record, minimum(valueAt<f64>(part, row, 12)), AT_MIN)
          put<f64>(record, minimum(-valueAt<f64>(part, row, 16)), AT_MAX)
        } else {
          put<i64>(record, valueAt<i64>(part, row, 12), AT_MIN)
          put<i64>(record, ~valueAt<i64>(part, row, 16), AT_MAX)
        }
      }
      part += 16
    }
    if (!combineRecords(state, <usize>load<u32>(state.targets + (<usize>i << 2)), from, 1)) return i
  }
  return count
}
