/*
 * The bytes of byte keys, one behind the other in one region. Growing is compacting: when the end is reached, the
 * live keys are copied, by id, into a region of twice what is live. So the arena holds at most about twice the most
 * that was live, however keys come and go.
 *
 *   values[id]   0                4                8
 *                +----------------+----------------+
 *                | offset u32     | length u32     |
 *                +----------------+----------------+
 */
import { STATUS_MEMORY_LIMIT, STATUS_OK } from '../abi'
import { copyTo, put } from '../guard'
import { allocate, release } from '../memory'
import { inUse } from './ids'
import { KeyIndex } from './layout'

const MIN_ARENA: u64 = 1024

/** Makes room for `length` bytes more. On failure nothing has changed. */
export function reserveArena(index: KeyIndex, length: u32): i32 {
  if (<u64>index.arenaTop + <u64>length <= <u64>index.arenaBytes) return STATUS_OK
  const needed = <u64>index.arenaLive + <u64>length
  if (needed > 0x7fffffff) return STATUS_MEMORY_LIMIT
  let bytes = max<u64>(MIN_ARENA, needed * 2)
  let arena = allocate(<usize>bytes)
  if (arena == 0) {
    // Near the ceiling, with less slack: it must not be so little that every new key compacts.
    bytes = needed + (needed >> 3)
    arena = allocate(<usize>bytes)
    if (arena == 0) return STATUS_MEMORY_LIMIT
  }
  let top: u32 = 0
  for (let id: u32 = 0; id < index.highWater; id++) {
    if (!inUse(index, id) || id + 1 == index.nullId) continue
    const entry = index.values + (<usize>id << 3)
    const size = load<u32>(entry, 4)
    copyTo(arena + top, index.arena + load<u32>(entry), size)
    put<u32>(entry, top)
    top += size
  }
  release(index.arena)
  index.arena = arena
  index.arenaBytes = <u32>bytes
  index.arenaTop = top
  return STATUS_OK
}

/** Appends the bytes of key `id`; there is room. */
export function arenaAppend(index: KeyIndex, id: u32, pointer: usize, length: u32): void {
  const top = index.arenaTop
  copyTo(index.arena + top, pointer, length)
  const entry = index.values + (<usize>id << 3)
  put<u32>(entry, top)
  put<u32>(entry, length, 4)
  index.arenaTop = top + length
  index.arenaLive += length
}

// @ts-ignore: decorator
@inline
export function keyBytesAt(index: KeyIndex, id: u32): usize {
  return index.arena + <usize>load<u32>(index.values + (<usize>id << 3))
}

// @ts-ignore: decorator
@inline
export function keyBytesLength(index: KeyIndex, id: u32): u32 {
  return load<u32>(index.values + (<usize>id << 3), 4)
}

/** Whether two byte strings of one length are equal; reads up to 8 bytes past their ends, which regions allow. */
// @ts-ignore: decorator
@inline
export function sameBytes(left: usize, right: usize, length: u32): bool {
  let rest = length
  while (rest > 8) {
    if (load<u64>(left) != load<u64>(right)) return false
    left += 8
    right += 8
    rest -= 8
  }
  return rest == 0 || ((load<u64>(left) ^ load<u64>(right)) << (64 - (<u64>rest << 3))) == 0
}
