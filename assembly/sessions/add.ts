/*
 * Adding rows. Each row finds its session, or opens one, or merges those that it connects; the columns of the rows
 * found so far are added block by block (windows/accumulate.ts), before a merge and before sessions fire.
 *
 * The rules are Flink's (MergingWindowSet, TimeWindow.intersects): a row alone is [timestamp, timestamp + gap); what
 * overlaps or touches is one session; a row is late when it is in no open session and its own would have ended.
 */
import {
  LIMIT_BATCH_ROWS, LIMIT_TIMESTAMP, LIMIT_WINDOW, RESULT_DETAIL, RESULT_ROW, STATUS_ARGUMENT, STATUS_MEMORY_LIMIT,
  STATUS_OK, STATUS_SUM_OVERFLOW, STATUS_TIMESTAMP, TIMESTAMP_NAN, TIMESTAMP_RANGE, TYPE_F64,
} from '../abi'
import { copyTo, fill, put } from '../guard'
import { keysDrop, keysRetain } from '../keys'
import { KeyIndex } from '../keys/layout'
import { allocate, release, resultPtr } from '../memory'
import { addColumns, addFloat } from '../windows/accumulate'
import { BLOCK_ROWS, columnAt, columnType, hasMinMax, isNullable } from '../windows/aggregation'
import { areNullsExpected, reserveLate } from '../windows/columns'
import { takePage } from '../windows/pages'
import { combineRecords } from '../windows/records'
import { beginRows, fireReady } from './fire'
import { reserveEntries } from './heap'
import { headAt, recordOf, Session, Sessions } from './layout'
import { schedule, updateNextDue } from './wheel'

const MIN_HEADS: u32 = 64
/** So many keys may have gone before the host is asked to settle, and as many as there are sessions. */
const MIN_PASSED: u32 = 1024

/** The rows [blockFirst, blockEnd) are resolved to records and not added yet. */
let blockFirst: u32 = 0
let blockEnd: u32 = 0

// The columns of the call.
let columnPointers: usize = 0
let validityPointers: usize = 0

function fail(status: i32, row: u32, detail: u32): i32 {
  put<u32>(resultPtr(), row, RESULT_ROW)
  put<u32>(resultPtr(), detail, RESULT_DETAIL)
  return status
}

/** Makes room for the heads of all key ids; false when the memory ceiling is reached. */
export function reserveHeads(sessions: Sessions): bool {
  const needed = changetype<KeyIndex>(sessions.keys).highWater
  const had = sessions.headCapacity
  if (needed <= had) return true
  const capacity = max<u32>(MIN_HEADS, <u32>1 << (32 - clz<u32>(needed - 1)))
  const heads = allocate(<usize>capacity << 2)
  if (heads == 0) return false
  copyTo(heads, sessions.heads, <usize>had << 2)
  fill(heads + (<usize>had << 2), 0, <usize>(capacity - had) << 2)
  release(sessions.heads)
  sessions.heads = heads
  sessions.headCapacity = capacity
  return true
}

/** Adds the block's rows to their records: a status, with the row in the result area. */
function flush(sessions: Sessions): i32 {
  const count = blockEnd - blockFirst
  if (count == 0) return STATUS_OK
  const added = addColumns(sessions, columnPointers, validityPointers, blockFirst, count)
  blockFirst += added
  if (added == count) return STATUS_OK
  put<u32>(resultPtr(), blockFirst, RESULT_ROW)
  return STATUS_SUM_OVERFLOW
}

/** A new session in a chain, between `newer` and `older` (0: none); null when the memory ceiling is reached. */
export function openSession(
  sessions: Sessions, id: u32, start: f64, end: f64, newer: Session | null, older: usize,
): Session | null {
  // As many as there are pages in use, those of merged sessions too.
  const pages = sessions.heapCount + sessions.wheelCount
  const pointer = reserveEntries(sessions, pages + 1) ? takePage(sessions) : 0
  if (pointer == 0) return null
  const session = changetype<Session>(pointer)
  session.start = start
  session.end = end
  session.id = id
  session.older = older
  session.open = 1
  if (newer === null) put<u32>(headAt(sessions, id), <u32>pointer)
  else newer.older = pointer
  schedule(sessions, session)
  updateNextDue(sessions)
  keysRetain(sessions.keys, id)
  sessions.records++
  return session
}

/** Merges the sessions behind `session` that a row at `timestamp` connects with it; a status. */
function mergeOlder(sessions: Sessions, session: Session, timestamp: f64): i32 {
  let pointer = session.older
  while (pointer != 0) {
    const older = changetype<Session>(pointer)
    if (older.end < timestamp) break
    // What is in the records must be all there is.
    const status = flush(sessions)
    if (status < 0) return status
    if (!combineRecords(sessions, recordOf(session), recordOf(older), 1)) {
      put<u32>(resultPtr(), blockEnd, RESULT_ROW)
      return STATUS_SUM_OVERFLOW
    }
    session.start = min<f64>(session.start, older.start)
    session.older = older.older
    older.open = 0
    keysDrop(sessions.keys, session.id)
    sessions.records--
    pointer = session.older
  }
  return STATUS_OK
}

/** The record of a row that is not within the newest session of its key; 0 with the status in `placeStatus`. */
function place(sessions: Sessions, id: u32, timestamp: f64, gap: f64): usize {
  const end = timestamp + gap
  let newer: Session | null = null
  let pointer = <usize>load<u32>(headAt(sessions, id))
  while (pointer != 0 && changetype<Session>(pointer).start > end) {
    newer = changetype<Session>(pointer)
    pointer = newer.older
  }
  if (pointer == 0 || changetype<Session>(pointer).end < timestamp) {
    if (end - 1 <= sessions.watermark) return sessions.lateSink
    const opened = openSession(sessions, id, timestamp, end, newer, pointer)
    placeStatus = STATUS_MEMORY_LIMIT
    return opened === null ? 0 : recordOf(opened)
  }
  const session = changetype<Session>(pointer)
  placeStatus = mergeOlder(sessions, session, timestamp)
  if (placeStatus < 0) return 0
  if (timestamp < session.start) session.start = timestamp
  if (end > session.end) session.end = end
  return recordOf(session)
}

let placeStatus: i32 = STATUS_OK

/** 0 when a row's timestamp, gap and key id are good, or the status. */
function checkRow(timestamp: f64, gap: f64, id: u32, highWater: u32, row: u32): i32 {
  if (!(Math.abs(timestamp) <= <f64>LIMIT_TIMESTAMP)) {
    return fail(STATUS_TIMESTAMP, row, isNaN(timestamp) ? TIMESTAMP_NAN : TIMESTAMP_RANGE)
  }
  if (!isGap(gap)) return fail(STATUS_ARGUMENT, row, 4)
  return id < highWater ? STATUS_OK : fail(STATUS_ARGUMENT, row, 1)
}

/** Whether a gap is a whole number of ms, more than none. */
export function isGap(gap: f64): bool {
  return gap > 0 && gap <= <f64>LIMIT_WINDOW && Math.floor(gap) == gap
}

/** Adds the rows [from, to) that windowAdd's arguments describe: the row behind the last, or a negative status. */
function addRows(
  sessions: Sessions, ids: usize, timestamps: usize, watermarks: usize, gaps: usize, from: u32, to: u32,
): i32 {
  const highWater = changetype<KeyIndex>(sessions.keys).highWater
  const targets = sessions.targets
  const heads = sessions.heads
  let gap = sessions.gapMs
  // The commonest case, one f64 column without nulls, needs no second pass over its rows.
  const only = sessions.columnCount == 1 ? columnAt(sessions, 0) : null
  const fused = only !== null && columnType(only) == TYPE_F64 && !isNullable(only)
  const minMax = fused && hasMinMax(only!)
  const values = fused ? <usize>load<u32>(columnPointers) : 0
  for (let row = from; row < to; row++) {
    if (watermarks != 0) {
      const next = load<f64>(watermarks + (<usize>row << 3))
      if (next > sessions.watermark) {
        sessions.before = sessions.watermark
        sessions.watermark = next
      }
    }
    if (sessions.watermark >= sessions.nextDue) {
      const status = flush(sessions)
      if (status < 0) return status
      if (!fireReady(sessions)) return <i32>row
    }
    if (sessions.passed >= max<u32>(MIN_PASSED, sessions.records)) return <i32>row
    const timestamp = load<f64>(timestamps + (<usize>row << 3))
    const id = load<u32>(ids + (<usize>row << 2))
    if (gaps != 0) gap = load<f64>(gaps + (<usize>row << 3))
    const wrong = checkRow(timestamp, gap, id, highWater, row)
    if (wrong < 0) return wrong
    const head = <usize>load<u32>(heads + (<usize>id << 2))
    let record: usize
    if (head != 0 && timestamp >= changetype<Session>(head).start && timestamp <= changetype<Session>(head).end) {
      const session = changetype<Session>(head)
      session.end = max<f64>(session.end, timestamp + gap)
      record = recordOf(session)
    } else {
      record = place(sessions, id, timestamp, gap)
      if (record == 0) {
        if (placeStatus == STATUS_MEMORY_LIMIT) put<u32>(resultPtr(), row, RESULT_ROW)
        return placeStatus
      }
      if (record == sessions.lateSink) {
        const late = sessions.late + (<usize>sessions.lateCount << 3)
        put<u32>(late, row)
        put<u32>(late, sessions.fired, 4)
        sessions.lateCount++
        sessions.lateTotal++
        sessions.passed++
      }
    }
    blockEnd = row + 1
    if (fused) {
      addFloat(record, load<f64>(values + (<usize>row << 3)), minMax)
      blockFirst = blockEnd
      continue
    }
    put<u32>(targets + (<usize>(row - blockFirst) << 2), <u32>record)
    if (blockEnd - blockFirst == BLOCK_ROWS) {
      const status = flush(sessions)
      if (status < 0) return status
    }
  }
  return <i32>to
}

/**
 * Adds the rows [from, to), described as for windowAdd(), with `gaps` in ms (f64 by row; 0: the constant gap). Sessions
 * fire before each row whose watermark in force makes them ready, and wait for sessionFire(). Returns the rows
 * consumed: fewer than all when the output columns are full, or when keys may have gone: the host then calls
 * sessionFire() until it returns 0, and sessionSettle(), codes the keys of the rest anew, and goes on with it.
 * Late rows of this call are in windowLateRows(), as pairs (row, rows fired before it in the output columns).
 * On a negative status RESULT_ROW is the row that could not be added, and the rows before it were. After
 * STATUS_SUM_OVERFLOW (RESULT_DETAIL is the column) sessions of later rows may be open: release the state.
 */
export function sessionAdd(
  pointer: usize, ids: usize, timestamps: usize, watermarks: usize, gaps: usize, columns: usize, validities: usize,
  from: u32, to: u32,
): i32 {
  const sessions = changetype<Sessions>(pointer)
  if (to < from || to > <u32>LIMIT_BATCH_ROWS) return fail(STATUS_ARGUMENT, from, 8)
  if (!areNullsExpected(sessions, validities)) return fail(STATUS_ARGUMENT, from, 6)
  sessions.lateCount = 0
  beginRows(sessions)
  if (!reserveLate(sessions, to - from, 3) || !reserveHeads(sessions)) return fail(STATUS_MEMORY_LIMIT, from, 0)
  sessions.used = 1
  blockFirst = from
  blockEnd = from
  columnPointers = columns
  validityPointers = validities
  const end = addRows(sessions, ids, timestamps, watermarks, gaps, from, to)
  // A sum that leaves its range comes at an earlier row than what ended the call.
  const status = end == STATUS_SUM_OVERFLOW ? STATUS_OK : flushKeeping(sessions)
  if (status < 0) return status
  return end < 0 ? end : end - <i32>from
}

/** flush(), with the row and detail that the result area holds kept where it succeeds. */
function flushKeeping(sessions: Sessions): i32 {
  const reported = load<u64>(resultPtr(), RESULT_ROW)
  const status = flush(sessions)
  if (status == STATUS_OK) put<u64>(resultPtr(), reported, RESULT_ROW)
  return status
}
