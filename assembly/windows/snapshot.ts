/*
 * Writing a snapshot of windows: sizes, then one pass over the pages, in the order in which they stand in memory.
 */
import { SNAPSHOT_KIND_WINDOW, STATUS_ARGUMENT, STATUS_MEMORY_LIMIT } from '../abi'
import { copyTo, put } from '../guard'
import { keysHighWater } from '../keys'
import { KeyIndex } from '../keys/layout'
import { release } from '../memory'
import { Aggregation, AT_SUM, columnAt, isFloat } from './aggregation'
import { ENTRY_PAGE, ENTRY_TOUCHED, entryAt, PAGE_KEYS, Slice, sliceAt, Window } from './layout'
import { copyRecord } from './pages'
import { beginPart, failNull, paramsOf, sealPart, stateOf } from './part'
import {
  PAGE_NUMBER, PARAM_COLUMNS, PARAM_CURSOR, PARAM_HIGH_WATER, PARAM_OFFSET, PARAM_SIZE, PARAM_SLIDE, PARAM_WATERMARK,
  SLICE_HEAD, SLICE_PAGE_BYTES, SLICE_PAGES, SLICE_RECORDS,
} from './snapshot-layout'

/** Pages of a slice in which a record is touched. */
function touchedPages(slice: Slice): u32 {
  let pages: u32 = 0
  for (let p: u32 = 0; p < slice.pages; p++) pages += u32(load<u64>(entryAt(slice.table, p), ENTRY_TOUCHED) != 0)
  return pages
}

/** Gives the float sums of `count` records that are NaN the one bit pattern. */
export function canonicalSums(state: Aggregation, records: usize, count: u32): void {
  const recordBytes = <usize>state.recordBytes
  const end = records + <usize>count * recordBytes
  for (let c: u32 = 0; c < state.columnCount; c++) {
    const column = columnAt(state, c)
    if (!isFloat(column)) continue
    for (let at = records + <usize>column.at; at < end; at += recordBytes) {
      const sum = load<f64>(at, AT_SUM)
      if (sum != sum) put<f64>(at, NaN, AT_SUM)
    }
  }
}

/** Writes a slice; the position behind it. */
function writeSlice(window: Window, slice: Slice, at: usize): usize {
  const recordBytes = <usize>window.recordBytes
  const pages = touchedPages(slice)
  put<f64>(at, slice.index)
  put<u32>(at, slice.records, SLICE_RECORDS)
  put<u32>(at, pages, SLICE_PAGES)
  let head = at + SLICE_HEAD
  let to = head + <usize>pages * SLICE_PAGE_BYTES
  for (let p: u32 = 0; p < slice.pages; p++) {
    const entry = entryAt(slice.table, p)
    const touched = load<u64>(entry, ENTRY_TOUCHED)
    if (touched == 0) continue
    put<u64>(head, touched)
    put<u64>(head, <u64>p, PAGE_NUMBER)
    head += SLICE_PAGE_BYTES
    const page = <usize>load<u32>(entry, ENTRY_PAGE)
    const first = to
    if (touched == ~(<u64>0)) {
      copyTo(to, page, <usize>window.pageBytes)
      to += <usize>window.pageBytes
    } else {
      for (let bits = touched; bits != 0; bits &= bits - 1) {
        copyRecord(to, page + <usize>ctz<u64>(bits) * recordBytes, recordBytes)
        to += recordBytes
      }
    }
    canonicalSums(window, first, <u32>popcnt<u64>(touched))
  }
  return to
}

/**
 * The operator's part of a snapshot, in a region that stays until windowSnapshotRelease(); its size is RESULT_SIZE.
 * 0 = failure, with the status in RESULT_STATUS and the state as it was: STATUS_MEMORY_LIMIT; STATUS_ARGUMENT when the
 * key index is not settled (detail 1) or a window has fired in part (detail 2: call windowFire() until it returns 0).
 */
export function windowSnapshot(pointer: usize): usize {
  const window = changetype<Window>(pointer)
  if (changetype<KeyIndex>(window.keys).pendingCount != 0) return failNull(STATUS_ARGUMENT, 1)
  if (window.firing) return failNull(STATUS_ARGUMENT, 2)
  windowSnapshotRelease(pointer)
  let bytes: u64 = 0
  for (let position = window.sliceFirst; position < window.sliceEnd; position++) {
    const slice = sliceAt(window, position)
    bytes += <u64>SLICE_HEAD + <u64>touchedPages(slice) * <u64>SLICE_PAGE_BYTES
    bytes += <u64>slice.records * <u64>window.recordBytes
  }
  const part = beginPart(window, SNAPSHOT_KIND_WINDOW, PARAM_COLUMNS, bytes)
  if (part == 0) return failNull(STATUS_MEMORY_LIMIT, 0)
  const params = paramsOf(part)
  put<f64>(params, window.sizeMs, PARAM_SIZE)
  put<f64>(params, window.slideMs, PARAM_SLIDE)
  put<f64>(params, window.offsetMs, PARAM_OFFSET)
  put<f64>(params, window.watermark, PARAM_WATERMARK)
  put<f64>(params, window.cursor, PARAM_CURSOR)
  put<u32>(params, keysHighWater(window.keys), PARAM_HIGH_WATER)
  let at = stateOf(part)
  for (let position = window.sliceFirst; position < window.sliceEnd; position++) {
    at = writeSlice(window, sliceAt(window, position), at)
  }
  return sealPart(window, part)
}

/** Of windows and of sessions. */
export function windowSnapshotRelease(pointer: usize): void {
  const state = changetype<Aggregation>(pointer)
  release(state.snapshot)
  state.snapshot = 0
}
