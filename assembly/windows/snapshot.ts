/*
 * Writing a snapshot: sizes of the sections, then one pass over the pages that scatters records to the cursors of their
 * key groups, then the checksums. The bytes are a function of the state alone.
 */
import {
  RESULT_DETAIL, RESULT_SIZE, RESULT_STATUS, SNAPSHOT_AT_CHECKSUM, SNAPSHOT_AT_GROUPS, SNAPSHOT_AT_KEY_KIND,
  SNAPSHOT_AT_KIND,
  SNAPSHOT_AT_MAGIC, SNAPSHOT_AT_MAX_PARALLELISM, SNAPSHOT_AT_PARAMS_BYTES, SNAPSHOT_AT_SEED, SNAPSHOT_AT_TOTAL_BYTES,
  SNAPSHOT_AT_VERSION, SNAPSHOT_ENTRY_BYTES, SNAPSHOT_HEADER_BYTES, SNAPSHOT_KIND_WINDOW, SNAPSHOT_MAGIC,
  SNAPSHOT_VERSION,
  STATUS_ARGUMENT, STATUS_MEMORY_LIMIT, STATUS_OK,
} from '../abi'
import { copyTo, fill, put } from '../guard'
import { xxh64 } from '../hash/xxh64'
import { keysBlockBytes, keysGroupOf, keysHighWater, keysWriteBlocks } from '../keys'
import { KeyIndex, STATE_GROUP, STATE_SHIFT } from '../keys/layout'
import { allocate, allocateZeroed, release, resultPtr } from '../memory'
import {
  AT_SUM, columnAt, ENTRY_PAGE, ENTRY_TOUCHED, entryAt, isFloat, PAGE_SHIFT, Slice, sliceAt, Window,
} from './layout'
import { copyRecord } from './pages'
import {
  ENTRY_BYTES, ENTRY_CHECKSUM, ENTRY_GROUP, ENTRY_OFFSET, headerChecksum, pad16, PARAM_COLUMNS, PARAM_CURSOR,
  PARAM_HIGH_WATER, PARAM_OFFSET, PARAM_SIZE, PARAM_SLIDE, PARAM_SPECS, PARAM_WATERMARK, paramsBytes, SLICE_BLOCK_COUNT,
  SLICE_BLOCK_HEAD, SLICE_BLOCK_RECORD_BYTES,
} from './snapshot-layout'

const LIMIT_SNAPSHOT: u64 = 0xfff00000

/** Scratch of one snapshot. By key group: bytes u64, write position u32, record position u32, count u32. */
let groupBytes: usize = 0
let positions: usize = 0
let recordPositions: usize = 0
let counts: usize = 0
/** For each slice in turn its key groups with keys, as pairs (group u32, count u32), then NO_GROUP. */
let tallies: usize = 0
/** Offsets of float sums in a record. */
let sumOffsets: usize = 0

const NO_GROUP: u32 = 0xffffffff

function fail(status: i32, detail: u32): usize {
  put<i32>(resultPtr(), status, RESULT_STATUS)
  put<u32>(resultPtr(), detail, RESULT_DETAIL)
  return 0
}

function allocateScratch(window: Window, groups: u32): bool {
  let pairs: u64 = 0
  for (let position = window.sliceFirst; position < window.sliceEnd; position++) {
    pairs += <u64>min<u32>(groups, sliceAt(window, position).records) + 1
  }
  const bytes = <usize>groups * 20
  groupBytes = allocateZeroed(bytes)
  if (groupBytes == 0) return false
  positions = groupBytes + (<usize>groups << 3)
  recordPositions = positions + (<usize>groups << 2)
  counts = recordPositions + (<usize>groups << 2)
  tallies = pairs << 3 > LIMIT_SNAPSHOT ? 0 : allocate(<usize>(pairs << 3))
  sumOffsets = allocate(<usize>window.columnCount << 2)
  return tallies != 0 && sumOffsets != 0
}

function releaseScratch(): void {
  release(groupBytes)
  release(tallies)
  release(sumOffsets)
  groupBytes = 0
  tallies = 0
  sumOffsets = 0
}

/** Counts a slice's keys by key group into `tallies` from `at` on; returns the position behind. */
function tally(window: Window, slice: Slice, groups: u32, at: usize): usize {
  const index = changetype<KeyIndex>(window.keys)
  // A slice that holds every key has as many keys of a group as the index.
  const all = slice.records == index.count
  if (all) copyTo(counts, index.groupCounts, <usize>groups << 2)
  for (let p: u32 = 0; !all && p < slice.pages; p++) {
    for (let bits = load<u64>(entryAt(slice.table, p), ENTRY_TOUCHED); bits != 0; bits &= bits - 1) {
      const count = counts + (<usize>keysGroupOf(window.keys, (p << PAGE_SHIFT) + <u32>ctz<u64>(bits)) << 2)
      put<u32>(count, load<u32>(count) + 1)
    }
  }
  for (let group: u32 = 0; group < groups; group++) {
    const count = counts + (<usize>group << 2)
    if (load<u32>(count) == 0) continue
    put<u32>(at, group)
    put<u32>(at, load<u32>(count), 4)
    put<u32>(count, 0)
    at += 8
  }
  put<u32>(at, NO_GROUP)
  return at + 8
}

// @ts-ignore: decorator
@inline
function recordsAt(at: u64, count: u32): u64 {
  return pad16(at + <u64>SLICE_BLOCK_HEAD + (<u64>count << 2))
}

/** Bytes of each section, in groupBytes; returns their sum. */
function measure(window: Window, groups: u32): u64 {
  for (let group: u32 = 0; group < groups; group++) {
    put<u64>(groupBytes + (<usize>group << 3), <u64>keysBlockBytes(window.keys, group))
  }
  let at = tallies
  for (let position = window.sliceFirst; position < window.sliceEnd; position++) {
    const next = tally(window, sliceAt(window, position), groups, at)
    for (; load<u32>(at) != NO_GROUP; at += 8) {
      const bytes = groupBytes + (<usize>load<u32>(at) << 3)
      const count = load<u32>(at, 4)
      put<u64>(bytes, recordsAt(load<u64>(bytes), count) + <u64>count * <u64>window.recordBytes)
    }
    at = next
  }
  let total: u64 = 0
  for (let group: u32 = 0; group < groups; group++) {
    const bytes = groupBytes + (<usize>group << 3)
    put<u64>(bytes, pad16(load<u64>(bytes)))
    total += load<u64>(bytes)
  }
  return total
}

function writeParams(window: Window, at: usize, bytes: usize): void {
  fill(at, 0, bytes)
  put<f64>(at, window.sizeMs, PARAM_SIZE)
  put<f64>(at, window.slideMs, PARAM_SLIDE)
  put<f64>(at, window.offsetMs, PARAM_OFFSET)
  put<f64>(at, window.watermark, PARAM_WATERMARK)
  put<f64>(at, window.cursor, PARAM_CURSOR)
  put<u32>(at, keysHighWater(window.keys), PARAM_HIGH_WATER)
  put<u32>(at, window.columnCount, PARAM_COLUMNS)
  for (let c: u32 = 0; c < window.columnCount; c++) {
    put<u32>(at + PARAM_SPECS + (<usize>c << 2), columnAt(window, c).spec)
  }
}

/** Heads of a slice's blocks; their groups' positions are moved behind them. Returns the next slice's tally. */
function beginBlocks(window: Window, slice: Slice, at: usize): usize {
  for (; load<u32>(at) != NO_GROUP; at += 8) {
    const group = load<u32>(at)
    const count = load<u32>(at, 4)
    const position = positions + (<usize>group << 2)
    const block = <usize>load<u32>(position)
    put<f64>(block, slice.index)
    put<u32>(block, count, SLICE_BLOCK_COUNT)
    put<u32>(block, window.recordBytes, SLICE_BLOCK_RECORD_BYTES)
    const ids = block + SLICE_BLOCK_HEAD
    const records = <usize>recordsAt(block, count)
    fill(ids + (<usize>count << 2), 0, records - ids - (<usize>count << 2))
    put<u32>(position, <u32>ids)
    put<u32>(recordPositions + (<usize>group << 2), <u32>records)
  }
  return at + 8
}

/** Offsets of the float sums in a record, u32[], in `sumOffsets`; how many. */
function listFloatSums(window: Window): u32 {
  let count: u32 = 0
  for (let c: u32 = 0; c < window.columnCount; c++) {
    const column = columnAt(window, c)
    if (!isFloat(column)) continue
    put<u32>(sumOffsets + (<usize>count << 2), column.at + <u32>AT_SUM)
    count++
  }
  return count
}

/** Copies the records of a slice to the cursors of their groups; `floatSums` offsets are listed. */
function scatter(window: Window, slice: Slice, floatSums: u32): void {
  const recordBytes = <usize>window.recordBytes
  const states = changetype<KeyIndex>(window.keys).states
  const idCursors = positions
  const recordCursors = recordPositions
  const table = slice.table
  const pages = slice.pages
  for (let p: u32 = 0; p < pages; p++) {
    const entry = entryAt(table, p)
    const page = <usize>load<u32>(entry, ENTRY_PAGE)
    const firstId = p << PAGE_SHIFT
    for (let bits = load<u64>(entry, ENTRY_TOUCHED); bits != 0; bits &= bits - 1) {
      const bit = <u32>ctz<u64>(bits)
      const id = firstId + bit
      const group = <usize>load<u32>(states + (<usize>id << STATE_SHIFT), STATE_GROUP) << 2
      const idAt = load<u32>(idCursors + group)
      put<u32>(idAt, id)
      put<u32>(idCursors + group, idAt + 4)
      const to = <usize>load<u32>(recordCursors + group)
      put<u32>(recordCursors + group, <u32>(to + recordBytes))
      const from = page + <usize>bit * recordBytes
      copyRecord(to, from, recordBytes)
      for (let number: u32 = 0; number < floatSums; number++) {
        const at = <usize>load<u32>(sumOffsets + (<usize>number << 2))
        const sum = load<f64>(from + at)
        if (sum != sum) put<f64>(to + at, NaN)
      }
    }
  }
}

/** After a slice, the next block of each of its groups begins where its records end. */
function endBlocks(at: usize): void {
  for (; load<u32>(at) != NO_GROUP; at += 8) {
    const group = <usize>load<u32>(at) << 2
    put<u32>(positions + group, load<u32>(recordPositions + group))
  }
}

function write(window: Window, region: usize, total: u64, groups: u32, sections: u32): void {
  const index = changetype<KeyIndex>(window.keys)
  const params = paramsBytes(window.columnCount)
  fill(region, 0, <usize>SNAPSHOT_HEADER_BYTES)
  put<u32>(region, SNAPSHOT_MAGIC, SNAPSHOT_AT_MAGIC)
  put<u32>(region, SNAPSHOT_VERSION, SNAPSHOT_AT_VERSION)
  put<u32>(region, SNAPSHOT_KIND_WINDOW, SNAPSHOT_AT_KIND)
  put<u32>(region, index.kind, SNAPSHOT_AT_KEY_KIND)
  put<u32>(region, groups, SNAPSHOT_AT_MAX_PARALLELISM)
  put<u32>(region, sections, SNAPSHOT_AT_GROUPS)
  put<u32>(region, params, SNAPSHOT_AT_PARAMS_BYTES)
  put<u64>(region, total, SNAPSHOT_AT_TOTAL_BYTES)
  put<u64>(region, index.seed, SNAPSHOT_AT_SEED)
  writeParams(window, region + <usize>SNAPSHOT_HEADER_BYTES, params)
  const directory = region + <usize>SNAPSHOT_HEADER_BYTES + <usize>params
  let entry = directory
  let section = directory + <usize>sections * <usize>SNAPSHOT_ENTRY_BYTES
  for (let group: u32 = 0; group < groups; group++) {
    const bytes = load<u64>(groupBytes + (<usize>group << 3))
    put<u32>(positions + (<usize>group << 2), <u32>section)
    if (bytes == 0) continue
    put<u32>(entry, group, ENTRY_GROUP)
    put<u32>(entry, 0, ENTRY_GROUP + 4)
    put<u64>(entry, <u64>(section - region), ENTRY_OFFSET)
    put<u64>(entry, bytes, ENTRY_BYTES)
    section += <usize>bytes
    // Padding at the end of a section, if any.
    put<u64>(section - 8, 0)
    entry += <usize>SNAPSHOT_ENTRY_BYTES
  }
  keysWriteBlocks(window.keys, positions)
  const floatSums = listFloatSums(window)
  let at = tallies
  for (let position = window.sliceFirst; position < window.sliceEnd; position++) {
    const slice = sliceAt(window, position)
    const next = beginBlocks(window, slice, at)
    scatter(window, slice, floatSums)
    endBlocks(at)
    at = next
  }
  const directoryEnd = directory + <usize>sections * <usize>SNAPSHOT_ENTRY_BYTES
  for (entry = directory; entry < directoryEnd; entry += <usize>SNAPSHOT_ENTRY_BYTES) {
    const bytes = <usize>load<u64>(entry, ENTRY_BYTES)
    put<u64>(entry, xxh64(region + <usize>load<u64>(entry, ENTRY_OFFSET), bytes, 0), ENTRY_CHECKSUM)
  }
  const before = <usize>params + <usize>sections * <usize>SNAPSHOT_ENTRY_BYTES
  put<u64>(region, headerChecksum(region, before), SNAPSHOT_AT_CHECKSUM)
}

/**
 * The operator's part of a snapshot, in a region that stays until windowSnapshotRelease(); its size is RESULT_SIZE.
 * 0 = failure, with the status in RESULT_STATUS and the state as it was: STATUS_MEMORY_LIMIT; STATUS_ARGUMENT when the
 * key index is not settled (detail 1) or a window has fired in part (detail 2: call windowFire() until it returns 0).
 */
export function windowSnapshot(pointer: usize): usize {
  const window = changetype<Window>(pointer)
  const index = changetype<KeyIndex>(window.keys)
  if (index.pendingCount != 0) return fail(STATUS_ARGUMENT, 1)
  if (window.firing) return fail(STATUS_ARGUMENT, 2)
  windowSnapshotRelease(pointer)
  const groups = index.maxParallelism
  if (!allocateScratch(window, groups)) {
    releaseScratch()
    return fail(STATUS_MEMORY_LIMIT, 0)
  }
  let total = measure(window, groups)
  let sections: u32 = 0
  for (let group: u32 = 0; group < groups; group++) {
    if (load<u64>(groupBytes + (<usize>group << 3)) != 0) sections++
  }
  total += <u64>SNAPSHOT_HEADER_BYTES + <u64>paramsBytes(window.columnCount) + <u64>sections * <u64>SNAPSHOT_ENTRY_BYTES
  const region: usize = total > LIMIT_SNAPSHOT ? 0 : allocate(<usize>total)
  if (region != 0) write(window, region, total, groups, sections)
  releaseScratch()
  if (region == 0) return fail(STATUS_MEMORY_LIMIT, 0)
  window.snapshot = region
  put<i32>(resultPtr(), STATUS_OK, RESULT_STATUS)
  put<u32>(resultPtr(), <u32>total, RESULT_SIZE)
  return region
}

export function windowSnapshotRelease(pointer: usize): void {
  const window = changetype<Window>(pointer)
  release(window.snapshot)
  window.snapshot = 0
}
