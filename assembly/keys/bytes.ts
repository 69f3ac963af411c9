/*
 * Byte keys (UTF-8 strings, composite keys in their canonical bytes): the table holds 32-bit hashes, the arena the
 * bytes.
 */
import { KEY_COMPOSITE, RESULT_DETAIL, RESULT_ROW, STATUS_ARGUMENT } from '../abi'
import { SIMD } from '../build'
import { put } from '../guard'
import { resultPtr } from '../memory'
import { arenaAppend, keyBytesAt, keyBytesLength, reserveArena, sameBytes } from './arena'
import { compositeHash } from './composite-bytes'
import { isRowNull, nullKeyId, reserveKey } from './entries'
import { hash32, hashBytes } from './hash'
import { takeId } from './ids'
import { javaHashUtf8, keyGroupOfHash } from './java-hash'
import { KeyIndex } from './layout'
import { tableInsert, tableRemove } from './table'
import { BLOCK_ROWS, blockHash, isLarge, setBlockHash, touchBucket, touched } from './touch'

// @ts-ignore: decorator
@inline
export function hashKeyBytes(index: KeyIndex, pointer: usize, length: u32): u32 {
  return hashBytes(pointer, length, index.multiplier, index.addend)
}

export function bytesKeyGroup(index: KeyIndex, pointer: usize, length: u32): u32 {
  const code = index.kind == KEY_COMPOSITE ? compositeHash(pointer, length) : javaHashUtf8(pointer, length)
  return keyGroupOfHash(code, index.maxParallelism)
}

// @ts-ignore: decorator
@inline
function isKey(index: KeyIndex, id: u32, pointer: usize, length: u32): bool {
  return keyBytesLength(index, id) == length && sameBytes(keyBytesAt(index, id), pointer, length)
}

/** Id + 1 of a byte key with hash `hash`, 0 when it is not there. */
export function findBytes(index: KeyIndex, pointer: usize, length: u32, hash: u32): u32 {
  const mask = index.bucketMask
  let bucket = <u32>(hash32(hash, index.multiplier, index.addend) >> <u64>index.shift)
  while (true) {
    const at = index.table + (<usize>bucket << 5)
    let hits: i32
    if (SIMD) {
      hits = i32x4.bitmask(i32x4.eq(v128.load(at), i32x4.splat(hash)))
    } else {
      hits =
        i32(load<u32>(at) == hash) |
        (i32(load<u32>(at, 4) == hash) << 1) |
        (i32(load<u32>(at, 8) == hash) << 2) |
        (i32(load<u32>(at, 12) == hash) << 3)
    }
    while (hits != 0) {
      const word = load<u32>(at + (<usize>ctz<i32>(hits) << 2), 16)
      if (word == 0) return 0
      if (isKey(index, word - 1, pointer, length)) return word
      hits &= hits - 1
    }
    if (load<u32>(at, 28) == 0) return 0
    bucket = (bucket + 1) & mask
  }
}

/** Inserts a key that is not there under `id`; there is room in ids, table and arena. */
export function insertBytesAt(index: KeyIndex, pointer: usize, length: u32, hash: u32, id: u32): void {
  takeId(index, id, bytesKeyGroup(index, pointer, length))
  arenaAppend(index, id, pointer, length)
  tableInsert(index, <u64>hash, id)
}

/** The id of a byte key, which is inserted when new; or a negative status. */
export function bytesKeyId(index: KeyIndex, pointer: usize, length: u32, hash: u32): i32 {
  const found = findBytes(index, pointer, length, hash)
  if (found != 0) return <i32>(found - 1)
  const status = reserveArena(index, length)
  if (status < 0) return status
  const id = reserveKey(index)
  if (id >= 0) insertBytesAt(index, pointer, length, hash, <u32>id)
  return id
}

/** Where the offset and length of the key with hash `hash` are likely to stand: as its home bucket says; or 0. */
// @ts-ignore: decorator
@inline
function likelyEntry(index: KeyIndex, hash: u32): usize {
  const bucket = <usize>(hash32(hash, index.multiplier, index.addend) >> <u64>index.shift)
  const at = index.table + (bucket << 5)
  let slot: usize = 0
  while (slot < 3 && load<u32>(at + (slot << 2)) != hash) slot++
  const word = load<u32>(at + (slot << 2), 16)
  return word == 0 ? 0 : index.values + (<usize>(word - 1) << 3)
}

/** Touches buckets, then entries, then bytes of the keys of a block whose hashes are set. */
export function touchBytes(index: KeyIndex, count: u32): void {
  let sum: u32 = 0
  for (let number: u32 = 0; number < count; number++) sum += touchBucket(index, <u64>blockHash(number))
  for (let number: u32 = 0; number < count; number++) {
    const entry = likelyEntry(index, blockHash(number))
    if (entry != 0) sum += load<u32>(entry)
  }
  for (let number: u32 = 0; number < count; number++) {
    const entry = likelyEntry(index, blockHash(number))
    if (entry != 0) sum += <u32>load<u8>(index.arena + load<u32>(entry))
  }
  touched(sum)
}

export function removeBytes(index: KeyIndex, id: u32, hash: u32): void {
  tableRemove(index, <u64>hash, id)
  index.arenaLive -= keyBytesLength(index, id)
}

/** Hash of the key that has `id`. */
// @ts-ignore: decorator
@inline
export function hashOfId(index: KeyIndex, id: u32): u32 {
  return hashKeyBytes(index, keyBytesAt(index, id), keyBytesLength(index, id))
}

export function codeUtf8(
  index: KeyIndex, offsets: usize, bytes: usize, validity: usize, from: u32, to: u32, ids: usize,
): i32 {
  const lowest = load<u32>(offsets + (<usize>from << 2))
  const highest = load<u32>(offsets + (<usize>to << 2))
  let first = from
  for (let row = from; row < to; row++) {
    if (row == from || row - first == BLOCK_ROWS) {
      first = row
      hashBlock(index, offsets, bytes, row, min<u32>(row + BLOCK_ROWS, to), lowest, highest)
    }
    let id: i32
    if (validity != 0 && isRowNull(validity, row)) {
      id = nullKeyId(index)
    } else {
      const start = load<u32>(offsets + (<usize>row << 2))
      const end = load<u32>(offsets + (<usize>row << 2), 4)
      id = areWithin(start, end, lowest, highest)
        ? bytesKeyId(index, bytes + start, end - start, blockHash(row - first))
        : wrongOffsets()
    }
    if (id < 0) {
      put<u32>(resultPtr(), row, RESULT_ROW)
      return id
    }
    put<u32>(ids + (<usize>row << 2), <u32>id)
  }
  return <i32>(to - from)
}

/** Whether offsets are in order and between the first and the last of all, which bound the bytes. */
// @ts-ignore: decorator
@inline
export function areWithin(start: u32, end: u32, lowest: u32, highest: u32): bool {
  return start >= lowest && end >= start && end <= highest
}

function wrongOffsets(): i32 {
  put<u32>(resultPtr(), 1, RESULT_DETAIL)
  return STATUS_ARGUMENT
}

/** Hashes rows [from, to), and touches what they need in a large table. */
function hashBlock(
  index: KeyIndex, offsets: usize, bytes: usize, from: u32, to: u32, lowest: u32, highest: u32,
): void {
  for (let row = from; row < to; row++) {
    const start = load<u32>(offsets + (<usize>row << 2))
    const end = load<u32>(offsets + (<usize>row << 2), 4)
    // Wrong offsets are refused when their row comes.
    const length = areWithin(start, end, lowest, highest) ? end - start : 0
    setBlockHash(row - from, hashKeyBytes(index, bytes + start, length))
  }
  if (isLarge(index)) touchBytes(index, to - from)
}
