/* Positions in files of records. */
import type { SabotError } from '../core/errors.js'
import { type Json, memberOf } from '../core/json.js'
import { invalidPosition } from './row-position.js'

/**
 * Where reading goes on: at a byte of a file, with some rows from there on left out, since a position may be wanted
 * behind any row, but bytes are known only where the decoder has given out all that it had.
 */
export interface RecordPosition {
  /** Byte at which a record begins, in what the file is decompressed to. */
  readonly offset: number
  /** Lines, or elements of an array, before it. */
  readonly line: number
  /** Rows behind `offset` that were given out already. */
  readonly rows: number
  /** Rejected records before `offset`. */
  readonly rejected: number
  /** Rejected records behind `offset` that were given out as dead letters already. */
  readonly letters: number
  /** Whether the array has ended before `offset`, or the rest of the file is of no interest. */
  readonly ended: 'no' | 'array' | 'file'
  /** Of the file, where its carrier tells versions apart. */
  readonly version: string | undefined
}

export const START: RecordPosition = {
  offset: 0,
  line: 0,
  rows: 0,
  rejected: 0,
  letters: 0,
  ended: 'no',
  version: undefined,
}

export function positionToJSON({ offset, line, rows, rejected, letters, ended, version }: RecordPosition): Json {
  return {
    offset,
    line,
    rows,
    rejected,
    ...(letters === 0 ? {} : { letters }),
    ended,
    ...(version === undefined ? {} : { version }),
  }
}

/** @throws SabotError POSITION_INVALID */
export function positionFromJSON(position: Json | undefined, source: string): RecordPosition {
  if (position === undefined) return START
  const ended = memberOf(position, 'ended')
  if (ended !== 'no' && ended !== 'array' && ended !== 'file') throw notOurs(position, source)
  const members = ['offset', 'line', 'rows', 'rejected', 'letters']
  const [offset = 0, line = 0, rows = 0, rejected = 0, letters = 0] = members.map(name => {
    const value = memberOf(position, name)
    if (name === 'letters' && value === undefined) return 0
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
    throw notOurs(position, source)
  })
  const version = memberOf(position, 'version')
  return { offset, line, rows, rejected, letters, ended, version: typeof version === 'string' ? version : undefined }
}

function notOurs(position: Json, source: string): SabotError {
  return invalidPosition(position, source, 'an offset, a line and counts')
}
