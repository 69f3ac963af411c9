/*
 * Filling a new table with many keys at once. A table larger than the cache costs a miss and a page walk a key when
 * keys come in any order. So they are first sorted by the part of the table that their home is in, into entries, and
 * then the table is filled part by part. Each part is zeroed just before, which brings it into the cache.
 *
 *   entry of 4-byte lanes:  lane u32 | id u32      of 8-byte lanes:  lane u64 | id u64
 */
import { SIMD } from '../build'
import { fill, put } from '../guard'
import { allocate, release } from '../memory'
import { sameBytes } from './arena'
import { isFreeId } from './free-ids'
import { hash32, hash64 } from './hash'
import { isBytesKind, isWideKind, KeyIndex } from './layout'
import { bucketShift } from './table'

/** log2 of the bytes of a part, which fit well in a second-level cache; and of the most parts written at a time. */
const PART_SHIFT: u32 = 17
const MAX_PART_BITS: u32 = 8

/** log2 of the parts of the table that is being filled. */
let partBits: u32 = 0

/** Buckets below this are zeroed; how many are zeroed at a time. */
let clean: u32 = 0
let cleanStep: u32 = 0

/**
 * By part: keys, then where its next entry stands. Where there is no sorting, a few entries. A static segment, no
 * region: plain stores.
 */
const PARTS_BYTES: usize = 1024
const parts: usize = memory.data(1024, 16)
let entriesEnd: usize = 0

// @ts-ignore: decorator
@inline
function hashOf(index: KeyIndex, lane: u64, wide: bool): u64 {
  return wide
    ? hash64(lane, index.multiplier, index.multiplierHigh, index.addend)
    : hash32(<u32>lane, index.multiplier, index.addend)
}

// @ts-ignore: decorator
@inline
function sameKey(index: KeyIndex, left: u32, right: u32): bool {
  const a = load<u64>(index.values + (<usize>left << 3))
  const b = load<u64>(index.values + (<usize>right << 3))
  if ((a ^ b) >> 32 != 0) return false
  return sameBytes(index.arena + <usize>(<u32>a), index.arena + <usize>(<u32>b), <u32>(a >> 32))
}

/** Bits of the slots of the bucket at `at` whose lane is `lane`. */
// @ts-ignore: decorator
@inline
function lanesLike(at: usize, lane: u64, wide: bool): i32 {
  if (SIMD) {
    if (!wide) return i32x4.bitmask(i32x4.eq(v128.load(at), i32x4.splat(<i32>lane)))
    const wanted = i64x2.splat(lane)
    return i64x2.bitmask(i64x2.eq(v128.load(at), wanted)) | (i64x2.bitmask(i64x2.eq(v128.load(at, 16), wanted)) << 2)
  }
  let hits = 0
  for (let slot: usize = 0; slot < 4; slot++) {
    hits |= i32(wide ? load<u64>(at + (slot << 3)) == lane : load<u32>(at + (slot << 2)) == <u32>lane) << <i32>slot
  }
  return hits
}

/** Bits of the empty slots of a bucket, by its id words. */
// @ts-ignore: decorator
@inline
function emptySlots(words: usize): i32 {
  if (SIMD) return i32x4.bitmask(i32x4.eq(v128.load(words), i32x4.splat(0)))
  return i32(load<u32>(words) == 0) | (i32(load<u32>(words, 4) == 0) << 1) | (i32(load<u32>(words, 8) == 0) << 2)
    | (i32(load<u32>(words, 12) == 0) << 3)
}

/** Zeroes the next buckets of the table. */
function cleanMore(index: KeyIndex): void {
  const shift = bucketShift(index.kind)
  const count = min<u32>(cleanStep, index.bucketMask + 1 - clean)
  fill(index.table + (<usize>clean << shift), 0, <usize>count << shift)
  clean += count
}

/** Begins to fill the table, which is large enough for all keys. Then each of them is counted. */
export function beginTable(index: KeyIndex): void {
  const tableBits = ctz<u32>(index.bucketMask + 1) + <u32>bucketShift(index.kind)
  partBits = tableBits > PART_SHIFT ? min<u32>(tableBits - PART_SHIFT, MAX_PART_BITS) : 0
  memory.fill(parts, 0, PARTS_BYTES)
}

/** Counts a key by its lane. */
// @ts-ignore: decorator
@inline
export function countKey(index: KeyIndex, lane: u64, wide: bool): void {
  // Two shifts: one part has no bits.
  const part = parts + (<usize>((hashOf(index, lane, wide) >> 1) >> <u64>(63 - partBits)) << 2)
  store<u32>(part, load<u32>(part) + 1)
}

/** Writes the keys as entries, sorted by part; where the entries end. */
// @ts-ignore: decorator
@inline
function sortByPart(index: KeyIndex, entries: usize, wide: bool, bytesKind: bool): usize {
  const shift = <u64>(63 - partBits)
  const high = index.highWater
  const nullId = index.nullId
  const multiplier = index.multiplier
  const multiplierHigh = index.multiplierHigh
  const addend = index.addend
  const lanes = bytesKind ? index.pending : index.values
  const free = index.free
  const entryBytes: usize = wide ? 16 : 8
  let end = entries
  for (let part = parts; part < parts + (<usize>4 << partBits); part += 4) {
    const count = <usize>load<u32>(part)
    store<u32>(part, <u32>end)
    end += count * entryBytes
  }
  for (let id: u32 = 0; id < high; id++) {
    if (id + 1 == nullId || isFreeId(free, id)) continue
    const lane = wide ? load<u64>(lanes + (<usize>id << 3)) : <u64>load<u32>(lanes + (<usize>id << 2))
    const hash = wide ? hash64(lane, multiplier, multiplierHigh, addend) : hash32(<u32>lane, multiplier, addend)
    const part = parts + (<usize>((hash >> 1) >> shift) << 2)
    const entry = <usize>load<u32>(part)
    put<u64>(entry, wide ? lane : (<u64>id << 32) | lane)
    if (wide) put<u64>(entry, <u64>id, 8)
    store<u32>(part, <u32>(entry + entryBytes))
  }
  return end
}

/** Puts the keys of the entries into the table; false when one is there already. */
// @ts-ignore: decorator
@inline
function insertAll(index: KeyIndex, entries: usize, end: usize, wide: bool, bytesKind: bool): bool {
  const table = index.table
  const mask = index.bucketMask
  const shift = <u64>index.shift
  const multiplier = index.multiplier
  const multiplierHigh = index.multiplierHigh
  const addend = index.addend
  for (let entry = entries; entry < end; entry += wide ? 16 : 8) {
    const word = load<u64>(entry)
    const id = wide ? load<u32>(entry, 8) : <u32>(word >> 32)
    const lane = wide ? word : word & 0xffffffff
    const hash = wide ? hash64(lane, multiplier, multiplierHigh, addend) : hash32(<u32>lane, multiplier, addend)
    let bucket = <u32>(hash >> shift)
    while (true) {
      while (bucket >= clean) cleanMore(index)
      const at = table + (<usize>bucket << (wide ? 6 : 5))
      const words = at + (wide ? 32 : 16)
      const empty = emptySlots(words)
      let hits = lanesLike(at, lane, wide) & ~empty
      if (!bytesKind && hits != 0) return false
      for (; bytesKind && hits != 0; hits &= hits - 1) {
        if (sameKey(index, load<u32>(words + (<usize>ctz<i32>(hits) << 2)) - 1, id)) return false
      }
      if (empty != 0) {
        const slot = <usize>ctz<i32>(empty)
        if (wide) put<u64>(at + (slot << 3), lane)
        else put<u32>(at + (slot << 2), <u32>lane)
        put<u32>(words + (slot << 2), id + 1)
        break
      }
      bucket = (bucket + 1) & mask
    }
  }
  return true
}

/** Writes the keys of ids from `id` on as entries to `parts`, as many as there is room for; the id behind them. */
// @ts-ignore: decorator
@inline
function gather(index: KeyIndex, id: u32, wide: bool, bytesKind: bool): u32 {
  const lanes = bytesKind ? index.pending : index.values
  let end = parts
  for (; id < index.highWater && end < parts + PARTS_BYTES; id++) {
    if (id + 1 == index.nullId || isFreeId(index.free, id)) continue
    if (wide) {
      store<u64>(end, load<u64>(lanes + (<usize>id << 3)))
      store<u64>(end, <u64>id, 8)
      end += 16
    } else {
      store<u64>(end, (<u64>id << 32) | <u64>load<u32>(lanes + (<usize>id << 2)))
      end += 8
    }
  }
  entriesEnd = end
  return id
}

// @ts-ignore: decorator
@inline
function fillAs(index: KeyIndex, entries: usize, wide: bool, bytesKind: bool): bool {
  let id: u32 = 0
  do {
    if (entries != 0) {
      entriesEnd = sortByPart(index, entries, wide, bytesKind)
      id = index.highWater
    } else {
      id = gather(index, id, wide, bytesKind)
    }
    if (!insertAll(index, entries != 0 ? entries : parts, entriesEnd, wide, bytesKind)) return false
  } while (id < index.highWater)
  return true
}

/**
 * Inserts the keys of all ids in use, which were counted, into the table; false when a key comes twice. The hashes of
 * byte keys stand in `pending`, by id.
 */
export function fillTable(index: KeyIndex): bool {
  const wide = isWideKind(index.kind)
  // One part, or no room to sort: as they come.
  const sorted = partBits > 0 && index.tableCount < 1 << 27
  const entries = sorted ? allocate(<usize>index.tableCount << (wide ? 4 : 3)) : 0
  clean = 0
  cleanStep = (index.bucketMask + 1) >> (entries != 0 ? partBits : 0)
  const isFilled = isBytesKind(index.kind) ? fillAs(index, entries, false, true)
    : wide ? fillAs(index, entries, true, false)
      : fillAs(index, entries, false, false)
  while (clean <= index.bucketMask) cleanMore(index)
  release(entries)
  return isFilled
}
