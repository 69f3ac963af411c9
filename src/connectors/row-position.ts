/* Positions of sources that count rows. */
import { describeValue, SabotError } from '../core/errors.js'
import type { Json } from '../core/json.js'

/**
 * The row to go on from: 0 without a position.
 * @throws SabotError POSITION_INVALID when it is no row number
 */
export function rowPosition(position: Json | undefined, source: string): number {
  if (position === undefined) return 0
  if (typeof position === 'number' && Number.isSafeInteger(position) && position >= 0) return position
  throw invalidPosition(position, source, 'a row number')
}

/**
 * The row to go on from in an input of `rowCount` rows, out of a position that tells how many it had.
 * @throws SabotError POSITION_INVALID, SOURCE_CHANGED when the input has another number of rows now
 */
export function rowOfKnown(position: Json | undefined, rowCount: number, source: string): number {
  if (position === undefined) return 0
  if (typeof position === 'object' && position !== null && 'row' in position && 'rowCount' in position) {
    const row = rowPosition(position.row, source)
    if (position.rowCount !== rowCount) {
      throw new SabotError(
        'SOURCE_CHANGED',
        `${source} has ${rowCount} rows, but had ${describeValue(position.rowCount)} at the checkpoint: ` +
          'restore the old input, or begin anew without resuming',
        { source, rowCount, expectedRowCount: position.rowCount },
      )
    }
    assertWithin(row, rowCount, source)
    return row
  }
  throw invalidPosition(position, source, 'a row and a row count')
}

/** @throws SabotError SOURCE_CHANGED when the input ends before the position */
export function assertWithin(row: number, rowCount: number, source: string): void {
  if (row <= rowCount) return
  throw new SabotError(
    'SOURCE_CHANGED',
    `${source} has ${rowCount} rows, but the checkpoint was taken behind row ${row}: ` +
      'restore the old input, or begin anew without resuming',
    { source, rowCount, row },
  )
}

export function invalidPosition(position: Json, source: string, expected: string): SabotError {
  return new SabotError(
    'POSITION_INVALID',
    `${source} cannot go on from ${describeValue(position)}: its positions are ${expected}. Is the checkpoint of another source?`,
    { source, position },
  )
}
