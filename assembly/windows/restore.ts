/*
 * Reading a snapshot. Nothing changes before the header, the parameters, the directory and the checksums of the wanted
 * sections have been verified. Behind a good checksum every length and id is still tested against its bounds. Then come
 * the keys of all sections, then the slices (restore-slices.ts).
 */
import {
  LIMIT_KEYS, MISMATCH_COLUMNS, MISMATCH_KEY_KIND, MISMATCH_MAX_PARALLELISM, MISMATCH_WINDOW, RESULT_DETAIL,
  SNAPSHOT_AT_CHECKSUM, SNAPSHOT_AT_GROUPS, SNAPSHOT_AT_KEY_KIND, SNAPSHOT_AT_KIND, SNAPSHOT_AT_MAGIC,
  SNAPSHOT_AT_MAX_PARALLELISM, SNAPSHOT_AT_PARAMS_BYTES, SNAPSHOT_AT_TOTAL_BYTES, SNAPSHOT_AT_VERSION,
  SNAPSHOT_ENTRY_BYTES,
  SNAPSHOT_HEADER_BYTES, SNAPSHOT_KIND_WINDOW, SNAPSHOT_MAGIC, SNAPSHOT_VERSION, STATUS_ARGUMENT, STATUS_MEMORY_LIMIT,
  STATUS_OK, STATUS_SNAPSHOT_CHECKSUM, STATUS_SNAPSHOT_CORRUPT, STATUS_SNAPSHOT_FOREIGN, STATUS_SNAPSHOT_MISMATCH,
  STATUS_SNAPSHOT_TRUNCATED, STATUS_SNAPSHOT_VERSION,
} from '../abi'
import { fill, put } from '../guard'
import { xxh64 } from '../hash/xxh64'
import { keysReadBlock } from '../keys'
import { KeyIndex } from '../keys/layout'
import { isEmptyIndex, KEYS_RUN_BYTES, keysRunAt, readSnapshotKeys } from '../keys/snapshot-keys'
import { allocate, release, resultPtr } from '../memory'
import { columnAt, Window } from './layout'
import { readSlices } from './restore-slices'
import { updateNextFire } from './slices'
import {
  ENTRY_BYTES, ENTRY_CHECKSUM, ENTRY_GROUP, ENTRY_OFFSET, headerChecksum, PARAM_COLUMNS, PARAM_CURSOR, PARAM_HIGH_WATER,
  PARAM_OFFSET, PARAM_SIZE, PARAM_SLIDE, PARAM_SPECS, PARAM_WATERMARK, paramsBytes,
} from './snapshot-layout'

const HEADER_DETAIL: u32 = 0xffffffff

function fail(status: i32, detail: u32): i32 {
  put<u32>(resultPtr(), detail, RESULT_DETAIL)
  return status
}

/** Header and length, and the checksum over all before the sections. */
function verifyHeader(part: usize, length: usize): i32 {
  if (length < <usize>SNAPSHOT_HEADER_BYTES) return STATUS_SNAPSHOT_TRUNCATED
  if (load<u32>(part, SNAPSHOT_AT_MAGIC) != <u32>SNAPSHOT_MAGIC) return STATUS_SNAPSHOT_FOREIGN
  if (load<u32>(part, SNAPSHOT_AT_VERSION) > <u32>SNAPSHOT_VERSION) return STATUS_SNAPSHOT_VERSION
  if (load<u64>(part, SNAPSHOT_AT_TOTAL_BYTES) != <u64>length) return STATUS_SNAPSHOT_TRUNCATED
  const before = <u64>load<u32>(part, SNAPSHOT_AT_PARAMS_BYTES)
    + <u64>load<u32>(part, SNAPSHOT_AT_GROUPS) * <u64>SNAPSHOT_ENTRY_BYTES
  if (before > <u64>length - <u64>SNAPSHOT_HEADER_BYTES) return STATUS_SNAPSHOT_TRUNCATED
  if (load<u64>(part, SNAPSHOT_AT_CHECKSUM) != headerChecksum(part, <usize>before)) {
    return fail(STATUS_SNAPSHOT_CHECKSUM, HEADER_DETAIL)
  }
  if (load<u32>(part, SNAPSHOT_AT_VERSION) == 0) return STATUS_SNAPSHOT_CORRUPT
  return load<u32>(part, SNAPSHOT_AT_KIND) == <u32>SNAPSHOT_KIND_WINDOW ? STATUS_OK : STATUS_SNAPSHOT_FOREIGN
}

function verifyParams(window: Window, part: usize): i32 {
  const index = changetype<KeyIndex>(window.keys)
  if (load<i32>(part, SNAPSHOT_AT_KEY_KIND) != index.kind) return fail(STATUS_SNAPSHOT_MISMATCH, MISMATCH_KEY_KIND)
  if (load<u32>(part, SNAPSHOT_AT_MAX_PARALLELISM) != index.maxParallelism) {
    return fail(STATUS_SNAPSHOT_MISMATCH, MISMATCH_MAX_PARALLELISM)
  }
  const bytes = load<u32>(part, SNAPSHOT_AT_PARAMS_BYTES)
  if (bytes < paramsBytes(0)) return STATUS_SNAPSHOT_CORRUPT
  const params = part + <usize>SNAPSHOT_HEADER_BYTES
  const sameWindow = load<f64>(params, PARAM_SIZE) == window.sizeMs && load<f64>(params, PARAM_SLIDE) == window.slideMs
    && load<f64>(params, PARAM_OFFSET) == window.offsetMs
  if (!sameWindow) return fail(STATUS_SNAPSHOT_MISMATCH, MISMATCH_WINDOW)
  const columns = load<u32>(params, PARAM_COLUMNS)
  if (columns != window.columnCount) return fail(STATUS_SNAPSHOT_MISMATCH, MISMATCH_COLUMNS)
  if (bytes != paramsBytes(columns)) return STATUS_SNAPSHOT_CORRUPT
  for (let c: u32 = 0; c < columns; c++) {
    if (load<u32>(params + PARAM_SPECS + (<usize>c << 2)) != columnAt(window, c).spec) {
      return fail(STATUS_SNAPSHOT_MISMATCH, MISMATCH_COLUMNS)
    }
  }
  const cursor = load<f64>(params, PARAM_CURSOR)
  const whole = load<f64>(params, PARAM_WATERMARK) == load<f64>(params, PARAM_WATERMARK) && Math.floor(cursor) == cursor
  return whole && load<u32>(params, PARAM_HIGH_WATER) <= <u32>LIMIT_KEYS ? STATUS_OK : STATUS_SNAPSHOT_CORRUPT
}

// @ts-ignore: decorator
@inline
function directoryAt(part: usize): usize {
  return part + <usize>SNAPSHOT_HEADER_BYTES + <usize>load<u32>(part, SNAPSHOT_AT_PARAMS_BYTES)
}

/** The directory covers the rest of the part without gaps; the sections of the wanted groups have their checksums. */
function verifySections(part: usize, length: usize, firstGroup: u32, lastGroup: u32): i32 {
  const sections = load<u32>(part, SNAPSHOT_AT_GROUPS)
  const directory = directoryAt(part)
  const limit = load<u32>(part, SNAPSHOT_AT_MAX_PARALLELISM)
  let expected = <u64>(directory - part) + <u64>sections * <u64>SNAPSHOT_ENTRY_BYTES
  let leastGroup: u32 = 0
  for (let s: u32 = 0; s < sections; s++) {
    const entry = directory + <usize>s * <usize>SNAPSHOT_ENTRY_BYTES
    const group = load<u32>(entry, ENTRY_GROUP)
    const bytes = load<u64>(entry, ENTRY_BYTES)
    if (group < leastGroup || group >= limit) return STATUS_SNAPSHOT_CORRUPT
    if (load<u64>(entry, ENTRY_OFFSET) != expected || bytes == 0 || (bytes & 15) != 0) return STATUS_SNAPSHOT_CORRUPT
    if (bytes > <u64>length - expected) return STATUS_SNAPSHOT_TRUNCATED
    if (group >= firstGroup && group <= lastGroup) {
      const sum = xxh64(part + <usize>expected, <usize>bytes, 0)
      if (sum != load<u64>(entry, ENTRY_CHECKSUM)) return fail(STATUS_SNAPSHOT_CHECKSUM, group)
    }
    expected += bytes
    leastGroup = group + 1
  }
  return expected == <u64>length ? STATUS_OK : STATUS_SNAPSHOT_CORRUPT
}

// ---- sections -------------------------------------------------------------------------------------------------------

/** The wanted sections, as runs of keys; how many. */
function wantedSections(part: usize, firstGroup: u32, lastGroup: u32, runs: usize): u32 {
  const sections = load<u32>(part, SNAPSHOT_AT_GROUPS)
  let count: u32 = 0
  for (let s: u32 = 0; s < sections; s++) {
    const entry = directoryAt(part) + <usize>s * <usize>SNAPSHOT_ENTRY_BYTES
    const group = load<u32>(entry, ENTRY_GROUP)
    if (group < firstGroup || group > lastGroup) continue
    const run = keysRunAt(runs, count)
    run.block = part + <usize>load<u64>(entry, ENTRY_OFFSET)
    run.end = run.block + <usize>load<u64>(entry, ENTRY_BYTES)
    run.group = group
    count++
  }
  return count
}

/** Reads the keys of all sections, and moves the runs behind them. */
function readKeys(window: Window, runs: usize, count: u32, idMap: usize, idMapLength: u32): i32 {
  const index = changetype<KeyIndex>(window.keys)
  if (isEmptyIndex(index)) return readSnapshotKeys(index, runs, count, idMap, idMapLength)
  for (let number: u32 = 0; number < count; number++) {
    const run = keysRunAt(runs, number)
    const bytes = keysReadBlock(window.keys, run.block, run.end, idMap, idMapLength)
    if (bytes < 0) return bytes
    if (load<u32>(resultPtr(), RESULT_DETAIL) != run.group) return STATUS_SNAPSHOT_CORRUPT
    run.block += <usize>bytes
  }
  return STATUS_OK
}

function readSections(
  window: Window, part: usize, firstGroup: u32, lastGroup: u32, idMap: usize, idMapLength: u32,
): i32 {
  const runs = allocate(<usize>load<u32>(part, SNAPSHOT_AT_GROUPS) * KEYS_RUN_BYTES)
  if (runs == 0) return STATUS_MEMORY_LIMIT
  const count = wantedSections(part, firstGroup, lastGroup, runs)
  let status = readKeys(window, runs, count, idMap, idMapLength)
  if (status == STATUS_OK) status = readSlices(window, part, runs, count, idMap, idMapLength)
  release(runs)
  return status
}

/**
 * Restores the key groups [firstGroup, lastGroup] of a part into a window that has seen no row and no watermark. It may
 * be called for several parts, of other subtasks. The watermark is the lowest of the parts'; parts of one aligned
 * checkpoint carry the same.
 * A negative status that tells of damage or of other parameters (STATUS_SNAPSHOT_) comes before anything has changed,
 * save STATUS_SNAPSHOT_CORRUPT behind good checksums; after that, and after STATUS_MEMORY_LIMIT, release the window.
 */
export function windowRestore(pointer: usize, part: usize, length: usize, firstGroup: u32, lastGroup: u32): i32 {
  const window = changetype<Window>(pointer)
  if (window.used) return fail(STATUS_ARGUMENT, 0)
  if (firstGroup > lastGroup) return fail(STATUS_ARGUMENT, 4)
  let status = verifyHeader(part, length)
  if (status == STATUS_OK) status = verifyParams(window, part)
  if (status == STATUS_OK) status = verifySections(part, length, firstGroup, lastGroup)
  if (status < 0) return status
  const params = part + <usize>SNAPSHOT_HEADER_BYTES
  const idMapLength = load<u32>(params, PARAM_HIGH_WATER)
  const idMap = allocate(max<usize>(<usize>idMapLength << 2, 4))
  if (idMap == 0) return STATUS_MEMORY_LIMIT
  fill(idMap, 0xff, <usize>idMapLength << 2)
  const watermark = load<f64>(params, PARAM_WATERMARK)
  const cursor = load<f64>(params, PARAM_CURSOR)
  window.watermark = window.restored ? min<f64>(window.watermark, watermark) : watermark
  window.cursor = window.restored ? min<f64>(window.cursor, cursor) : cursor
  window.restored = 1
  status = readSections(window, part, firstGroup, lastGroup, idMap, idMapLength)
  release(idMap)
  updateNextFire(window)
  return status
}
