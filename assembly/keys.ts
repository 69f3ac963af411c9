/*
 * Keys to dense ids: the exported functions of a key index. A handle is what keysCreate returned; there may be several.
 *
 * The life of an id: coding a row inserts its key and puts the id on the pending list; a window kernel retains it for
 * each slice that holds the key, and drops it with the slice; keysSettle, called between batches, frees the pending
 * ids that nothing retains. Until then ids handed out stay valid.
 */
import {
  KEY_COMPOSITE, KEY_UTF8, LIMIT_MAX_PARALLELISM, RESULT_DETAIL, RESULT_STATUS, STATUS_ARGUMENT, STATUS_MEMORY_LIMIT,
} from './abi'
import { put } from './guard'
import { readBlock } from './keys/blocks'
import { codeUtf8 } from './keys/bytes'
import { codeComposite } from './keys/composite'
import { bindDictionary, Binding, codeDictionary, extendDictionary, releaseBinding } from './keys/dictionary'
import { code32, code64 } from './keys/fixed'
import { seedHash } from './keys/hash'
import { inUse, markPending, MIN_CAPACITY, releaseIds, reserveIds } from './keys/ids'
import { groupOf, isBytesKind, isKeyKind, isWideKind, KeyIndex, stateAt } from './keys/layout'
import { readComponent, readFixed, readUtf8 } from './keys/read'
import { settle } from './keys/settle'
import { reserveTable } from './keys/table'
import { allocateZeroed, release, resultPtr } from './memory'

function wrongArgument(number: u32): i32 {
  put<u32>(resultPtr(), number, RESULT_DETAIL)
  return STATUS_ARGUMENT
}

// ---- life -----------------------------------------------------------------------------------------------------------

/** A key index, or 0 with the status in RESULT_STATUS. The seed decides only where keys stand in the table. */
export function keysCreate(kind: i32, seedLow: u32, seedHigh: u32, maxParallelism: i32): usize {
  if (!isKeyKind(kind) || maxParallelism < 1 || maxParallelism > LIMIT_MAX_PARALLELISM) {
    put<i32>(resultPtr(), wrongArgument(isKeyKind(kind) ? 3 : 0), RESULT_STATUS)
    return 0
  }
  const keys = allocateZeroed(offsetof<KeyIndex>())
  if (keys == 0) return 0
  const index = changetype<KeyIndex>(keys)
  index.kind = kind
  index.maxParallelism = maxParallelism
  seedHash(index, (<u64>seedHigh << 32) | <u64>seedLow)
  if (reserveIds(index, MIN_CAPACITY) < 0 || reserveTable(index, 1) < 0) {
    keysDestroy(keys)
    put<i32>(resultPtr(), STATUS_MEMORY_LIMIT, RESULT_STATUS)
    return 0
  }
  return keys
}

/** Frees the index and every dictionary bound to it. */
export function keysDestroy(keys: usize): void {
  if (keys == 0) return
  const index = changetype<KeyIndex>(keys)
  while (index.bindings != 0) releaseBinding(changetype<Binding>(index.bindings))
  releaseIds(index)
  release(index.table)
  release(index.arena)
  release(index.scratch)
  release(index.output)
  release(keys)
}

// ---- coding rows [from, to) to ids ----------------------------------------------------------------------------------
//
// `source` and `ids` are columns from row 0; `validity` is an Arrow bitmap or 0. They return the rows coded, or a
// negative status with RESULT_ROW: the rows before it are coded, and of that row nothing is changed.

/** Kinds KEY_32 and KEY_BOOL, from u32. */
export function keysCode32(keys: usize, source: usize, validity: usize, from: u32, to: u32, ids: usize): i32 {
  const index = changetype<KeyIndex>(keys)
  if (isWideKind(index.kind) || isBytesKind(index.kind)) return wrongArgument(0)
  return code32(index, source, validity, from, to, ids)
}

/** Kinds KEY_64 and KEY_F64, from u64 and f64. */
export function keysCode64(keys: usize, source: usize, validity: usize, from: u32, to: u32, ids: usize): i32 {
  const index = changetype<KeyIndex>(keys)
  if (!isWideKind(index.kind)) return wrongArgument(0)
  return code64(index, source, validity, from, to, ids)
}

/** Kind KEY_UTF8, from offsets u32[rows + 1] and bytes. */
export function keysCodeUtf8(
  keys: usize, offsets: usize, bytes: usize, validity: usize, from: u32, to: u32, ids: usize,
): i32 {
  const index = changetype<KeyIndex>(keys)
  if (index.kind != KEY_UTF8) return wrongArgument(0)
  return codeUtf8(index, offsets, bytes, validity, from, to, ids)
}

/** Kind KEY_COMPOSITE, from `count` records that describe columns (COMPONENT_ in abi.ts). */
export function keysCodeComposite(
  keys: usize, components: usize, count: u32, from: u32, to: u32, ids: usize,
): i32 {
  const index = changetype<KeyIndex>(keys)
  if (index.kind != KEY_COMPOSITE) return wrongArgument(0)
  return codeComposite(index, components, count, from, to, ids)
}

/** Binds an empty dictionary to an index of kind KEY_UTF8; 0 on failure, with the status in RESULT_STATUS. */
export function dictionaryBind(keys: usize): usize {
  const index = changetype<KeyIndex>(keys)
  if (index.kind != KEY_UTF8) {
    put<i32>(resultPtr(), wrongArgument(0), RESULT_STATUS)
    return 0
  }
  return bindDictionary(index)
}

/** Appends `count` entries, offsets u32[count + 1] into `bytes`; the entries then, or a negative status. */
export function dictionaryExtend(binding: usize, offsets: usize, bytes: usize, count: u32): i32 {
  return extendDictionary(changetype<Binding>(binding), offsets, bytes, count)
}

/** Codes u32 dictionary codes to ids. */
export function keysCodeDictionary(
  binding: usize, codes: usize, validity: usize, from: u32, to: u32, ids: usize,
): i32 {
  const own = changetype<Binding>(binding)
  return codeDictionary(changetype<KeyIndex>(own.index), own, codes, validity, from, to, ids)
}

export function dictionaryRelease(binding: usize): void {
  if (binding != 0) releaseBinding(changetype<Binding>(binding))
}

// ---- references -----------------------------------------------------------------------------------------------------

/** One more slice holds the key. */
// @ts-ignore: decorator
@inline
export function keysRetain(keys: usize, id: u32): void {
  const at = stateAt(changetype<KeyIndex>(keys), id)
  put<u32>(at, load<u32>(at) + 1)
}

/** One slice less holds the key. */
// @ts-ignore: decorator
@inline
export function keysDrop(keys: usize, id: u32): void {
  const index = changetype<KeyIndex>(keys)
  const at = stateAt(index, id)
  const count = load<u32>(at) - 1
  put<u32>(at, count)
  if (count == 0) markPending(index, id)
}

/** Frees the pending ids that nothing retains; how many. */
export function keysSettle(keys: usize): i32 {
  return settle(changetype<KeyIndex>(keys))
}

// ---- questions ------------------------------------------------------------------------------------------------------

/** Key group of an id in use. */
// @ts-ignore: decorator
@inline
export function keysGroupOf(keys: usize, id: u32): u32 {
  return groupOf(changetype<KeyIndex>(keys), id)
}

/** Ids in use are below this. */
// @ts-ignore: decorator
@inline
export function keysHighWater(keys: usize): u32 {
  return changetype<KeyIndex>(keys).highWater
}

/** Keys that have an id. */
export function keysCount(keys: usize): u32 {
  return changetype<KeyIndex>(keys).count
}

export function keysContains(keys: usize, id: u32): bool {
  return inUse(changetype<KeyIndex>(keys), id)
}

// ---- groups of rows (row-groups.ts) ---------------------------------------------------------------------------------

export { keysGroupRows, keysHashRows } from './keys/row-groups'

// ---- reading back ---------------------------------------------------------------------------------------------------
//
// Of `count` ids; an id not in use, and the null key, are 0 (an empty string) and not valid. `validity` is an Arrow
// bitmap to write, or 0. They return the count, or a negative status with RESULT_ROW.

export function keysRead32(keys: usize, ids: usize, count: u32, out: usize, validity: usize): i32 {
  const index = changetype<KeyIndex>(keys)
  if (isWideKind(index.kind) || isBytesKind(index.kind)) return wrongArgument(0)
  return readFixed(index, ids, count, out, validity, false)
}

export function keysRead64(keys: usize, ids: usize, count: u32, out: usize, validity: usize): i32 {
  const index = changetype<KeyIndex>(keys)
  if (!isWideKind(index.kind)) return wrongArgument(0)
  return readFixed(index, ids, count, out, validity, true)
}

/** Writes offsets u32[count + 1]; the bytes are at RESULT_POINTER, RESULT_SIZE long, until the next such call. */
export function keysReadUtf8(keys: usize, ids: usize, count: u32, offsets: usize, validity: usize): i32 {
  const index = changetype<KeyIndex>(keys)
  if (index.kind != KEY_UTF8) return wrongArgument(0)
  return readUtf8(index, ids, count, offsets, validity)
}

/**
 * Component `component` of composite keys, which is null or of type `type` (COMPONENT_, not a dictionary) in each.
 * `out` takes the values; for strings the offsets, and the bytes stand as with keysReadUtf8.
 */
export function keysReadComponent(
  keys: usize, ids: usize, count: u32, component: u32, type: i32, out: usize, validity: usize,
): i32 {
  const index = changetype<KeyIndex>(keys)
  if (index.kind != KEY_COMPOSITE) return wrongArgument(0)
  return readComponent(index, ids, count, component, type, out, validity)
}

// ---- snapshots of version 1 (blocks.ts) -----------------------------------------------------------------------------

/** Inserts the keys of a block: the bytes read, or a negative status (blocks.ts, readBlock). */
export function keysReadBlock(keys: usize, pointer: usize, end: usize, idMap: usize, idMapLength: u32): i32 {
  return readBlock(changetype<KeyIndex>(keys), pointer, end, idMap, idMapLength)
}
