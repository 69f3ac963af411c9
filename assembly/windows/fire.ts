/*
 * Firing: windows in the order of their ends, keys by id. One call fills the output columns as far as whole pages of
 * keys fit; the next goes on. A window's slices are combined page by page when it fires, or taken from panes (panes.ts)
 * where there are many.
 */
import { OUT_MAX, OUT_MIN, OUT_NON_NULL, OUT_SUM, OUTPUT_ROWS, STATUS_OK, STATUS_SUM_OVERFLOW } from '../abi'
import { copyTo } from '../guard'
import { columnAt } from './aggregation'
import { windowStart } from './geometry'
import { ENTRY_PAGE, ENTRY_TOUCHED, entryAt, PAGE_KEYS, PAGE_SHIFT, sliceAt, Window } from './layout'
import { beginPanes, combinePanes, endPanes, panesStatus, touchedInPanes } from './panes'
import { combineRecords, outputOf, putBounds, putColumn } from './records'
import { dropFired, lowerBound, nextWindow, updateNextFire } from './slices'

const ALL: u64 = ~(<u64>0)

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
      if (!combineRecords(window, result, from, own)) return 0
    }
    touched |= own
  }
  return result
}

/** combinePage() by the shortest way; `touched` is set, and panesStatus where panes fail. */
function combine(window: Window, first: u32, end: u32, firstSlice: f64, endSlice: f64, page: u32): usize {
  if (window.panes == 0) return combinePage(window, first, end, page)
  const combined = combinePanes(window, firstSlice, endSlice, page)
  touched = touchedInPanes
  if (combined == 0 && panesStatus < 0) touched = ALL
  return combined
}

/** Writes the touched records of a page as rows from `row` on; returns the row behind them. */
function writePage(window: Window, page: usize, firstId: u32, startMs: f64, endMs: f64, row: u32): u32 {
  const recordBytes = <usize>window.recordBytes
  let next = row
  for (let bits = touched; bits != 0; bits &= bits - 1) {
    const bit = <u32>ctz<u64>(bits)
    putBounds(window, next, firstId + bit, startMs, endMs, page + <usize>bit * recordBytes)
    next++
  }
  for (let c: u32 = 0; c < window.columnCount; c++) {
    const column = columnAt(window, c)
    const nonNull = outputOf(window, c, OUT_NON_NULL)
    const sums = outputOf(window, c, OUT_SUM)
    const minima = outputOf(window, c, OUT_MIN)
    const maxima = outputOf(window, c, OUT_MAX)
    let at = <usize>row << 3
    for (let bits = touched; bits != 0; bits &= bits - 1) {
      const record = page + <usize>ctz<u64>(bits) * recordBytes + <usize>column.at
      putColumn(column, record, at, nonNull, sums, minima, maxima)
      at += 8
    }
  }
  return next
}

/**
 * Puts out results of windows that are ready at the current watermark: the rows written (<= OUTPUT_ROWS), 0 when
 * nothing more is ready, or STATUS_SUM_OVERFLOW (RESULT_DETAIL is the column) when slices of a key cannot be combined,
 * or STATUS_MEMORY_LIMIT when there is no room to combine them.
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
    const firstSlice = index * window.slicesPerSlide
    const endSlice = firstSlice + window.slicesPerWindow
    const end = lowerBound(window, endSlice)
    let pages: u32 = 0
    for (let position = first; position < end; position++) pages = max<u32>(pages, sliceAt(window, position).pages)
    let page = window.firing ? window.firePage : 0
    if (window.panes != 0) beginPanes(window, firstSlice, endSlice)
    for (; page < pages; page++) {
      // A page is combined once: panes take its slices in for good.
      let combined: usize = 0
      let status: i32 = STATUS_OK
      if (row + PAGE_KEYS <= <u32>OUTPUT_ROWS) {
        combined = combine(window, first, end, firstSlice, endSlice, page)
        if (combined == 0 && touched == 0) continue
        if (combined == 0) status = window.panes != 0 ? panesStatus : STATUS_SUM_OVERFLOW
      }
      if (combined == 0) {
        window.firing = 1
        window.firePage = page
        // Rows before a failure are put out first; the next call comes back here.
        return row == 0 ? status : <i32>row
      }
      row = writePage(window, combined, page << PAGE_SHIFT, startMs, endMs, row)
    }
    if (window.panes != 0) endPanes(window, endSlice)
    window.firing = 0
    window.cursor = index + 1
    dropFired(window)
    updateNextFire(window)
    // Windows that end together with an output that has no room for another page wait for the next call.
    if (row + PAGE_KEYS > <u32>OUTPUT_ROWS) break
  }
  return row
}
