/*
 * What a row of registrations and deletions comes to: each timer once, where it was registered first since it was
 * deleted or fired last.
 */
import { copyTo, fill, put } from '../guard'
import { allocate, release } from '../memory'
import {
  append, Chunk, copyEntry, ENTRY_BYTES, ENTRY_SLOT, ENTRY_TAG, entryIn, freeChunk, FRESH, listAt, LISTS, TAKES_BACK,
  Timers, unlinkAll,
} from './layout'

/** Bit of an entry's time that says: void. */
const VOID: u64 = 1 << 63
const RADIX_BITS: u64 = 8
const RADIX: u32 = 256
const TIME_BITS: u64 = 54
const MIN_SCRATCH: u64 = 16384

// @ts-ignore: decorator
@inline
function entryAt(entries: usize, number: u32): usize {
  return entries + <usize>number * ENTRY_BYTES
}

/** Slots of the table for `count` entries: a power of two, at least twice as many. */
function tableSlots(count: u32): u32 {
  return <u32>1 << (33 - clz<u32>(count))
}

/** Room for `count` entries twice, and behind them for a table or radix counts: false when there is no memory. */
function reserveScratch(timers: Timers, count: u32): bool {
  const bytes = <u64>count * ENTRY_BYTES * 2 + (<u64>max<u32>(tableSlots(count), RADIX) << 2)
  if (bytes <= <u64>timers.scratchBytes) return true
  if (bytes > 0x7fffffff) return false
  const wanted = <u32>max<u64>(bytes, (<u64>timers.scratchBytes >> 1) * 3 + MIN_SCRATCH)
  const scratch = allocate(wanted)
  if (scratch == 0) return false
  release(timers.scratch)
  timers.scratch = scratch
  timers.scratchBytes = wanted
  return true
}

/** Makes the front hold `count` entries; what is in it may be lost. */
function reserveFront(timers: Timers, count: u32): bool {
  if (count <= timers.frontRoom) return true
  const room = max<u32>(count, timers.frontRoom * 2)
  const front = allocate(<usize>room * ENTRY_BYTES)
  if (front == 0) return false
  copyTo(front, entryAt(timers.front, timers.frontFrom), <usize>(timers.frontTo - timers.frontFrom) * ENTRY_BYTES)
  timers.frontTo -= timers.frontFrom
  timers.frontFrom = 0
  release(timers.front)
  timers.front = front
  timers.frontRoom = room
  return true
}

/** Moves the entries of a list to `to`, in their order; where the next go. */
function drain(timers: Timers, number: u32, to: usize): usize {
  let chunk = unlinkAll(timers, number)
  while (chunk != 0) {
    const next = changetype<Chunk>(chunk).next
    const bytes = <usize>changetype<Chunk>(chunk).used * ENTRY_BYTES
    copyTo(to, entryIn(chunk, 0), bytes)
    to += bytes
    freeChunk(timers, chunk)
    chunk = next
  }
  return to
}

/** Moves the entries of the front to `to`; where the next go. */
function drainFront(timers: Timers, to: usize): usize {
  const count = timers.frontTo - timers.frontFrom
  copyTo(to, entryAt(timers.front, timers.frontFrom), <usize>count * ENTRY_BYTES)
  timers.entries -= count
  timers.frontFrom = 0
  timers.frontTo = 0
  return entryAt(to, count)
}

/** Settles `count` entries of one time in place; how many are left. `table` has room for tableSlots(count) words. */
// @ts-ignore: decorator
@inline
function settleTime(entries: usize, count: u32, table: usize): u32 {
  return count == 1 ? u32((load<u32>(entries, ENTRY_TAG) & TAKES_BACK) == 0) : settleMany(entries, count, table)
}

function settleMany(entries: usize, count: u32, table: usize): u32 {
  const slots = tableSlots(count)
  const mask = slots - 1
  fill(table, 0, <usize>slots << 2)
  for (let number: u32 = 0; number < count; number++) {
    const at = entryAt(entries, number)
    const slot = load<u32>(at, ENTRY_SLOT)
    const tag = load<u32>(at, ENTRY_TAG)
    const isBack = (tag & TAKES_BACK) != 0
    const identity = (<u64>(tag & ~TAKES_BACK) << 32) | <u64>slot
    let place = ((slot ^ (tag << 16)) * 0x9e3779b1) >> 7 & mask
    let known: u32 = 0
    for (;;) {
      known = load<u32>(table + (<usize>place << 2))
      if (known == 0 || load<u64>(entryAt(entries, known - 1), ENTRY_SLOT) == identity) break
      place = (place + 1) & mask
    }
    const before: usize = known == 0 ? 0 : entryAt(entries, known - 1)
    const isThere = known != 0 && (load<u64>(before) & VOID) == 0
    if (isBack || isThere) put<u64>(at, load<u64>(at) | VOID)
    if (isBack && isThere) put<u64>(before, load<u64>(before) | VOID)
    if (!isBack && !isThere) put<u32>(table + (<usize>place << 2), number + 1)
  }
  let left: u32 = 0
  for (let number: u32 = 0; number < count; number++) {
    const at = entryAt(entries, number)
    if ((load<u64>(at) & VOID) != 0) continue
    copyEntry(entryAt(entries, left++), at)
  }
  return left
}

/** Sorts by time, those of one time in the order in which they stand; where they end: where they began, or `other`. */
function sort(entries: usize, count: u32, other: usize, counts: usize): usize {
  let differ: u64 = 0
  for (let number: u32 = 1; number < count; number++) {
    differ |= load<u64>(entryAt(entries, number)) ^ load<u64>(entries)
  }
  let from = entries
  let to = other
  for (let shift: u64 = 0; shift < TIME_BITS; shift += RADIX_BITS) {
    if (((differ >> shift) & (RADIX - 1)) == 0) continue
    fill(counts, 0, <usize>RADIX << 2)
    for (let number: u32 = 0; number < count; number++) {
      const place = counts + (<usize>((load<u64>(entryAt(from, number)) >> shift) & (RADIX - 1)) << 2)
      put<u32>(place, load<u32>(place) + 1)
    }
    let sum: u32 = 0
    for (let digit: u32 = 0; digit < RADIX; digit++) {
      const place = counts + (<usize>digit << 2)
      const own = load<u32>(place)
      put<u32>(place, sum)
      sum += own
    }
    for (let number: u32 = 0; number < count; number++) {
      const at = entryAt(from, number)
      const place = counts + (<usize>((load<u64>(at) >> shift) & (RADIX - 1)) << 2)
      const target = entryAt(to, load<u32>(place))
      put<u32>(place, load<u32>(place) + 1)
      copyEntry(target, at)
    }
    const swap = from
    from = to
    to = swap
  }
  return from
}

/** Settles sorted entries in place; how many are left. */
function settleSorted(entries: usize, count: u32, table: usize): u32 {
  let left: u32 = 0
  for (let from: u32 = 0; from < count; ) {
    const time = load<u64>(entryAt(entries, from))
    let to = from + 1
    while (to < count && load<u64>(entryAt(entries, to)) == time) to++
    const settled = settleTime(entryAt(entries, from), to - from, table)
    if (left == from) {
      left += settled
    } else {
      const end = from + settled
      for (; from < end; from++) copyEntry(entryAt(entries, left++), entryAt(entries, from))
    }
    from = to
  }
  return left
}

/** Sorts and settles what was drained into the scratch: where it stands; how many it is, is in `left`. */
function settle(timers: Timers, count: u32): usize {
  const entries = timers.scratch
  const other = entryAt(entries, count)
  const table = entryAt(other, count)
  const sorted = sort(entries, count, other, table)
  left = settleSorted(sorted, count, table)
  return sorted
}

let left: u32 = 0

/** Brings what is in FRESH into the front; false, with nothing changed, when there is no memory. */
export function settleFront(timers: Timers): bool {
  const fresh = listAt(timers, FRESH)
  const count = fresh.entries + timers.frontTo - timers.frontFrom
  if (!reserveFront(timers, count) || !reserveScratch(timers, count)) return false
  drain(timers, FRESH, drainFront(timers, timers.scratch))
  const sorted = settle(timers, count)
  copyTo(timers.front, sorted, <usize>left * ENTRY_BYTES)
  timers.frontTo = left
  timers.entries += left
  return true
}

/**
 * Settles all: where the entries stand, sorted by time and each time in the order of registration, as many as there are
 * then. They are valid until the next call. 0 when there is no memory; nothing is changed then.
 */
export function settleAll(timers: Timers): usize {
  const count = timers.entries
  const inFront = listAt(timers, FRESH).entries + timers.frontTo - timers.frontFrom
  if (!reserveFront(timers, inFront) || !reserveScratch(timers, count)) return 0
  let end = drainFront(timers, timers.scratch)
  for (let number: u32 = 0; number < LISTS; number++) end = drain(timers, number, end)
  const sorted = settle(timers, count)
  let number: u32 = 0
  while (number < left && load<u64>(entryAt(sorted, number)) <= timers.now) number++
  copyTo(timers.front, sorted, <usize>number * ENTRY_BYTES)
  timers.frontTo = number
  timers.entries += number
  // The others fit into the chunks that have just been freed.
  for (; number < left; number++) {
    const at = entryAt(sorted, number)
    copyEntry(append(timers, load<u64>(at)), at)
  }
  timers.unsettled = 0
  return sorted
}
