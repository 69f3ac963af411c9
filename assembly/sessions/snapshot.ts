/*
 * The part of sessions in a snapshot (windows/part.ts).
 *
 *   params:  0        8           16        20        24
 *            +--------+-----------+---------+---------+------------------+----------+
 *            | gap    | watermark | passed  | columns | specifications   | padding  |
 *            | f64    | f64       | u32     | u32     | u32[columns]     | to 16    |
 *            +--------+-----------+---------+---------+------------------+----------+
 *
 *   state:   the open sessions by key id, the newest of each key first, each as layout.ts draws it with `older`,
 *            `open` and `next` 0 and its float sums with one bit pattern for every NaN
 *
 * Keys that no session holds are kept until the next settle, before a restart and after.
 */
import {
  LIMIT_TIMESTAMP, LIMIT_WINDOW, MISMATCH_WINDOW, NO_ID, SNAPSHOT_KIND_SESSION, STATUS_ARGUMENT,
  STATUS_MEMORY_LIMIT, STATUS_OK, STATUS_SNAPSHOT_CORRUPT, STATUS_SNAPSHOT_MISMATCH,
} from '../abi'
import { copyTo, put } from '../guard'
import { KeyIndex } from '../keys/layout'
import { inUse } from '../keys/ids'
import { AT_ROWS } from '../windows/aggregation'
import { copyRecord } from '../windows/pages'
import {
  beginPart, endRead, fail, failNull, idMap, idOf, isWhole, mayRestore, paramsOf, readKeys, restoreWatermark, sealPart,
  stateBytesOf, stateOf, verifyHeader, verifySections,
} from '../windows/part'
import { canonicalSums, windowSnapshotRelease } from '../windows/snapshot'
import { openSession, reserveHeads } from './add'
import { headAt, recordOf, Session, Sessions } from './layout'

const PARAM_GAP: usize = 0
const PARAM_WATERMARK: usize = 8
const PARAM_PASSED: usize = 16
const PARAM_COLUMNS: u32 = 20

/**
 * As windowSnapshot(); the key index need not be settled. STATUS_ARGUMENT (detail 2) when rows wait to be taken: call
 * sessionFire() until it returns 0.
 */
export function sessionSnapshot(pointer: usize): usize {
  const sessions = changetype<Sessions>(pointer)
  if (sessions.watermark >= sessions.nextDue || (sessions.fired != 0 && !sessions.told)) {
    return failNull(STATUS_ARGUMENT, 2)
  }
  windowSnapshotRelease(pointer)
  const bytes = <usize>sessions.pageBytes
  const part = beginPart(sessions, SNAPSHOT_KIND_SESSION, PARAM_COLUMNS, <u64>sessions.records * <u64>bytes)
  if (part == 0) return failNull(STATUS_MEMORY_LIMIT, 0)
  const params = paramsOf(part)
  put<f64>(params, sessions.gapMs, PARAM_GAP)
  put<f64>(params, sessions.watermark, PARAM_WATERMARK)
  put<u32>(params, sessions.passed, PARAM_PASSED)
  let at = stateOf(part)
  const ids = min<u32>(sessions.headCapacity, changetype<KeyIndex>(sessions.keys).highWater)
  for (let id: u32 = 0; id < ids; id++) {
    let from = <usize>load<u32>(headAt(sessions, id))
    while (from != 0) {
      copyTo(at, from, bytes)
      const written = changetype<Session>(at)
      from = written.older
      written.older = 0
      written.open = 0
      written.next = 0
      canonicalSums(sessions, recordOf(written), 1)
      at += bytes
    }
  }
  return sealPart(sessions, part)
}

/** Whether a session is open at a watermark and holds rows. */
function isSound(session: Session, watermark: f64): bool {
  const start = session.start
  const end = session.end
  // NaN is not its own floor.
  return Math.floor(start) == start && Math.floor(end) == end && start < end && end - 1 > watermark
    && Math.abs(start) <= <f64>LIMIT_TIMESTAMP && end <= <f64>LIMIT_TIMESTAMP + <f64>LIMIT_WINDOW
    && load<f64>(recordOf(session), AT_ROWS) >= 1
}

function readSessions(sessions: Sessions, part: usize): i32 {
  if (!reserveHeads(sessions)) return STATUS_MEMORY_LIMIT
  const bytes = <usize>sessions.pageBytes
  const watermark = load<f64>(paramsOf(part), PARAM_WATERMARK)
  const index = changetype<KeyIndex>(sessions.keys)
  const size = stateBytesOf(part)
  if (size % bytes != 0) return STATUS_SNAPSHOT_CORRUPT
  let last: Session | null = null
  const end = stateOf(part) + size
  for (let at = stateOf(part); at < end; at += bytes) {
    const session = changetype<Session>(at)
    if (!isSound(session, watermark)) return STATUS_SNAPSHOT_CORRUPT
    let id = session.id
    if (idMap != 0) id = idOf(id)
    else if (!inUse(index, id)) id = NO_ID
    if (id == NO_ID) {
      if (isWhole) return STATUS_SNAPSHOT_CORRUPT
      continue
    }
    // Sessions of one key follow one another, and lie apart.
    const isNext = last !== null && last.id == id
    if (isNext ? last!.start <= session.end : load<u32>(headAt(sessions, id)) != 0) return STATUS_SNAPSHOT_CORRUPT
    last = openSession(sessions, id, session.start, session.end, isNext ? last : null, 0)
    if (last === null) return STATUS_MEMORY_LIMIT
    copyRecord(recordOf(last), recordOf(session), sessions.recordBytes)
  }
  return STATUS_OK
}

/** As windowRestore(). */
export function sessionRestore(pointer: usize, part: usize, length: usize, firstGroup: u32, lastGroup: u32): i32 {
  const sessions = changetype<Sessions>(pointer)
  let status = mayRestore(sessions, firstGroup, lastGroup)
  if (status == STATUS_OK) status = verifyHeader(sessions, part, length, SNAPSHOT_KIND_SESSION, PARAM_COLUMNS)
  if (status < 0) return status
  const params = paramsOf(part)
  const watermark = load<f64>(params, PARAM_WATERMARK)
  if (load<f64>(params, PARAM_GAP) != sessions.gapMs) return fail(STATUS_SNAPSHOT_MISMATCH, MISMATCH_WINDOW)
  if (watermark != watermark) return STATUS_SNAPSHOT_CORRUPT
  status = verifySections(sessions, part, length)
  if (status < 0) return status
  restoreWatermark(sessions, watermark)
  sessions.passed += load<u32>(params, PARAM_PASSED)
  status = readKeys(sessions, part, firstGroup, lastGroup)
  if (status == STATUS_OK) status = readSessions(sessions, part)
  endRead()
  return status
}
