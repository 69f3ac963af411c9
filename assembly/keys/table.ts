/*
 * The hash table: slots in buckets of four, so that one SIMD compare looks at a whole bucket.
 *
 *   bucket of 4-byte lanes (32 bytes): keys, or the hashes of byte keys
 *   0        4        8        12       16       20       24       28       32
 *   +--------+--------+--------+--------+--------+--------+--------+--------+
 *   | lane 0 | lane 1 | lane 2 | lane 3 | id0+1  | id1+1  | id2+1  | id3+1  |
 *   +--------+--------+--------+--------+--------+--------+--------+--------+
 *
 *   bucket of 8-byte lanes (64 bytes)
 *   0                8       ..       32       36       40       44       48       64
 *   +----------------+----------------+--------+--------+--------+--------+--------+
 *   | lane 0         | .. lane 3      | id0+1  | id1+1  | id2+1  | id3+1  | unused |
 *   +----------------+----------------+--------+--------+--------+--------+--------+
 *
 * An id word of 0 is an empty slot. It is linear probing over slots where the home of a key is the first slot of a
 * bucket: between a key and its home there is no empty slot. So the full slots of a bucket are its first ones, the
 * lowest matching lane is full if any is, and a bucket whose last slot is empty ends a search. Deletion shifts back.
 */
import { STATUS_MEMORY_LIMIT, STATUS_OK } from '../abi'
import { SIMD } from '../build'
import { fill, put } from '../guard'
import { allocate, release } from '../memory'
import { hash32, hash64 } from './hash'
import { isWideKind, KeyIndex } from './layout'

const MIN_BUCKETS: u32 = 16
const IDS_32: usize = 16
const IDS_64: usize = 32

// @ts-ignore: decorator
@inline
export function bucketShift(kind: i32): usize {
  return isWideKind(kind) ? 6 : 5
}

// ---- search ---------------------------------------------------------------------------------------------------------

/** Id + 1 of a 4-byte key, 0 when it is not there. */
// @ts-ignore: decorator
@inline
export function find32(table: usize, mask: u32, home: u32, key: u32): u32 {
  let bucket = home
  if (SIMD) {
    const wanted = i32x4.splat(key)
    while (true) {
      const at = table + (<usize>bucket << 5)
      const hits = i32x4.bitmask(i32x4.eq(v128.load(at), wanted))
      if (hits != 0) return load<u32>(at + (<usize>ctz<i32>(hits) << 2), IDS_32)
      if (load<u32>(at, IDS_32 + 12) == 0) return 0
      bucket = (bucket + 1) & mask
    }
  }
  while (true) {
    const at = table + (<usize>bucket << 5)
    if (load<u32>(at) == key) return load<u32>(at, IDS_32)
    if (load<u32>(at, 4) == key) return load<u32>(at, IDS_32 + 4)
    if (load<u32>(at, 8) == key) return load<u32>(at, IDS_32 + 8)
    if (load<u32>(at, 12) == key) return load<u32>(at, IDS_32 + 12)
    if (load<u32>(at, IDS_32 + 12) == 0) return 0
    bucket = (bucket + 1) & mask
  }
}

/** Id + 1 of an 8-byte key, 0 when it is not there. */
// @ts-ignore: decorator
@inline
export function find64(table: usize, mask: u32, home: u32, key: u64): u32 {
  let bucket = home
  if (SIMD) {
    const wanted = i64x2.splat(key)
    while (true) {
      const at = table + (<usize>bucket << 6)
      const hits =
        i64x2.bitmask(i64x2.eq(v128.load(at), wanted)) | (i64x2.bitmask(i64x2.eq(v128.load(at, 16), wanted)) << 2)
      if (hits != 0) return load<u32>(at + (<usize>ctz<i32>(hits) << 2), IDS_64)
      if (load<u32>(at, IDS_64 + 12) == 0) return 0
      bucket = (bucket + 1) & mask
    }
  }
  while (true) {
    const at = table + (<usize>bucket << 6)
    if (load<u64>(at) == key) return load<u32>(at, IDS_64)
    if (load<u64>(at, 8) == key) return load<u32>(at, IDS_64 + 4)
    if (load<u64>(at, 16) == key) return load<u32>(at, IDS_64 + 8)
    if (load<u64>(at, 24) == key) return load<u32>(at, IDS_64 + 12)
    if (load<u32>(at, IDS_64 + 12) == 0) return 0
    bucket = (bucket + 1) & mask
  }
}

/** Id + 1 of a 4-byte key that stands in its first bucket, 0 when it does not, without a branch. */
// @ts-ignore: decorator
@inline
export function findHome32(table: usize, home: u32, key: u32): u32 {
  const at = table + (<usize>home << 5)
  if (SIMD) {
    const hits = i32x4.bitmask(i32x4.eq(v128.load(at), i32x4.splat(key)))
    // Without a hit, what stands behind the bucket is read, and not used.
    const word = load<u32>(at + (<usize>ctz<i32>(hits | 16) << 2), IDS_32)
    return hits != 0 ? word : 0
  }
  if (load<u32>(at) == key) return load<u32>(at, IDS_32)
  if (load<u32>(at, 4) == key) return load<u32>(at, IDS_32 + 4)
  if (load<u32>(at, 8) == key) return load<u32>(at, IDS_32 + 8)
  return load<u32>(at, 12) == key ? load<u32>(at, IDS_32 + 12) : 0
}

/** Id + 1 of an 8-byte key that stands in its first bucket, 0 when it does not, without a branch. */
// @ts-ignore: decorator
@inline
export function findHome64(table: usize, home: u32, key: u64): u32 {
  const at = table + (<usize>home << 6)
  if (SIMD) {
    const wanted = i64x2.splat(key)
    const hits =
      i64x2.bitmask(i64x2.eq(v128.load(at), wanted)) | (i64x2.bitmask(i64x2.eq(v128.load(at, 16), wanted)) << 2)
    const word = load<u32>(at + (<usize>ctz<i32>(hits | 16) << 2), IDS_64)
    return hits != 0 ? word : 0
  }
  if (load<u64>(at) == key) return load<u32>(at, IDS_64)
  if (load<u64>(at, 8) == key) return load<u32>(at, IDS_64 + 4)
  if (load<u64>(at, 16) == key) return load<u32>(at, IDS_64 + 8)
  return load<u64>(at, 24) == key ? load<u32>(at, IDS_64 + 12) : 0
}

// ---- slots, counted through all buckets -----------------------------------------------------------------------------

// @ts-ignore: decorator
@inline
function lane32At(table: usize, slot: u32): usize {
  return table + (<usize>(slot >> 2) << 5) + (<usize>(slot & 3) << 2)
}

// @ts-ignore: decorator
@inline
function lane64At(table: usize, slot: u32): usize {
  return table + (<usize>(slot >> 2) << 6) + (<usize>(slot & 3) << 3)
}

// @ts-ignore: decorator
@inline
function idAt(table: usize, slot: u32, wide: bool): usize {
  const lane = <usize>(slot & 3) << 2
  return wide ? table + (<usize>(slot >> 2) << 6) + lane + IDS_64 : table + (<usize>(slot >> 2) << 5) + lane + IDS_32
}

/** First slot of the home bucket of what stands in `slot`. */
// @ts-ignore: decorator
@inline
function homeSlot(index: KeyIndex, table: usize, slot: u32, wide: bool): u32 {
  const hash = wide
    ? hash64(load<u64>(lane64At(table, slot)), index.multiplier, index.multiplierHigh, index.addend)
    : hash32(load<u32>(lane32At(table, slot)), index.multiplier, index.addend)
  return <u32>(hash >> <u64>index.shift) << 2
}

// ---- change ---------------------------------------------------------------------------------------------------------

/** Puts in what is not there; there is room (reserveTable). `lane` is the key, or the hash of a byte key. */
export function tableInsert(index: KeyIndex, lane: u64, id: u32): void {
  const wide = isWideKind(index.kind)
  place(index, lane, id + 1, wide)
  index.tableCount++
}

function place(index: KeyIndex, lane: u64, idWord: u32, wide: bool): void {
  const table = index.table
  const hash = wide
    ? hash64(lane, index.multiplier, index.multiplierHigh, index.addend)
    : hash32(<u32>lane, index.multiplier, index.addend)
  const slots = (index.bucketMask << 2) | 3
  let slot = <u32>(hash >> <u64>index.shift) << 2
  while (load<u32>(idAt(table, slot, wide)) != 0) slot = (slot + 1) & slots
  if (wide) put<u64>(lane64At(table, slot), lane)
  else put<u32>(lane32At(table, slot), <u32>lane)
  put<u32>(idAt(table, slot, wide), idWord)
}

/** Takes out what is there. */
export function tableRemove(index: KeyIndex, lane: u64, id: u32): void {
  const wide = isWideKind(index.kind)
  const table = index.table
  const slots = (index.bucketMask << 2) | 3
  const hash = wide
    ? hash64(lane, index.multiplier, index.multiplierHigh, index.addend)
    : hash32(<u32>lane, index.multiplier, index.addend)
  let gap = <u32>(hash >> <u64>index.shift) << 2
  while (true) {
    const word = load<u32>(idAt(table, gap, wide))
    assert(word != 0)
    if (word == id + 1) break
    gap = (gap + 1) & slots
  }
  let slot = gap
  while (true) {
    slot = (slot + 1) & slots
    const word = load<u32>(idAt(table, slot, wide))
    if (word == 0) break
    // It may move back only if its home does not lie between the gap and itself.
    const distance = (slot - homeSlot(index, table, slot, wide)) & slots
    if (distance < ((slot - gap) & slots)) continue
    if (wide) put<u64>(lane64At(table, gap), load<u64>(lane64At(table, slot)))
    else put<u32>(lane32At(table, gap), load<u32>(lane32At(table, slot)))
    put<u32>(idAt(table, gap, wide), word)
    gap = slot
  }
  if (wide) put<u64>(lane64At(table, gap), 0)
  else put<u32>(lane32At(table, gap), 0)
  put<u32>(idAt(table, gap, wide), 0)
  index.tableCount--
}

/** Gives the index a table for `count` keys, contents undefined; the old one is not released. A status. */
function sizeTable(index: KeyIndex, count: u32): i32 {
  let buckets = MIN_BUCKETS
  while (limitOf(buckets) < count) buckets <<= 1
  const bytes = <u64>buckets << <u64>bucketShift(index.kind)
  if (bytes > 0xffffffff) return STATUS_MEMORY_LIMIT
  const table = allocate(<usize>bytes)
  if (table == 0) return STATUS_MEMORY_LIMIT
  index.table = table
  index.bucketMask = buckets - 1
  index.shift = 64 - ctz<u32>(buckets)
  index.tableLimit = limitOf(buckets)
  return STATUS_OK
}

/** Makes room for `count` keys in all. On failure nothing has changed. */
export function reserveTable(index: KeyIndex, count: u32): i32 {
  if (count <= index.tableLimit) return STATUS_OK
  const wide = isWideKind(index.kind)
  const old = index.table
  const end = (index.bucketMask + 1) << 2
  const status = sizeTable(index, count)
  if (status < 0) return status
  fill(index.table, 0, (<usize>index.bucketMask + 1) << bucketShift(index.kind))
  if (old == 0) return STATUS_OK
  for (let slot: u32 = 0; slot < end; slot++) {
    const word = load<u32>(idAt(old, slot, wide))
    if (word == 0) continue
    place(index, wide ? load<u64>(lane64At(old, slot)) : <u64>load<u32>(lane32At(old, slot)), word, wide)
  }
  release(old)
  return STATUS_OK
}

/** Room for `count` keys in an index that has none; what stands in the table is undefined then. A status. */
export function renewTable(index: KeyIndex, count: u32): i32 {
  if (count <= index.tableLimit) return STATUS_OK
  const old = index.table
  const status = sizeTable(index, count)
  if (status == STATUS_OK) release(old)
  return status
}

/** Keys that `buckets` hold at most: half of the slots, so that few searches leave their first bucket. */
// @ts-ignore: decorator
@inline
function limitOf(buckets: u32): u32 {
  return buckets << 1
}
