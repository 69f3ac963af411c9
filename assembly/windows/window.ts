/*
 * A window operator's state: creation, the watermark, and what a host may ask.
 */
import { allocate, allocateZeroed, release } from '../memory'
import { Aggregation, BLOCK_ROWS, output } from './aggregation'
import { areColumns, openAggregation, outputNumbers, refuse, releaseAggregation } from './columns'
import { firstUnfired, firstWindowOf, lastWindowOf, setGeometry } from './geometry'
import { CACHE_SLICES, PAGE_KEYS, sliceAt, Window } from './layout'
import { forgetPanes, openPanes } from './panes'
import { dropAll } from './slices'

/**
 * Windows [offset + k * slide, + size) over the keys of an index (tumbling: slide = size), with `columnCount`
 * aggregated
 * columns (u32 specifications: TYPE_ | COLUMN_ flags). 0 = failure; status and argument number in the result area.
 */
export function windowCreate(
  keys: usize, sizeMs: f64, slideMs: f64, offsetMs: f64, columns: usize, columnCount: u32,
): usize {
  if (!areColumns(columns, columnCount)) return refuse(4)
  const pointer = allocateZeroed(offsetof<Window>())
  if (pointer == 0) return 0
  const window = changetype<Window>(pointer)
  const wrong = setGeometry(window, sizeMs, slideMs, offsetMs)
  if (wrong != 0) {
    release(pointer)
    return refuse(wrong)
  }
  window.cursor = -Infinity
  window.nextFire = NaN
  if (!allocateParts(window, keys, columns, columnCount)) {
    windowRelease(pointer)
    return 0
  }
  return pointer
}

function allocateParts(window: Window, keys: usize, columns: usize, columnCount: u32): bool {
  if (!openAggregation(window, keys, columns, columnCount, 0, PAGE_KEYS, false)) return false
  window.cache = allocateZeroed(CACHE_SLICES << 2)
  window.firstTouched = allocate(BLOCK_ROWS << 2)
  window.combined = allocate(window.pageBytes)
  return window.cache != 0 && window.firstTouched != 0 && window.combined != 0 && openPanes(window)
}

/** Frees the window; its keys are dropped from the index. */
export function windowRelease(pointer: usize): void {
  if (pointer == 0) return
  const window = changetype<Window>(pointer)
  dropAll(window)
  forgetPanes(window)
  release(window.panes)
  release(window.slices)
  release(window.cache)
  release(window.combined)
  release(window.firstTouched)
  releaseAggregation(window)
}

// ---- of windows and sessions ----------------------------------------------------------------------------------------

/** Moves the current watermark on; a lower one is ignored. +Infinity is the end of input. */
export function windowAdvance(pointer: usize, watermark: f64): void {
  const state = changetype<Aggregation>(pointer)
  state.used = 1
  if (watermark > state.watermark) {
    state.before = state.watermark
    state.watermark = watermark
  }
}

export function windowWatermark(pointer: usize): f64 {
  return changetype<Aggregation>(pointer).watermark
}

/** The watermark at which the next window fires; +Infinity when none is open. */
export function windowNextFire(pointer: usize): f64 {
  const nextFire = changetype<Window>(pointer).nextFire
  return isNaN(nextFire) ? Infinity : nextFire
}

/** An output column by its OUT_ number; 0 where there is none. */
export function windowOutput(pointer: usize, number: u32): usize {
  const state = changetype<Aggregation>(pointer)
  return number < outputNumbers(state) ? output(state, number) : 0
}

/** Row numbers of late rows since the last windowAdd() from row 0 or windowClearLate(): u32[windowLateCount()]. */
export function windowLateRows(pointer: usize): usize {
  return changetype<Aggregation>(pointer).late
}

export function windowLateCount(pointer: usize): u32 {
  return changetype<Aggregation>(pointer).lateCount
}

export function windowClearLate(pointer: usize): void {
  changetype<Aggregation>(pointer).lateCount = 0
}

// ---- metrics
// ----------------------------------------------------------------------------------------------------------

/** Late rows since creation. */
export function windowLateTotal(pointer: usize): f64 {
  return changetype<Aggregation>(pointer).lateTotal
}

/** Rows since creation that lie in no window, between windows that are shorter than their slide. */
export function windowGapTotal(pointer: usize): f64 {
  return changetype<Window>(pointer).gapTotal
}

export function windowSlices(pointer: usize): u32 {
  const window = changetype<Window>(pointer)
  return window.sliceEnd - window.sliceFirst
}

/** Records: one for each key of each live slice. */
export function windowRecords(pointer: usize): u32 {
  return changetype<Aggregation>(pointer).records
}

/** Bytes of slices and pages in use. */
export function windowStateBytes(pointer: usize): f64 {
  return changetype<Aggregation>(pointer).stateBytes
}

/** Windows that have rows and have not fired. */
export function windowOpen(pointer: usize): f64 {
  const window = changetype<Window>(pointer)
  let open: f64 = 0
  let counted = max<f64>(window.cursor, firstUnfired(window, window.watermark)) - 1
  for (let position = window.sliceFirst; position < window.sliceEnd; position++) {
    const index = sliceAt(window, position).index
    const first = max<f64>(firstWindowOf(window, index), counted + 1)
    const last = lastWindowOf(window, index)
    if (last < first) continue
    open += last - first + 1
    counted = last
  }
  return open
}
