/*
 * Session state in memory. Each key has its open sessions in a chain, the newest first; they lie apart, by more than a
 * touch. A session stands in a page of its own (windows/pages.ts):
 *
 *   session:  0            8            16        20        24        28       32
 *             +------------+------------+---------+---------+---------+--------+--------------------------------+
 *             | start f64  | end f64    | key id  | older   | open    | next   | record (windows/aggregation.ts)|
 *             +------------+------------+---------+---------+---------+--------+--------------------------------+
 *
 * [start, end) is the union of [timestamp, timestamp + gap) over its rows. When a session is due stands in a wheel of
 * slots of time (wheel.ts) until its slot is reached, and then in a heap (heap.ts). Neither is moved when a row
 * prolongs the session: it is looked at again when it was due. A session that was merged into another (open = 0) is
 * freed then.
 */
import { Aggregation } from '../windows/aggregation'

export const SESSION_HEAD: u32 = 32

@unmanaged
export class Session {
  start: f64
  end: f64
  id: u32
  older: usize
  open: u32
  /** The next session of the same slot. */
  next: usize
}

@unmanaged
export class Sessions extends Aggregation {
  gapMs: f64
  /** u32[]: the newest session of each key id. */
  heads: usize
  headCapacity: u32

  /** u32[SLOTS]: the first session of each slot. */
  wheel: usize
  wheelCount: u32
  /** Slots a ms; 0 until the first session tells how long they are. */
  slotsPerMs: f64
  /** The slot that the watermark has reached: sessions due in it or before are in the heap. */
  reached: f64
  /** When the next slot that holds sessions begins; NaN when there is none. */
  nextSlot: f64

  heap: usize
  heapCount: u32
  heapCapacity: u32
  /** Nothing is ready before; NaN when there is nothing, which no watermark reaches. */
  nextDue: f64

  /** Rows in the output columns; 1 once the host has been told of them. */
  fired: u32
  told: u32
  /** Sessions fired and rows late since the last settle: about the keys that may have gone. */
  passed: u32
}

// @ts-ignore: decorator
@inline
export function recordOf(session: Session): usize {
  return changetype<usize>(session) + <usize>SESSION_HEAD
}

/** Where the newest session of a key id stands. */
// @ts-ignore: decorator
@inline
export function headAt(sessions: Sessions, id: u32): usize {
  return sessions.heads + (<usize>id << 2)
}
