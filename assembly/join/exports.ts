/* Joins: the exported functions of the interval join and of the queue by time. */
import { JOIN_OUTER_LEFT, JOIN_OUTER_RIGHT, JOIN_OUTPUT_ROWS, JOIN_RIGHT, STATUS_MEMORY_LIMIT } from '../abi'
import { put } from '../guard'
import { allocate, allocateZeroed, release } from '../memory'
import { keysHighWater } from '../keys'
import { addRows, advance, IntervalJoin, keep, writeFlags } from './interval-join'
import { listsRelease, reserveRecords } from './lists'
import {
  queueCreate, queuePayload, queuePut, queueRelease, queueReserve, queueTake, queueTime, TimeQueue,
} from './time-queue'

// ---- queue by time --------------------------------------------------------------------------------------------------

/** An empty queue, or 0 with the status in RESULT_STATUS. */
export function timeQueueCreate(): usize {
  return queueCreate()
}

export function timeQueueRelease(queue: usize): void {
  queueRelease(queue)
}

export function timeQueueCount(queue: usize): u32 {
  return changetype<TimeQueue>(queue).count
}

/** Puts `count` items in, times f64 and payloads u32; a negative status when none was. */
export function timeQueuePut(queue: usize, times: usize, payloads: usize, count: u32): i32 {
  const own = changetype<TimeQueue>(queue)
  if (!queueReserve(own, count)) return STATUS_MEMORY_LIMIT
  for (let at: usize = 0; at < <usize>count; at++) {
    queuePut(own, load<f64>(times + (at << 3)), load<u32>(payloads + (at << 2)))
  }
  return <i32>count
}

/** Takes up to `capacity` items of times up to `bound`, in order of time and arrival: how many. */
export function timeQueueTake(queue: usize, bound: f64, times: usize, payloads: usize, capacity: u32): i32 {
  const own = changetype<TimeQueue>(queue)
  let count: usize = 0
  while (count < <usize>capacity) {
    const node = queueTake(own, bound)
    if (node == 0) break
    put<f64>(times + (count << 3), queueTime(own, node))
    put<u32>(payloads + (count << 2), queuePayload(own, node))
    count++
  }
  return <i32>count
}

// ---- interval join --------------------------------------------------------------------------------------------------

/** A join over the keys of an index; bounds inclusive, in ms; JOIN_OUTER_ flags. 0 with the status in RESULT_STATUS. */
export function joinCreate(keys: usize, lower: f64, upper: f64, outer: u32): usize {
  const region = allocateZeroed(offsetof<IntervalJoin>())
  if (region == 0) return 0
  const join = changetype<IntervalJoin>(region)
  join.keys = keys
  join.lower = lower
  join.upper = upper
  join.outer = outer & <u32>(JOIN_OUTER_LEFT | JOIN_OUTER_RIGHT)
  join.watermark = -Infinity
  join.left = allocate(<usize>JOIN_OUTPUT_ROWS * 32 + 256)
  join.leftQueue = queueCreate()
  join.rightQueue = queueCreate()
  if (join.left == 0 || join.leftQueue == 0 || join.rightQueue == 0) {
    joinRelease(region)
    return 0
  }
  join.right = join.left + <usize>JOIN_OUTPUT_ROWS * 4
  join.leftGone = join.right + <usize>JOIN_OUTPUT_ROWS * 4
  join.rightGone = join.leftGone + <usize>JOIN_OUTPUT_ROWS * 4
  join.times = join.rightGone + <usize>JOIN_OUTPUT_ROWS * 4
  join.watermarks = join.times + <usize>JOIN_OUTPUT_ROWS * 8
  join.due = join.watermarks + <usize>JOIN_OUTPUT_ROWS * 8
  return region
}

/** Frees the join before its key index. */
export function joinRelease(join: usize): void {
  if (join == 0) return
  const own = changetype<IntervalJoin>(join)
  listsRelease(own)
  queueRelease(own.leftQueue)
  queueRelease(own.rightQueue)
  release(own.left)
  release(join)
}

// @ts-ignore: decorator
@inline
function clear(join: IntervalJoin): void {
  join.outputs = 0
  join.leftGoneCount = 0
  join.rightGoneCount = 0
}

/**
 * Adds rows [from, to) of side 0 (left) or 1 (right): ids u32, times f64, the watermark in force before each f64, and
 * the number u32 by which the host knows each (NO_ID: the row only moves the watermark on). Returns the row to go on
 * with when the outputs are read (`to`: none), or a negative status.
 */
export function joinAdd(
  join: usize, side: u32, ids: usize, times: usize, watermarks: usize, rows: usize, from: u32, to: u32,
): i32 {
  const own = changetype<IntervalJoin>(join)
  clear(own)
  return addRows(own, side, ids, times, watermarks, rows, from, to)
}

/** Moves the watermark on: 1 when it has to be called again for more outputs. */
export function joinAdvance(join: usize, watermark: f64): i32 {
  const own = changetype<IntervalJoin>(join)
  clear(own)
  return advance(own, watermark) ? 0 : 1
}

/** Keeps rows of a snapshot; matched: a byte a row. `count`, or a negative status. */
export function joinRestore(
  join: usize, side: u32, ids: usize, times: usize, rows: usize, matched: usize, count: u32,
): i32 {
  const own = changetype<IntervalJoin>(join)
  if (reserveRecords(own, keysHighWater(own.keys)) < 0) return STATUS_MEMORY_LIMIT
  for (let at: usize = 0; at < <usize>count; at++) {
    const id = load<u32>(ids + (at << 2))
    const row = load<u32>(rows + (at << 2))
    if (!keep(own, side, id, load<f64>(times + (at << 3)), row, load<u8>(matched + at))) return STATUS_MEMORY_LIMIT
  }
  return <i32>count
}

/** For a snapshot: 1 to out[row], a byte a row, for each row that is there, 3 where it has met a partner. */
export function joinFlags(join: usize, side: u32, out: usize): void {
  writeFlags(changetype<IntervalJoin>(join), side, out)
}

export function joinSetWatermark(join: usize, watermark: f64): void {
  changetype<IntervalJoin>(join).watermark = watermark
}

export function joinRows(join: usize, side: u32): u32 {
  const own = changetype<IntervalJoin>(join)
  return changetype<TimeQueue>(side == <u32>JOIN_RIGHT ? own.rightQueue : own.leftQueue).count
}

/** Output columns, by JOIN_COLUMN_ number: where they stand. */
export function joinOutput(join: usize): usize {
  return changetype<IntervalJoin>(join).left
}

/** Rows of the last call's outputs: pairs (0), left rows that are gone (1), right rows that are gone (2). */
export function joinOutputRows(join: usize, which: u32): u32 {
  const own = changetype<IntervalJoin>(join)
  return which == 0 ? own.outputs : which == 1 ? own.leftGoneCount : own.rightGoneCount
}
