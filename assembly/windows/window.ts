/*
 * A window operator's state: creation, the watermark, and what a host may ask.
 */
import {
  COLUMN_MIN_MAX, COLUMN_NULLABLE, COLUMN_TYPE_MASK, OUT_COLUMN_STRIDE, OUT_FIRST_COLUMN, OUT_KEY_ID, OUT_MIN,
  OUTPUT_ROWS,
  RESULT_DETAIL, RESULT_STATUS, STATUS_ARGUMENT, TYPE_F32, TYPE_F64, TYPE_I32, TYPE_I64,
} from '../abi'
import { copyTo, fill, put } from '../guard'
import { allocate, allocateZeroed, release, resultPtr } from '../memory'
import { firstUnfired, firstWindowOf, lastWindowOf, setGeometry } from './geometry'
import {
  AT_MAX, AT_MIN, BLOCK_ROWS, CACHE_SLICES, COLUMN_BYTES, columnAt, hasMinMax, isFloat, isNullable, PAGE_KEYS,
  PAGE_SHIFT,
  sliceAt, Window,
} from './layout'
import { releaseChunks } from './pages'
import { dropAll } from './slices'

const LIMIT_COLUMNS: u32 = 4096
const FIRST_CHUNK_PAGES: u32 = 4

function refuse(argument: u32): usize {
  put<i32>(resultPtr(), STATUS_ARGUMENT, RESULT_STATUS)
  put<u32>(resultPtr(), argument, RESULT_DETAIL)
  return 0
}

/** Whether the column specifications are known ones. */
function areColumns(specs: usize, count: u32): bool {
  if (count > LIMIT_COLUMNS) return false
  for (let c: u32 = 0; c < count; c++) {
    const spec = load<u32>(specs + (<usize>c << 2))
    const type = spec & COLUMN_TYPE_MASK
    if (type != TYPE_F64 && type != TYPE_F32 && type != TYPE_I64 && type != TYPE_I32) return false
    if ((spec & ~(COLUMN_TYPE_MASK | COLUMN_MIN_MAX | COLUMN_NULLABLE)) != 0) return false
  }
  return true
}

/** Places the columns in a record. */
function layColumns(window: Window, specs: usize): void {
  let at: u32 = 0
  if (window.columnCount == 0 || (load<u32>(specs) & COLUMN_NULLABLE) != 0) at = 16
  for (let c: u32 = 0; c < window.columnCount; c++) {
    const column = changetype<usize>(columnAt(window, c))
    const spec = load<u32>(specs + (<usize>c << 2))
    put<u32>(column, spec, 0)
    put<u32>(column, at, 4)
    at += (spec & COLUMN_MIN_MAX) != 0 ? 32 : 16
  }
  window.recordBytes = at
  window.pageBytes = at * PAGE_KEYS
}

/** A record in which nothing is counted. */
export function clearRecord(window: Window, record: usize): void {
  fill(record, 0, window.recordBytes)
  for (let c: u32 = 0; c < window.columnCount; c++) {
    const column = columnAt(window, c)
    if (!hasMinMax(column)) continue
    const at = record + <usize>column.at
    if (isFloat(column)) {
      put<f64>(at, Infinity, AT_MIN)
      put<f64>(at, Infinity, AT_MAX)
    } else {
      put<i64>(at, i64.MAX_VALUE, AT_MIN)
      put<i64>(at, i64.MAX_VALUE, AT_MAX)
    }
  }
}

/** Numbers of output columns, those that are absent too. */
// @ts-ignore: decorator
@inline
function outputNumbers(window: Window): u32 {
  return <u32>OUT_FIRST_COLUMN + window.columnCount * <u32>OUT_COLUMN_STRIDE
}

function allocateOutputs(window: Window): bool {
  const numbers = outputNumbers(window)
  window.outputs = allocateZeroed(<usize>numbers << 2)
  if (window.outputs == 0) return false
  for (let number: u32 = 0; number < numbers; number++) {
    if (number >= <u32>OUT_FIRST_COLUMN) {
      const part = number - <u32>OUT_FIRST_COLUMN
      const column = columnAt(window, part / <u32>OUT_COLUMN_STRIDE)
      if (part % <u32>OUT_COLUMN_STRIDE >= <u32>OUT_MIN && !hasMinMax(column)) continue
    }
    const region = allocate(<usize>OUTPUT_ROWS << (number == <u32>OUT_KEY_ID ? 2 : 3))
    if (region == 0) return false
    put<u32>(window.outputs + (<usize>number << 2), <u32>region)
  }
  return true
}

function allocateParts(window: Window, specs: usize): bool {
  window.columns = allocateZeroed(<usize>window.columnCount * COLUMN_BYTES)
  window.cache = allocateZeroed(CACHE_SLICES << 2)
  window.targets = allocate(BLOCK_ROWS << 2)
  window.firstTouched = allocate(BLOCK_ROWS << 2)
  if (window.columns == 0 || window.cache == 0) return false
  if (window.targets == 0 || window.firstTouched == 0) return false
  layColumns(window, specs)
  window.emptyPage = allocateZeroed(window.pageBytes)
  window.combined = allocateZeroed(window.pageBytes)
  window.lateSink = allocate(window.recordBytes)
  window.gapSink = allocate(window.recordBytes)
  if (window.emptyPage == 0 || window.combined == 0 || window.lateSink == 0 || window.gapSink == 0) return false
  for (let r: u32 = 0; r < PAGE_KEYS; r++) clearRecord(window, window.emptyPage + <usize>(r * window.recordBytes))
  clearRecord(window, window.lateSink)
  clearRecord(window, window.gapSink)
  return allocateOutputs(window)
}

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
  window.keys = keys
  window.watermark = -Infinity
  window.cursor = -Infinity
  window.nextFire = NaN
  window.columnCount = columnCount
  window.chunkPages = FIRST_CHUNK_PAGES
  if (!allocateParts(window, columns)) {
    windowRelease(pointer)
    return 0
  }
  return pointer
}

/** Frees the window; its keys are dropped from the index. */
export function windowRelease(pointer: usize): void {
  if (pointer == 0) return
  const window = changetype<Window>(pointer)
  dropAll(window)
  releaseChunks(window)
  if (window.outputs != 0) {
    for (let number: u32 = 0; number < outputNumbers(window); number++) {
      release(<usize>load<u32>(window.outputs + (<usize>number << 2)))
    }
  }
  release(window.outputs)
  release(window.columns)
  release(window.slices)
  release(window.cache)
  release(window.emptyPage)
  release(window.combined)
  release(window.targets)
  release(window.firstTouched)
  release(window.lateSink)
  release(window.gapSink)
  release(window.late)
  release(window.snapshot)
  release(pointer)
}

/** Moves the current watermark on; a lower one is ignored. +Infinity is the end of input. */
export function windowAdvance(pointer: usize, watermark: f64): void {
  const window = changetype<Window>(pointer)
  window.used = 1
  if (watermark > window.watermark) window.watermark = watermark
}

export function windowWatermark(pointer: usize): f64 {
  return changetype<Window>(pointer).watermark
}

/** The watermark at which the next window fires; +Infinity when none is open. */
export function windowNextFire(pointer: usize): f64 {
  const nextFire = changetype<Window>(pointer).nextFire
  return isNaN(nextFire) ? Infinity : nextFire
}

/** An output column by its OUT_ number; 0 where there is none. */
export function windowOutput(pointer: usize, number: u32): usize {
  const window = changetype<Window>(pointer)
  if (number >= outputNumbers(window)) return 0
  return <usize>load<u32>(window.outputs + (<usize>number << 2))
}

/** Row numbers of late rows since the last windowAdd() from row 0 or windowClearLate(): u32[windowLateCount()]. */
export function windowLateRows(pointer: usize): usize {
  return changetype<Window>(pointer).late
}

export function windowLateCount(pointer: usize): u32 {
  return changetype<Window>(pointer).lateCount
}

export function windowClearLate(pointer: usize): void {
  changetype<Window>(pointer).lateCount = 0
}

// ---- metrics
// ----------------------------------------------------------------------------------------------------------

/** Late rows since creation. */
export function windowLateTotal(pointer: usize): f64 {
  return changetype<Window>(pointer).lateTotal
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
  return changetype<Window>(pointer).records
}

/** Bytes of slices and pages in use. */
export function windowStateBytes(pointer: usize): f64 {
  return changetype<Window>(pointer).stateBytes
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
