/*
 * The set of free ids below the high water, as bitmaps of 64-bit words: a bit of level 0 is one id, a bit of level n
 * is one word of level n - 1 that is not zero. The lowest free id is found by one count of trailing zeros a level.
 *
 *   level 4   |w|                      one word: up to 64^5 ids
 *   level 3   |w w .. |
 *   level 2   |w w w w ..    |
 *   level 1   |w w w w w w w ..     |
 *   level 0   |w w w w w w w w w w ..      |   capacity / 64 words
 *
 * The levels stand one after the other in one region, level 0 first. A capacity is a power of two from 64 on.
 */
import { copyTo, put } from '../guard'

const LEVELS: i32 = 5

// @ts-ignore: decorator
@inline
function levelWords(capacity: u32, level: i32): u32 {
  return max<u32>(1, <u32>(<u64>capacity >> (6 * <u64>(level + 1))))
}

function levelStart(bits: usize, capacity: u32, level: i32): usize {
  let start = bits
  for (let below = 0; below < level; below++) start += <usize>levelWords(capacity, below) << 3
  return start
}

/** Bytes of the bitmaps for `capacity` ids. */
export function freeIdsBytes(capacity: u32): usize {
  return levelStart(0, capacity, LEVELS)
}

/** Copies the set into zeroed bitmaps of a larger capacity. */
export function freeIdsCopy(target: usize, capacity: u32, source: usize, sourceCapacity: u32): void {
  copyTo(target, source, <usize>(sourceCapacity >> 3))
  freeIdsLift(target, capacity)
}

/** Sets the levels above level 0, which are zero, by level 0. */
export function freeIdsLift(bits: usize, capacity: u32): void {
  let below = bits
  for (let level = 1; level < LEVELS; level++) {
    const words = levelWords(capacity, level - 1)
    const own = below + (<usize>words << 3)
    for (let word: u32 = 0; word < words; word++) {
      if (load<u64>(below + (word << 3)) == 0) continue
      const at = own + ((word >> 6) << 3)
      put<u64>(at, load<u64>(at) | (<u64>1 << (word & 63)))
    }
    below = own
  }
}

// @ts-ignore: decorator
@inline
export function isFreeId(bits: usize, id: u32): bool {
  return ((load<u64>(bits + ((id >> 6) << 3)) >> (id & 63)) & 1) != 0
}

export function addFreeId(bits: usize, capacity: u32, id: u32): void {
  let start = bits
  let index = id
  for (let level = 0; level < LEVELS; level++) {
    const at = start + ((index >> 6) << 3)
    const word = load<u64>(at)
    put<u64>(at, word | (<u64>1 << (index & 63)))
    if (word != 0) return
    start += <usize>levelWords(capacity, level) << 3
    index >>= 6
  }
}

/** Adds [from, to), a word at a time. */
export function addFreeIds(bits: usize, capacity: u32, from: u32, to: u32): void {
  while (from < to) {
    const end = min<u32>((from | 63) + 1, to)
    // Its first id brings the word into the levels above; the rest are plain bits.
    addFreeId(bits, capacity, from)
    const at = bits + ((from >> 6) << 3)
    const mask = (~<u64>0 >> (64 - <u64>(end - from))) << <u64>(from & 63)
    put<u64>(at, load<u64>(at) | mask)
    from = end
  }
}

export function removeFreeId(bits: usize, capacity: u32, id: u32): void {
  let start = bits
  let index = id
  for (let level = 0; level < LEVELS; level++) {
    const at = start + ((index >> 6) << 3)
    const word = load<u64>(at) & ~(<u64>1 << (index & 63))
    put<u64>(at, word)
    if (word != 0) return
    start += <usize>levelWords(capacity, level) << 3
    index >>= 6
  }
}

/** The lowest id of a set that is not empty. */
export function lowestFreeId(bits: usize, capacity: u32): u32 {
  let index: u32 = 0
  for (let level = LEVELS - 1; level >= 0; level--) {
    const word = load<u64>(levelStart(bits, capacity, level) + (index << 3))
    index = (index << 6) | <u32>ctz<u64>(word)
  }
  return index
}
