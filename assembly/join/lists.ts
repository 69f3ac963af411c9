/*
 * For each key and side a list of rows, ordered by time and by arrival where times are equal: an array that is taken
 * from at its front and grows at its end. One entry stands in the record itself, so that keys with one row a side,
 * which are most, cost one line of the cache.
 *
 *   records   by key id, 64 bytes: the list of the left side, that of the right side
 *   list      0          4        8         12        16                         32
 *             +----------+--------+---------+---------+--------------------------+
 *             | block    | head   | count   | class   | entry, while block is 0  |
 *             +----------+--------+---------+---------+--------------------------+
 *   block     2 << class entries (class 0: the one in the record)
 *   entry     0            8        12        16
 *             +------------+--------+---------+
 *             | time f64   | row    | matched |
 *             +------------+--------+---------+
 *
 * Small blocks are cut from pages and kept in free lists by class; large ones are regions of their own.
 */
import { STATUS_MEMORY_LIMIT, STATUS_OK } from '../abi'
import { copyTo, fill, put } from '../guard'
import { allocate, reallocate, release } from '../memory'

export const ENTRY_ROW: usize = 8
export const ENTRY_MATCHED: usize = 12

const AT_HEAD: usize = 4
const AT_COUNT: usize = 8
const AT_CLASS: usize = 12
const AT_ENTRY: usize = 16

export const LIST_BYTES: usize = 32
/** Blocks below this class are cut from pages: up to 64 entries, 1 KiB. */
const SMALL_CLASSES: u32 = 6
const PAGE: usize = 65536
const FIRST_RECORDS: u32 = 256

@unmanaged
export class Lists {
  records: usize
  /** Key ids that have records. */
  ids: u32
  /** The last page, which begins with the address of the one before; where its next block is cut, and its end. */
  page: usize
  top: usize
  end: usize
  free1: u32
  free2: u32
  free3: u32
  free4: u32
  free5: u32
}

export function listsRelease(lists: Lists): void {
  const records = lists.records
  for (let at = records; at < records + (<usize>lists.ids << 6); at += LIST_BYTES) {
    if (load<u32>(at, AT_CLASS) >= SMALL_CLASSES) release(load<u32>(at))
  }
  release(records)
  for (let page = lists.page; page != 0;) {
    const before = load<u32>(page)
    release(page)
    page = before
  }
}

/** Makes records for ids below `ids`. */
export function reserveRecords(lists: Lists, ids: u32): i32 {
  const before = lists.ids
  if (ids <= before) return STATUS_OK
  const wanted = max<u32>(FIRST_RECORDS, max<u32>(ids, before << 1))
  const bytes = <usize>wanted << 6
  const records = lists.records == 0 ? allocate(bytes) : reallocate(lists.records, bytes)
  if (records == 0) return STATUS_MEMORY_LIMIT
  fill(records + (<usize>before << 6), 0, <usize>(wanted - before) << 6)
  lists.records = records
  lists.ids = wanted
  return STATUS_OK
}

// @ts-ignore: decorator
@inline
export function recordOf(lists: Lists, id: u32): usize {
  return lists.records + (<usize>id << 6)
}

// @ts-ignore: decorator
@inline
export function countOf(list: usize): u32 {
  return load<u32>(list, AT_COUNT)
}

/** The first entry, and behind the last. */
// @ts-ignore: decorator
@inline
export function firstOf(list: usize): usize {
  const block = <usize>load<u32>(list)
  return block == 0 ? list + AT_ENTRY : block + (<usize>load<u32>(list, AT_HEAD) << 4)
}

// @ts-ignore: decorator
@inline
export function endOf(list: usize): usize {
  return firstOf(list) + (<usize>countOf(list) << 4)
}

/** The first of the entries [from, to) whose time is at least `time`; with `behind`, more than `time`. */
export function search(from: usize, to: usize, time: f64, behind: bool): usize {
  let low: usize = 0
  let high = (to - from) >> 4
  while (low < high) {
    const middle = (low + high) >> 1
    const other = load<f64>(from + (middle << 4))
    if (other < time || (behind && other == time)) low = middle + 1
    else high = middle
  }
  return from + (low << 4)
}

// @ts-ignore: decorator
@inline
function freeAt(lists: Lists, sizeClass: u32): usize {
  return changetype<usize>(lists) + offsetof<Lists>('free1') + (<usize>(sizeClass - 1) << 2)
}

function takeBlock(lists: Lists, sizeClass: u32): usize {
  const bytes = <usize>32 << sizeClass
  if (sizeClass >= SMALL_CLASSES) return sizeClass < 27 ? allocate(bytes) : 0
  const list = freeAt(lists, sizeClass)
  const block = <usize>load<u32>(list)
  if (block != 0) {
    put<u32>(list, load<u32>(block))
    return block
  }
  if (lists.top + bytes > lists.end) {
    const page = allocate(PAGE)
    if (page == 0) return 0
    put<u32>(page, <u32>lists.page)
    lists.page = page
    lists.top = page + 64
    lists.end = page + PAGE
  }
  lists.top += bytes
  return lists.top - bytes
}

function giveBlock(lists: Lists, block: usize, sizeClass: u32): void {
  if (sizeClass >= SMALL_CLASSES) {
    release(block)
    return
  }
  const list = freeAt(lists, sizeClass)
  put<u32>(block, load<u32>(list))
  put<u32>(list, <u32>block)
}

/** Makes room for one entry at the end: moves the entries to the front of their block, or into a larger one. */
function makeRoom(lists: Lists, list: usize): bool {
  const block = <usize>load<u32>(list)
  const sizeClass = load<u32>(list, AT_CLASS)
  const first = firstOf(list)
  let target = block
  if (block == 0 || load<u32>(list, AT_HEAD) < (<u32>1 << sizeClass)) {
    target = takeBlock(lists, sizeClass + 1)
    if (target == 0) return false
    put<u32>(list, sizeClass + 1, AT_CLASS)
  }
  copyTo(target, first, <usize>countOf(list) << 4)
  if (block != 0 && target != block) giveBlock(lists, block, sizeClass)
  put<u32>(list, <u32>target)
  put<u32>(list, 0, AT_HEAD)
  return true
}

/** Adds an entry behind those of its time; false when the memory ceiling is reached, with nothing changed. */
export function insert(lists: Lists, list: usize, time: f64, row: u32, matched: u32): bool {
  const count = countOf(list)
  const capacity = load<u32>(list) == 0 ? 1 : <u32>2 << load<u32>(list, AT_CLASS)
  if (load<u32>(list, AT_HEAD) + count == capacity && !makeRoom(lists, list)) return false
  const first = firstOf(list)
  const end = endOf(list)
  let at = end
  if (count > 0 && load<f64>(end - 16) > time) {
    at = search(first, end, time, true)
    copyTo(at + 16, at, end - at)
  }
  put<f64>(at, time)
  put<u32>(at, row, ENTRY_ROW)
  put<u32>(at, matched, ENTRY_MATCHED)
  put<u32>(list, count + 1, AT_COUNT)
  return true
}

/** Takes the first entry away. */
export function removeFirst(lists: Lists, list: usize): void {
  const block = <usize>load<u32>(list)
  const count = countOf(list) - 1
  put<u32>(list, count, AT_COUNT)
  if (block == 0) return
  put<u32>(list, load<u32>(list, AT_HEAD) + 1, AT_HEAD)
  if (count > 0) return
  giveBlock(lists, block, load<u32>(list, AT_CLASS))
  fill(list, 0, 16)
}
