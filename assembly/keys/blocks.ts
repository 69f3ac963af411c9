/*
 * Keys blocks: the keys of one key group in a snapshot, ids ascending, the null key first. Little-endian, a multiple
 * of 8 bytes long, padding zero.
 *
 *   0          4            8           12       16                 16 + pad8(4 * count)
 *   +----------+------------+-----------+--------+------------------+----------------------------+
 *   | count    | null count | key bytes | 0      | ids u32[count]   | keys, padded to 8          |
 *   +----------+------------+-----------+--------+------------------+----------------------------+
 *
 *   keys, `key bytes` long without the padding:
 *     KEY_32, KEY_BOOL           u32[count]
 *     KEY_64, KEY_F64            u64[count]
 *     KEY_UTF8, KEY_COMPOSITE    offsets u32[count + 1] from 0, then the bytes
 *
 * While blocks are written, `cursors` of the index holds for each key group where its next id, its next key (or
 * offset) and its next bytes go, and where its bytes begin.
 */
import {
  KEY_BOOL, KEY_COMPOSITE, KEY_F64, RESULT_DETAIL, STATUS_MEMORY_LIMIT, STATUS_SNAPSHOT_CORRUPT,
  STATUS_SNAPSHOT_TRUNCATED,
} from '../abi'
import { copyTo, fill, put } from '../guard'
import { resultPtr } from '../memory'
import { keyBytesAt, keyBytesLength, reserveArena } from './arena'
import { findBytes, hashKeyBytes, insertBytesAt } from './bytes'
import { isComposite } from './composite-bytes'
import { insertNullAt, nullKeyGroup } from './entries'
import { findFixed, insertFixedAt } from './fixed'
import { inUse, nextId, reserveIds } from './ids'
import { groupOf, isBytesKind, isWideKind, KeyIndex, stateAt, valueShift } from './layout'
import { reserveTable } from './table'
import { BLOCK_ROWS, blockHash, setBlockHash, touchBucket, touched } from './touch'
import { canonicalF64 } from './values'

const HEAD: usize = 16

// @ts-ignore: decorator
@inline
function pad8(bytes: u64): u64 {
  return (bytes + 7) & ~(<u64>7)
}

function keyBytesOf(kind: i32, count: u64, strings: u64): u64 {
  return isBytesKind(kind) ? ((count + 1) << 2) + strings : count << <u64>valueShift(kind)
}

function blockBytesOf(count: u64, keyBytes: u64): u64 {
  return <u64>HEAD + pad8(count << 2) + pad8(keyBytes)
}

/** Bytes of the block of a key group, 0 for a group without keys. */
export function blockBytes(index: KeyIndex, group: u32): usize {
  const count = load<u32>(index.groupCounts + (<usize>group << 2))
  if (count == 0) return 0
  const strings = load<u32>(index.groupBytes + (<usize>group << 2))
  return <usize>blockBytesOf(count, keyBytesOf(index.kind, count, strings))
}

// ---- write ----------------------------------------------------------------------------------------------------------

/** Heads, paddings and cursors of all groups; `cursors` of the caller are moved behind the blocks. */
function beginBlocks(index: KeyIndex, cursors: usize): void {
  const bytesKind = isBytesKind(index.kind)
  const nullGroup = index.nullId != 0 ? nullKeyGroup(index) : index.maxParallelism
  for (let group: u32 = 0; group < index.maxParallelism; group++) {
    const size = blockBytes(index, group)
    if (size == 0) continue
    const count = load<u32>(index.groupCounts + (<usize>group << 2))
    const block = <usize>load<u32>(cursors + (<usize>group << 2))
    const keyBytes = <u32>keyBytesOf(index.kind, count, load<u32>(index.groupBytes + (<usize>group << 2)))
    put<u32>(block, count)
    put<u32>(block, u32(group == nullGroup), 4)
    put<u32>(block, keyBytes, 8)
    put<u32>(block, 0, 12)
    const ids = block + HEAD
    const keys = ids + <usize>pad8(<u64>count << 2)
    if ((count & 1) != 0) put<u32>(keys - 4, 0)
    const end = block + size
    fill(keys + keyBytes, 0, end - keys - keyBytes)
    const own = index.cursors + (<usize>group << 4)
    put<u32>(own, <u32>ids)
    put<u32>(own, <u32>keys, 4)
    if (bytesKind) {
      const bytes = keys + ((<usize>count + 1) << 2)
      put<u32>(keys, 0)
      put<u32>(own, <u32>keys + 4, 4)
      put<u32>(own, <u32>bytes, 8)
      put<u32>(own, <u32>bytes, 12)
    }
    put<u32>(cursors + (<usize>group << 2), <u32>end)
  }
}

// @ts-ignore: decorator
@inline
function writeKey(index: KeyIndex, id: u32, width: usize, bytesKind: bool): void {
  const own = index.cursors + (<usize>groupOf(index, id) << 4)
  const idAt = load<u32>(own)
  put<u32>(idAt, id)
  put<u32>(own, idAt + 4)
  const keyAt = load<u32>(own, 4)
  if (bytesKind) {
    const length = keyBytesLength(index, id)
    const bytes = load<u32>(own, 8)
    copyTo(bytes, keyBytesAt(index, id), length)
    put<u32>(own, bytes + length, 8)
    put<u32>(keyAt, bytes + length - load<u32>(own, 12))
    put<u32>(own, keyAt + 4, 4)
  } else if (width == 3) {
    put<u64>(keyAt, load<u64>(index.values + (<usize>id << 3)))
    put<u32>(own, keyAt + 8, 4)
  } else {
    put<u32>(keyAt, load<u32>(index.values + (<usize>id << 2)))
    put<u32>(own, keyAt + 4, 4)
  }
}

// @ts-ignore: decorator
@inline
function writeKeys(index: KeyIndex, width: usize, bytesKind: bool): void {
  const nullWord = index.nullId
  const high = index.highWater
  if (nullWord != 0) writeKey(index, nullWord - 1, width, bytesKind)
  for (let first: u32 = 0; first < high; first += 64) {
    let used = ~load<u64>(index.free + (<usize>(first >> 6) << 3))
    if (high - first < 64) used &= (<u64>1 << (high - first)) - 1
    while (used != 0) {
      const id = first + <u32>ctz<u64>(used)
      used &= used - 1
      if (id + 1 != nullWord) writeKey(index, id, width, bytesKind)
    }
  }
}

/** Writes the block of every group that has keys at cursors[group], and moves the cursors behind them. */
export function writeBlocks(index: KeyIndex, cursors: usize): void {
  assert(index.pendingCount == 0)
  beginBlocks(index, cursors)
  if (isBytesKind(index.kind)) writeKeys(index, 3, true)
  else if (isWideKind(index.kind)) writeKeys(index, 3, false)
  else writeKeys(index, 2, false)
}

// ---- read -----------------------------------------------------------------------------------------------------------

/** Whether every offset lies within the bytes, in order, and the last is their end. */
function areOffsets(offsets: usize, count: u32, bytes: u32): bool {
  let last: u32 = 0
  if (load<u32>(offsets) != 0) return false
  for (let number: u32 = 1; number <= count; number++) {
    const offset = load<u32>(offsets + (<usize>number << 2))
    if (offset < last) return false
    last = offset
  }
  return last == bytes
}

/** Whether a fixed-width key is one that coding could have made. */
// @ts-ignore: decorator
@inline
export function isCanonical(kind: i32, key: u64): bool {
  if (kind == KEY_BOOL) return key < 2
  return kind != KEY_F64 || canonicalF64(key) == key
}

/** Keys of a block. */
// @ts-ignore: decorator
@inline
function blockCount(block: usize): u32 {
  return load<u32>(block)
}

/** 1 when the first key of a block is the null key. */
// @ts-ignore: decorator
@inline
function blockNulls(block: usize): u32 {
  return load<u32>(block, 4)
}

// @ts-ignore: decorator
@inline
function blockIds(block: usize): usize {
  return block + HEAD
}

// @ts-ignore: decorator
@inline
function blockKeys(block: usize): usize {
  return block + HEAD + <usize>pad8(<u64>blockCount(block) << 2)
}

/** Bytes of all byte keys of a block. */
function blockStrings(index: KeyIndex, block: usize): u32 {
  return <u32>(<u64>load<u32>(block, 8) - keyBytesOf(index.kind, blockCount(block), 0))
}

/** Bytes of the block at `pointer`, which ends at or before `end` and is well formed; or a negative status. */
function checkBlock(index: KeyIndex, pointer: usize, end: usize, idMapLength: u32): i32 {
  if (<u64>pointer + <u64>HEAD > <u64>end) return STATUS_SNAPSHOT_TRUNCATED
  const count = blockCount(pointer)
  const nulls = blockNulls(pointer)
  const keyBytes = load<u32>(pointer, 8)
  const size = blockBytesOf(count, keyBytes)
  if (size > <u64>(end - pointer)) return STATUS_SNAPSHOT_TRUNCATED
  if (size > 0x7fffffff) return STATUS_MEMORY_LIMIT
  const bytesKind = isBytesKind(index.kind)
  const least = keyBytesOf(index.kind, count, 0)
  if (count == 0 || nulls > 1 || nulls > count || load<u32>(pointer, 12) != 0) return STATUS_SNAPSHOT_CORRUPT
  if (bytesKind ? <u64>keyBytes < least : <u64>keyBytes != least) return STATUS_SNAPSHOT_CORRUPT
  if (bytesKind && !areOffsets(blockKeys(pointer), count, blockStrings(index, pointer))) return STATUS_SNAPSHOT_CORRUPT
  return highestId(pointer) < idMapLength ? <i32>size : STATUS_SNAPSHOT_CORRUPT
}

function highestId(block: usize): u32 {
  const ids = blockIds(block)
  const count = blockCount(block)
  let highest: u32 = 0
  for (let number: u32 = 0; number < count; number++) highest = max<u32>(highest, load<u32>(ids + (<usize>number << 2)))
  return highest
}

/** Room for `count` keys more with ids up to `highest`, and `strings` bytes. */
function reserveKeys(index: KeyIndex, count: u32, highest: u32, strings: u32): i32 {
  // A key goes to the high water only when every id below it is in use.
  const status = reserveIds(index, max<u32>(highest + 1, index.count + count))
  if (status < 0) return status
  const table = reserveTable(index, index.tableCount + count)
  if (table < 0) return table
  return isBytesKind(index.kind) ? reserveArena(index, strings) : 0
}

/**
 * Reads a block at `pointer` that ends at or before `end`: the bytes read, or a negative status. A key keeps its id
 * when that is free and takes the lowest free id otherwise; idMap[old id] = id. RESULT_DETAIL is the key group of the
 * keys, all of which must share it. Nothing is inserted unless the block is well formed and there is room for it all;
 * a key that is already there ends the reading as corrupt, and the keys before it stay, pending.
 */
export function readBlock(index: KeyIndex, pointer: usize, end: usize, idMap: usize, idMapLength: u32): i32 {
  const size = checkBlock(index, pointer, end, idMapLength)
  if (size < 0) return size
  const bytesKind = isBytesKind(index.kind)
  const count = blockCount(pointer)
  const nulls = blockNulls(pointer)
  const ids = blockIds(pointer)
  const keys = blockKeys(pointer)
  if (nulls != 0 && index.nullId != 0) return STATUS_SNAPSHOT_CORRUPT
  const room = reserveKeys(index, count, highestId(pointer), blockStrings(index, pointer))
  if (room < 0) return room
  const bytes = keys + ((<usize>count + 1) << 2)
  let group: u32 = 0
  for (let from: u32 = 0; from < count; from += BLOCK_ROWS) {
    const to = min<u32>(from + BLOCK_ROWS, count)
    prepare(index, ids, keys, bytes, idMap, from, to, bytesKind)
    for (let number = from; number < to; number++) {
      const old = load<u32>(ids + (<usize>number << 2))
      const id = inUse(index, old) ? nextId(index) : old
      const own = number < nulls ? insertNull(index, id) : bytesKind
        ? insertNumbered(index, keys + (<usize>number << 2), bytes, blockHash(number - from), id)
        : insertValue(index, valueAt(index, keys, number), id)
      if (own < 0 || (number > 0 && <u32>own != group)) return STATUS_SNAPSHOT_CORRUPT
      group = <u32>own
      put<u32>(idMap + (<usize>old << 2), id)
    }
  }
  put<u32>(resultPtr(), group, RESULT_DETAIL)
  return size
}

// @ts-ignore: decorator
@inline
function valueAt(index: KeyIndex, keys: usize, number: u32): u64 {
  return isWideKind(index.kind)
    ? load<u64>(keys + (<usize>number << 3))
    : <u64>load<u32>(keys + (<usize>number << 2))
}

/** Hashes of the byte keys [from, to); touches what all will need: a group's ids are far from one another. */
function prepare(
  index: KeyIndex, ids: usize, keys: usize, bytes: usize, idMap: usize, from: u32, to: u32, bytesKind: bool,
): void {
  const width = valueShift(index.kind)
  let sum: u32 = 0
  for (let number = from; number < to; number++) {
    const id = load<u32>(ids + (<usize>number << 2))
    sum += load<u32>(index.values + (<usize>id << width)) + load<u32>(stateAt(index, id))
    sum += load<u32>(idMap + (<usize>id << 2))
    let lane: u64
    if (bytesKind) {
      const start = load<u32>(keys + (<usize>number << 2))
      const hash = hashKeyBytes(index, bytes + start, load<u32>(keys + (<usize>number << 2), 4) - start)
      setBlockHash(number - from, hash)
      lane = <u64>hash
    } else {
      lane = valueAt(index, keys, number)
    }
    sum += touchBucket(index, lane)
  }
  touched(sum)
}

function insertNull(index: KeyIndex, id: u32): i32 {
  insertNullAt(index, id)
  return <i32>nullKeyGroup(index)
}

/** The key group of a key that was inserted; negative when it may not be there. */
export function insertValue(index: KeyIndex, key: u64, id: u32): i32 {
  if (!isCanonical(index.kind, key) || findFixed(index, key) != 0) return STATUS_SNAPSHOT_CORRUPT
  insertFixedAt(index, key, id)
  return <i32>groupOf(index, id)
}

/** As insertValue(), for the byte key whose start and end stand at `offset`. */
function insertNumbered(index: KeyIndex, offset: usize, bytes: usize, hash: u32, id: u32): i32 {
  const start = load<u32>(offset)
  return insertString(index, bytes + start, load<u32>(offset, 4) - start, hash, id)
}

export function insertString(index: KeyIndex, from: usize, length: u32, hash: u32, id: u32): i32 {
  if (index.kind == KEY_COMPOSITE && !isComposite(from, length)) return STATUS_SNAPSHOT_CORRUPT
  if (findBytes(index, from, length, hash) != 0) return STATUS_SNAPSHOT_CORRUPT
  insertBytesAt(index, from, length, hash, id)
  return <i32>groupOf(index, id)
}
