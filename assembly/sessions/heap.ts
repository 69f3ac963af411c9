/*
 * The sessions that are due next, by the time when they are due, and by key id where that is the same: a binary heap.
 *
 *   entry:    0            8         12        16
 *             +------------+---------+---------+
 *             | due f64    | key id  | session |
 *             +------------+---------+---------+
 */
import { copyTo, put } from '../guard'
import { allocate, release } from '../memory'
import { Session, Sessions } from './layout'

const ENTRY_SHIFT: usize = 4
const MIN_HEAP: u32 = 64

// @ts-ignore: decorator
@inline
function entryAt(sessions: Sessions, number: u32): usize {
  return sessions.heap + (<usize>number << ENTRY_SHIFT)
}

/** Whether (due, id) comes before an entry. */
// @ts-ignore: decorator
@inline
function isBefore(due: f64, id: u32, entry: usize): bool {
  const other = load<f64>(entry)
  return due < other || (due == other && id < load<u32>(entry, 8))
}

// @ts-ignore: decorator
@inline
function putEntry(entry: usize, due: f64, id: u32, session: u32): void {
  put<f64>(entry, due)
  put<u32>(entry, id, 8)
  put<u32>(entry, session, 12)
}

// @ts-ignore: decorator
@inline
function copyEntry(to: usize, from: usize): void {
  put<f64>(to, load<f64>(from))
  put<u64>(to, load<u64>(from, 8), 8)
}

/** Room for `count` entries in all; false when the memory ceiling is reached. */
export function reserveEntries(sessions: Sessions, count: u32): bool {
  if (count <= sessions.heapCapacity) return true
  const capacity = max<u32>(MIN_HEAP, count + (count >> 1))
  const heap = allocate(<usize>capacity << ENTRY_SHIFT)
  if (heap == 0) return false
  copyTo(heap, sessions.heap, <usize>sessions.heapCount << ENTRY_SHIFT)
  release(sessions.heap)
  sessions.heap = heap
  sessions.heapCapacity = capacity
  return true
}

/** Adds a session, for which there is room. */
export function addEntry(sessions: Sessions, session: Session): void {
  const due = session.end - 1
  const id = session.id
  let hole = sessions.heapCount++
  while (hole > 0) {
    const parent = (hole - 1) >> 1
    const at = entryAt(sessions, parent)
    if (!isBefore(due, id, at)) break
    copyEntry(entryAt(sessions, hole), at)
    hole = parent
  }
  putEntry(entryAt(sessions, hole), due, id, <u32>changetype<usize>(session))
}

/** When the first entry is due; NaN when there is none. */
// @ts-ignore: decorator
@inline
export function firstDue(sessions: Sessions): f64 {
  return sessions.heapCount == 0 ? NaN : load<f64>(sessions.heap)
}

// @ts-ignore: decorator
@inline
export function firstSession(sessions: Sessions): Session {
  return changetype<Session>(<usize>load<u32>(sessions.heap, 12))
}

export function removeFirst(sessions: Sessions): void {
  const count = --sessions.heapCount
  const last = entryAt(sessions, count)
  const due = load<f64>(last)
  const id = load<u32>(last, 8)
  const session = load<u32>(last, 12)
  let hole: u32 = 0
  while (true) {
    let child = (hole << 1) + 1
    if (child >= count) break
    let at = entryAt(sessions, child)
    if (child + 1 < count && isBefore(load<f64>(at, 16), load<u32>(at, 24), at)) {
      child++
      at += 16
    }
    if (isBefore(due, id, at)) break
    copyEntry(entryAt(sessions, hole), at)
    hole = child
  }
  putEntry(entryAt(sessions, hole), due, id, session)
}
