/* Records of a source that became no row, as rows of the source's side output. */
import type { Batch } from '../core/batch.js'
import { BatchBuilder } from '../core/batch-builder.js'
import { Schema } from '../core/schema.js'
import { nullable, type RowOf } from '../core/types.js'

const SHAPE = {
  path: 'utf8',
  position: 'f64',
  line: 'f64',
  reason: 'utf8',
  message: 'utf8',
  field: nullable('utf8'),
  sizeBytes: 'f64',
  text: nullable('utf8'),
  base64: nullable('utf8'),
} as const

/**
 * A record of a file that became no row: the file, the byte and the line (or element of an array) at which it begins, a
 * stable code such as SYNTAX or WRONG_TYPE, the reason in words, the field that refused it, its size, and its bytes: as
 * `text` where they are UTF-8, else as `base64`; of one that is larger than the source takes the first 4,096.
 */
export type RejectedRow = RowOf<typeof SHAPE>

export const REJECTED_SCHEMA: Schema<RejectedRow> = Schema.of(SHAPE)

export function rejectedBatches(rows: readonly RejectedRow[]): readonly Batch[] {
  return [...BatchBuilder.batches(REJECTED_SCHEMA, rows)]
}
