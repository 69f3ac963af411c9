/*
 * Keys of 4 and 8 bytes: coding rows to ids, inserting, removing.
 */
import { KEY_BOOL, KEY_F64, RESULT_ROW } from '../abi'
import { put } from '../guard'
import { resultPtr } from '../memory'
import { isRowNull, nullKeyId, reserveKey } from './entries'
import { hash32, hash64 } from './hash'
import { takeId } from './ids'
import { javaHashBoolean, javaHashLong, keyGroupOfHash } from './java-hash'
import { isWideKind, KeyIndex } from './layout'
import { find32, find64, tableInsert, tableRemove } from './table'
import { BLOCK_ROWS, isLarge, touched } from './touch'
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

// @ts-ignore: decorator
@inline
function codeRows32(
  index: KeyIndex, source: usize, validity: usize, from: u32, to: u32, ids: usize, bool: bool,
): i32 {
  let table = index.table
  let mask = index.bucketMask
  let shift = <u64>index.shift
  const multiplier = index.multiplier
  const addend = index.addend
  let ahead = from
  for (let row = from; row < to; row++) {
    if (row == ahead && isLarge(index)) {
      ahead = min<u32>(row + BLOCK_ROWS, to)
      let sum: u32 = 0
      for (let next = row; next < ahead; next++) {
        const hash = hash32(load<u32>(source + (<usize>next << 2)), multiplier, addend)
        sum += load<u32>(table + (<usize>(hash >> shift) << 5))
      }
      touched(sum)
    }
    let id: i32
    if (validity != 0 && isRowNull(validity, row)) {
      id = nullKeyId(index)
    } else {
      let key = load<u32>(source + (<usize>row << 2))
      if (bool) key = u32(key != 0)
      id = <i32>find32(table, mask, <u32>(hash32(key, multiplier, addend) >> shift), key) - 1
      if (id < 0) {
        id = insertFixed(index, <u64>key)
        table = index.table
        mask = index.bucketMask
        shift = <u64>index.shift
      }
    }
    if (id < 0) {
      put<u32>(resultPtr(), row, RESULT_ROW)
      return id
    }
    put<u32>(ids + (<usize>row << 2), <u32>id)
  }
  return <i32>(to - from)
}

// @ts-ignore: decorator
@inline
function codeRows64(
  index: KeyIndex, source: usize, validity: usize, from: u32, to: u32, ids: usize, float: bool,
): i32 {
  let table = index.table
  let mask = index.bucketMask
  let shift = <u64>index.shift
  const multiplier = index.multiplier
  const multiplierHigh = index.multiplierHigh
  const addend = index.addend
  let ahead = from
  for (let row = from; row < to; row++) {
    if (row == ahead && isLarge(index)) {
      ahead = min<u32>(row + BLOCK_ROWS, to)
      let sum: u32 = 0
      for (let next = row; next < ahead; next++) {
        let key = load<u64>(source + (<usize>next << 3))
        if (float) key = canonicalF64(key)
        sum += load<u32>(table + (<usize>(hash64(key, multiplier, multiplierHigh, addend) >> shift) << 6))
      }
      touched(sum)
    }
    let id: i32
    if (validity != 0 && isRowNull(validity, row)) {
      id = nullKeyId(index)
    } else {
      let key = load<u64>(source + (<usize>row << 3))
      if (float) key = canonicalF64(key)
      id = <i32>find64(table, mask, <u32>(hash64(key, multiplier, multiplierHigh, addend) >> shift), key) - 1
      if (id < 0) {
        id = insertFixed(index, key)
        table = index.table
        mask = index.bucketMask
        shift = <u64>index.shift
      }
    }
    if (id < 0) {
      put<u32>(resultPtr(), row, RESULT_ROW)
      return id
    }
    put<u32>(ids + (<usize>row << 2), <u32>id)
  }
  return <i32>(to - from)
}

export function code32(index: KeyIndex, source: usize, validity: usize, from: u32, to: u32, ids: usize): i32 {
  if (index.kind == KEY_BOOL) return codeRows32(index, source, validity, from, to, ids, true)
  return codeRows32(index, source, validity, from, to, ids, false)
}

export function code64(index: KeyIndex, source: usize, validity: usize, from: u32, to: u32, ids: usize): i32 {
  if (index.kind == KEY_F64) return codeRows64(index, source, validity, from, to, ids, true)
  return codeRows64(index, source, validity, from, to, ids, false)
}
