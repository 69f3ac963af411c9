import type { Batch } from '../../core/batch.js'
import { filledBitmap, setBit } from '../../core/bitmap.js'
import { Float32Column, Float64Column, Int32Column, Int64Column, TimestampColumn } from '../../core/columns-fixed.js'
import { SabotError } from '../../core/errors.js'
import type { RowReader } from '../../core/row-view.js'
import { typeName } from '../../core/types.js'
import type { TimestampValues } from '../../kernel/time.js'
import { userFunctionFailed, wrongResult } from '../user-function.js'

/** Where a record's timestamp comes from: a field, a function of the row (ms), its source, or the moment it came in. */
export type TimestampOrigin = string | ((row: unknown) => number | null) | SourceTime | IngestionTime

/** The timestamp that the source put on the record, such as a broker's. */
export interface SourceTime {
  readonly kind: 'source-time'
}

/** Processing time when the record reached the operator. */
export interface IngestionTime {
  readonly kind: 'ingestion-time'
}

/** A column of times. @throws SabotError TYPE_MISMATCH, UNKNOWN_FIELD */
export function fieldTimes(operator: string, batch: Batch, name: string): TimestampValues {
  const column = batch.column(name)
  if (
    column instanceof TimestampColumn ||
    column instanceof Int64Column ||
    column instanceof Float64Column ||
    column instanceof Float32Column ||
    column instanceof Int32Column
  ) {
    return column
  }
  throw new SabotError(
    'TYPE_MISMATCH',
    `Operator ${operator} takes event time from ${name}, which is ${typeName(column.type)}: give a timestamp, a number ` +
      'of ms, or a function of the row',
    { operator, field: name, type: typeName(column.type) },
  )
}

/** What a user's function gives for each row. @throws SabotError USER_FUNCTION_FAILED, USER_FUNCTION_RESULT */
export function computedTimes(
  operator: string,
  batch: Batch,
  reader: RowReader,
  compute: (row: unknown) => number | null,
): TimestampValues {
  const values = new Float64Array(batch.rowCount)
  let validity: Uint8Array | undefined
  for (let row = 0; row < values.length; row++) {
    let time: unknown
    try {
      time = compute(reader.at(row))
    } catch (cause) {
      throw userFunctionFailed(operator, reader.materialize(), cause)
    }
    if (typeof time === 'number') {
      values[row] = time
    } else if (time === null || time === undefined) {
      validity ??= filledBitmap(values.length)
      setBit(validity, row, false)
    } else {
      throw wrongResult(operator, reader.materialize(), time, 'a number of ms, or null')
    }
  }
  return { values, validity }
}

/** What the source put on the rows. @throws SabotError NO_TIMESTAMPS when it puts none */
export function sourceTimes(operator: string, batch: Batch): TimestampValues {
  if (batch.timestamps !== undefined) return { values: batch.timestamps }
  throw new SabotError(
    'NO_TIMESTAMPS',
    `Operator ${operator} takes event time from the source, which puts none on its records: take it from a field, or ` +
      'use ingestionTime()',
    { operator },
  )
}
