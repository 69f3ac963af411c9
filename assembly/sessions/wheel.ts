/*
 * The sessions by the slot of time in which they are due: lists, in a wheel that is gone round again and again. When
 * the watermark reaches a slot, its sessions are looked at: those that have been prolonged go to a later slot, the rest
 * into the heap, which is small. So a session costs a look each time its gap is over, and no search.
 *
 * A slot is the power of two in ms below a sixteenth of the first session's length: what it is changes no result. A
 * session that is due a turn of the wheel or more ahead is looked at once a turn.
 */
import { put } from '../guard'
import { givePage } from '../windows/pages'
import { addEntry, firstDue } from './heap'
import { Session, Sessions } from './layout'

const SLOTS: u32 = 1024
const SLOTS_PER_GAP: f64 = 16

export const WHEEL_BYTES: usize = <usize>SLOTS << 2

// @ts-ignore: decorator
@inline
function slotAt(sessions: Sessions, number: f64): usize {
  return sessions.wheel + ((<usize>(<i64>number) & <usize>(SLOTS - 1)) << 2)
}

/** The earlier of two times, either of which may be NaN: none. */
// @ts-ignore: decorator
@inline
function earlier(a: f64, b: f64): f64 {
  return a != a || b < a ? b : a
}

// @ts-ignore: decorator
@inline
export function updateNextDue(sessions: Sessions): void {
  sessions.nextDue = earlier(firstDue(sessions), sessions.nextSlot)
}

/** Puts a session where it is due; the heap has room. */
export function schedule(sessions: Sessions, session: Session): void {
  if (sessions.slotsPerMs == 0) {
    let slotMs: f64 = 1
    while (slotMs * 2 * SLOTS_PER_GAP <= session.end - session.start) slotMs *= 2
    sessions.slotsPerMs = 1 / slotMs
    sessions.reached = Math.floor(sessions.watermark * sessions.slotsPerMs)
  }
  // A power of two, so this is exact, and what is below a slot's beginning is below its number.
  const number = Math.floor((session.end - 1) * sessions.slotsPerMs)
  if (number <= sessions.reached) {
    addEntry(sessions, session)
    return
  }
  const slot = slotAt(sessions, number)
  session.next = <usize>load<u32>(slot)
  put<u32>(slot, <u32>changetype<usize>(session))
  sessions.wheelCount++
  // Before the first watermark all slots lie ahead, however long ago they began.
  sessions.nextSlot = earlier(
    sessions.nextSlot, sessions.reached == -Infinity ? -f64.MAX_VALUE : number / sessions.slotsPerMs,
  )
}

function openSlot(sessions: Sessions, slot: usize): void {
  let pointer = <usize>load<u32>(slot)
  put<u32>(slot, 0)
  while (pointer != 0) {
    const session = changetype<Session>(pointer)
    pointer = session.next
    sessions.wheelCount--
    if (session.open) schedule(sessions, session)
    else givePage(sessions, changetype<usize>(session))
  }
}

/** Opens the slots up to the watermark's: all that is due by then is in the heap. */
export function turnWheel(sessions: Sessions): void {
  const from = sessions.reached
  const to = Math.floor(sessions.watermark * sessions.slotsPerMs)
  sessions.reached = to
  sessions.nextSlot = NaN
  if (to - from >= <f64>SLOTS) {
    for (let slot: u32 = 0; slot < SLOTS; slot++) openSlot(sessions, sessions.wheel + (<usize>slot << 2))
  } else {
    for (let number = from + 1; number <= to; number++) openSlot(sessions, slotAt(sessions, number))
  }
  if (sessions.wheelCount == 0) return
  let next = to + 1
  while (load<u32>(slotAt(sessions, next)) == 0) next++
  sessions.nextSlot = next / sessions.slotsPerMs
}
