/*
 * What window and session state have in common: records of aggregated columns, pages to hold them, output columns.
 *
 *   record: [rows f64 | 0]               only when the first column is nullable or there is none; else the first
 *                                        column's n is the row count
 *           n f64 | sum (f64 or i64)     for each column; n counts its values that are not null
 *           min | max'                   behind it, where min and max are wanted; max' is -max for floats and ~max for
 *                                        integers, so that both are minima
 *
 * A page is a copy of the empty page when it comes into use: records start as n = 0, sum = 0, min = max' = the largest
 * value there is. Two records more, the sinks, take the rows that count nowhere, so that the loops over columns need no
 * branch.
 */
import { COLUMN_MIN_MAX, COLUMN_NULLABLE, COLUMN_TYPE_MASK, TYPE_F32, TYPE_F64 } from '../abi'

/** Rows that are resolved to records before the columns are added: their records stay in the first-level cache. */
export const BLOCK_ROWS: u32 = 1024

export const AT_ROWS: usize = 0
export const AT_N: usize = 0
export const AT_SUM: usize = 8
export const AT_MIN: usize = 16
export const AT_MAX: usize = 24

@unmanaged
export class Column {
  spec: u32
  /** Where n stands in a record. */
  at: u32
}

export const COLUMN_BYTES: usize = 8

@unmanaged
export class Aggregation {
  keys: usize
  watermark: f64
  /** The watermark in force before it moved to `watermark`. */
  before: f64
  /** 1 once rows or a watermark came: nothing can be restored then. */
  used: u32
  /** 1 once a part was restored: of its watermark and that of the next the lower one counts. */
  restored: u32

  columnCount: u32
  columns: usize
  recordBytes: u32
  pageBytes: u32

  emptyPage: usize
  freePage: usize
  /** Chunks of pages, linked through their first word. */
  chunks: usize
  chunkPages: u32
  chunkNext: usize
  chunkEnd: usize
  stateBytes: f64
  records: u32

  /** u32[BLOCK_ROWS]: the record of each row of the block. */
  targets: usize
  lateSink: usize
  gapSink: usize
  late: usize
  lateCount: u32
  lateCapacity: u32
  lateTotal: f64

  /** u32[]: pointers of the output columns, 0 where there is none. */
  outputs: usize
  snapshot: usize
}

// @ts-ignore: decorator
@inline
export function columnAt(state: Aggregation, column: u32): Column {
  return changetype<Column>(state.columns + <usize>column * COLUMN_BYTES)
}

// @ts-ignore: decorator
@inline
export function columnType(column: Column): u32 {
  return column.spec & COLUMN_TYPE_MASK
}

// @ts-ignore: decorator
@inline
export function isFloat(column: Column): bool {
  return columnType(column) == TYPE_F64 || columnType(column) == TYPE_F32
}

// @ts-ignore: decorator
@inline
export function hasMinMax(column: Column): bool {
  return (column.spec & COLUMN_MIN_MAX) != 0
}

// @ts-ignore: decorator
@inline
export function isNullable(column: Column): bool {
  return (column.spec & COLUMN_NULLABLE) != 0
}

// @ts-ignore: decorator
@inline
export function output(state: Aggregation, number: u32): usize {
  return <usize>load<u32>(state.outputs + (<usize>number << 2))
}
