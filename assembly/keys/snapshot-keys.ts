/*
 * Reading the keys of a whole snapshot into an index without keys: every key keeps its id. All room is made first. The
 * blocks are read side by side, a step of ids at a time: the ids of a block ascend, so what the blocks write by id
 * stays
 * in the cache for a step. (Ids out of order cost time only.) Then the keys go into the table, in the order of ids.
 */
import { KEY_COMPOSITE, NO_ID, STATUS_MEMORY_LIMIT, STATUS_OK, STATUS_SNAPSHOT_CORRUPT } from '../abi'
import { copyTo, fill, put } from '../guard'
import {
  blockCount, blockIds, blockKeys, blockNulls, blockStrings, checkBlock, highestId, isCanonical, reserveKeys, valueAt,
} from './blocks'
import { bytesKeyGroup, hashKeyBytes } from './bytes'
import { isComposite } from './composite-bytes'
import { nullKeyGroup } from './entries'
import { fillTable } from './fill-table'
import { fixedKeyGroup } from './fixed'
import { addFreeId } from './free-ids'
import { isBytesKind, isWideKind, KeyIndex, PENDING, stateAt } from './layout'
import { bucketShift } from './table'

const STEP_IDS: u32 = 16384

/** One block. The caller sets `block`, `end` and `group`; on success `block` is moved behind it. */
@unmanaged
export class KeysRun {
  block: usize
  /** The block ends at or before this. */
  end: usize
  group: u32
  /** Bytes of the block. */
  size: u32
  /** The next key to read. */
  next: u32
  /** Of byte keys: where the first stands in the arena. */
  arenaAt: u32
}

export const KEYS_RUN_BYTES: usize = 32

// @ts-ignore: decorator
@inline
export function keysRunAt(runs: usize, number: u32): KeysRun {
  return changetype<KeysRun>(runs + <usize>number * KEYS_RUN_BYTES)
}

/** Whether nothing stands in the way of readSnapshotKeys(). */
export function isEmptyIndex(index: KeyIndex): bool {
  return index.count == 0 && index.pendingCount == 0
}

/** Tests the form of all blocks and makes room for their keys; the highest id + 1, or a negative status. */
function open(index: KeyIndex, runs: usize, runCount: u32, idMapLength: u32): i32 {
  let keys: u64 = 0
  let nulls: u32 = 0
  let strings: u64 = 0
  let highest: u32 = 0
  for (let number: u32 = 0; number < runCount; number++) {
    const run = keysRunAt(runs, number)
    const size = checkBlock(index, run.block, run.end, idMapLength)
    if (size < 0) return size
    run.size = <u32>size
    run.next = 0
    run.arenaAt = <u32>strings
    keys += <u64>blockCount(run.block)
    nulls += blockNulls(run.block)
    if (isBytesKind(index.kind)) strings += <u64>blockStrings(index, run.block)
    highest = max<u32>(highest, highestId(run.block))
  }
  // More keys than ids: some share one.
  if (nulls > 1 || keys > <u64>highest + 1) return STATUS_SNAPSHOT_CORRUPT
  if (strings > 0x7fffffff) return STATUS_MEMORY_LIMIT
  const room = reserveKeys(index, <u32>keys, highest, <u32>strings)
  return room < 0 ? room : <i32>(highest + 1)
}

// ---- by id ----------------------------------------------------------------------------------------------------------

/** Takes an id for a key of `group`; false when another key has it. */
// @ts-ignore: decorator
@inline
function take(index: KeyIndex, id: u32, group: u32, idMap: usize): bool {
  const mapped = idMap + (<usize>id << 2)
  if (load<u32>(mapped) != NO_ID) return false
  put<u32>(mapped, id)
  put<u64>(stateAt(index, id), (<u64>group << 32) | <u64>PENDING)
  return true
}

function takeNull(index: KeyIndex, run: KeysRun, idMap: usize): bool {
  const id = load<u32>(blockIds(run.block))
  if (run.group != nullKeyGroup(index) || !take(index, id, run.group, idMap)) return false
  if (isWideKind(index.kind) || isBytesKind(index.kind)) put<u64>(index.values + (<usize>id << 3), 0)
  else put<u32>(index.values + (<usize>id << 2), 0)
  index.nullId = id + 1
  run.next = 1
  return true
}

/** Reads the keys of a run with ids below `stepEnd`; false when one of them may not be there. */
function readFixedRun(index: KeyIndex, run: KeysRun, stepEnd: u32, idMap: usize): bool {
  const wide = isWideKind(index.kind)
  const count = blockCount(run.block)
  const ids = blockIds(run.block)
  const keys = blockKeys(run.block)
  let number = run.next
  for (; number < count; number++) {
    const id = load<u32>(ids + (<usize>number << 2))
    if (id >= stepEnd) break
    const key = valueAt(index, keys, number)
    if (!isCanonical(index.kind, key) || fixedKeyGroup(index, key) != run.group) return false
    if (!take(index, id, run.group, idMap)) return false
    if (wide) put<u64>(index.values + (<usize>id << 3), key)
    else put<u32>(index.values + (<usize>id << 2), <u32>key)
  }
  run.next = number
  return true
}

/** As readFixedRun(). The hash of a key waits in `pending`, by id, until the key is inserted. */
function readBytesRun(index: KeyIndex, run: KeysRun, stepEnd: u32, idMap: usize): bool {
  const count = blockCount(run.block)
  const ids = blockIds(run.block)
  const offsets = blockKeys(run.block)
  const bytes = offsets + ((<usize>count + 1) << 2)
  const arenaAt = index.arenaTop + run.arenaAt
  let number = run.next
  for (; number < count; number++) {
    const id = load<u32>(ids + (<usize>number << 2))
    if (id >= stepEnd) break
    const start = load<u32>(offsets + (<usize>number << 2))
    const length = load<u32>(offsets + (<usize>number << 2), 4) - start
    const from = bytes + start
    if (index.kind == KEY_COMPOSITE && !isComposite(from, length)) return false
    if (bytesKeyGroup(index, from, length) != run.group || !take(index, id, run.group, idMap)) return false
    put<u64>(index.values + (<usize>id << 3), (<u64>length << 32) | <u64>(arenaAt + start))
    put<u32>(index.pending + (<usize>id << 2), hashKeyBytes(index, from, length))
  }
  run.next = number
  return true
}

function readRuns(index: KeyIndex, runs: usize, runCount: u32, high: u32, idMap: usize): bool {
  const bytesKind = isBytesKind(index.kind)
  for (let number: u32 = 0; number < runCount; number++) {
    const run = keysRunAt(runs, number)
    if (blockNulls(run.block) != 0 && !takeNull(index, run, idMap)) return false
    if (!bytesKind) continue
    const from = blockKeys(run.block) + ((<usize>blockCount(run.block) + 1) << 2)
    copyTo(index.arena + index.arenaTop + run.arenaAt, from, blockStrings(index, run.block))
  }
  for (let first: u32 = 0; first < high; first += STEP_IDS) {
    const stepEnd = first + STEP_IDS
    for (let number: u32 = 0; number < runCount; number++) {
      const run = keysRunAt(runs, number)
      const sound = bytesKind ? readBytesRun(index, run, stepEnd, idMap) : readFixedRun(index, run, stepEnd, idMap)
      if (!sound) return false
    }
  }
  return true
}

/** Notes every id below the high water as pending or as free. */
function noteIds(index: KeyIndex, high: u32, idMap: usize): void {
  let pending = index.pending
  for (let id: u32 = 0; id < high; id++) {
    if (load<u32>(idMap + (<usize>id << 2)) == NO_ID) {
      addFreeId(index.free, index.capacity, id)
    } else {
      put<u32>(pending, id)
      pending += 4
    }
  }
}

// ---- all ------------------------------------------------------------------------------------------------------------

function addTotals(index: KeyIndex, runs: usize, runCount: u32, high: u32): void {
  let strings: u32 = 0
  for (let number: u32 = 0; number < runCount; number++) {
    const run = keysRunAt(runs, number)
    const count = blockCount(run.block)
    const bytes = isBytesKind(index.kind) ? blockStrings(index, run.block) : 0
    put<u32>(index.groupCounts + (<usize>run.group << 2), count)
    put<u32>(index.groupBytes + (<usize>run.group << 2), bytes)
    index.count += count
    strings += bytes
  }
  index.tableCount = index.count - u32(index.nullId != 0)
  index.pendingCount = index.count
  index.highWater = high
  index.freeCount = high - index.count
  index.arenaTop += strings
  index.arenaLive += strings
}

/**
 * Reads the blocks of `runCount` different key groups (KeysRun[]) into an index without keys: a status. idMap[id], all
 * NO_ID before, becomes `id` for the ids of all keys. On failure the index is as it was.
 */
export function readSnapshotKeys(index: KeyIndex, runs: usize, runCount: u32, idMap: usize, idMapLength: u32): i32 {
  assert(isEmptyIndex(index))
  if (runCount == 0) return STATUS_OK
  const high = open(index, runs, runCount, idMapLength)
  if (high < 0) return high
  if (!readRuns(index, runs, runCount, <u32>high, idMap) || !fillTable(index, <u32>high, idMap)) {
    fill(index.table, 0, (<usize>index.bucketMask + 1) << bucketShift(index.kind))
    index.nullId = 0
    return STATUS_SNAPSHOT_CORRUPT
  }
  noteIds(index, <u32>high, idMap)
  addTotals(index, runs, runCount, <u32>high)
  for (let number: u32 = 0; number < runCount; number++) {
    const run = keysRunAt(runs, number)
    run.block += <usize>run.size
  }
  return STATUS_OK
}
