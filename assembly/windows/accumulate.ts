/*
 * Adds one block of rows to the records that they were resolved to (window.targets), a column at a time.
 *
 * A float column is one pass: (n, sum) and (min, -max) are two vectors. Integer columns are two: the sums of all
 * integer
 * columns come first, because a sum that leaves the i64 range ends the block there, and sums can be taken back exactly;
 * minima cannot.
 * NaN goes into a float sum and stays there; minima and maxima skip it.
 */
import { RESULT_DETAIL, TYPE_F64, TYPE_I64 } from '../abi'
import { SIMD } from '../build'
import { put, putV128 } from '../guard'
import { resultPtr } from '../memory'
import {
  Aggregation, AT_MAX, AT_MIN, AT_N, AT_ROWS, AT_SUM, Column, columnAt, columnType, hasMinMax, isFloat, isNullable,
} from './aggregation'

// @ts-ignore: decorator
@inline
export function addFloat(at: usize, value: f64, minMax: bool): void {
  if (SIMD) {
    const one = f64x2.splat(1)
    putV128(at, f64x2.add(v128.load(at), f64x2.replace_lane(one, 1, value)))
    if (minMax) {
      const pair = v128.xor(f64x2.splat(value), i64x2(0, i64.MIN_VALUE))
      // pmin(a, b) is b < a ? b : a, so a NaN on the right leaves a.
      putV128(at + AT_MIN, f64x2.pmin(v128.load(at + AT_MIN), pair))
    }
  } else {
    put<f64>(at, load<f64>(at, AT_N) + 1, AT_N)
    put<f64>(at, load<f64>(at, AT_SUM) + value, AT_SUM)
    if (minMax) {
      if (value < load<f64>(at, AT_MIN)) put<f64>(at, value, AT_MIN)
      if (-value < load<f64>(at, AT_MAX)) put<f64>(at, -value, AT_MAX)
    }
  }
}

// @ts-ignore: decorator
@inline
export function minMaxInteger(at: usize, value: i64): void {
  if (value < load<i64>(at, AT_MIN)) put<i64>(at, value, AT_MIN)
  if (~value < load<i64>(at, AT_MAX)) put<i64>(at, ~value, AT_MAX)
}

// @ts-ignore: decorator
@inline
function isNull(validity: usize, row: u32): bool {
  return ((<u32>load<u8>(validity + (row >> 3)) >> (row & 7)) & 1) == 0
}

// @ts-ignore: decorator
@inline
function target(targets: usize, row: u32): usize {
  return <usize>load<u32>(targets + (<usize>row << 2))
}

// @ts-ignore: decorator
@inline
function floatRows<T>(
  targets: usize, at: usize, values: usize, validity: usize, first: u32, count: u32, minMax: bool,
): void {
  for (let i: u32 = 0; i < count; i++) {
    if (validity != 0 && isNull(validity, first + i)) continue
    addFloat(target(targets, i) + at, <f64>load<T>(values + <usize>i * sizeof<T>()), minMax)
  }
}

function addFloats(state: Aggregation, column: Column, source: usize, validity: usize, first: u32, count: u32): void {
  const targets = state.targets
  const at = <usize>column.at
  if (columnType(column) == TYPE_F64) {
    const values = source + (<usize>first << 3)
    if (hasMinMax(column)) {
      if (validity == 0) floatRows<f64>(targets, at, values, 0, first, count, true)
      else floatRows<f64>(targets, at, values, validity, first, count, true)
    } else {
      floatRows<f64>(targets, at, values, validity, first, count, false)
    }
  } else {
    const values = source + (<usize>first << 2)
    if (hasMinMax(column)) floatRows<f32>(targets, at, values, validity, first, count, true)
    else floatRows<f32>(targets, at, values, validity, first, count, false)
  }
}

/** Rows added before a sum left the range, or `count`. */
// @ts-ignore: decorator
@inline
function sumRows<T>(state: Aggregation, at: usize, values: usize, validity: usize, first: u32, count: u32): u32 {
  const targets = state.targets
  for (let i: u32 = 0; i < count; i++) {
    if (validity != 0 && isNull(validity, first + i)) continue
    const record = target(targets, i)
    const value = <i64>load<T>(values + <usize>i * sizeof<T>())
    const before = load<i64>(record + at, AT_SUM)
    const after = before + value
    if (((before ^ after) & (value ^ after)) < 0 && record != state.lateSink && record != state.gapSink) return i
    put<i64>(record + at, after, AT_SUM)
    put<f64>(record + at, load<f64>(record + at, AT_N) + 1, AT_N)
  }
  return count
}

function addSums(state: Aggregation, column: Column, source: usize, validity: usize, first: u32, count: u32): u32 {
  return columnType(column) == TYPE_I64
    ? sumRows<i64>(state, column.at, source + (<usize>first << 3), validity, first, count)
    : sumRows<i32>(state, column.at, source + (<usize>first << 2), validity, first, count)
}

// @ts-ignore: decorator
@inline
function integerAt(column: Column, source: usize, row: u32): i64 {
  if (columnType(column) == TYPE_I64) return load<i64>(source + (<usize>row << 3))
  return <i64>load<i32>(source + (<usize>row << 2))
}

/** Takes back the sums of the rows [from, to) of the block. */
function takeBackSums(
  state: Aggregation, column: Column, source: usize, validity: usize, first: u32, from: u32, to: u32,
): void {
  for (let i = from; i < to; i++) {
    if (validity != 0 && isNull(validity, first + i)) continue
    const at = target(state.targets, i) + <usize>column.at
    put<i64>(at, load<i64>(at, AT_SUM) - integerAt(column, source, first + i), AT_SUM)
    put<f64>(at, load<f64>(at, AT_N) - 1, AT_N)
  }
}

// @ts-ignore: decorator
@inline
function minMaxRows<T>(targets: usize, at: usize, values: usize, validity: usize, first: u32, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    if (validity != 0 && isNull(validity, first + i)) continue
    minMaxInteger(target(targets, i) + at, <i64>load<T>(values + <usize>i * sizeof<T>()))
  }
}

// @ts-ignore: decorator
@inline
function pointerOf(pointers: usize, column: u32): usize {
  return pointers == 0 ? 0 : <usize>load<u32>(pointers + (<usize>column << 2))
}

/**
 * Adds the rows [first, first + count) of the columns. Returns how many rows were added: fewer than `count` when an
 * integer sum of the next row would leave the i64 range; RESULT_DETAIL is then the column.
 */
export function addColumns(state: Aggregation, pointers: usize, validities: usize, first: u32, count: u32): u32 {
  const columns = state.columnCount
  for (let c: u32 = 0; c < columns; c++) {
    const column = columnAt(state, c)
    if (isFloat(column)) continue
    const added = addSums(state, column, pointerOf(pointers, c), pointerOf(validities, c), first, count)
    if (added == count) continue
    for (let earlier: u32 = 0; earlier < c; earlier++) {
      const other = columnAt(state, earlier)
      if (isFloat(other)) continue
      takeBackSums(state, other, pointerOf(pointers, earlier), pointerOf(validities, earlier), first, added, count)
    }
    put<u32>(resultPtr(), c, RESULT_DETAIL)
    count = added
  }
  if (columns == 0 || isNullable(columnAt(state, 0))) {
    const targets = state.targets
    for (let i: u32 = 0; i < count; i++) {
      const record = target(targets, i)
      put<f64>(record, load<f64>(record, AT_ROWS) + 1, AT_ROWS)
    }
  }
  for (let c: u32 = 0; c < columns; c++) {
    const column = columnAt(state, c)
    const source = pointerOf(pointers, c)
    const validity = pointerOf(validities, c)
    if (isFloat(column)) {
      addFloats(state, column, source, validity, first, count)
    } else if (hasMinMax(column)) {
      const at = <usize>column.at
      if (columnType(column) == TYPE_I64) {
        minMaxRows<i64>(state.targets, at, source + (<usize>first << 3), validity, first, count)
      } else {
        minMaxRows<i32>(state.targets, at, source + (<usize>first << 2), validity, first, count)
      }
    }
  }
  return count
}
