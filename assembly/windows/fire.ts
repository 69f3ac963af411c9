/*
 * Firing: windows in the order of their ends, keys by id. One call fills the output columns as far as whole pages of
 * keys fit; the next goes on. A window's slices are combined page by page when it fires (the seam for an incremental
 * structure over sliding windows: combinePage).
 */
import {
  OUT_COLUMN_STRIDE, OUT_COUNT, OUT_END, OUT_FIRST_COLUMN, OUT_KEY_ID, OUT_MAX, OUT_MIN, OUT_NON_NULL, OUT_START,
  OUT_SUM,
  OUTPUT_ROWS, RESULT_DETAIL, STATUS_SUM_OVERFLOW,
} from '../abi'
import { copyTo, put } from '../guard'
import { resultPtr } from '../memory'
import { windowStart } from './geometry'
import {
  AT_MAX, AT_MIN, AT_N, AT_ROWS, AT_SUM, columnAt, ENTRY_PAGE, ENTRY_TOUCHED, entryAt, hasMinMax, isFloat, PAGE_KEYS,
  PAGE_SHIFT, sliceAt, Window,
} from './layout'
import { dropFired, lowerBound, nextWindow, updateNextFire } from './slices'

/**
 * Adds the record `from` to the record `to`; false, and nothing is changed, when an integer sum leaves the i64 range.
 */
export function combineRecord(window: Window, to: usize, from: usize): bool {
  const columns = window.columnCount
  for (let c: u32 = 0; c < columns; c++) {
    const column = columnAt(window, c)
    if (isFloat(column)) continue
    const a = load<i64>(to + column.at, AT_SUM)
    const b = load<i64>(from + column.at, AT_SUM)
    const sum = a + b
    if (((a ^ sum) & (b ^ sum)) < 0) {
      put<u32>(resultPtr(), c, RESULT_DETAIL)
      return false
    }
  }
  if (columns == 0 || columnAt(window, 0).at != 0) {
    put<f64>(to, load<f64>(to, AT_ROWS) + load<f64>(from, AT_ROWS), AT_ROWS)
  }
  for (let c: u32 = 0; c < columns; c++) {
    const column = columnAt(window, c)
    const a = to + column.at
    const b = from + column.at
    put<f64>(a, load<f64>(a, AT_N) + load<f64>(b, AT_N), AT_N)
    if (isFloat(column)) {
      put<f64>(a, load<f64>(a, AT_SUM) + load<f64>(b, AT_SUM), AT_SUM)
      if (hasMinMax(column)) {
        if (load<f64>(b, AT_MIN) < load<f64>(a, AT_MIN)) put<f64>(a, load<f64>(b, AT_MIN), AT_MIN)
        if (load<f64>(b, AT_MAX) < load<f64>(a, AT_MAX)) put<f64>(a, load<f64>(b, AT_MAX), AT_MAX)
      }
    } else {
      put<i64>(a, load<i64>(a, AT_SUM) + load<i64>(b, AT_SUM), AT_SUM)
      if (hasMinMax(column)) {
        put<i64>(a, min<i64>(load<i64>(a, AT_MIN), load<i64>(b, AT_MIN)), AT_MIN)
        put<i64>(a, min<i64>(load<i64>(a, AT_MAX), load<i64>(b, AT_MAX)), AT_MAX)
      }
    }
  }
  return true
}

/** The touched records of the page that combinePage() returned. */
let touched: u64 = 0

/**
 * The page `page` of the slices [first, end), combined: one slice's own, or a scratch page; its touched records in
 * `touched`. 0 with some touched = an integer sum overflowed.
 */
function combinePage(window: Window, first: u32, end: u32, page: u32): usize {
  let result: usize = 0
  touched = 0
  for (let position = first; position < end; position++) {
    const slice = sliceAt(window, position)
    if (page >= slice.pages) continue
    const entry = entryAt(slice.table, page)
    const own = load<u64>(entry, ENTRY_TOUCHED)
    if (own == 0) continue
    const from = <usize>load<u32>(entry, ENTRY_PAGE)
    if (touched == 0) {
      result = from
    } else {
      if (result != window.combined) copyTo(window.combined, result, window.pageBytes)
      result = window.combined
      for (let bits = own; bits != 0; bits &= bits - 1) {
        const at = <usize>ctz<u64>(bits) * <usize>window.recordBytes
        if (!combineRecord(window, result + at, from + at)) return 0
      }
    }
    touched |= own
  }
  return result
}

// @ts-ignore: decorator
@inline
function output(window: Window, number: u32): usize {
  return <usize>load<u32>(window.outputs + (<usize>number << 2))
}

/** NaN has many bit patterns, and which one an addition yields is up to the host's processor: one stands for all. */
// @ts-ignore: decorator
@inline
export function canonical(value: f64): f64 {
  return value == value ? value : NaN
}

/** Writes the touched records of a page as rows from `row` on; returns the row behind them. */
function writePage(window: Window, page: usize, firstId: u32, startMs: f64, endMs: f64, row: u32): u32 {
  const recordBytes = <usize>window.recordBytes
  const ids = output(window, OUT_KEY_ID)
  const starts = output(window, OUT_START)
  const ends = output(window, OUT_END)
  const counts = output(window, OUT_COUNT)
  let next = row
  for (let bits = touched; bits != 0; bits &= bits - 1) {
    const bit = <u32>ctz<u64>(bits)
    const at = <usize>next << 3
    put<u32>(ids + (<usize>next << 2), firstId + bit)
    put<f64>(starts + at, startMs)
    put<f64>(ends + at, endMs)
    put<f64>(counts + at, load<f64>(page + <usize>bit * recordBytes, AT_ROWS))
    next++
  }
  for (let c: u32 = 0; c < window.columnCount; c++) {
    const column = columnAt(window, c)
    const base = OUT_FIRST_COLUMN + c * OUT_COLUMN_STRIDE
    const nonNull = output(window, base + OUT_NON_NULL)
    const sums = output(window, base + OUT_SUM)
    const minima = output(window, base + OUT_MIN)
    const maxima = output(window, base + OUT_MAX)
    let at = <usize>row << 3
    for (let bits = touched; bits != 0; bits &= bits - 1) {
      const record = page + <usize>ctz<u64>(bits) * recordBytes + <usize>column.at
      put<f64>(nonNull + at, load<f64>(record, AT_N))
      if (isFloat(column)) {
        put<f64>(sums + at, canonical(load<f64>(record, AT_SUM)))
        if (minima != 0) {
          const low = load<f64>(record, AT_MIN)
          const high = -load<f64>(record, AT_MAX)
          // As they started: every value was NaN. Adding 0 makes 0 of -0.
          put<f64>(minima + at, low > high ? NaN : low + 0)
          put<f64>(maxima + at, low > high ? NaN : high + 0)
        }
      } else {
        put<i64>(sums + at, load<i64>(record, AT_SUM))
        if (minima != 0) {
          put<i64>(minima + at, load<i64>(record, AT_MIN))
          put<i64>(maxima + at, ~load<i64>(record, AT_MAX))
        }
      }
      at += 8
    }
  }
  return next
}

/**
 * Puts out results of windows that are ready at the current watermark: the rows written (<= OUTPUT_ROWS), 0 when
 * nothing more is ready, or STATUS_SUM_OVERFLOW (RESULT_DETAIL is the column) when slices of a key cannot be combined.
 * The output columns are valid until the next call.
 */
export function windowFire(pointer: usize): i32 {
  const window = changetype<Window>(pointer)
  let row: u32 = 0
  while (window.watermark >= window.nextFire) {
    const index = nextWindow(window)
    const startMs = windowStart(window, index)
    const endMs = startMs + window.sizeMs
    const first = window.sliceFirst
    const end = lowerBound(window, index * window.slicesPerSlide + window.slicesPerWindow)
    let pages: u32 = 0
    for (let position = first; position < end; position++) pages = max<u32>(pages, sliceAt(window, position).pages)
    let page = window.firing ? window.firePage : 0
    for (; page < pages; page++) {
      const combined = combinePage(window, first, end, page)
      if (touched == 0) continue
      if (combined == 0 || row + <u32>popcnt<u64>(touched) > <u32>OUTPUT_ROWS) {
        window.firing = 1
        window.firePage = page
        // Rows before the overflow are put out first; the next call comes back here.
        return combined == 0 && row == 0 ? STATUS_SUM_OVERFLOW : <i32>row
      }
      row = writePage(window, combined, page << PAGE_SHIFT, startMs, endMs, row)
    }
    window.firing = 0
    window.cursor = index + 1
    dropFired(window)
    updateNextFire(window)
    // Windows that end together with an output that has no room for another page wait for the next call.
    if (row + PAGE_KEYS > <u32>OUTPUT_ROWS) break
  }
  return row
}
