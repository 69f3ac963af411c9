/*
 * Firing: sessions in the order of their ends, and of their key ids where ends are the same. Rows are collected in the
 * output columns, each with the watermark that was in force before the session was ready, until the host takes them.
 */
import { OUT_MAX, OUT_MIN, OUT_NON_NULL, OUT_SUM, OUT_WATERMARK, OUTPUT_ROWS } from '../abi'
import { put } from '../guard'
import { keysDrop } from '../keys'
import { columnAt, output } from '../windows/aggregation'
import { givePage } from '../windows/pages'
import { outputOf, putBounds, putColumn } from '../windows/records'
import { firstDue, firstSession, removeFirst } from './heap'
import { headAt, recordOf, Session, Sessions } from './layout'
import { schedule, turnWheel, updateNextDue } from './wheel'

function writeRow(sessions: Sessions, session: Session): void {
  const row = sessions.fired++
  const record = recordOf(session)
  const at = <usize>row << 3
  putBounds(sessions, row, session.id, session.start, session.end, record)
  put<f64>(output(sessions, OUT_WATERMARK) + at, sessions.before)
  for (let c: u32 = 0; c < sessions.columnCount; c++) {
    const column = columnAt(sessions, c)
    putColumn(
      column, record + <usize>column.at, at, outputOf(sessions, c, OUT_NON_NULL), outputOf(sessions, c, OUT_SUM),
      outputOf(sessions, c, OUT_MIN), outputOf(sessions, c, OUT_MAX),
    )
  }
}

/** Takes a session that ends before all others of its key out of the chain. */
function removeOldest(sessions: Sessions, session: Session): void {
  const pointer = changetype<usize>(session)
  const head = headAt(sessions, session.id)
  let at = <usize>load<u32>(head)
  if (at == pointer) {
    put<u32>(head, 0)
    return
  }
  while (changetype<Session>(at).older != pointer) at = changetype<Session>(at).older
  changetype<Session>(at).older = 0
}

/** Fires what is ready at the current watermark; false when the output columns are full before. */
export function fireReady(sessions: Sessions): bool {
  const watermark = sessions.watermark
  if (watermark >= sessions.nextSlot) turnWheel(sessions)
  while (watermark >= firstDue(sessions)) {
    const session = firstSession(sessions)
    if (session.open) {
      if (session.end - 1 > firstDue(sessions)) {
        removeFirst(sessions)
        schedule(sessions, session)
        continue
      }
      if (sessions.fired == <u32>OUTPUT_ROWS) break
      writeRow(sessions, session)
      removeOldest(sessions, session)
      keysDrop(sessions.keys, session.id)
      sessions.records--
      sessions.passed++
    }
    removeFirst(sessions)
    givePage(sessions, changetype<usize>(session))
  }
  updateNextDue(sessions)
  return !(watermark >= sessions.nextDue)
}

/** Forgets the rows that the host has been told of. */
export function beginRows(sessions: Sessions): void {
  if (sessions.told) sessions.fired = 0
  sessions.told = 0
}

/**
 * Puts out what has fired since the last call, in sessionAdd() or now, at the current watermark: the rows (at most
 * OUTPUT_ROWS), or 0 when nothing more is ready. The output columns are valid until the next call.
 */
export function sessionFire(pointer: usize): i32 {
  const sessions = changetype<Sessions>(pointer)
  beginRows(sessions)
  fireReady(sessions)
  sessions.told = 1
  return <i32>sessions.fired
}
