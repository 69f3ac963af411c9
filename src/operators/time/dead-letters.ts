import { Batch } from '../../core/batch.js'
import { Utf8Column } from '../../core/columns-text.js'
import { Schema } from '../../core/schema.js'
import type { SetAside } from './row-watermarks.js'

/** The side output of records whose timestamp is invalid, or too far ahead. */
export const DEAD_LETTER_OUTPUT = 'deadLetters'
/** The field of a dead letter that says what is wrong with it. */
export const REASON_FIELD = 'reason'

export function deadLetterSchema(input: Schema): Schema {
  return new Schema([...input.fields, { name: REASON_FIELD, type: 'utf8', nullable: false }])
}

/** The rows, each with its reason. */
export function deadLetters(batch: Batch, aside: readonly SetAside[]): Batch {
  const rows = Uint32Array.from(aside, ({ row }) => row)
  return new Batch({
    schema: deadLetterSchema(batch.schema),
    columns: [
      ...batch.columns.map(column => column.gather(rows)),
      Utf8Column.from(aside.map(({ problem }) => `timestamp ${problem}`)),
    ],
    rowCount: rows.length,
  })
}
