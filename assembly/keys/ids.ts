/*
 * Ids: which are in use, how often each is referenced, and which may be freed at the next settle.
 *
 *   states[id]   0                                       31                4                  8
 *                +---------------------------------------+-----------------+------------------+
 *                | references (31 bits)                  | on pending list | key group u32    |
 *                +---------------------------------------+-----------------+------------------+
 */
import { LIMIT_KEYS, STATUS_MEMORY_LIMIT, STATUS_OK, STATUS_TOO_MANY_KEYS } from '../abi'
import { copyTo, fill, put } from '../guard'
import { allocate, allocateZeroed, release } from '../memory'
import { addFreeId, addFreeIds, freeIdsBytes, freeIdsCopy, isFreeId, lowestFreeId, removeFreeId } from './free-ids'
import { KeyIndex, PENDING, STATE_SHIFT, stateAt, valueShift } from './layout'

export const MIN_CAPACITY: u32 = 256

/** Makes every array by id hold at least `needed` ids. On failure nothing has changed. */
export function reserveIds(index: KeyIndex, needed: u32): i32 {
  if (needed <= index.capacity) return STATUS_OK
  if (needed > <u32>LIMIT_KEYS) return STATUS_TOO_MANY_KEYS
  const capacity = max<u32>(MIN_CAPACITY, <u32>1 << (32 - clz<u32>(needed - 1)))
  const width = valueShift(index.kind)
  const values = allocate(<usize>capacity << width)
  const states = allocate(<usize>capacity << STATE_SHIFT)
  const pending = allocate(<usize>capacity << 2)
  const free = allocateZeroed(freeIdsBytes(capacity))
  if (values == 0 || states == 0 || pending == 0 || free == 0) {
    release(free)
    release(pending)
    release(states)
    release(values)
    return STATUS_MEMORY_LIMIT
  }
  if (index.capacity > 0) {
    const used = <usize>index.highWater
    copyTo(values, index.values, used << width)
    copyTo(states, index.states, used << STATE_SHIFT)
    copyTo(pending, index.pending, <usize>index.pendingCount << 2)
    if (index.freeCount > 0) freeIdsCopy(free, capacity, index.free, index.capacity)
  }
  releaseIds(index)
  index.values = values
  index.states = states
  index.pending = pending
  index.free = free
  index.capacity = capacity
  return STATUS_OK
}

export function releaseIds(index: KeyIndex): void {
  release(index.values)
  release(index.states)
  release(index.pending)
  release(index.free)
}

/** The id that the next new key takes. */
// @ts-ignore: decorator
@inline
export function nextId(index: KeyIndex): u32 {
  return index.freeCount > 0 ? lowestFreeId(index.free, index.capacity) : index.highWater
}

/**
 * Takes `id`, which is free or at or above the high water and below the capacity, for a key of `group`. Nothing
 * references it yet, so it is pending.
 */
export function takeId(index: KeyIndex, id: u32, group: u32): void {
  if (id < index.highWater) {
    removeFreeId(index.free, index.capacity, id)
    index.freeCount--
  } else {
    if (index.highWater < id) addFreeIds(index.free, index.capacity, index.highWater, id)
    index.freeCount += id - index.highWater
    index.highWater = id + 1
  }
  index.count++
  put<u64>(stateAt(index, id), (<u64>group << 32) | <u64>PENDING)
  appendPending(index, id)
}

/** Gives `id` back. The caller calls lowerHighWater() after the last of a row of these. */
// @ts-ignore: decorator
@inline
export function giveId(index: KeyIndex, id: u32): void {
  addFreeId(index.free, index.capacity, id)
  index.freeCount++
  index.count--
}

/** Lowers the high water to one above the highest id in use. Each step undoes a step up, so the cost is amortised. */
export function lowerHighWater(index: KeyIndex): void {
  let high = index.highWater
  if (index.count == 0) {
    if (high > 0) fill(index.free, 0, freeIdsBytes(index.capacity))
    index.highWater = 0
    index.freeCount = 0
    return
  }
  while (isFreeId(index.free, high - 1)) {
    high--
    removeFreeId(index.free, index.capacity, high)
    index.freeCount--
  }
  index.highWater = high
}

// @ts-ignore: decorator
@inline
export function inUse(index: KeyIndex, id: u32): bool {
  return id < index.highWater && !isFreeId(index.free, id)
}

/** Puts an id whose last reference went on the pending list. */
export function markPending(index: KeyIndex, id: u32): void {
  put<u32>(stateAt(index, id), PENDING)
  appendPending(index, id)
}

// @ts-ignore: decorator
@inline
function appendPending(index: KeyIndex, id: u32): void {
  put<u32>(index.pending + (<usize>index.pendingCount << 2), id)
  index.pendingCount++
}
