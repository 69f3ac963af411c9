/* Timers: the exported functions of a timer queue. A handle is what timersCreate returned. */
import { RESULT_SIZE, STATUS_MEMORY_LIMIT } from '../abi'
import { put } from '../guard'
import { allocateZeroed, release, resultPtr } from '../memory'
import { fire, FIRED_BYTES, lowestList, putBack, toMs, toTime } from './fire'
import {
  append, END, ENTRY_BYTES, ENTRY_SLOT, FRESH, LEVELS, LIST_BYTES, listAt, LISTS, RECENT, releaseSlabs, reserveChunks,
  TAKES_BACK, Timers,
} from './layout'
import { settleAll } from './settle'

/** All entries are settled when there are more than this, and four times as many as were left the last time. */
const FEW: u32 = 262144

/** An empty queue, or 0 with the status in RESULT_STATUS. */
export function timersCreate(): usize {
  const pointer = allocateZeroed(offsetof<Timers>())
  if (pointer == 0) return 0
  const timers = changetype<Timers>(pointer)
  timers.most = FEW
  timers.lists = allocateZeroed(<usize>LISTS * LIST_BYTES)
  timers.bitmaps = allocateZeroed(<usize>LEVELS << 3)
  timers.fired = allocateZeroed(FIRED_BYTES)
  timers.recent = allocateZeroed(<usize>RECENT * ENTRY_BYTES)
  if (timers.lists == 0 || timers.bitmaps == 0 || timers.fired == 0 || timers.recent == 0) {
    timersDestroy(pointer)
    return 0
  }
  return pointer
}

export function timersDestroy(pointer: usize): void {
  const timers = changetype<Timers>(pointer)
  releaseSlabs(timers)
  release(timers.lists)
  release(timers.bitmaps)
  release(timers.fired)
  release(timers.recent)
  release(timers.scratch)
  release(timers.front)
  release(pointer)
}

// @ts-ignore: decorator
@inline
function recentAt(timers: Timers, slot: u32, tag: u32): usize {
  return timers.recent + <usize>((slot + tag * 0x9e3779b1) & (RECENT - 1)) * ENTRY_BYTES
}

// @ts-ignore: decorator
@inline
function add(timers: Timers, time: u64, slot: u32, tag: u32): bool {
  // What has fired may still be put back, and without memory there will be another time.
  if (timers.entries >= timers.most && timers.firedCount == 0) {
    settleAll(timers)
    timers.most = max<u32>(FEW, timers.entries << 2)
  }
  if (timers.freeCount == 0 && !reserveChunks(timers, 1)) return false
  const at = append(timers, time)
  put<u64>(at, time)
  put<u64>(at, (<u64>tag << 32) | <u64>slot, ENTRY_SLOT)
  timers.unsettled++
  return true
}

/** Registers or deletes a timer: false when there is no memory. */
// @ts-ignore: decorator
@inline
function change(timers: Timers, time: u64, slot: u32, tag: u32): bool {
  const recent = recentAt(timers, slot, tag & ~TAKES_BACK)
  const identity = (<u64>tag << 32) | <u64>slot
  // What was registered lately, has not been deleted and cannot have fired is there.
  if (load<u64>(recent) == time && load<u64>(recent, 8) == identity && time > timers.reached) return true
  if (!add(timers, time, slot, tag)) return false
  put<u64>(recent, (tag & TAKES_BACK) != 0 ? 0 : time)
  put<u64>(recent, identity, 8)
  return true
}

/**
 * Registers and deletes `count` timers in their order. Times f64 are ms: whole numbers, or +Infinity for the end of
 * input; tags u32 are below 2^31, with TIMER_TAKES_BACK the timer is deleted. The same time, slot and tag again changes
 * nothing, nor does deleting one that is not there. Returns how many it did, fewer when memory ends.
 */
export function timersChange(pointer: usize, times: usize, slots: usize, tags: usize, count: u32): u32 {
  const timers = changetype<Timers>(pointer)
  for (let number: u32 = 0; number < count; number++) {
    const at = <usize>number << 2
    const time = toTime(load<f64>(times + (at << 1)))
    if (!change(timers, time, load<u32>(slots + at), load<u32>(tags + at))) return number
  }
  return count
}

/**
 * Takes the earliest timers at or below `limit`, ms, in the order of (time, registration), at most 256. Returns how
 * many stand at timersFired(), 0 when there are none, or a status.
 */
export function timersFire(pointer: usize, limit: f64): i32 {
  const fired = fire(changetype<Timers>(pointer), toTime(limit))
  return fired < 0 ? STATUS_MEMORY_LIMIT : fired
}

/** times f64[256], slots u32[256], tags u32[256] */
export function timersFired(pointer: usize): usize {
  return changetype<Timers>(pointer).fired
}

/** Puts the timers that fired last back from number `from` on, as if they had not; it comes before any other call. */
export function timersPutBack(pointer: usize, from: u32): void {
  putBack(changetype<Timers>(pointer), from)
}

/** No timer is earlier than this, ms; +Infinity when there are none. A deleted one may still count. */
export function timersNext(pointer: usize): f64 {
  const timers = changetype<Timers>(pointer)
  const fresh = listAt(timers, FRESH)
  let earliest = fresh.entries > 0 ? fresh.lowest : ~<u64>0
  if (timers.frontFrom < timers.frontTo) {
    earliest = min<u64>(earliest, load<u64>(timers.front + <usize>timers.frontFrom * ENTRY_BYTES))
  } else if (fresh.entries == 0) {
    const list = listAt(timers, lowestList(timers))
    if (list.entries > 0) earliest = list.lowest
  }
  return earliest > END ? Infinity : toMs(earliest)
}

/**
 * All timers in the order of (time, registration): 16 bytes each, time in ms f64, slot u32, tag u32. RESULT_SIZE is
 * their number. Valid until the next call. 0 = failure, with the status in RESULT_STATUS.
 */
export function timersAll(pointer: usize): usize {
  const timers = changetype<Timers>(pointer)
  const entries = settleAll(timers)
  if (entries == 0) return 0
  const end = entries + <usize>timers.entries * ENTRY_BYTES
  for (let at = entries; at < end; at += ENTRY_BYTES) put<f64>(at, toMs(load<u64>(at)))
  put<u32>(resultPtr(), timers.entries, RESULT_SIZE)
  return entries
}

/** How many timers there are, or a status. */
export function timersCount(pointer: usize): i32 {
  const timers = changetype<Timers>(pointer)
  if (timers.unsettled > 0 && settleAll(timers) == 0) return STATUS_MEMORY_LIMIT
  return <i32>timers.entries
}
