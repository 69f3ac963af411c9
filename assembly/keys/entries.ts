/*
 * What every new key does, whatever its kind: room in all arrays. And the null key, which is in no table.
 */
import { put } from '../guard'
import { nextId, reserveIds, takeId } from './ids'
import { keyGroupOfHash } from './java-hash'
import { isBytesKind, isWideKind, KeyIndex } from './layout'
import { reserveTable } from './table'

/** Whether a row is null by an Arrow validity bitmap. */
// @ts-ignore: decorator
@inline
export function isRowNull(validity: usize, row: u32): bool {
  return ((load<u8>(validity + (row >> 3)) >> <u8>(row & 7)) & 1) == 0
}

/** Makes room for one more key; the id it will have, or a negative status. On failure nothing has changed. */
export function reserveKey(index: KeyIndex): i32 {
  const id = nextId(index)
  const status = reserveIds(index, id + 1)
  if (status < 0) return status
  const tableStatus = reserveTable(index, index.tableCount + 1)
  return tableStatus < 0 ? tableStatus : <i32>id
}

/** Key group of the null key. */
export function nullKeyGroup(index: KeyIndex): u32 {
  return keyGroupOfHash(0, index.maxParallelism)
}

/** Gives the null key `id`, for which there is room. */
export function insertNullAt(index: KeyIndex, id: u32): void {
  takeId(index, id, nullKeyGroup(index))
  if (isWideKind(index.kind) || isBytesKind(index.kind)) put<u64>(index.values + (<usize>id << 3), 0)
  else put<u32>(index.values + (<usize>id << 2), 0)
  index.nullId = id + 1
}

/** The id of the null key, which is inserted when new; or a negative status. */
export function nullKeyId(index: KeyIndex): i32 {
  if (index.nullId != 0) return <i32>(index.nullId - 1)
  const id = reserveKey(index)
  if (id >= 0) insertNullAt(index, <u32>id)
  return id
}
