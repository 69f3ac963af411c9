/*
 * Window state in memory. Time is cut into slices of gcd(size, slide); a slice holds one record a key, in pages:
 *
 *   Window ── slices (u32[], by slice index) ──> Slice ── table (entries, by id / 64) ──> page
 *
 *   entry:  0                8        12       16            page:  0            R            2R               64 R
 *           +----------------+--------+--------+                    +------------+------------+----------------+
 *           | touched ids    | page   | 0      |                    | record of  | record of  | ...            |
 *           | (bit a record) | (u32)  |        |                    | id 64 p    | id 64 p+1  |                |
 *           +----------------+--------+--------+                    +------------+------------+----------------+
 *
 * Whether a record is touched stands in the table, not in the record: the tables of a million keys stay in the cache,
 * so
 * a mispredicted first touch costs a few cycles and not a trip to memory.
 *
 *   record: [rows f64 | 0]               only when the first column is nullable or there is none; else the first
 *                                        column's n is the row count
 *           n f64 | sum (f64 or i64)     for each column; n counts its values that are not null
 *           min | max'                   behind it, where min and max are wanted; max' is -max for floats and ~max for
 *                                        integers, so that both are minima
 *
 * A page is a copy of the window's empty page when it comes into use: records start as n = 0, sum = 0, min = max' = the
 * largest value there is.
 * Two records more, the sinks, take the rows that count nowhere, so that the loops over columns need no branch.
 */
import { COLUMN_MIN_MAX, COLUMN_NULLABLE, COLUMN_TYPE_MASK, TYPE_F32, TYPE_F64 } from '../abi'

export const PAGE_SHIFT: u32 = 6
export const PAGE_KEYS: u32 = 1 << PAGE_SHIFT
export const PAGE_MASK: u32 = PAGE_KEYS - 1
/** Rows that are resolved to records before the columns are added: their records stay in the first-level cache. */
export const BLOCK_ROWS: u32 = 1024
/** Below this many ids the state of a slice stays in the second-level cache, and rows are best added in one pass. */
export const SMALL_IDS: u32 = 32768
/** Recently used slices by slice index, direct-mapped. */
export const CACHE_SLICES: u32 = 64

export const ENTRY_SHIFT: usize = 4
export const ENTRY_TOUCHED: usize = 0
export const ENTRY_PAGE: usize = 8

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
export class Slice {
  index: f64
  startMs: f64
  endMs: f64
  /** A row of the slice is late once the watermark reaches this: the last window's end - 1. */
  lateAt: f64
  table: usize
  /** Entries of `table`. */
  pages: u32
  /** Touched records. */
  records: u32
}

@unmanaged
export class Window {
  keys: usize
  sizeMs: f64
  slideMs: f64
  offsetMs: f64
  sliceMs: f64
  /** 1 / sliceMs */
  slicesPerMs: f64
  slicesPerWindow: f64
  slicesPerSlide: f64

  watermark: f64
  /** Windows below this index have fired, or nothing can come for them any more. */
  cursor: f64
  /** The watermark at which the next window fires; NaN when none is open, which no watermark reaches. */
  nextFire: f64
  /** 1 once rows or a watermark came: nothing can be restored then. */
  used: u32
  /** 1 once a part was restored: of its watermark and that of the next the lower one counts. */
  restored: u32

  columnCount: u32
  columns: usize
  recordBytes: u32
  pageBytes: u32

  /** Live slices by index: the pointers [sliceFirst, sliceEnd) of `slices`. */
  slices: usize
  sliceFirst: u32
  sliceEnd: u32
  sliceCapacity: u32
  cache: usize

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
  /** u32[BLOCK_ROWS]: ids that the block touched first. */
  firstTouched: usize
  lateSink: usize
  gapSink: usize
  late: usize
  lateCount: u32
  lateCapacity: u32
  lateTotal: f64
  gapTotal: f64

  /** u32[]: pointers of the output columns, 0 where there is none. */
  outputs: usize
  /** While a window fires: 1, and the next page to put out. */
  firing: u32
  firePage: u32
  /** A page in which the slices of a window are combined. */
  combined: usize

  snapshot: usize
}

// @ts-ignore: decorator
@inline
export function columnAt(window: Window, column: u32): Column {
  return changetype<Column>(window.columns + <usize>column * COLUMN_BYTES)
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

/** The table entry that covers an id. */
// @ts-ignore: decorator
@inline
export function entryOf(table: usize, id: u32): usize {
  return table + (<usize>(id >> PAGE_SHIFT) << ENTRY_SHIFT)
}

/** Entry number `page` of a table. */
// @ts-ignore: decorator
@inline
export function entryAt(table: usize, page: u32): usize {
  return table + (<usize>page << ENTRY_SHIFT)
}

// @ts-ignore: decorator
@inline
export function isTouched(entry: usize, id: u32): bool {
  return ((load<u64>(entry, ENTRY_TOUCHED) >> <u64>(id & PAGE_MASK)) & 1) != 0
}

/** Where the record of an id stands; it holds data only when isTouched(). */
// @ts-ignore: decorator
@inline
export function recordAt(entry: usize, id: u32, recordBytes: usize): usize {
  return <usize>load<u32>(entry, ENTRY_PAGE) + <usize>(id & PAGE_MASK) * recordBytes
}

// @ts-ignore: decorator
@inline
export function sliceAt(window: Window, position: u32): Slice {
  return changetype<Slice>(<usize>load<u32>(window.slices + (<usize>position << 2)))
}
