/* Positions in files of records. */
import { SabotError } from '../core/errors.js'
import { type Json, memberOf } from '../core/json.js'
import { invalidPosition } from './row-position.js'

/**
 * Where reading goes on: at a byte of a file, with some rows from there on left out, since a position may be wanted
 * behind any row, but bytes are known only where the decoder has given out all that it had.
 */
export interface RecordPosition {
  /** Which of the files, from 0. */
  readonly file: number
  /** Byte at which a record begins, in what the file is decompressed to. */
  readonly offset: number
  /** Lines, or elements of an array, before it. */
  readonly line: number
  /** Rows behind `offset` that were given out already. */
  readonly rows: number
  /** Rejected records before `offset`, in all files. */
  readonly rejected: number
  /** Whether the array has ended before `offset`, or the rest of the file is of no interest. */
  readonly ended: 'no' | 'array' | 'file'
}

export const START: RecordPosition = { file: 0, offset: 0, line: 0, rows: 0, rejected: 0, ended: 'no' }

export function positionToJSON({ file, offset, line, rows, rejected, ended }: RecordPosition): Json {
  return { file, offset, line, rows, rejected, ended }
}

/** @throws SabotError POSITION_INVALID; SOURCE_CHANGED when there are fewer files than before */
export function positionFromJSON(position: Json | undefined, fileCount: number, source: string): RecordPosition {
  if (position === undefined) return START
  const ended = memberOf(position, 'ended')
  if (ended !== 'no' && ended !== 'array' && ended !== 'file') throw notOurs(position, source)
  const [file = 0, offset = 0, line = 0, rows = 0, rejected = 0] = ['file', 'offset', 'line', 'rows', 'rejected'].map(
    name => {
      const value = memberOf(position, name)
      if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
      throw notOurs(position, source)
    },
  )
  if (file >= fileCount) {
    throw new SabotError(
      'SOURCE_CHANGED',
      `${source} has ${fileCount} files, but the checkpoint was taken in the one with number ${file + 1}: name the old ` +
        'files, or begin anew without resuming',
      { source, fileCount, file },
    )
  }
  return { file, offset, line, rows, rejected, ended }
}

function notOurs(position: Json, source: string): SabotError {
  return invalidPosition(position, source, 'a file, an offset, a line and counts')
}
