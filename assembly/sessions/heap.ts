/*
 * The sessions by the time when they are due, and by key id where that is the same: a binary heap.
 */
import { copyTo, put } from '../guard'
import { allocate, release } from '../memory'
import { ENTRY_SHIFT, Session, Sessions } from './layout'

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

/** Room for one entry more; false when the memory ceiling is reached. */
export function reserveEntry(sessions: Sessions): bool {
  if (sessions.heapCount < sessions.heapCapacity) return true
  const capacity = max<u32>(MIN_HEAP, sessions.heapCapacity << 1)
  const heap = allocate(<usize>capacity << ENTRY_SHIFT)
  if (heap == 0) return false
  copyTo(heap, sessions.heap, <usize>sessions.heapCount << ENTRY_SHIFT)
  release(sessions.heap)
  sessions.heap = heap
  sessions.heapCapacity = capacity
  return true
}

/** Adds an entry, for which there is room. */
export function addEntry(sessions: Sessions, session: Session): void {
  const due = session.end - 1
  const id = session.id
  let hole = sessions.heapCount
  sessions.heapCount = hole + 1
  while (hole > 0) {
    const parent = (hole - 1) >> 1
    const at = entryAt(sessions, parent)
    if (!isBefore(due, id, at)) break
    copyTo(entryAt(sessions, hole), at, 16)
    hole = parent
  }
  putEntry(entryAt(sessions, hole), due, id, <u32>changetype<usize>(session))
  if (hole == 0) sessions.nextDue = due
}

export function firstSession(sessions: Sessions): Session {
  return changetype<Session>(<usize>load<u32>(sessions.heap, 12))
}

/** Puts an entry into the place of the first, and where it belongs. */
function sink(sessions: Sessions, due: f64, id: u32, session: u32): void {
  const count = sessions.heapCount
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
    copyTo(entryAt(sessions, hole), at, 16)
    hole = child
  }
  putEntry(entryAt(sessions, hole), due, id, session)
  sessions.nextDue = load<f64>(sessions.heap)
}

/** Moves the first entry to the end of its session. */
export function postponeFirst(sessions: Sessions, session: Session): void {
  sink(sessions, session.end - 1, session.id, <u32>changetype<usize>(session))
}

export function removeFirst(sessions: Sessions): void {
  const last = entryAt(sessions, --sessions.heapCount)
  if (sessions.heapCount == 0) sessions.nextDue = NaN
  else sink(sessions, load<f64>(last), load<u32>(last, 8), load<u32>(last, 12))
}
