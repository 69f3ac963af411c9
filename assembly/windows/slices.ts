/*
 * The live slices: sorted by index, created on first use, dropped when their last window has fired. Slices that lie
 * far apart cost nothing in between.
 */
import { LIMIT_SLICES, STATUS_MEMORY_LIMIT, STATUS_OK, STATUS_TOO_MANY_SLICES } from '../abi'
import { copyTo, put } from '../guard'
import { keysDrop, keysRetain } from '../keys'
import { allocate, allocateZeroed, release } from '../memory'
import { fireAt, firstUnfired, firstWindowOf, lastWindowOf, sliceStart } from './geometry'
import {
  CACHE_SLICES, ENTRY_PAGE, ENTRY_SHIFT, ENTRY_TOUCHED, entryAt, entryOf, isTouched, PAGE_MASK, PAGE_SHIFT, recordAt,
  Slice,
  sliceAt, Window,
} from './layout'
import { givePage, takePage } from './pages'
import { forgetPanes } from './panes'

const MIN_SLICES: u32 = 16
const MIN_TABLE: u32 = 4

// @ts-ignore: decorator
@inline
function cacheEntry(window: Window, index: f64): usize {
  return window.cache + ((<usize>(<i64>index) & (CACHE_SLICES - 1)) << 2)
}

/** Position of the first live slice with an index of at least `index`. */
export function lowerBound(window: Window, index: f64): u32 {
  let low = window.sliceFirst
  let high = window.sliceEnd
  // Most searches are for the newest slice or behind it.
  if (low < high && sliceAt(window, high - 1).index < index) return high
  while (low < high) {
    const middle = (low + high) >> 1
    if (sliceAt(window, middle).index < index) low = middle + 1
    else high = middle
  }
  return low
}

/** The live slice of an index, or null. */
export function findSlice(window: Window, index: f64): Slice | null {
  const entry = cacheEntry(window, index)
  const cached = <usize>load<u32>(entry)
  if (cached != 0 && changetype<Slice>(cached).index == index) return changetype<Slice>(cached)
  const position = lowerBound(window, index)
  if (position == window.sliceEnd) return null
  const slice = sliceAt(window, position)
  if (slice.index != index) return null
  put<u32>(entry, <u32>changetype<usize>(slice))
  return slice
}

function reserveSlice(window: Window): i32 {
  if (window.sliceEnd < window.sliceCapacity) return STATUS_OK
  const live = window.sliceEnd - window.sliceFirst
  if (live >= <u32>LIMIT_SLICES) return STATUS_TOO_MANY_SLICES
  if (window.sliceFirst >= max<u32>(live, 1)) {
    copyTo(window.slices, window.slices + (<usize>window.sliceFirst << 2), <usize>live << 2)
  } else {
    const capacity = max<u32>(MIN_SLICES, window.sliceCapacity << 1)
    const next = allocate(<usize>capacity << 2)
    if (next == 0) return STATUS_MEMORY_LIMIT
    copyTo(next, window.slices + (<usize>window.sliceFirst << 2), <usize>live << 2)
    release(window.slices)
    window.slices = next
    window.sliceCapacity = capacity
  }
  window.sliceFirst = 0
  window.sliceEnd = live
  return STATUS_OK
}

/** Makes the table of a slice cover ids up to `maxId`. */
export function reserveTable(window: Window, slice: Slice, maxId: u32): i32 {
  const needed = (maxId >> PAGE_SHIFT) + 1
  if (needed <= slice.pages) return STATUS_OK
  const pages = max<u32>(MIN_TABLE, <u32>1 << (32 - clz<u32>(needed - 1)))
  const table = allocateZeroed(<usize>pages << ENTRY_SHIFT)
  if (table == 0) return STATUS_MEMORY_LIMIT
  copyTo(table, slice.table, <usize>slice.pages << ENTRY_SHIFT)
  release(slice.table)
  window.stateBytes += <f64>((pages - slice.pages) << <u32>ENTRY_SHIFT)
  slice.table = table
  slice.pages = pages
  return STATUS_OK
}

/**
 * Creates the slice of an index that has none, for ids up to `maxId`; a status. findSlice() then finds it. On failure
 * nothing has changed.
 */
export function createSlice(window: Window, index: f64, maxId: u32): i32 {
  const status = reserveSlice(window)
  if (status < 0) return status
  const pointer = allocate(offsetof<Slice>())
  if (pointer == 0) return STATUS_MEMORY_LIMIT
  const slice = changetype<Slice>(pointer)
  slice.index = index
  slice.startMs = sliceStart(window, index)
  slice.endMs = slice.startMs + window.sliceMs
  slice.lateAt = fireAt(window, lastWindowOf(window, index))
  slice.table = 0
  slice.pages = 0
  slice.records = 0
  if (reserveTable(window, slice, maxId) < 0) {
    release(pointer)
    return STATUS_MEMORY_LIMIT
  }
  const position = lowerBound(window, index)
  const at = window.slices + (<usize>position << 2)
  copyTo(at + 4, at, <usize>(window.sliceEnd - position) << 2)
  put<u32>(at, <u32>pointer)
  window.sliceEnd++
  put<u32>(cacheEntry(window, index), <u32>pointer)
  window.stateBytes += <f64>offsetof<Slice>()
  updateNextFire(window)
  return STATUS_OK
}

/**
 * While rows are added nothing is ready at the watermark in force, so all windows up to it have fired or are empty:
 * they
 * do not fire again for a slice that is created now.
 */
export function skipFired(window: Window): void {
  window.cursor = max<f64>(window.cursor, firstUnfired(window, window.watermark))
  updateNextFire(window)
}

/** The next window to fire: the first that contains a live slice. Undefined when there is no live slice. */
export function nextWindow(window: Window): f64 {
  return max<f64>(window.cursor, firstWindowOf(window, sliceAt(window, window.sliceFirst).index))
}

export function updateNextFire(window: Window): void {
  window.nextFire = window.sliceFirst == window.sliceEnd ? NaN : fireAt(window, nextWindow(window))
}

/** Gives a table entry its page; false when the memory ceiling is reached. */
export function addPage(window: Window, entry: usize): bool {
  const page = takePage(window)
  if (page == 0) return false
  put<u32>(entry, <u32>page, ENTRY_PAGE)
  return true
}

/** The record of `id` in a slice, touched; 0 when the memory ceiling is reached. */
export function touch(window: Window, slice: Slice, id: u32): usize {
  const entry = entryOf(slice.table, id)
  if (load<u32>(entry, ENTRY_PAGE) == 0 && !addPage(window, entry)) return 0
  if (!isTouched(entry, id)) {
    put<u64>(entry, load<u64>(entry, ENTRY_TOUCHED) | (<u64>1 << <u64>(id & PAGE_MASK)), ENTRY_TOUCHED)
    slice.records++
    window.records++
    keysRetain(window.keys, id)
  }
  return recordAt(entry, id, window.recordBytes)
}

/** Takes a touch back: the record is as new. */
export function untouch(window: Window, slice: Slice, id: u32): void {
  const entry = entryOf(slice.table, id)
  if (!isTouched(entry, id)) return
  put<u64>(entry, load<u64>(entry, ENTRY_TOUCHED) & ~(<u64>1 << <u64>(id & PAGE_MASK)), ENTRY_TOUCHED)
  slice.records--
  window.records--
  keysDrop(window.keys, id)
}

function releaseSlice(window: Window, slice: Slice): void {
  const keys = window.keys
  for (let p: u32 = 0; p < slice.pages; p++) {
    const entry = entryAt(slice.table, p)
    const page = <usize>load<u32>(entry, ENTRY_PAGE)
    if (page == 0) continue
    for (let bits = load<u64>(entry, ENTRY_TOUCHED); bits != 0; bits &= bits - 1) {
      keysDrop(keys, (p << PAGE_SHIFT) + <u32>ctz<u64>(bits))
    }
    givePage(window, page)
  }
  window.records -= slice.records
  window.stateBytes -= <f64>(slice.pages << <u32>ENTRY_SHIFT) + <f64>offsetof<Slice>()
  const entry = cacheEntry(window, slice.index)
  if (<usize>load<u32>(entry) == changetype<usize>(slice)) put<u32>(entry, 0)
  release(slice.table)
  release(changetype<usize>(slice))
}

/** Drops the slices whose last window is below the cursor. */
export function dropFired(window: Window): void {
  while (window.sliceFirst < window.sliceEnd) {
    const slice = sliceAt(window, window.sliceFirst)
    if (lastWindowOf(window, slice.index) >= window.cursor) break
    releaseSlice(window, slice)
    window.sliceFirst++
  }
  if (window.sliceFirst == window.sliceEnd) forgetPanes(window)
}

/** Drops the slices in which nothing is touched. */
export function dropEmpty(window: Window): void {
  let kept = window.sliceFirst
  for (let position = window.sliceFirst; position < window.sliceEnd; position++) {
    const slice = sliceAt(window, position)
    if (slice.records == 0) {
      releaseSlice(window, slice)
    } else {
      put<u32>(window.slices + (<usize>kept << 2), <u32>changetype<usize>(slice))
      kept++
    }
  }
  window.sliceEnd = kept
}

export function dropAll(window: Window): void {
  for (let position = window.sliceFirst; position < window.sliceEnd; position++) {
    releaseSlice(window, sliceAt(window, position))
  }
  window.sliceEnd = window.sliceFirst
}
