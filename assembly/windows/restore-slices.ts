/*
 * Reading the slices of a snapshot. The blocks of one slice, one a section, are read side by side, a step of ids at a
 * time: a block's ids ascend, so the pages that the blocks share stay in the cache for a step. (Ids out of order cost
 * time only, and so do several blocks of one slice in a section.)
 */
import {
  LIMIT_TIMESTAMP, LIMIT_WINDOW, NO_ID, SNAPSHOT_HEADER_BYTES, STATUS_MEMORY_LIMIT, STATUS_OK, STATUS_SNAPSHOT_CORRUPT,
  STATUS_SNAPSHOT_TRUNCATED, STATUS_SUM_OVERFLOW,
} from '../abi'
import { put } from '../guard'
import { KeyIndex, stateAt } from '../keys/layout'
import { keysRunAt } from '../keys/snapshot-keys'
import { allocate, allocateZeroed, release } from '../memory'
import { combineRecord } from './fire'
import { isGap, lastWindowOf, sliceStart } from './geometry'
import { AT_ROWS, ENTRY_PAGE, ENTRY_TOUCHED, entryOf, PAGE_MASK, Slice, sliceAt, Window } from './layout'
import { copyRecord } from './pages'
import { addPage, createSlice, findSlice, lowerBound, reserveTable } from './slices'
import { pad16, PARAM_CURSOR, SLICE_BLOCK_COUNT, SLICE_BLOCK_HEAD, SLICE_BLOCK_RECORD_BYTES } from './snapshot-layout'

/** Bytes of records that the steps of all blocks write at most, so that they stay in a cache. */
const STEP_BYTES: u32 = 1 << 18
/** Records that a step takes from a block at least, on the average. */
const STEP_RECORDS: u64 = 8

@unmanaged
class SliceRun {
  block: usize
  records: usize
  /** The next record to read. */
  next: u32
}

const SLICE_RUN_BYTES: usize = 16

// @ts-ignore: decorator
@inline
function runAt(runs: usize, number: u32): SliceRun {
  return changetype<SliceRun>(runs + <usize>number * SLICE_RUN_BYTES)
}

/** Where the records of a block stand. */
// @ts-ignore: decorator
@inline
function recordsOf(part: usize, block: usize): u64 {
  const ids = <u64>load<u32>(block, SLICE_BLOCK_COUNT) << 2
  return pad16(<u64>(block - part) + <u64>SLICE_BLOCK_HEAD + ids) + <u64>part
}

// @ts-ignore: decorator
@inline
function behind(part: usize, block: usize): u64 {
  const records = <u64>load<u32>(block, SLICE_BLOCK_COUNT) * <u64>load<u32>(block, SLICE_BLOCK_RECORD_BYTES)
  return recordsOf(part, block) + records
}

/** Tests the head of a block, and sees that there is its slice with a table that is long enough; a status. */
function openBlock(window: Window, part: usize, block: usize, end: usize): i32 {
  const index = load<f64>(block)
  const cursor = load<f64>(part + <usize>SNAPSHOT_HEADER_BYTES, PARAM_CURSOR)
  // NaN is not its own floor.
  const sound = Math.floor(index) == index
    && Math.abs(sliceStart(window, index)) <= <f64>LIMIT_TIMESTAMP + <f64>LIMIT_WINDOW
    && !isGap(window, index) && lastWindowOf(window, index) >= cursor
    && load<u32>(block, SLICE_BLOCK_COUNT) > 0 && load<u32>(block, SLICE_BLOCK_RECORD_BYTES) == window.recordBytes
  if (!sound) return STATUS_SNAPSHOT_CORRUPT
  if (behind(part, block) > <u64>end) return STATUS_SNAPSHOT_TRUNCATED
  const maxId = changetype<KeyIndex>(window.keys).highWater - 1
  const slice = findSlice(window, index)
  return slice === null ? createSlice(window, index, maxId) : reserveTable(window, slice, maxId)
}

/** Opens the blocks of all sections; how many, or a negative status. */
function openBlocks(window: Window, part: usize, sections: usize, sectionCount: u32): i32 {
  let blocks = 0
  for (let number: u32 = 0; number < sectionCount; number++) {
    const section = keysRunAt(sections, number)
    // What is left behind the last block is padding.
    for (let at = section.block; section.end - at >= SLICE_BLOCK_HEAD; at = <usize>behind(part, at)) {
      const status = openBlock(window, part, at, section.end)
      if (status < 0) return status
      blocks++
    }
  }
  return blocks
}

/** Sorts the blocks into `runs` by slice; starts[position of a slice] becomes the end of its runs. */
function sortBlocks(window: Window, part: usize, sections: usize, sectionCount: u32, runs: usize, starts: usize): void {
  // First counts one place further, then places.
  for (let pass = 0; pass < 2; pass++) {
    for (let number: u32 = 0; number < sectionCount; number++) {
      const section = keysRunAt(sections, number)
      for (let at = section.block; section.end - at >= SLICE_BLOCK_HEAD; at = <usize>behind(part, at)) {
        const position = lowerBound(window, load<f64>(at)) - window.sliceFirst
        const start = starts + (<usize>position << 2)
        if (pass == 0) {
          put<u32>(start + 4, load<u32>(start, 4) + 1)
          continue
        }
        const run = runAt(runs, load<u32>(start))
        put<u32>(start, load<u32>(start) + 1)
        run.block = at
        run.records = <usize>recordsOf(part, at)
        run.next = 0
      }
    }
    const slices = window.sliceEnd - window.sliceFirst
    for (let position: u32 = 1; pass == 0 && position <= slices; position++) {
      const start = starts + (<usize>position << 2)
      put<u32>(start, load<u32>(start) + load<u32>(start - 4))
    }
  }
}

/** Reads the records of a block with old ids below `stepEnd`; a status. */
function readRun(window: Window, slice: Slice, run: SliceRun, stepEnd: u32, idMap: usize, idMapLength: u32): i32 {
  const index = changetype<KeyIndex>(window.keys)
  const ids = run.block + SLICE_BLOCK_HEAD
  const count = load<u32>(run.block, SLICE_BLOCK_COUNT)
  const recordBytes = <usize>window.recordBytes
  const table = slice.table
  let status: i32 = STATUS_OK
  let fresh: u32 = 0
  let number = run.next
  let from = run.records + <usize>number * recordBytes
  for (; number < count; number++) {
    const old = load<u32>(ids + (<usize>number << 2))
    if (old >= stepEnd) break
    const id = old < idMapLength && load<f64>(from, AT_ROWS) >= 1 ? load<u32>(idMap + (<usize>old << 2)) : <u32>NO_ID
    if (id == NO_ID) {
      status = STATUS_SNAPSHOT_CORRUPT
      break
    }
    const entry = entryOf(table, id)
    if (load<u32>(entry, ENTRY_PAGE) == 0 && !addPage(window, entry)) {
      status = STATUS_MEMORY_LIMIT
      break
    }
    const record = <usize>load<u32>(entry, ENTRY_PAGE) + <usize>(id & PAGE_MASK) * recordBytes
    const touched = load<u64>(entry, ENTRY_TOUCHED)
    const bit = <u64>1 << <u64>(id & PAGE_MASK)
    if ((touched & bit) == 0) {
      put<u64>(entry, touched | bit, ENTRY_TOUCHED)
      const references = stateAt(index, id)
      put<u32>(references, load<u32>(references) + 1)
      copyRecord(record, from, recordBytes)
      fresh++
    } else if (!combineRecord(window, record, from)) {
      status = STATUS_SUM_OVERFLOW
      break
    }
    from += recordBytes
  }
  run.next = number
  slice.records += fresh
  window.records += fresh
  return status
}

/** Ids in a step over `runCount` blocks with `records` records in all. */
function stepIds(window: Window, runCount: u32, records: u64, idMapLength: u32): u32 {
  const cached = max<u32>(STEP_BYTES / window.recordBytes, 64)
  const worth = STEP_RECORDS * <u64>runCount * <u64>idMapLength / records
  return runCount == 1 || worth >= <u64>idMapLength ? max<u32>(idMapLength, 1) : max<u32>(cached, <u32>worth)
}

function readSlice(window: Window, slice: Slice, runs: usize, runCount: u32, idMap: usize, idMapLength: u32): i32 {
  let records: u64 = 0
  for (let number: u32 = 0; number < runCount; number++) {
    records += <u64>load<u32>(runAt(runs, number).block, SLICE_BLOCK_COUNT)
  }
  const step = stepIds(window, runCount, records, idMapLength)
  let stepEnd: u32 = 0
  while (stepEnd < <u32>NO_ID) {
    // The last step takes ids that are in no step too, and refuses them.
    stepEnd = stepEnd + step >= idMapLength ? <u32>NO_ID : stepEnd + step
    for (let number: u32 = 0; number < runCount; number++) {
      const status = readRun(window, slice, runAt(runs, number), stepEnd, idMap, idMapLength)
      if (status < 0) return status
    }
  }
  for (let number: u32 = 0; number < runCount; number++) {
    const run = runAt(runs, number)
    if (run.next < load<u32>(run.block, SLICE_BLOCK_COUNT)) return STATUS_SNAPSHOT_CORRUPT
  }
  return STATUS_OK
}

function readRuns(window: Window, runs: usize, starts: usize, idMap: usize, idMapLength: u32): i32 {
  let from: u32 = 0
  for (let position = window.sliceFirst; position < window.sliceEnd; position++) {
    const to = load<u32>(starts + (<usize>(position - window.sliceFirst) << 2))
    if (to > from) {
      const first = runs + <usize>from * SLICE_RUN_BYTES
      const status = readSlice(window, sliceAt(window, position), first, to - from, idMap, idMapLength)
      if (status < 0) return status
    }
    from = to
  }
  return STATUS_OK
}

/**
 * Reads the slice blocks of sections whose `block` stands behind their keys (KeysRun[]), whose keys have the ids
 * idMap[old id]; a status. Slices that are there already take the records in.
 */
export function readSlices(
  window: Window, part: usize, sections: usize, sectionCount: u32, idMap: usize, idMapLength: u32,
): i32 {
  const blocks = openBlocks(window, part, sections, sectionCount)
  if (blocks <= 0) return blocks
  const slices = window.sliceEnd - window.sliceFirst
  const runs = allocate(<usize>blocks * SLICE_RUN_BYTES)
  const starts = allocateZeroed((<usize>slices + 1) << 2)
  let status: i32 = STATUS_MEMORY_LIMIT
  if (runs != 0 && starts != 0) {
    sortBlocks(window, part, sections, sectionCount, runs, starts)
    status = readRuns(window, runs, starts, idMap, idMapLength)
  }
  release(starts)
  release(runs)
  return status
}
