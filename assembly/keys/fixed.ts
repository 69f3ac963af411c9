/*
 * Keys of 4 and 8 bytes: coding rows to ids, inserting, removing.
 */
import { KEY_BOOL, KEY_F64, NO_ID, RESULT_ROW } from '../abi'
import { put } from '../guard'
import { resultPtr } from '../memory'
import { isRowNull, nullKeyId, reserveKey } from './entries'
import { hash32, hash64 } from './hash'
import { takeId } from './ids'
import { javaHashBoolean, javaHashLong, keyGroupOfHash } from './java-hash'
import { isWideKind, KeyIndex } from './layout'
import { find32, find64, findHome32, findHome64, tableInsert, tableRemove } from './table'
import { BLOCK_ROWS, isLarge, touchBucket, touched } from './touch'
import { canonicalF64 } from './values'

export function fixedKeyGroup(index: KeyIndex, key: u64): u32 {
  let code = <i32>key
  if (isWideKind(index.kind)) code = javaHashLong(key)
  else if (index.kind == KEY_BOOL) code = javaHashBoolean(<u32>key)
  return keyGroupOfHash(code, index.maxParallelism)
}

/** Id + 1 of a key, 0 when it is not there. */
export function findFixed(index: KeyIndex, key: u64): u32 {
  if (isWideKind(index.kind)) {
    const home = <u32>(hash64(key, index.multiplier, index.multiplierHigh, index.addend) >> <u64>index.shift)
    return find64(index.table, index.bucketMask, home, key)
  }
  const home = <u32>(hash32(<u32>key, index.multiplier, index.addend) >> <u64>index.shift)
  return find32(index.table, index.bucketMask, home, <u32>key)
}

/** Inserts a key that is not there under `id`; there is room. */
export function insertFixedAt(index: KeyIndex, key: u64, id: u32): void {
  takeId(index, id, fixedKeyGroup(index, key))
  if (isWideKind(index.kind)) put<u64>(index.values + (<usize>id << 3), key)
  else put<u32>(index.values + (<usize>id << 2), <u32>key)
  tableInsert(index, key, id)
}

/** Inserts a key that is not there; its id, or a negative status. */
function insertFixed(index: KeyIndex, key: u64): i32 {
  const id = reserveKey(index)
  if (id >= 0) insertFixedAt(index, key, <u32>id)
  return id
}

// @ts-ignore: decorator
@inline
export function fixedKeyAt(index: KeyIndex, id: u32): u64 {
  return isWideKind(index.kind)
    ? load<u64>(index.values + (<usize>id << 3))
    : <u64>load<u32>(index.values + (<usize>id << 2))
}

export function removeFixed(index: KeyIndex, id: u32): void {
  tableRemove(index, fixedKeyAt(index, id), id)
}

/** The id of a key, which is inserted when new; or a negative status. */
function idOfKey(index: KeyIndex, key: u64): i32 {
  const word = findFixed(index, key)
  return word != 0 ? <i32>(word - 1) : insertFixed(index, key)
}

// @ts-ignore: decorator
@inline
function keyAt(source: usize, row: u32, wide: bool, bool: bool, float: bool): u64 {
  if (wide) {
    const key = load<u64>(source + (<usize>row << 3))
    return float ? canonicalF64(key) : key
  }
  const key = load<u32>(source + (<usize>row << 2))
  return <u64>(bool ? u32(key != 0) : key)
}

/** Reads the buckets that the rows will need (touch.ts). */
// @ts-ignore: decorator
@inline
function touchRows(
  index: KeyIndex, source: usize, from: u32, to: u32, wide: bool, bool: bool, float: bool,
): void {
  let sum: u32 = 0
  for (let row = from; row < to; row++) sum += touchBucket(index, keyAt(source, row, wide, bool, float))
  touched(sum)
}

/**
 * Codes the rows whose keys stand in their first bucket, which are most, without a branch that depends on a key. The
 * others get NO_ID; whether there are any.
 */
// @ts-ignore: decorator
@inline
function codeFound(
  index: KeyIndex, source: usize, from: u32, to: u32, ids: usize, wide: bool, bool: bool, float: bool,
): bool {
  const table = index.table
  const shift = <u64>index.shift
  const multiplier = index.multiplier
  const multiplierHigh = index.multiplierHigh
  const addend = index.addend
  let all: u32 = 0
  for (let row = from; row < to; row++) {
    const key = keyAt(source, row, wide, bool, float)
    const hash = wide ? hash64(key, multiplier, multiplierHigh, addend) : hash32(<u32>key, multiplier, addend)
    const home = <u32>(hash >> shift)
    const id = (wide ? findHome64(table, home, key) : findHome32(table, home, <u32>key)) - 1
    put<u32>(ids + (<usize>row << 2), id)
    all |= id
  }
  // Ids are below LIMIT_KEYS.
  return <i32>all < 0
}

// @ts-ignore: decorator
@inline
function codeRows(
  index: KeyIndex, source: usize, validity: usize, from: u32, to: u32, ids: usize, wide: bool, bool: bool, float: bool,
): i32 {
  for (let block = from; block < to; block += BLOCK_ROWS) {
    const end = min<u32>(block + BLOCK_ROWS, to)
    if (isLarge(index)) touchRows(index, source, block, end, wide, bool, float)
    if (!codeFound(index, source, block, end, ids, wide, bool, float) && validity == 0) continue
    for (let row = block; row < end; row++) {
      const at = ids + (<usize>row << 2)
      const isNull = validity != 0 && isRowNull(validity, row)
      if (!isNull && load<u32>(at) != <u32>NO_ID) continue
      const id = isNull ? nullKeyId(index) : idOfKey(index, keyAt(source, row, wide, bool, float))
      if (id < 0) {
        put<u32>(resultPtr(), row, RESULT_ROW)
        return id
      }
      put<u32>(at, <u32>id)
    }
  }
  return <i32>(to - from)
}

export function code32(index: KeyIndex, source: usize, validity: usize, from: u32, to: u32, ids: usize): i32 {
  if (index.kind == KEY_BOOL) return codeRows(index, source, validity, from, to, ids, false, true, false)
  return codeRows(index, source, validity, from, to, ids, false, false, false)
}

export function code64(index: KeyIndex, source: usize, validity: usize, from: u32, to: u32, ids: usize): i32 {
  if (index.kind == KEY_F64) return codeRows(index, source, validity, from, to, ids, true, false, true)
  return codeRows(index, source, validity, from, to, ids, true, false, false)
}
