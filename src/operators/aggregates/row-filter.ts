import type { Batch } from '../../core/batch.js'
import { bitmapBytes, setBit } from '../../core/bitmap.js'
import { RowReader } from '../../core/row-view.js'
import type { Schema } from '../../core/schema.js'
import { userFunctionFailed, wrongResult } from '../user-function.js'

/** The predicate of an aggregate's where(). */
export type Predicate = (row: never) => boolean

/** Runs a predicate over the rows of batches. */
export class RowFilter {
  private readonly predicate: Predicate
  private readonly reader: RowReader
  private readonly operator: string

  constructor(predicate: Predicate, input: Schema, operator: string) {
    this.predicate = predicate
    this.reader = new RowReader(input)
    this.operator = operator
  }

  /**
   * A bitmap of the rows for which the predicate is true; the batch has no selection.
   * @throws SabotError USER_FUNCTION_FAILED, USER_FUNCTION_RESULT
   */
  passing(batch: Batch): Uint8Array {
    const bits = new Uint8Array(bitmapBytes(batch.rowCount))
    const reader = this.reader.bind(batch)
    for (let row = 0; row < batch.rowCount; row++) {
      if (isTrue(this.predicate, reader.at(row) as object, this.operator)) setBit(bits, row, true)
    }
    return bits
  }
}

/** @throws SabotError USER_FUNCTION_FAILED when the predicate throws, USER_FUNCTION_RESULT when it gives no boolean */
export function isTrue(predicate: Predicate, record: object, operator: string): boolean {
  let answer: unknown
  try {
    answer = predicate(record as never)
  } catch (cause) {
    throw userFunctionFailed(operator, { ...record }, cause)
  }
  if (typeof answer !== 'boolean') throw wrongResult(operator, { ...record }, answer, 'true or false')
  return answer
}
