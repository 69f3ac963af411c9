/*
 * The life of session state. What else a host may ask or do is as of windows: windowAdvance, windowWatermark,
 * windowOutput, windowLateRows, windowLateCount, windowLateTotal, windowRecords (open sessions), windowStateBytes,
 * windowSnapshotRelease.
 */
import { keysDrop, keysSettle } from '../keys'
import { KeyIndex } from '../keys/layout'
import { allocateZeroed, release } from '../memory'
import { areColumns, openAggregation, refuse, releaseAggregation } from '../windows/columns'
import { isGap } from './add'
import { headAt, SESSION_HEAD, Session, Sessions } from './layout'
import { WHEEL_BYTES } from './wheel'

/**
 * Sessions over the keys of an index, with `columnCount` aggregated columns as for windowCreate(). `gapMs` is the gap
 * of all rows, where sessionAdd() is given none. 0 = failure; status and argument number in the result area.
 */
export function sessionCreate(keys: usize, gapMs: f64, columns: usize, columnCount: u32): usize {
  if (!isGap(gapMs)) return refuse(1)
  if (!areColumns(columns, columnCount)) return refuse(2)
  const pointer = allocateZeroed(offsetof<Sessions>())
  if (pointer == 0) return 0
  const sessions = changetype<Sessions>(pointer)
  sessions.gapMs = gapMs
  sessions.nextDue = NaN
  sessions.nextSlot = NaN
  sessions.wheel = allocateZeroed(WHEEL_BYTES)
  if (sessions.wheel != 0 && openAggregation(sessions, keys, columns, columnCount, SESSION_HEAD, 1, true)) {
    return pointer
  }
  sessionRelease(pointer)
  return 0
}

/** Frees the sessions; their keys are dropped from the index. */
export function sessionRelease(pointer: usize): void {
  if (pointer == 0) return
  const sessions = changetype<Sessions>(pointer)
  for (let id: u32 = 0; id < sessions.headCapacity; id++) {
    let session = <usize>load<u32>(headAt(sessions, id))
    for (; session != 0; session = changetype<Session>(session).older) keysDrop(sessions.keys, id)
  }
  release(sessions.wheel)
  release(sessions.heap)
  release(sessions.heads)
  releaseAggregation(sessions)
}

/**
 * Frees the keys that no session holds; ids of rows that were coded and not added are void then. To be called where
 * sessionAdd() ends before its last row: which ids new keys get depends on it.
 */
export function sessionSettle(pointer: usize): i32 {
  const sessions = changetype<Sessions>(pointer)
  sessions.passed = 0
  return keysSettle(sessions.keys)
}
