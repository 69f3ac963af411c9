import { copyTo, put } from '../guard'
import {
  append, bitmapAt, BIAS, Chunk, copyEntry, DIGIT_BITS, END, ENTRY_BYTES, ENTRY_SLOT, ENTRY_TAG, entryIn, FIRED_ENTRIES,
  freeChunk, FRESH, LEVELS, LIST_BYTES, listAt, reserveChunks, Timers, unlinkAll,
} from './layout'
import { settleFront } from './settle'

/** A list with more entries is spread over lower levels before it is sorted. */
const MOST_SORTED: u32 = 4096

/** Where what has fired stands: times f64, slots u32, tags u32, each FIRED_ENTRIES long. */
const SLOTS_AT: usize = <usize>FIRED_ENTRIES << 3
const TAGS_AT: usize = SLOTS_AT + (<usize>FIRED_ENTRIES << 2)
export const FIRED_BYTES: usize = TAGS_AT + (<usize>FIRED_ENTRIES << 2)

// @ts-ignore: decorator
@inline
export function toTime(ms: f64): u64 {
  return ms >= BIAS ? END : ms <= -BIAS ? 0 : <u64>(<i64>ms + <i64>BIAS)
}

// @ts-ignore: decorator
@inline
export function toMs(time: u64): f64 {
  return time == END ? Infinity : <f64>(<i64>time - <i64>BIAS)
}

/** Hands out timers of the front up to `limit`, while there is room. */
function take(timers: Timers, limit: u64): u32 {
  const fired = timers.fired
  let from = timers.frontFrom
  const to = min<u32>(timers.frontTo, from + FIRED_ENTRIES)
  let count: u32 = 0
  for (; from < to; from++) {
    const at = timers.front + <usize>from * ENTRY_BYTES
    const time = load<u64>(at)
    if (time > limit) break
    put<f64>(fired + (<usize>count << 3), toMs(time))
    put<u32>(fired + (<usize>count << 2), load<u32>(at, ENTRY_SLOT), SLOTS_AT)
    put<u32>(fired + (<usize>count << 2), load<u32>(at, ENTRY_TAG), TAGS_AT)
    count++
  }
  timers.frontFrom = from
  timers.firedCount = count
  timers.entries -= count
  return count
}

/** Beside each time of a list of the wheel: the bits that differ among them. */
function freeBits(number: u32): u64 {
  return (<u64>1 << (<u64>(number >> <u32>DIGIT_BITS) * DIGIT_BITS)) - 1
}

/** Moves the entries of a list down: `now` becomes the lowest of their times. */
function moveDown(timers: Timers, number: u32): bool {
  const list = listAt(timers, number)
  // One chunk a list below it, and the front's; the chunk that is read is free when the next one is.
  if (!reserveChunks(timers, (number & ~63) + 2)) return false
  timers.now = list.lowest
  let chunk = unlinkAll(timers, number)
  while (chunk != 0) {
    const next = changetype<Chunk>(chunk).next
    const used = changetype<Chunk>(chunk).used
    for (let entry: u32 = 0; entry < used; entry++) {
      const at = entryIn(chunk, entry)
      copyEntry(append(timers, load<u64>(at)), at)
    }
    freeChunk(timers, chunk)
    chunk = next
  }
  return true
}

/** The number of the lowest list, or FRESH when the wheel is empty. */
export function lowestList(timers: Timers): u32 {
  for (let level: u32 = 0; level < <u32>LEVELS; level++) {
    const bitmap = load<u64>(bitmapAt(timers, level))
    if (bitmap != 0) return (level << <u32>DIGIT_BITS) | <u32>ctz<u64>(bitmap)
  }
  return FRESH
}

/** Brings the next of the wheel to the front, where nothing is, or down; false when there is no memory. */
function turn(timers: Timers, number: u32, limit: u64): bool {
  const list = listAt(timers, number)
  const entries = list.entries
  const last = list.lowest | freeBits(number)
  if (number >= 64 && (entries > MOST_SORTED || last > limit)) return moveDown(timers, number)
  copyTo(changetype<usize>(listAt(timers, FRESH)), changetype<usize>(list), LIST_BYTES)
  unlinkAll(timers, number)
  timers.entries += entries
  timers.now = last
  return true
}

/** Takes the earliest timers up to `limit`, in the order of (time, registration): how many; -1 without memory. */
export function fire(timers: Timers, limit: u64): i32 {
  timers.firedCount = 0
  timers.reached = max<u64>(timers.reached, limit)
  for (let number: u32 = 0; number != FRESH; ) {
    if (listAt(timers, FRESH).entries > 0 && !settleFront(timers)) return -1
    if (timers.frontFrom < timers.frontTo) return <i32>take(timers, limit)
    number = lowestList(timers)
    if (number == FRESH) break
    const lowest = listAt(timers, number).lowest
    if (lowest > limit) {
      // Up to the times of the list, but not among them: entries of one time would come to stand on two levels.
      timers.now = max<u64>(timers.now, min<u64>(limit, (lowest & ~freeBits(number)) - 1))
      return 0
    }
    if (!turn(timers, number, limit)) return -1
  }
  timers.now = max<u64>(timers.now, limit)
  return 0
}

/** Puts back what was taken last from number `from` on: it is as if it had not been. */
export function putBack(timers: Timers, from: u32): void {
  const count = timers.firedCount - from
  timers.frontFrom -= count
  timers.entries += count
  timers.firedCount = 0
}
