/*
 * Touching ahead. A table larger than the cache costs a miss a row. Loads that do not depend on one another miss
 * together, so a block of rows first reads the buckets that it will need, and then does its work. For a table that
 * fits, the extra pass would only cost.
 */
import { hash32, hash64 } from './hash'
import { isWideKind, KeyIndex } from './layout'

/** Rows in a block. */
export const BLOCK_ROWS: u32 = 64
/** Buckets from which on touching pays: 4 MiB of 4-byte lanes. */
const LARGE_BUCKETS: u32 = 1 << 17

// Static segments, no regions: plain stores.
/** Hashes of the rows of a block of byte keys. */
const blockHashes: usize = memory.data(256, 16)
/** Where the sums of what was touched go: without a use, the loads would be optimised away. */
const sink: usize = memory.data(8, 8)

// @ts-ignore: decorator
@inline
export function isLarge(index: KeyIndex): bool {
  return index.bucketMask >= LARGE_BUCKETS - 1
}

/** Reads the home bucket of a key or of a byte key's hash; what was read, for touched(). */
// @ts-ignore: decorator
@inline
export function touchBucket(index: KeyIndex, lane: u64): u32 {
  if (isWideKind(index.kind)) {
    const hash = hash64(lane, index.multiplier, index.multiplierHigh, index.addend)
    return load<u32>(index.table + (<usize>(hash >> <u64>index.shift) << 6))
  }
  return load<u32>(index.table + (<usize>(hash32(<u32>lane, index.multiplier, index.addend) >> <u64>index.shift) << 5))
}

// @ts-ignore: decorator
@inline
export function touched(sum: u32): void {
  store<u32>(sink, sum)
}

// @ts-ignore: decorator
@inline
export function setBlockHash(number: u32, hash: u32): void {
  store<u32>(blockHashes + (<usize>number << 2), hash)
}

// @ts-ignore: decorator
@inline
export function blockHash(number: u32): u32 {
  return load<u32>(blockHashes + (<usize>number << 2))
}
