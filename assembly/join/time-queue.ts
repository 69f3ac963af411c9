/*
 * A queue ordered by time, and by arrival where times are equal: a wheel of wheels (a radix heap with 256 digits). An
 * item stands in the bucket of the highest byte in which its time differs from `last`, the time taken last. So putting
 * one in touches one bucket; when the wheel below runs empty, a bucket is spread over the wheels below it, and an item
 * is moved at most once a level. Items of one time always share a bucket, and buckets are first in, first out.
 *
 *   bitmaps   u64[LEVELS * 4]          which buckets of a level hold items
 *   buckets   u32[LEVELS * 256 * 2]    first and last node; 0 is none
 *
 *   node:  0                8          12         16
 *          +----------------+----------+----------+
 *          | key u64        | payload  | next     |        key: the time in ms + 2^53
 *          +----------------+----------+----------+
 */
import { LIMIT_TIMESTAMP } from '../abi'
import { put } from '../guard'
import { allocate, allocateZeroed, reallocate, release } from '../memory'

const LEVELS: u32 = 7
const BITMAPS: usize = <usize>LEVELS * 32
const BUCKETS: usize = <usize>LEVELS * 2048
const FIRST_NODES: u32 = 256
const BIAS: i64 = 1 << 53

@unmanaged
export class TimeQueue {
  last: u64
  nodes: usize
  capacity: u32
  /** Nodes taken so far; node 0 is none. */
  used: u32
  /** First of the nodes given back. */
  free: u32
  count: u32
}

const HEAD: usize = (offsetof<TimeQueue>() + 15) & ~15

/** An empty queue, or 0 with the status in the result area. */
export function queueCreate(): usize {
  const region = allocateZeroed(HEAD + BITMAPS + BUCKETS)
  if (region == 0) return 0
  const queue = changetype<TimeQueue>(region)
  queue.nodes = allocate(<usize>FIRST_NODES << 4)
  if (queue.nodes == 0) {
    release(region)
    return 0
  }
  queue.capacity = FIRST_NODES
  queue.used = 1
  return region
}

export function queueRelease(region: usize): void {
  if (region == 0) return
  release(changetype<TimeQueue>(region).nodes)
  release(region)
}

/** Makes room for `more` items; false when the memory ceiling is reached, with nothing changed. */
// @ts-ignore: decorator
@inline
export function queueReserve(queue: TimeQueue, more: u32): bool {
  return queue.count + more < queue.capacity || grow(queue, queue.count + more + 1)
}

function grow(queue: TimeQueue, needed: u32): bool {
  const capacity = max<u32>(needed, queue.capacity << 1)
  if (capacity >> 28) return false
  const nodes = reallocate(queue.nodes, <usize>capacity << 4)
  if (nodes == 0) return false
  queue.nodes = nodes
  queue.capacity = capacity
  return true
}

// @ts-ignore: decorator
@inline
function nodeAt(queue: TimeQueue, node: u32): usize {
  return queue.nodes + (<usize>node << 4)
}

// @ts-ignore: decorator
@inline
function keyOf(time: f64): u64 {
  return <u64>(<i64>time + BIAS)
}

/** Puts an item in; there is room (queueReserve). A time before the one taken last counts as that one. */
export function queuePut(queue: TimeQueue, time: f64, payload: u32): void {
  let node = queue.free
  if (node != 0) queue.free = load<u32>(nodeAt(queue, node), 12)
  else node = queue.used++
  const at = nodeAt(queue, node)
  put<u64>(at, keyOf(time))
  put<u32>(at, payload, 8)
  queue.count++
  place(queue, node, at)
}

function place(queue: TimeQueue, node: u32, at: usize): void {
  const last = queue.last
  const key = max<u64>(load<u64>(at), last)
  const level = <u32>(63 - <i32>clz<u64>((key ^ last) | 1)) >> 3
  const slot = <u32>(key >> (level << 3)) & 255
  const region = changetype<usize>(queue) + HEAD
  const bits = region + <usize>((level << 5) + (slot >> 6 << 3))
  const bucket = region + BITMAPS + (<usize>((level << 8) + slot) << 3)
  put<u32>(at, 0, 12)
  const bit: u64 = <u64>1 << <u64>(slot & 63)
  if (load<u64>(bits) & bit) {
    put<u32>(nodeAt(queue, load<u32>(bucket, 4)), node, 12)
  } else {
    put<u64>(bits, load<u64>(bits) | bit)
    put<u32>(bucket, node)
  }
  put<u32>(bucket, node, 4)
}

/** Takes the next item of a time up to `bound`: its node, which is valid until the next put; 0 when none is due. */
export function queueTake(queue: TimeQueue, bound: f64): u32 {
  if (queue.count == 0 || !(bound >= -<f64>LIMIT_TIMESTAMP)) return 0
  const until = keyOf(min<f64>(bound, <f64>LIMIT_TIMESTAMP))
  const region = changetype<usize>(queue) + HEAD
  while (true) {
    // The lowest level that holds anything holds what comes next.
    let word: u32 = 0
    while (load<u64>(region + (<usize>word << 3)) == 0) word++
    const bits = region + (<usize>word << 3)
    const level = word >> 2
    const slot = ((word & 3) << 6) + <u32>ctz<u64>(load<u64>(bits))
    const shift = <u64>(level << 3)
    const first = (queue.last >> shift >> 8 << 8 << shift) | (<u64>slot << shift)
    if (first > until) return 0
    const bucket = region + BITMAPS + (<usize>((level << 8) + slot) << 3)
    const node = load<u32>(bucket)
    queue.last = first
    const next = load<u32>(nodeAt(queue, node), 12)
    if (level == 0 && next != 0) {
      put<u32>(bucket, next)
    } else {
      const rest = load<u64>(bits)
      put<u64>(bits, rest & (rest - 1))
    }
    if (level == 0) {
      put<u32>(nodeAt(queue, node), queue.free, 12)
      queue.free = node
      queue.count--
      return node
    }
    for (let from = node; from != 0;) {
      const at = nodeAt(queue, from)
      const following = load<u32>(at, 12)
      place(queue, from, at)
      from = following
    }
  }
}

// @ts-ignore: decorator
@inline
export function queuePayload(queue: TimeQueue, node: u32): u32 {
  return load<u32>(nodeAt(queue, node), 8)
}

export function queueTime(queue: TimeQueue, node: u32): f64 {
  return <f64>(<i64>load<u64>(nodeAt(queue, node)) - BIAS)
}
