/*
 * The interval join: rows of two sides meet where their keys are equal and right time - left time is within
 * [lower, upper]. The semantics are those of Flink's IntervalJoinOperator: a row first meets what is there and then
 * stays until the watermark reaches its time + what a partner may come later, and at least its own time. A row of an
 * outer side that leaves without having met anybody comes out alone.
 *
 * Outputs are written to fixed columns of JOIN_OUTPUT_ROWS rows; a call that would overflow them stops, says how far it
 * came, and goes on when it is called again.
 */
import { JOIN_OUTER_LEFT, JOIN_OUTPUT_ROWS, JOIN_RIGHT, NO_ID, STATUS_MEMORY_LIMIT } from '../abi'
import { put } from '../guard'
import { keysDrop, keysHighWater, keysRetain } from '../keys'
import { KeyIndex, stateAt } from '../keys/layout'
import {
  countOf, endOf, ENTRY_MATCHED, ENTRY_ROW, firstOf, insert, LIST_BYTES, Lists, recordOf, removeFirst, reserveRecords,
  search,
} from './lists'
import { queuePayload, queuePut, queueReserve, queueTake, TimeQueue } from './time-queue'

@unmanaged
export class IntervalJoin extends Lists {
  keys: usize
  lower: f64
  upper: f64
  /** JOIN_OUTER_ flags. */
  outer: u32
  /** 1 while a row's partners did not all fit into the output: the next is `cursor`. */
  isProbing: u32
  cursor: usize
  hasMatched: u32
  watermark: f64
  leftQueue: usize
  rightQueue: usize
  /** Output columns: rows of the sides, the pair's time, the watermark in force; rows that left, by side. */
  left: usize
  right: usize
  times: usize
  watermarks: usize
  leftGone: usize
  rightGone: usize
  /** Room for AHEAD key ids. */
  due: usize
  outputs: u32
  leftGoneCount: u32
  rightGoneCount: u32
}

// @ts-ignore: decorator
@inline
function queueOf(join: IntervalJoin, side: u32): TimeQueue {
  return changetype<TimeQueue>(side == <u32>JOIN_RIGHT ? join.rightQueue : join.leftQueue)
}

// @ts-ignore: decorator
@inline
function emit(join: IntervalJoin, left: u32, right: u32, time: f64): void {
  const at: usize = join.outputs++
  put<u32>(join.left + (at << 2), left)
  put<u32>(join.right + (at << 2), right)
  put<f64>(join.times + (at << 3), time)
  put<f64>(join.watermarks + (at << 3), join.watermark)
}

/** Rows whose records and keys are touched ahead: a dozen trips to memory then take the time of one or two. */
const AHEAD: u32 = 32
/** Keeps the touching loads from being left out. */
let touched: u32 = 0

/** The word that retaining and dropping the key will change. */
// @ts-ignore: decorator
@inline
function stateOf(join: IntervalJoin, id: u32): u32 {
  return load<u32>(stateAt(changetype<KeyIndex>(join.keys), id))
}

/** Lets the rows of a side go whose time is at most `bound`; false when an output is full. */
function expire(join: IntervalJoin, side: u32, bound: f64): bool {
  const queue = queueOf(join, side)
  const isRight = side == <u32>JOIN_RIGHT
  const isOuter = ((join.outer >> side) & <u32>JOIN_OUTER_LEFT) != 0
  const gone = isRight ? join.rightGone : join.leftGone
  const due = join.due
  let room: u32 = 0
  let taken: u32 = 0
  do {
    const count = isRight ? join.rightGoneCount : join.leftGoneCount
    room = min<u32>(AHEAD, <u32>JOIN_OUTPUT_ROWS - max<u32>(count, join.outputs))
    taken = 0
    while (taken < room) {
      const node = queueTake(queue, bound)
      if (node == 0) break
      const id = queuePayload(queue, node)
      touched += countOf(recordOf(join, id)) + stateOf(join, id)
      put<u32>(due + (<usize>taken << 2), id)
      taken++
    }
    for (let at: u32 = 0; at < taken; at++) {
      const id = load<u32>(due + (<usize>at << 2))
      const record = recordOf(join, id)
      const list = record + <usize>side * LIST_BYTES
      const entry = firstOf(list)
      const row = load<u32>(entry, ENTRY_ROW)
      put<u32>(gone + (<usize>(count + at) << 2), row)
      if (isOuter && load<u32>(entry, ENTRY_MATCHED) == 0) {
        emit(join, isRight ? <u32>NO_ID : row, isRight ? row : <u32>NO_ID, load<f64>(entry))
      }
      removeFirst(join, list)
      if (countOf(record) + countOf(record + LIST_BYTES) == 0) keysDrop(join.keys, id)
    }
    if (isRight) join.rightGoneCount = count + taken
    else join.leftGoneCount = count + taken
  } while (taken == AHEAD)
  return taken < room
}

/** Moves the watermark on; false when an output is full and the call has to be repeated. */
export function advance(join: IntervalJoin, watermark: f64): bool {
  if (!(watermark > join.watermark)) return true
  if (!expire(join, 0, watermark - max<f64>(join.upper, 0))) return false
  if (!expire(join, 1, watermark - max<f64>(-join.lower, 0))) return false
  join.watermark = watermark
  return true
}

/** Pairs a row with those of the other side; false when the output is full. */
function probe(join: IntervalJoin, side: u32, list: usize, time: f64, row: u32): bool {
  const isRight = side == <u32>JOIN_RIGHT
  const lowest = isRight ? time - join.upper : time + join.lower
  const highest = isRight ? time - join.lower : time + join.upper
  const end = endOf(list)
  let entry = firstOf(list)
  if (join.isProbing) entry = join.cursor
  else if (entry < end && load<f64>(entry) < lowest) entry = search(entry, end, lowest, false)
  for (; entry < end; entry += 16) {
    const other = load<f64>(entry)
    if (other > highest) break
    if (join.outputs == <u32>JOIN_OUTPUT_ROWS) {
      join.isProbing = 1
      join.cursor = entry
      return false
    }
    join.hasMatched = 1
    put<u32>(entry, 1, ENTRY_MATCHED)
    const partner = load<u32>(entry, ENTRY_ROW)
    emit(join, isRight ? partner : row, isRight ? row : partner, max<f64>(time, other))
  }
  join.isProbing = 0
  return true
}

/** Keeps a row; false when the memory ceiling is reached. */
export function keep(join: IntervalJoin, side: u32, id: u32, time: f64, row: u32, matched: u32): bool {
  const queue = queueOf(join, side)
  const record = recordOf(join, id)
  const isNew = countOf(record) + countOf(record + LIST_BYTES) == 0
  if (!queueReserve(queue, 1) || !insert(join, record + <usize>side * LIST_BYTES, time, row, matched)) return false
  queuePut(queue, time, id)
  if (isNew) keysRetain(join.keys, id)
  return true
}

function touch(join: IntervalJoin, ids: usize, count: u32): void {
  for (let at: usize = 0; at < <usize>count; at++) {
    const id = load<u32>(ids + (at << 2))
    touched += countOf(recordOf(join, id)) + stateOf(join, id)
  }
}

/**
 * Adds rows [from, to) of a side: the row where the output was full, or `to`; a negative status. A row that is NO_ID
 * only moves the watermark on.
 */
export function addRows(
  join: IntervalJoin, side: u32, ids: usize, times: usize, watermarks: usize, rows: usize, from: u32, to: u32,
): i32 {
  if (reserveRecords(join, keysHighWater(join.keys)) < 0) return STATUS_MEMORY_LIMIT
  for (let at = <usize>from; at < <usize>to; at++) {
    if ((<u32>at & (AHEAD - 1)) == 0) touch(join, ids + (at << 2), min<u32>(AHEAD, to - <u32>at))
    if (!join.isProbing && !advance(join, load<f64>(watermarks + (at << 3)))) return <i32>at
    const id = load<u32>(ids + (at << 2))
    const time = load<f64>(times + (at << 3))
    const row = load<u32>(rows + (at << 2))
    if (row == <u32>NO_ID) continue
    if (!join.isProbing) join.hasMatched = 0
    if (!probe(join, side, recordOf(join, id) + <usize>(side ^ 1) * LIST_BYTES, time, row)) return <i32>at
    if (!keep(join, side, id, time, row, join.hasMatched)) return STATUS_MEMORY_LIMIT
  }
  return <i32>to
}

/** Writes to out[row], a byte a row, 1 for each row of a side that is there, 3 where it has met a partner. */
export function writeFlags(join: IntervalJoin, side: u32, out: usize): void {
  for (let id: u32 = 0; id < join.ids; id++) {
    const list = recordOf(join, id) + <usize>side * LIST_BYTES
    const end = endOf(list)
    for (let entry = firstOf(list); entry < end; entry += 16) {
      put<u8>(out + load<u32>(entry, ENTRY_ROW), <u8>(1 + (load<u32>(entry, ENTRY_MATCHED) << 1)))
    }
  }
}
