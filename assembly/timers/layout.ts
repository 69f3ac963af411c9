/*
 * A timer queue: a hierarchical timing wheel over all of time, in chunks of entries.
 *
 *   entry, 16 bytes:   time u64 | slot u32 | tag u32 (its highest bit says that this entry takes a timer back)
 *   chunk, 2 KiB:      next u32 | used u32 | next slab u32 | 0 | 127 entries
 *   list, 24 bytes:    lowest time u64 | first chunk u32 | last chunk u32 | entries u32 | 0
 *
 * Times are ms + 2^53, so that they are unsigned numbers of 54 bits: nine digits of six bits. Every entry of the wheel
 * is above `now`. It stands on the level of the highest digit in which its time differs from `now`, in the list of its
 * own digit there. So
 *
 * - entries of one time are in one list, on whatever level, in the order in which they came;
 * - the earliest entry is in the lowest list of the lowest level that has any;
 * - when `now` moves up to something below all of them, they stay where they are.
 *
 * What is at or below `now` is in front of the wheel: in `front`, an array sorted by (time, registration), or, if it
 * came since that was made, in the list FRESH.
 *
 * Registering and deleting only append. What they come to (a timer is there once for each time, slot and tag) is worked
 * out when they get to the front, and for all of them when there may be many that are void (settle.ts).
 */
import { TIMER_TAKES_BACK } from '../abi'
import { put } from '../guard'
import { allocate, release } from '../memory'

export const LEVELS: i32 = 9
export const DIGIT_BITS: u64 = 6
/** ms + this. */
export const BIAS: f64 = 9007199254740992
/** Behind all of time: fires at the end of input. */
export const END: u64 = 0x3fffffffffffff
/** The tag of an entry that takes a timer back has this bit. */
export const TAKES_BACK: u32 = <u32>TIMER_TAKES_BACK

export const ENTRY_BYTES: usize = 16
export const ENTRY_SLOT: usize = 8
export const ENTRY_TAG: usize = 12

const CHUNK_BYTES: usize = 2048
const CHUNK_HEAD: usize = 16
const CHUNK_ENTRIES: u32 = 127
const SLAB_CHUNKS: u32 = 63
const FIRST_SLAB_CHUNKS: u32 = 7

export const LIST_BYTES: usize = 24
export const FRESH: u32 = 576
export const LISTS: u32 = 577
/** Entries that one firing gives. */
export const FIRED_ENTRIES: u32 = 256
/** Entries of the filter that knows what was registered lately. */
export const RECENT: u32 = 4096

@unmanaged
export class Chunk {
  next: usize
  used: u32
  nextSlab: usize
}

@unmanaged
export class List {
  lowest: u64
  first: usize
  last: usize
  entries: u32
  unused: u32
}

@unmanaged
export class Timers {
  now: u64
  /** The highest time to which timers have fired. */
  reached: u64
  /** Entries in the front and in all lists, void ones included. */
  entries: u32
  /** Entries added since all were settled. */
  unsettled: u32
  /** With more entries than this all are settled. */
  most: u32
  freeCount: u32
  free: usize
  slabs: usize
  lists: usize
  /** By level: which of its lists have entries, u64[LEVELS]. */
  bitmaps: usize
  /** Entries [frontFrom, frontTo) of the array are there. */
  front: usize
  frontRoom: u32
  frontFrom: u32
  frontTo: u32
  fired: usize
  firedCount: u32
  recent: usize
  scratch: usize
  scratchBytes: u32
}

// ---- chunks ---------------------------------------------------------------------------------------------------------

/** Makes sure that `count` chunks are free. */
export function reserveChunks(timers: Timers, count: u32): bool {
  while (timers.freeCount < count) {
    const chunks = timers.slabs == 0 ? FIRST_SLAB_CHUNKS : SLAB_CHUNKS
    const slab = allocate(<usize>chunks * CHUNK_BYTES)
    if (slab == 0) return false
    for (let number: u32 = 0; number < chunks; number++) freeChunk(timers, slab + <usize>number * CHUNK_BYTES)
    put<u32>(slab, <u32>timers.slabs, offsetof<Chunk>('nextSlab'))
    timers.slabs = slab
  }
  return true
}

export function releaseSlabs(timers: Timers): void {
  for (let slab = timers.slabs; slab != 0; ) {
    const next = changetype<Chunk>(slab).nextSlab
    release(slab)
    slab = next
  }
}

export function freeChunk(timers: Timers, chunk: usize): void {
  put<u32>(chunk, <u32>timers.free)
  timers.free = chunk
  timers.freeCount++
}

function takeChunk(timers: Timers): usize {
  const chunk = timers.free
  assert(chunk != 0)
  timers.free = changetype<Chunk>(chunk).next
  timers.freeCount--
  put<u32>(chunk, 0)
  put<u32>(chunk, 0, offsetof<Chunk>('used'))
  return chunk
}

// @ts-ignore: decorator
@inline
export function entryIn(chunk: usize, number: u32): usize {
  return chunk + CHUNK_HEAD + <usize>number * ENTRY_BYTES
}

// ---- lists ----------------------------------------------------------------------------------------------------------

// @ts-ignore: decorator
@inline
export function listAt(timers: Timers, number: u32): List {
  return changetype<List>(timers.lists + <usize>number * LIST_BYTES)
}

// @ts-ignore: decorator
@inline
export function bitmapAt(timers: Timers, level: u32): usize {
  return timers.bitmaps + (<usize>level << 3)
}

/** The number of the list of a time. */
// @ts-ignore: decorator
@inline
export function listOf(timers: Timers, time: u64): u32 {
  const now = timers.now
  if (time <= now) return FRESH
  const level = (63 - <u32>clz<u64>(time ^ now)) / <u32>DIGIT_BITS
  return (level << <u32>DIGIT_BITS) | (<u32>(time >> (<u64>level * DIGIT_BITS)) & 63)
}

// @ts-ignore: decorator
@inline
export function copyEntry(to: usize, from: usize): void {
  put<u64>(to, load<u64>(from))
  put<u64>(to, load<u64>(from, ENTRY_SLOT), ENTRY_SLOT)
}

/** Appends an entry to the list of its time: where it is to be written. A chunk must be free. */
export function append(timers: Timers, time: u64): usize {
  const number = listOf(timers, time)
  const list = listAt(timers, number)
  if (list.entries == 0) {
    list.lowest = time
    if (number != FRESH) {
      const bitmap = bitmapAt(timers, number >> <u32>DIGIT_BITS)
      put<u64>(bitmap, load<u64>(bitmap) | (<u64>1 << <u64>(number & 63)))
    }
  } else if (time < list.lowest) {
    list.lowest = time
  }
  list.entries++
  timers.entries++
  let chunk = list.last
  if (chunk == 0 || changetype<Chunk>(chunk).used == CHUNK_ENTRIES) {
    const next = takeChunk(timers)
    if (chunk == 0) list.first = next
    else put<u32>(chunk, <u32>next)
    list.last = next
    chunk = next
  }
  const used = changetype<Chunk>(chunk).used
  put<u32>(chunk, used + 1, offsetof<Chunk>('used'))
  return entryIn(chunk, used)
}

/** Takes the chunks from a list, which is empty then. */
export function unlinkAll(timers: Timers, number: u32): usize {
  const list = listAt(timers, number)
  const first = list.first
  timers.entries -= list.entries
  list.first = 0
  list.last = 0
  list.entries = 0
  if (number != FRESH) {
    const bitmap = bitmapAt(timers, number >> <u32>DIGIT_BITS)
    put<u64>(bitmap, load<u64>(bitmap) & ~(<u64>1 << <u64>(number & 63)))
  }
  return first
}
