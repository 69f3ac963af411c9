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
 * aggregation.ts draws a record.
 */
import { Aggregation } from './aggregation'

export const PAGE_SHIFT: u32 = 6
export const PAGE_KEYS: u32 = 1 << PAGE_SHIFT
export const PAGE_MASK: u32 = PAGE_KEYS - 1
/** Below this many ids the state of a slice stays in the second-level cache, and rows are best added in one pass. */
export const SMALL_IDS: u32 = 32768
/** Recently used slices by slice index, direct-mapped. */
export const CACHE_SLICES: u32 = 64

export const ENTRY_SHIFT: usize = 4
export const ENTRY_TOUCHED: usize = 0
export const ENTRY_PAGE: usize = 8

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
export class Window extends Aggregation {
  sizeMs: f64
  slideMs: f64
  offsetMs: f64
  sliceMs: f64
  /** 1 / sliceMs */
  slicesPerMs: f64
  slicesPerWindow: f64
  slicesPerSlide: f64

  /** Windows below this index have fired, or nothing can come for them any more. */
  cursor: f64
  /** The watermark at which the next window fires; NaN when none is open, which no watermark reaches. */
  nextFire: f64

  /** Live slices by index: the pointers [sliceFirst, sliceEnd) of `slices`. */
  slices: usize
  sliceFirst: u32
  sliceEnd: u32
  sliceCapacity: u32
  cache: usize

  /** u32[BLOCK_ROWS]: ids that the block touched first. */
  firstTouched: usize
  gapTotal: f64

  /** While a window fires: 1, and the next page to put out. */
  firing: u32
  firePage: u32
  /** A page in which the slices of a window are combined. */
  combined: usize

  // Of windows of many slices (panes.ts); 0 panes where there are few.
  panes: usize
  groupSlices: f64
  /** Groups that panes are kept of at a time. */
  groupPanes: u32
  /** Slices below this are in panes. */
  folded: f64
  /** The group that the suffixes are of, and the group behind the middle; NaN: none. */
  suffixGroup: f64
  middleEnd: f64
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
