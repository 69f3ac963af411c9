/*
 * Reading a snapshot of windows. Nothing changes before the header, the parameters, the directory and the checksums
 * have been verified. Behind a good checksum every length and id is still tested against its bounds. Then come the
 * keys, then the slices. Parts of version 1 are read in restore-v1.ts.
 */
import {
  LIMIT_KEYS, LIMIT_TIMESTAMP, LIMIT_WINDOW, MISMATCH_WINDOW, NO_ID, SNAPSHOT_AT_VERSION, SNAPSHOT_KIND_WINDOW,
  STATUS_MEMORY_LIMIT, STATUS_OK, STATUS_SNAPSHOT_CORRUPT, STATUS_SNAPSHOT_MISMATCH,
} from '../abi'
import { copyTo, put } from '../guard'
import { keysRetain } from '../keys'
import { KeyIndex } from '../keys/layout'
import { usedIds } from '../keys/section'
import { AT_ROWS } from './aggregation'
import { firstUnfired, isGap, lastWindowOf, sliceStart } from './geometry'
import { ENTRY_PAGE, ENTRY_TOUCHED, entryAt, entryOf, isTouched, PAGE_SHIFT, Slice, Window } from './layout'
import { copyRecord, takePage, takeRawPage } from './pages'
import {
  endRead, fail, idMap, idOf, isWhole, mayRestore, paramsOf, readKeys, restoreWatermark, stateBytesOf, stateOf,
  verifyHeader, verifySections,
} from './part'
import { readVersion1, verifyVersion1 } from './restore-v1'
import { createSlice, dropEmpty, findSlice, reserveTable, touch, updateNextFire } from './slices'
import {
  PAGE_NUMBER, PARAM_COLUMNS, PARAM_CURSOR, PARAM_HIGH_WATER, PARAM_OFFSET, PARAM_SIZE, PARAM_SLIDE, PARAM_WATERMARK,
  SLICE_HEAD, SLICE_PAGE_BYTES, SLICE_PAGES, SLICE_RECORDS,
} from './snapshot-layout'

function verifyParams(window: Window, params: usize): i32 {
  const sameWindow = load<f64>(params, PARAM_SIZE) == window.sizeMs && load<f64>(params, PARAM_SLIDE) == window.slideMs
    && load<f64>(params, PARAM_OFFSET) == window.offsetMs
  if (!sameWindow) return fail(STATUS_SNAPSHOT_MISMATCH, MISMATCH_WINDOW)
  const cursor = load<f64>(params, PARAM_CURSOR)
  const whole = load<f64>(params, PARAM_WATERMARK) == load<f64>(params, PARAM_WATERMARK) && Math.floor(cursor) == cursor
  return whole && load<u32>(params, PARAM_HIGH_WATER) <= <u32>LIMIT_KEYS ? STATUS_OK : STATUS_SNAPSHOT_CORRUPT
}

/** The slice that the state has at `index`, with a table for all keys: a status. findSlice() then finds it. */
export function openSlice(window: Window, index: f64, cursor: f64): i32 {
  // NaN is not its own floor.
  const sound = Math.floor(index) == index
    && Math.abs(sliceStart(window, index)) <= <f64>LIMIT_TIMESTAMP + <f64>LIMIT_WINDOW
    && !isGap(window, index) && lastWindowOf(window, index) >= cursor
  if (!sound) return STATUS_SNAPSHOT_CORRUPT
  const high = changetype<KeyIndex>(window.keys).highWater
  const maxId = high == 0 ? 0 : high - 1
  const slice = findSlice(window, index)
  return slice === null ? createSlice(window, index, maxId) : reserveTable(window, slice, maxId)
}

/** Copies a record to the key that had id `old`: a status. */
export function readRecord(window: Window, slice: Slice, old: u32, from: usize, isWanted: bool): i32 {
  const id = idOf(old)
  if (id == NO_ID) return isWanted ? STATUS_SNAPSHOT_CORRUPT : STATUS_OK
  if (isTouched(entryOf(slice.table, id), id)) return STATUS_SNAPSHOT_CORRUPT
  const record = touch(window, slice, id)
  if (record == 0) return STATUS_MEMORY_LIMIT
  copyRecord(record, from, window.recordBytes)
  return STATUS_OK
}

/** Reads the records of a page whose keys keep their ids: a status. */
function readPage(window: Window, slice: Slice, page: u32, touched: u64, from: usize): i32 {
  const recordBytes = <usize>window.recordBytes
  const wanted = touched & usedIds(changetype<KeyIndex>(window.keys), page)
  if (isWhole && wanted != touched) return STATUS_SNAPSHOT_CORRUPT
  if (wanted == 0) return STATUS_OK
  const entry = entryAt(slice.table, page)
  if (load<u64>(entry, ENTRY_TOUCHED) != 0) return STATUS_SNAPSHOT_CORRUPT
  if (load<u32>(entry, ENTRY_PAGE) == 0) {
    // A page of which every record is read need not be emptied first.
    const page = wanted == ~(<u64>0) ? takeRawPage(window) : takePage(window)
    if (page == 0) return STATUS_MEMORY_LIMIT
    put<u32>(entry, <u32>page, ENTRY_PAGE)
  }
  const to = <usize>load<u32>(entry, ENTRY_PAGE)
  if (wanted == ~(<u64>0)) copyTo(to, from, <usize>window.pageBytes)
  for (let bits = touched; bits != 0; bits &= bits - 1) {
    const bit = ctz<u64>(bits)
    if (((wanted >> bit) & 1) != 0) {
      if (wanted != ~(<u64>0)) copyRecord(to + <usize>bit * recordBytes, from, recordBytes)
      keysRetain(window.keys, (page << PAGE_SHIFT) + <u32>bit)
    }
    from += recordBytes
  }
  put<u64>(entry, wanted, ENTRY_TOUCHED)
  const fresh = <u32>popcnt<u64>(wanted)
  slice.records += fresh
  window.records += fresh
  return STATUS_OK
}

function readPages(window: Window, slice: Slice, head: usize, pages: u32, from: usize): i32 {
  const recordBytes = <usize>window.recordBytes
  for (let number: u32 = 0; number < pages; number++) {
    const touched = load<u64>(head)
    const page = load<u32>(head, PAGE_NUMBER)
    head += SLICE_PAGE_BYTES
    if (touched == 0 || page > <u32>LIMIT_KEYS >> PAGE_SHIFT) return STATUS_SNAPSHOT_CORRUPT
    let at = from
    for (let bits = touched; bits != 0; bits &= bits - 1) {
      if (!(load<f64>(at, AT_ROWS) >= 1)) return STATUS_SNAPSHOT_CORRUPT
      if (idMap != 0) {
        const status = readRecord(window, slice, (page << PAGE_SHIFT) + <u32>ctz<u64>(bits), at, isWhole)
        if (status < 0) return status
      }
      at += recordBytes
    }
    if (idMap == 0) {
      const status = readPage(window, slice, page, touched, from)
      if (status < 0) return status
    }
    from = at
  }
  return STATUS_OK
}

/** Records of a slice, by the bits of its pages. */
function countRecords(head: usize, pages: u32): u64 {
  let records: u64 = 0
  for (let number: u32 = 0; number < pages; number++) records += popcnt<u64>(load<u64>(head + <usize>number * 16))
  return records
}

function readSlices(window: Window, part: usize): i32 {
  const cursor = load<f64>(paramsOf(part), PARAM_CURSOR)
  let at = stateOf(part)
  const end = at + stateBytesOf(part)
  while (at < end) {
    if (end - at < SLICE_HEAD) return STATUS_SNAPSHOT_CORRUPT
    const records = load<u32>(at, SLICE_RECORDS)
    const pages = load<u32>(at, SLICE_PAGES)
    const head = at + SLICE_HEAD
    const pageBytes = <u64>pages * <u64>SLICE_PAGE_BYTES
    const bytes = pageBytes + <u64>records * <u64>window.recordBytes
    if (bytes > <u64>(end - head) || countRecords(head, pages) != <u64>records) return STATUS_SNAPSHOT_CORRUPT
    let status = openSlice(window, load<f64>(at), cursor)
    if (status < 0) return status
    status = readPages(window, findSlice(window, load<f64>(at))!, head, pages, head + <usize>pageBytes)
    if (status < 0) return status
    at = head + <usize>bytes
  }
  return STATUS_OK
}

/**
 * Restores the key groups [firstGroup, lastGroup] of a part into a window that has seen no row and no watermark. It may
 * be called for several parts, of other subtasks. The watermark is the lowest of the parts'; parts of one aligned
 * checkpoint carry the same.
 * A negative status that tells of damage or of other parameters (STATUS_SNAPSHOT_) comes before anything has changed,
 * save STATUS_SNAPSHOT_CORRUPT behind good checksums; after that, and after STATUS_MEMORY_LIMIT, release the window.
 */
export function windowRestore(pointer: usize, part: usize, length: usize, firstGroup: u32, lastGroup: u32): i32 {
  const window = changetype<Window>(pointer)
  let status = mayRestore(window, firstGroup, lastGroup)
  if (status == STATUS_OK) status = verifyHeader(window, part, length, SNAPSHOT_KIND_WINDOW, PARAM_COLUMNS)
  if (status == STATUS_OK) status = verifyParams(window, paramsOf(part))
  const isOld = status == STATUS_OK && load<u32>(part, SNAPSHOT_AT_VERSION) == 1
  if (status == STATUS_OK) {
    status = isOld ? verifyVersion1(part, length, firstGroup, lastGroup) : verifySections(window, part, length)
  }
  if (status < 0) return status
  const params = paramsOf(part)
  const cursor = load<f64>(params, PARAM_CURSOR)
  const isFirst = !window.restored
  window.cursor = isFirst ? cursor : min<f64>(window.cursor, cursor)
  restoreWatermark(window, load<f64>(params, PARAM_WATERMARK))
  // The cursor of a subtask that had little to fire may lag behind what others have fired.
  if (!isFirst) window.cursor = max<f64>(window.cursor, firstUnfired(window, window.watermark))
  if (isOld) {
    status = readVersion1(window, part, firstGroup, lastGroup)
  } else {
    status = readKeys(window, part, firstGroup, lastGroup)
    if (status == STATUS_OK) status = readSlices(window, part)
  }
  endRead()
  dropEmpty(window)
  updateNextFire(window)
  return status
}
