/*
 * Windows of many slices. Slices are joined into groups of about twice the root of their number, by fixed bounds: group
 * g is the slices [g * G, (g + 1) * G). A window is then
 *
 *   the rest of its first group     suffixes: one for each slice of that group, made when the first window enters it
 *   the whole groups behind         middle: their aggregate, made anew when a group leaves or joins
 *   the beginning of its last group the group itself, which takes one slice after the other
 *
 * so that a window that moves on by a slice costs about five combinations a key, however many slices it has.
 * (Two stacks cost three, and a suffix for each slice of the window.) How sums are put together depends on the bounds
 * alone, not on what was computed when: so results are the same to the bit after a restart, where all of this is made
 * anew.
 *
 * A row that comes for a slice which is in here already (it is late for the first windows, not for all) makes its key
 * invalid in what covers the slice; that is computed anew, for this key, when the next window fires.
 *
 *   pane entry, by id / 64:   0              8              16       20      24
 *                             +--------------+--------------+--------+-------+
 *                             | touched ids  | valid ids    | page   | 0     |
 *                             +--------------+--------------+--------+-------+
 */
import { STATUS_MEMORY_LIMIT, STATUS_OK, STATUS_SUM_OVERFLOW } from '../abi'
import { copyTo, put } from '../guard'
import { allocateZeroed, release } from '../memory'
import { ENTRY_PAGE, ENTRY_TOUCHED, entryAt, PAGE_MASK, PAGE_SHIFT, sliceAt, Window } from './layout'
import { copyRecord, givePage, takeRawPage } from './pages'
import { combineRecords } from './records'
import { lowerBound } from './slices'

/** With fewer slices a window is combined from them as they are. */
const LEAST_SLICES: f64 = 8
const MIN_TABLE: u32 = 4
const ALL: u64 = ~(<u64>0)

const TOUCHED: usize = 0
const VALID: usize = 8
const PAGE: usize = 16
const ENTRY_BYTES: usize = 24

/** An aggregate of consecutive slices, by key. */
@unmanaged
class Pane {
  /** Of a group: its number, NaN when the pane is free, and the slice that its valid keys reach to. */
  group: f64
  upTo: f64
  table: usize
  /** Entries of `table`. */
  pages: u32
}

const PANE_BYTES: usize = 24

// ---- panes: suffixes by slice, groups by number modulo their most, the middle --------------------------------------

// @ts-ignore: decorator
@inline
function paneAt(window: Window, number: u32): Pane {
  return changetype<Pane>(window.panes + <usize>number * PANE_BYTES)
}

// @ts-ignore: decorator
@inline
function groupPane(window: Window, group: f64): Pane {
  const number = <i64>group % <i64>window.groupPanes
  return paneAt(window, <u32>window.groupSlices + <u32>(number < 0 ? number + <i64>window.groupPanes : number))
}

// @ts-ignore: decorator
@inline
function middlePane(window: Window): Pane {
  return paneAt(window, <u32>window.groupSlices + window.groupPanes)
}

// @ts-ignore: decorator
@inline
function paneCount(window: Window): u32 {
  return <u32>window.groupSlices + window.groupPanes + 1
}

/** Makes the panes of a window that has many slices; false when the memory ceiling is reached. */
export function openPanes(window: Window): bool {
  window.folded = -Infinity
  const slices = window.slicesPerWindow
  if (slices < LEAST_SLICES) return true
  window.groupSlices = Math.floor(min<f64>(2 * Math.sqrt(slices), slices / 2))
  window.groupPanes = <u32>Math.ceil(slices / window.groupSlices) + 2
  window.panes = allocateZeroed(<usize>paneCount(window) * PANE_BYTES)
  if (window.panes == 0) return false
  forgetPanes(window)
  return true
}

/** Gives back all that panes hold; nothing is folded then. */
export function forgetPanes(window: Window): void {
  if (window.panes == 0) return
  window.folded = -Infinity
  window.suffixGroup = NaN
  window.middleEnd = NaN
  for (let number: u32 = 0; number < paneCount(window); number++) {
    const pane = paneAt(window, number)
    for (let page: u32 = 0; page < pane.pages; page++) {
      const own = <usize>load<u32>(pane.table + <usize>page * ENTRY_BYTES, PAGE)
      if (own != 0) givePage(window, own)
    }
    window.stateBytes -= <f64>(<usize>pane.pages * ENTRY_BYTES)
    release(pane.table)
    pane.table = 0
    pane.pages = 0
    pane.group = NaN
  }
}

/** Makes every key of a pane invalid; its pages stay for what comes. */
function invalidatePane(pane: Pane): void {
  for (let page: u32 = 0; page < pane.pages; page++) {
    const entry = pane.table + <usize>page * ENTRY_BYTES
    put<u64>(entry, 0, TOUCHED)
    put<u64>(entry, 0, VALID)
  }
}

/** The entry of a page in a pane; 0 when the memory ceiling is reached. */
function reserveEntry(window: Window, pane: Pane, page: u32): usize {
  if (page >= pane.pages) {
    const pages = max<u32>(MIN_TABLE, <u32>1 << (32 - clz<u32>(page)))
    const table = allocateZeroed(<usize>pages * ENTRY_BYTES)
    if (table == 0) return 0
    copyTo(table, pane.table, <usize>pane.pages * ENTRY_BYTES)
    release(pane.table)
    window.stateBytes += <f64>(<usize>(pages - pane.pages) * ENTRY_BYTES)
    pane.table = table
    pane.pages = pages
  }
  return pane.table + <usize>page * ENTRY_BYTES
}

// ---- folding -------------------------------------------------------------------------------------------------------

/** Adds the records `touched` & `mask` of a page to those of a pane's entry: a status. */
function fold(window: Window, entry: usize, mask: u64, touched: u64, from: usize): i32 {
  const own = touched & mask
  if (own == 0) return STATUS_OK
  let page = <usize>load<u32>(entry, PAGE)
  if (page == 0) {
    page = takeRawPage(window)
    if (page == 0) return STATUS_MEMORY_LIMIT
    put<u32>(entry, <u32>page, PAGE)
  }
  const had = load<u64>(entry, TOUCHED)
  const recordBytes = <usize>window.recordBytes
  if ((own & ~had) == ALL) {
    copyTo(page, from, <usize>window.pageBytes)
  } else {
    for (let bits = own & ~had; bits != 0; bits &= bits - 1) {
      const at = <usize>ctz<u64>(bits) * recordBytes
      copyRecord(page + at, from + at, recordBytes)
    }
  }
  put<u64>(entry, had | own, TOUCHED)
  return combineRecords(window, page, from, own & had) ? STATUS_OK : STATUS_SUM_OVERFLOW
}

/** Folds the slices [first, end) into the keys `mask` of an entry: a status. */
function foldSlices(window: Window, entry: usize, mask: u64, page: u32, first: f64, end: f64): i32 {
  for (let position = lowerBound(window, first); position < window.sliceEnd; position++) {
    const slice = sliceAt(window, position)
    if (slice.index >= end) break
    if (page >= slice.pages) continue
    const from = entryAt(slice.table, page)
    const touched = load<u64>(from, ENTRY_TOUCHED)
    const status = fold(window, entry, mask, touched, <usize>load<u32>(from, ENTRY_PAGE))
    if (status < 0) return status
  }
  return STATUS_OK
}

/** Brings a page of a group up to the slice `end`: a status. */
function foldGroup(window: Window, pane: Pane, page: u32, end: f64): i32 {
  const entry = reserveEntry(window, pane, page)
  if (entry == 0) return STATUS_MEMORY_LIMIT
  const valid = load<u64>(entry, VALID)
  // Until all is well, nothing of it is.
  put<u64>(entry, 0, VALID)
  if (valid != 0 && pane.upTo < end) {
    const status = foldSlices(window, entry, valid, page, pane.upTo, end)
    if (status < 0) return status
  }
  if (valid != ALL) {
    put<u64>(entry, load<u64>(entry, TOUCHED) & valid, TOUCHED)
    const status = foldSlices(window, entry, ~valid, page, pane.group * window.groupSlices, end)
    if (status < 0) return status
  }
  put<u64>(entry, ALL, VALID)
  return STATUS_OK
}

/** Brings a page of the whole groups (first, end) and of their aggregate up to date: a status. */
function foldMiddle(window: Window, page: u32, first: f64, end: f64): i32 {
  const entry = reserveEntry(window, middlePane(window), page)
  if (entry == 0) return STATUS_MEMORY_LIMIT
  const valid = load<u64>(entry, VALID)
  for (let group = first; group < end; group++) {
    const pane = groupPane(window, group)
    const groupEnd = (group + 1) * window.groupSlices
    if (valid == ALL && pane.upTo >= groupEnd) continue
    const status = foldGroup(window, pane, page, groupEnd)
    if (status < 0) return status
  }
  if (valid == ALL) return STATUS_OK
  put<u64>(entry, load<u64>(entry, TOUCHED) & valid, TOUCHED)
  for (let group = first; group < end; group++) {
    const from = groupPane(window, group).table + <usize>page * ENTRY_BYTES
    const status = fold(window, entry, ~valid, load<u64>(from, TOUCHED), <usize>load<u32>(from, PAGE))
    if (status < 0) return status
  }
  put<u64>(entry, ALL, VALID)
  return STATUS_OK
}

/** Brings a page of the suffixes from slice number `first` of the first group on up to date: a status. */
function foldSuffixes(window: Window, page: u32, group: f64, first: u32): i32 {
  const slices = <u32>window.groupSlices
  // Invalid keys of a suffix are so in those before it: the first suffix that is wholly valid ends the search.
  let number = first
  for (; number < slices; number++) {
    const entry = reserveEntry(window, paneAt(window, number), page)
    if (entry == 0) return STATUS_MEMORY_LIMIT
    if (load<u64>(entry, VALID) == ALL) break
  }
  while (number > first) {
    number--
    const entry = paneAt(window, number).table + <usize>page * ENTRY_BYTES
    const valid = load<u64>(entry, VALID)
    put<u64>(entry, load<u64>(entry, TOUCHED) & valid, TOUCHED)
    if (number + 1 < slices) {
      const next = paneAt(window, number + 1).table + <usize>page * ENTRY_BYTES
      const status = fold(window, entry, ~valid, load<u64>(next, TOUCHED), <usize>load<u32>(next, PAGE))
      if (status < 0) return status
    }
    const slice = group * window.groupSlices + <f64>number
    const status = foldSlices(window, entry, ~valid, page, slice, slice + 1)
    if (status < 0) return status
    put<u64>(entry, ALL, VALID)
  }
  return STATUS_OK
}

// ---- firing --------------------------------------------------------------------------------------------------------

/** Before the first page of the window of the slices [first, end) is combined. */
export function beginPanes(window: Window, first: f64, end: f64): void {
  const slices = window.groupSlices
  const firstGroup = Math.floor(first / slices)
  const lastGroup = Math.floor(end / slices)
  if (window.suffixGroup != firstGroup) {
    window.suffixGroup = firstGroup
    for (let number: u32 = 0; number < <u32>slices; number++) invalidatePane(paneAt(window, number))
    window.middleEnd = NaN
  }
  if (window.middleEnd != lastGroup) {
    window.middleEnd = lastGroup
    invalidatePane(middlePane(window))
  }
  for (let group = firstGroup + 1; group <= lastGroup; group++) {
    const pane = groupPane(window, group)
    if (pane.group == group) continue
    invalidatePane(pane)
    pane.group = group
    pane.upTo = group * slices
  }
}

/** After its last page. */
export function endPanes(window: Window, end: f64): void {
  const slices = window.groupSlices
  for (let group = window.suffixGroup + 1; group <= window.middleEnd; group++) {
    groupPane(window, group).upTo = min<f64>((group + 1) * slices, end)
  }
  window.folded = max<f64>(window.folded, end)
}

/** The touched records of the page that combinePanes() returned. */
export let touchedInPanes: u64 = 0

/** The result with an entry's records; 0 when an integer sum overflows, or when nothing is touched yet. */
// @ts-ignore: decorator
@inline
function addEntry(window: Window, result: usize, entry: usize): usize {
  const own = load<u64>(entry, TOUCHED)
  if (own == 0) return result
  const from = <usize>load<u32>(entry, PAGE)
  const had = touchedInPanes
  touchedInPanes = had | own
  if (had == 0) return from
  const combined = window.combined
  if (result != combined) copyTo(combined, result, window.pageBytes)
  const recordBytes = <usize>window.recordBytes
  for (let bits = own & ~had; bits != 0; bits &= bits - 1) {
    const at = <usize>ctz<u64>(bits) * recordBytes
    copyRecord(combined + at, from + at, recordBytes)
  }
  return combineRecords(window, combined, from, own & had) ? combined : 0
}

/** Why combinePanes() returned 0 with some touched. */
export let panesStatus: i32 = STATUS_OK

/** A page of the window of the slices [first, end), combined; 0 with panesStatus < 0 when that cannot be. */
export function combinePanes(window: Window, first: f64, end: f64, page: u32): usize {
  const slices = window.groupSlices
  const firstGroup = window.suffixGroup
  const lastGroup = window.middleEnd
  const number = <u32>(first - firstGroup * slices)
  const last = groupPane(window, lastGroup)
  touchedInPanes = 0
  panesStatus = foldSuffixes(window, page, firstGroup, number)
  if (panesStatus == STATUS_OK) panesStatus = foldMiddle(window, page, firstGroup + 1, lastGroup)
  if (panesStatus == STATUS_OK) panesStatus = foldGroup(window, last, page, end)
  if (panesStatus < 0) return giveUp(window, page)
  let result = addEntry(window, 0, paneAt(window, number).table + <usize>page * ENTRY_BYTES)
  result = addEntry(window, result, middlePane(window).table + <usize>page * ENTRY_BYTES)
  if (result != 0 || touchedInPanes == 0) {
    result = addEntry(window, result, last.table + <usize>page * ENTRY_BYTES)
  }
  if (result != 0 || touchedInPanes == 0) return result
  panesStatus = STATUS_SUM_OVERFLOW
  return giveUp(window, page)
}

/** A page that cannot be combined is combined anew when the window is tried again: no slice is folded in twice. */
function giveUp(window: Window, page: u32): usize {
  for (let number = <u32>window.groupSlices; number < paneCount(window); number++) {
    const pane = paneAt(window, number)
    if (page < pane.pages) put<u64>(pane.table + <usize>page * ENTRY_BYTES, 0, VALID)
  }
  return 0
}

// ---- rows that come for what is folded -----------------------------------------------------------------------------

// @ts-ignore: decorator
@inline
function invalidateKey(pane: Pane, id: u32): void {
  const page = id >> PAGE_SHIFT
  if (page >= pane.pages) return
  const entry = pane.table + <usize>page * ENTRY_BYTES
  put<u64>(entry, load<u64>(entry, VALID) & ~(<u64>1 << <u64>(id & PAGE_MASK)), VALID)
}

/** A row of key `id` comes for a slice below `folded`. */
export function invalidateSlice(window: Window, slice: f64, id: u32): void {
  const group = Math.floor(slice / window.groupSlices)
  const pane = groupPane(window, group)
  if (pane.group == group) invalidateKey(pane, id)
  if (window.suffixGroup == group) {
    const last = <u32>(slice - group * window.groupSlices)
    for (let number: u32 = 0; number <= last; number++) invalidateKey(paneAt(window, number), id)
  }
  invalidateKey(middlePane(window), id)
}
