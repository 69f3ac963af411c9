/*
 * Keys blocks: the keys of one key group in a snapshot of version 1, ids ascending, the null key first. Little-endian,
 * a multiple of 8 bytes long, padding zero.
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
 */
import {
  KEY_BOOL, KEY_COMPOSITE, KEY_F64, RESULT_DETAIL, STATUS_MEMORY_LIMIT, STATUS_SNAPSHOT_CORRUPT,
  STATUS_SNAPSHOT_TRUNCATED,
} from '../abi'
import { put } from '../guard'
import { resultPtr } from '../memory'
import { reserveArena } from './arena'
import { findBytes, hashKeyBytes, insertBytesAt } from './bytes'
import { isComposite } from './composite-bytes'
import { insertNullAt, nullKeyGroup } from './entries'
import { findFixed, insertFixedAt } from './fixed'
import { inUse, nextId, reserveIds } from './ids'
import { groupOf, isBytesKind, isWideKind, KeyIndex, valueShift } from './layout'
import { reserveTable } from './table'
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
  for (let number: u32 = 0; number < count; number++) {
    const old = load<u32>(ids + (<usize>number << 2))
    const id = inUse(index, old) ? nextId(index) : old
    const own = number < nulls ? insertNull(index, id) : bytesKind
      ? insertNumbered(index, keys + (<usize>number << 2), bytes, id)
      : insertValue(index, valueAt(index, keys, number), id)
    if (own < 0 || (number > 0 && <u32>own != group)) return STATUS_SNAPSHOT_CORRUPT
    group = <u32>own
    put<u32>(idMap + (<usize>old << 2), id)
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
function insertNumbered(index: KeyIndex, offset: usize, bytes: usize, id: u32): i32 {
  const start = load<u32>(offset)
  return insertString(index, bytes + start, load<u32>(offset, 4) - start, id)
}

export function insertString(index: KeyIndex, from: usize, length: u32, id: u32): i32 {
  const hash = hashKeyBytes(index, from, length)
  if (index.kind == KEY_COMPOSITE && !isComposite(from, length)) return STATUS_SNAPSHOT_CORRUPT
  if (findBytes(index, from, length, hash) != 0) return STATUS_SNAPSHOT_CORRUPT
  insertBytesAt(index, from, length, hash, id)
  return <i32>groupOf(index, id)
}
