/*
 * A key index: distinct keys and their dense u32 ids. One fixed record of pointers; behind it the regions:
 *
 *   table      buckets of four slots, linear probing from the start of a bucket (table.ts)
 *   values     by id: the key itself (u32 or u64), or for byte keys `offset u32 | length u32` into the arena (arena.ts)
 *   states     by id: reference count and key group (ids.ts)
 *   pending    ids inserted, or dropped to a count of zero, since the last settle
 *   free       which ids below the high water are free, as a bitmap of bitmaps (free-ids.ts)
 *
 * Ids are a function of the calls alone: a new key takes the lowest free id. Nothing that a caller can see depends on
 * the hash seed or on addresses.
 */
import { KEY_32, KEY_64, KEY_BOOL, KEY_COMPOSITE, KEY_F64, KEY_UTF8 } from '../abi'

/** Bit of a reference count that says: on the pending list. */
export const PENDING: u32 = 0x80000000

@unmanaged
export class KeyIndex {
  kind: i32
  maxParallelism: u32
  seed: u64
  /** Hash parameters, drawn from the seed (hash.ts). */
  multiplier: u64
  multiplierHigh: u64
  addend: u64

  table: usize
  /** Buckets - 1; the number of buckets is a power of two. */
  bucketMask: u32
  /** 64 - log2(buckets): the home bucket is the hash shifted right by this. */
  shift: u32
  /** Keys in the table (the null key is not). */
  tableCount: u32
  /** The table doubles before it holds more keys than this. */
  tableLimit: u32

  values: usize
  states: usize
  pending: usize
  pendingCount: u32
  free: usize
  freeCount: u32
  /** Ids in use are below this; the one below it is in use. */
  highWater: u32
  capacity: u32
  /** Keys that have an id, the null key too. */
  count: u32
  /** Id of the null key + 1, 0 while there is none. */
  nullId: u32

  arena: usize
  arenaBytes: u32
  arenaTop: u32
  arenaLive: u32

  /** Grow-only: a composite key being built; strings being read back. */
  scratch: usize
  scratchBytes: u32
  output: usize
  outputBytes: u32

  /** First dictionary binding, 0 when none (dictionary.ts). */
  bindings: usize
}

// @ts-ignore: decorator
@inline
export function isBytesKind(kind: i32): bool {
  return kind == KEY_UTF8 || kind == KEY_COMPOSITE
}

// @ts-ignore: decorator
@inline
export function isWideKind(kind: i32): bool {
  return kind == KEY_64 || kind == KEY_F64
}

export function isKeyKind(kind: i32): bool {
  return kind == KEY_32 || kind == KEY_BOOL || isWideKind(kind) || isBytesKind(kind)
}

/** log2 of the bytes of one entry of `states`, and where the group stands in it. */
export const STATE_SHIFT: usize = 3
export const STATE_GROUP: usize = 4

/** The state of an id: its reference count is the first word. */
// @ts-ignore: decorator
@inline
export function stateAt(index: KeyIndex, id: u32): usize {
  return index.states + (<usize>id << STATE_SHIFT)
}

/** Key group of an id in use. */
// @ts-ignore: decorator
@inline
export function groupOf(index: KeyIndex, id: u32): u32 {
  return load<u32>(stateAt(index, id), STATE_GROUP)
}

/** log2 of the bytes of one entry of `values`. */
// @ts-ignore: decorator
@inline
export function valueShift(kind: i32): usize {
  return isWideKind(kind) || isBytesKind(kind) ? 3 : 2
}
