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

/** Buckets below this are zeroed; how many are zeroed at a time. */
let clean: u32 = 0
let cleanStep: u32 = 0

/** By part: keys, then where its next entry stands. A static segment, no region: plain stores. */
const parts: usize = memory.data(1024, 16)

/** What the table holds for an id that has been read; the hash of a byte key waits in `pending`, by id. */
// @ts-ignore: decorator
@inline
function laneOf(index: KeyIndex, id: u32, wide: bool, bytesKind: bool): u64 {
  if (wide) return load<u64>(index.values + (<usize>id << 3))
  return <u64>load<u32>((bytesKind ? index.pending : index.values) + (<usize>id << 2))
}

// @ts-ignore: decorator
@inline
function hashOf(index: KeyIndex, lane: u64, wide: bool): u64 {
  return wide
    ? hash64(lane, index.multiplier, index.multiplierHigh, index.addend)
    : hash32(<u32>lane, index.multiplier, index.addend)
}

/** Whether an id has a key that is to stand in the table. */
// @ts-ignore: decorator
@inline
function isKeyed(index: KeyIndex, id: u32, nullId: u32): bool {
  return id + 1 != nullId && !isFreeId(index.free, id)
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

function cleanMore(index: KeyIndex): void {
  const shift = bucketShift(index.kind)
  const count = min<u32>(cleanStep, index.bucketMask + 1 - clean)
  fill(index.table + (<usize>clean << shift), 0, <usize>count << shift)
  clean += count
}

/** Puts a key into the table; false when it is there already. */
// @ts-ignore: decorator
@inline
function insert(index: KeyIndex, id: u32, lane: u64, wide: bool, bytesKind: bool): bool {
  let bucket = <u32>(hashOf(index, lane, wide) >> <u64>index.shift)
  while (true) {
    while (bucket >= clean) cleanMore(index)
    const at = index.table + (<usize>bucket << (wide ? 6 : 5))
    const words = at + (wide ? 32 : 16)
    const empty = emptySlots(words)
    let hits = lanesLike(at, lane, wide) & ~empty
    if (!bytesKind && hits != 0) return false
    for (; hits != 0; hits &= hits - 1) {
      if (sameKey(index, load<u32>(words + (<usize>ctz<i32>(hits) << 2)) - 1, id)) return false
    }
    if (empty != 0) {
      const slot = <usize>ctz<i32>(empty)
      if (wide) put<u64>(at + (slot << 3), lane)
      else put<u32>(at + (slot << 2), <u32>lane)
      put<u32>(words + (slot << 2), id + 1)
      return true
    }
    bucket = (bucket + 1) & index.bucketMask
  }
}

/** Writes the keys as entries, sorted by part; where the entries end. */
// @ts-ignore: decorator
@inline
function sortByPart(
  index: KeyIndex, high: u32, entries: usize, partBits: u32, wide: bool, bytesKind: bool,
): usize {
  const shift = <u64>(64 - partBits)
  const nullId = index.nullId
  const entryShift: usize = wide ? 4 : 3
  memory.fill(parts, 0, <usize>4 << partBits)
  for (let id: u32 = 0; id < high; id++) {
    if (!isKeyed(index, id, nullId)) continue
    const part = parts + (<usize>(hashOf(index, laneOf(index, id, wide, bytesKind), wide) >> shift) << 2)
    store<u32>(part, load<u32>(part) + 1)
  }
  let end = entries
  for (let part = parts; part < parts + (<usize>4 << partBits); part += 4) {
    const count = <usize>load<u32>(part)
    store<u32>(part, <u32>end)
    end += count << entryShift
  }
  for (let id: u32 = 0; id < high; id++) {
    if (!isKeyed(index, id, nullId)) continue
    const lane = laneOf(index, id, wide, bytesKind)
    const part = parts + (<usize>(hashOf(index, lane, wide) >> shift) << 2)
    const entry = <usize>load<u32>(part)
    put<u64>(entry, wide ? lane : (<u64>id << 32) | lane)
    if (wide) put<u64>(entry, <u64>id, 8)
    store<u32>(part, <u32>entry + (<u32>1 << <u32>entryShift))
  }
  return end
}

// @ts-ignore: decorator
@inline
function fillAs(index: KeyIndex, wide: bool, bytesKind: bool): bool {
  const high = index.highWater
  const tableBits = ctz<u32>(index.bucketMask + 1) + <u32>bucketShift(index.kind)
  const partBits = tableBits > PART_SHIFT ? min<u32>(tableBits - PART_SHIFT, MAX_PART_BITS) : 0
  const entries = partBits > 0 && high < 1 << 27 ? allocate(<usize>high << (wide ? 4 : 3)) : 0
  clean = 0
  cleanStep = entries == 0 ? index.bucketMask + 1 : <u32>1 << (PART_SHIFT - <u32>bucketShift(index.kind))
  if (entries == 0) {
    // One part, or no room to sort.
    for (let id: u32 = 0; id < high; id++) {
      if (!isKeyed(index, id, index.nullId)) continue
      if (!insert(index, id, laneOf(index, id, wide, bytesKind), wide, bytesKind)) return false
    }
    return true
  }
  const end = sortByPart(index, high, entries, partBits, wide, bytesKind)
  let entry = entries
  for (; entry < end; entry += wide ? 16 : 8) {
    const word = load<u64>(entry)
    const id = wide ? load<u32>(entry, 8) : <u32>(word >> 32)
    if (!insert(index, id, wide ? word : word & 0xffffffff, wide, bytesKind)) break
  }
  release(entries)
  return entry == end
}

/**
 * Inserts the keys of all ids in use into the table, which is large enough and whose contents do not count; false when
 * a key comes twice. The hashes of byte keys stand in `pending`, by id.
 */
export function fillTable(index: KeyIndex): bool {
  const isFilled = isBytesKind(index.kind) ? fillAs(index, false, true)
    : isWideKind(index.kind) ? fillAs(index, true, false)
      : fillAs(index, false, false)
  while (clean <= index.bucketMask) cleanMore(index)
  return isFilled
}
