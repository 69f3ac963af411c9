/*
 * Session state in memory. Each key has its open sessions in a chain, the newest first; they lie apart, by more than a
 * touch. A session stands in a page of its own (windows/pages.ts):
 *
 *   session:  0            8            16        20        24        28       32
 *             +------------+------------+---------+---------+---------+--------+--------------------------------+
 *             | start f64  | end f64    | key id  | older   | open    | 0      | record (windows/aggregation.ts)|
 *             +------------+------------+---------+---------+---------+--------+--------------------------------+
 *
 * [start, end) is the union of [timestamp, timestamp + gap) over its rows. When it is to fire stands in a heap, with
 * one entry a session:
 *
 *   entry:    0            8         12        16
 *             +------------+---------+---------+
 *             | due f64    | key id  | session |
 *             +------------+---------+---------+
 *
 * An entry is never later than its session's end - 1, and moves there when it comes to the top: so a row that prolongs
 * a session costs nothing here. A session that was merged into another (open = 0) is freed with its entry.
 */
import { Aggregation } from '../windows/aggregation'

export const SESSION_HEAD: u32 = 32
export const ENTRY_SHIFT: usize = 4

@unmanaged
export class Session {
  start: f64
  end: f64
  id: u32
  older: usize
  open: u32
  padding: u32
}

@unmanaged
export class Sessions extends Aggregation {
  gapMs: f64
  /** u32[]: the newest session of each key id. */
  heads: usize
  headCapacity: u32

  heap: usize
  heapCount: u32
  heapCapacity: u32
  /** When the heap's first entry is due; NaN when there is none, which no watermark reaches. */
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
