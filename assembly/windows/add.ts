/*
 * Adding rows. A call goes block by block: the block is scanned for the range of its timestamps and ids, each row is
 * resolved to the record of its slice and key, and the columns are added to the records (accumulate.ts).
 *
 * Results are those of record-by-record processing, however rows were cut into batches: the call ends before the first
 * row whose watermark in force makes a window ready, so that the host fires and comes back for that row.
 */
import {
  LIMIT_BATCH_ROWS, LIMIT_TIMESTAMP, RESULT_DETAIL, RESULT_ROW, STATUS_ARGUMENT, STATUS_MEMORY_LIMIT, STATUS_OK,
  STATUS_SUM_OVERFLOW, STATUS_TIMESTAMP, TIMESTAMP_NAN, TIMESTAMP_RANGE, TYPE_F64,
} from '../abi'
import { SIMD } from '../build'
import { put } from '../guard'
import { keysRetain } from '../keys'
import { KeyIndex } from '../keys/layout'
import { resultPtr } from '../memory'
import { addColumns, addFloat } from './accumulate'
import { AT_ROWS, BLOCK_ROWS, columnAt, columnType, hasMinMax, isNullable } from './aggregation'
import { areNullsExpected, reserveLate } from './columns'
import { fireAt, firstUnfired, firstWindowOf, isGap, lastWindowOf, sliceIndexOf, sliceStart } from './geometry'
import {
  ENTRY_PAGE, ENTRY_TOUCHED, entryOf, isTouched, PAGE_MASK, recordAt, Slice, SMALL_IDS, Window,
} from './layout'
import { mergeColumns } from './merge'
import { invalidateSlice } from './panes'
import { addPage, createSlice, dropEmpty, findSlice, reserveTable, skipFired, touch, untouch } from './slices'

// What the last scan found.
let lowest: f64 = 0
let highest: f64 = 0
let highestId: u32 = 0

// Why resolving ended early; STATUS_OK: a window is ready.
let stopStatus: i32 = 0

/** Whether the rows are partial aggregates (merge.ts). */
let merging = false

function fail(status: i32, row: u32, detail: u32): i32 {
  put<u32>(resultPtr(), row, RESULT_ROW)
  put<u32>(resultPtr(), detail, RESULT_DETAIL)
  return status
}

/** The watermark in force before `row`, when it was `watermark` before. */
// @ts-ignore: decorator
@inline
function inForce(watermark: f64, watermarks: usize, row: u32): f64 {
  if (watermarks == 0) return watermark
  const next = load<f64>(watermarks + (<usize>row << 3))
  // Never NaN: that is not greater.
  return next > watermark ? next : watermark
}

/**
 * Ends a call before a row that cannot be added: slices made for it alone go, and with them what they did to the cursor
 * (which was `cursor` before the block).
 */
function endEarly(window: Window, status: i32, row: u32, cursor: f64): i32 {
  dropEmpty(window)
  window.cursor = cursor
  skipFired(window)
  put<u32>(resultPtr(), row, RESULT_ROW)
  return status
}

/**
 * Ranges of a block's timestamps and ids; false when a timestamp is NaN or out of range or an id was never given out.
 */
function scan(ids: usize, timestamps: usize, count: u32, highWater: u32): bool {
  let i: u32 = 0
  let low = Infinity
  let high = -Infinity
  let id: u32 = 0
  let good = true
  if (SIMD) {
    let lows = f64x2.splat(Infinity)
    let highs = f64x2.splat(-Infinity)
    let most = i32x4.splat(0)
    let nans = i64x2.splat(0)
    for (; i + 4 <= count; i += 4) {
      const a = v128.load(timestamps + (<usize>i << 3))
      const b = v128.load(timestamps + (<usize>i << 3), 16)
      lows = f64x2.pmin(f64x2.pmin(lows, a), b)
      highs = f64x2.pmax(f64x2.pmax(highs, a), b)
      nans = v128.or(nans, v128.or(f64x2.ne(a, a), f64x2.ne(b, b)))
      most = i32x4.max_u(most, v128.load(ids + (<usize>i << 2)))
    }
    low = min<f64>(f64x2.extract_lane(lows, 0), f64x2.extract_lane(lows, 1))
    high = max<f64>(f64x2.extract_lane(highs, 0), f64x2.extract_lane(highs, 1))
    good = !v128.any_true(nans)
    id = max<u32>(
      max<u32>(i32x4.extract_lane(most, 0), i32x4.extract_lane(most, 1)),
      max<u32>(i32x4.extract_lane(most, 2), i32x4.extract_lane(most, 3)),
    )
  }
  for (; i < count; i++) {
    const timestamp = load<f64>(timestamps + (<usize>i << 3))
    if (timestamp < low) low = timestamp
    if (timestamp > high) high = timestamp
    if (timestamp != timestamp) good = false
    id = max<u32>(id, load<u32>(ids + (<usize>i << 2)))
  }
  lowest = low
  highest = high
  highestId = id
  return good && low >= -<f64>LIMIT_TIMESTAMP && high <= <f64>LIMIT_TIMESTAMP && id < highWater
}

/** The rows before the first bad one. */
function countGood(ids: usize, timestamps: usize, count: u32, highWater: u32): u32 {
  for (let i: u32 = 0; i < count; i++) {
    const timestamp = load<f64>(timestamps + (<usize>i << 3))
    if (!(Math.abs(timestamp) <= <f64>LIMIT_TIMESTAMP) || load<u32>(ids + (<usize>i << 2)) >= highWater) return i
  }
  return count
}

/**
 * The slice that holds the whole block, when no row of it can be late and no window can get ready before its end (where
 * the watermark in force is `last`); null when the block needs a look at each row, or with stopStatus set.
 */
function onlySlice(window: Window, last: f64): Slice | null {
  stopStatus = STATUS_OK
  if (last >= window.nextFire) return null
  const index = sliceIndexOf(window, lowest)
  if (highest >= sliceStart(window, index) + window.sliceMs || isGap(window, index)) return null
  if (fireAt(window, lastWindowOf(window, index)) <= last || index < window.folded) return null
  let slice = findSlice(window, index)
  if (slice === null) {
    const first = max<f64>(firstWindowOf(window, index), firstUnfired(window, window.watermark))
    if (fireAt(window, first) <= last) return null
    stopStatus = createSlice(window, index, highestId)
    if (stopStatus < 0) return null
    skipFired(window)
    slice = findSlice(window, index)
  } else {
    stopStatus = reserveTable(window, slice, highestId)
    if (stopStatus < 0) return null
  }
  return slice
}

/**
 * Resolves rows that all lie in one slice. Returns the rows resolved. With many keys the touch bits are unpredictable
 * and
 * the keys' reference counts far away: so there is no branch on the former, and the latter follow in a loop of their
 * own.
 */
function resolveInSlice(window: Window, slice: Slice, ids: usize, count: u32): u32 {
  const table = slice.table
  const recordBytes = <usize>window.recordBytes
  const targets = window.targets
  const fresh = window.firstTouched
  let freshCount: u32 = 0
  let i: u32 = 0
  for (; i < count; i++) {
    const id = load<u32>(ids + (<usize>i << 2))
    const entry = entryOf(table, id)
    if (load<u32>(entry, ENTRY_PAGE) == 0 && !addPage(window, entry)) {
      stopStatus = STATUS_MEMORY_LIMIT
      break
    }
    const touched = load<u64>(entry, ENTRY_TOUCHED)
    const bit = <u64>1 << <u64>(id & PAGE_MASK)
    put<u64>(entry, touched | bit, ENTRY_TOUCHED)
    put<u32>(fresh + (<usize>freshCount << 2), id)
    freshCount += <u32>((touched & bit) == 0)
    put<u32>(targets + (<usize>i << 2), <u32>recordAt(entry, id, recordBytes))
  }
  for (let f: u32 = 0; f < freshCount; f++) keysRetain(window.keys, load<u32>(fresh + (<usize>f << 2)))
  slice.records += freshCount
  window.records += freshCount
  return i
}

/** addInSlice() where every id in use is touched already, which is so for most rows of a window. */
// @ts-ignore: decorator
@inline
function addTouched(slice: Slice, ids: usize, values: usize, count: u32, minMax: bool): u32 {
  const table = slice.table
  const recordBytes: usize = minMax ? 32 : 16
  const end = ids + (<usize>count << 2)
  while (ids < end) {
    const id = load<u32>(ids)
    addFloat(recordAt(entryOf(table, id), id, recordBytes), load<f64>(values), minMax)
    ids += 4
    values += 8
  }
  return count
}

/** One pass for the commonest case: one slice, few keys, one f64 column without nulls. */
// @ts-ignore: decorator
@inline
function addInSlice(
  window: Window, slice: Slice, ids: usize, values: usize, count: u32, highWater: u32, minMax: bool,
): u32 {
  if (slice.records == highWater) return addTouched(slice, ids, values, count, minMax)
  const table = slice.table
  const recordBytes: usize = minMax ? 32 : 16
  let i: u32 = 0
  for (; i < count; i++) {
    const id = load<u32>(ids + (<usize>i << 2))
    const entry = entryOf(table, id)
    let record = recordAt(entry, id, recordBytes)
    if (!isTouched(entry, id)) {
      record = touch(window, slice, id)
      if (record == 0) {
        stopStatus = STATUS_MEMORY_LIMIT
        break
      }
    }
    addFloat(record, load<f64>(values + (<usize>i << 3)), minMax)
  }
  return i
}

/**
 * Resolves rows one by one: their slices, whether they are late, whether a window is ready. Returns the rows
 * resolved.
 */
function resolveEach(window: Window, ids: usize, timestamps: usize, watermarks: usize, first: u32, count: u32): u32 {
  const recordBytes = <usize>window.recordBytes
  const targets = window.targets
  const offset = <usize>first << 3
  let watermark = window.watermark
  let nextFire = window.nextFire
  let slice: Slice | null = null
  let table: usize = 0
  let startMs = Infinity
  let endMs = Infinity
  let lateAt = Infinity
  let gap = false
  let folded = false
  for (let i: u32 = 0; i < count; i++) {
    if (watermarks != 0) {
      const next = load<f64>(watermarks + offset + (<usize>i << 3))
      if (next > watermark) {
        watermark = next
        window.watermark = watermark
        if (watermark >= nextFire) return i
      }
    }
    const timestamp = load<f64>(timestamps + offset + (<usize>i << 3))
    if (!(timestamp >= startMs && timestamp < endMs)) {
      const index = sliceIndexOf(window, timestamp)
      startMs = sliceStart(window, index)
      endMs = startMs + window.sliceMs
      gap = isGap(window, index)
      folded = index < window.folded
      lateAt = gap ? Infinity : fireAt(window, lastWindowOf(window, index))
      slice = gap ? null : findSlice(window, index)
      if (slice !== null) {
        stopStatus = reserveTable(window, slice, highestId)
        if (stopStatus < 0) return i
        table = slice.table
      }
    }
    let record: usize
    if (lateAt <= watermark) {
      record = window.lateSink
      put<u32>(window.late + (<usize>window.lateCount << 2), first + i)
      window.lateCount++
      window.lateTotal++
    } else if (gap) {
      record = window.gapSink
      window.gapTotal++
    } else {
      if (slice === null) {
        const index = sliceIndexOf(window, timestamp)
        stopStatus = createSlice(window, index, highestId)
        if (stopStatus < 0) return i
        skipFired(window)
        const created = findSlice(window, index)!
        slice = created
        table = created.table
        nextFire = window.nextFire
      }
      const id = load<u32>(ids + (<usize>(first + i) << 2))
      const entry = entryOf(table, id)
      record = recordAt(entry, id, recordBytes)
      if (!isTouched(entry, id)) {
        record = touch(window, slice, id)
        if (record == 0) {
          stopStatus = STATUS_MEMORY_LIMIT
          return i
        }
      }
      if (folded) invalidateSlice(window, sliceIndexOf(window, timestamp), id)
    }
    put<u32>(targets + (<usize>i << 2), <u32>record)
  }
  return count
}

/** The block ends at row `first + from` instead of `first + to`: takes back what resolving the rows between did. */
function unresolve(window: Window, ids: usize, timestamps: usize, first: u32, from: u32, to: u32): void {
  for (let i = from; i < to; i++) {
    const record = <usize>load<u32>(window.targets + (<usize>i << 2))
    if (record == window.lateSink) {
      window.lateCount--
      window.lateTotal--
    } else if (record == window.gapSink) {
      window.gapTotal--
    } else if (load<u64>(record, AT_ROWS) == 0) {
      const index = sliceIndexOf(window, load<f64>(timestamps + (<usize>(first + i) << 3)))
      untouch(window, findSlice(window, index)!, load<u32>(ids + (<usize>(first + i) << 2)))
    }
  }
}

/**
 * Adds the rows [from, to): u32 ids, f64 timestamps, f64 watermarks in force before each row (not decreasing; 0: the
 * current watermark holds for all), the columns' pointers and validity bitmaps (u32[]; 0: none has nulls), all indexed
 * by row. Returns the rows consumed: fewer than all when a window is ready before the next row. The current watermark
 * has then moved on to that row's: call windowFire() until it returns 0, and go on with the row.
 * On a negative status RESULT_ROW is the row that could not be added; the rows before it were, and the host may go on
 * behind it. Row numbers of late rows are collected in windowLateRows(), anew when `from` is 0.
 */
export function windowAdd(
  pointer: usize, ids: usize, timestamps: usize, watermarks: usize, columnPointers: usize, validityPointers: usize,
  from: u32, to: u32,
): i32 {
  const window = changetype<Window>(pointer)
  if (to < from || to > <u32>LIMIT_BATCH_ROWS) return fail(STATUS_ARGUMENT, from, 7)
  if (!areNullsExpected(window, validityPointers)) return fail(STATUS_ARGUMENT, from, 5)
  if (from == 0) window.lateCount = 0
  if (from == to) return 0
  if (!reserveLate(window, to - from, 2)) return fail(STATUS_MEMORY_LIMIT, from, 0)
  window.used = 1
  const highWater = changetype<KeyIndex>(window.keys).highWater
  const fused = !merging && highWater <= SMALL_IDS && window.columnCount == 1
    && columnType(columnAt(window, 0)) == TYPE_F64 && !isNullable(columnAt(window, 0))
  let row = from
  while (row < to) {
    if (window.watermark >= window.nextFire) break
    const blockIds = ids + (<usize>row << 2)
    const blockTimestamps = timestamps + (<usize>row << 3)
    let count = min<u32>(BLOCK_ROWS, to - row)
    if (!scan(blockIds, blockTimestamps, count, highWater)) {
      count = countGood(blockIds, blockTimestamps, count, highWater)
      if (count == 0) {
        const bad = load<f64>(blockTimestamps)
        if (Math.abs(bad) <= <f64>LIMIT_TIMESTAMP) return fail(STATUS_ARGUMENT, row, 1)
        return fail(STATUS_TIMESTAMP, row, isNaN(bad) ? TIMESTAMP_NAN : TIMESTAMP_RANGE)
      }
      scan(blockIds, blockTimestamps, count, highWater)
    }
    const watermark = window.watermark
    const cursor = window.cursor
    const last = inForce(watermark, watermarks, row + count - 1)
    const slice = onlySlice(window, last)
    if (stopStatus < 0) return endEarly(window, stopStatus, row, cursor)
    let added: u32
    if (slice !== null && fused) {
      const values = <usize>load<u32>(columnPointers) + (<usize>row << 3)
      added = hasMinMax(columnAt(window, 0))
        ? addInSlice(window, slice, blockIds, values, count, highWater, true)
        : addInSlice(window, slice, blockIds, values, count, highWater, false)
    } else {
      const resolved = slice !== null
        ? resolveInSlice(window, slice, blockIds, count)
        : resolveEach(window, ids, timestamps, watermarks, row, count)
      added = merging
        ? mergeColumns(window, columnPointers, row, resolved)
        : addColumns(window, columnPointers, validityPointers, row, resolved)
      if (added < resolved) {
        unresolve(window, ids, timestamps, row, added, resolved)
        stopStatus = STATUS_SUM_OVERFLOW
      }
    }
    // The watermark in force is that of the last row added, or of the row that the call ends before.
    window.watermark = inForce(watermark, watermarks, min<u32>(row + added, row + count - 1))
    row += added
    if (stopStatus < 0) return endEarly(window, stopStatus, row, cursor)
    if (added < count) break
  }
  return row - from
}

/**
 * As windowAdd() for the rows [0, rows) at the current watermark, each of which is what another window kernel with the
 * same columns has put out of one key and slice: `parts` is u32[], as merge.ts has it.
 */
export function windowMerge(pointer: usize, ids: usize, timestamps: usize, parts: usize, rows: u32): i32 {
  merging = true
  const merged = windowAdd(pointer, ids, timestamps, 0, parts, 0, 0, rows)
  merging = false
  return merged
}
