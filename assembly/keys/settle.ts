/*
 * Settling: the pending ids that nothing retains are freed, their keys taken out of the table.
 */
import { put } from '../guard'
import { hashOfId, removeBytes, touchBytes } from './bytes'
import { forgetId } from './dictionary'
import { fixedKeyAt, removeFixed } from './fixed'
import { giveId, lowerHighWater } from './ids'
import { isBytesKind, KeyIndex, PENDING, stateAt } from './layout'
import { BLOCK_ROWS, blockHash, isLarge, setBlockHash, touchBucket, touched } from './touch'

// @ts-ignore: decorator
@inline
function pendingId(index: KeyIndex, number: u32): u32 {
  return load<u32>(index.pending + (<usize>number << 2))
}

// @ts-ignore: decorator
@inline
function isUnreferenced(index: KeyIndex, id: u32): bool {
  return (load<u32>(stateAt(index, id)) & ~PENDING) == 0
}

/** Hashes of the byte keys of a block that will go, and what a large table needs for them. */
function prepare(index: KeyIndex, from: u32, to: u32, bytesKind: bool): void {
  if (!bytesKind) {
    if (!isLarge(index)) return
    let sum: u32 = 0
    for (let number = from; number < to; number++) {
      const id = pendingId(index, number)
      if (isUnreferenced(index, id)) sum += touchBucket(index, fixedKeyAt(index, id))
    }
    touched(sum)
    return
  }
  for (let number = from; number < to; number++) {
    const id = pendingId(index, number)
    setBlockHash(number - from, isUnreferenced(index, id) ? hashOfId(index, id) : 0)
  }
  if (isLarge(index)) touchBytes(index, to - from)
}

function free(index: KeyIndex, id: u32, hash: u32, bytesKind: bool): void {
  if (id + 1 == index.nullId) index.nullId = 0
  else if (bytesKind) removeBytes(index, id, hash)
  else removeFixed(index, id)
  forgetId(index, id)
  giveId(index, id)
}

/** How many ids were freed. */
export function settle(index: KeyIndex): i32 {
  const pending = index.pendingCount
  if (pending == 0) return 0
  const bytesKind = isBytesKind(index.kind)
  let freed = 0
  for (let from: u32 = 0; from < pending; from += BLOCK_ROWS) {
    const to = min<u32>(from + BLOCK_ROWS, pending)
    prepare(index, from, to, bytesKind)
    for (let number = from; number < to; number++) {
      const id = pendingId(index, number)
      const at = stateAt(index, id)
      const count = load<u32>(at) & ~PENDING
      put<u32>(at, count)
      if (count != 0) continue
      free(index, id, bytesKind ? blockHash(number - from) : 0, bytesKind)
      freed++
    }
  }
  index.pendingCount = 0
  if (freed > 0) lowerHighWater(index)
  return freed
}
