import { describeValue, SabotError } from '../core/errors.js'
import { REASON_FIELD } from '../operators/time/dead-letters.js'
import type { ErrorPolicy } from '../operators/user-function.js'

export interface FunctionOptions {
  /**
   * What becomes of a record for which the function throws, or returns what does not fit: 'fail' ends the job and names
   * operator and record (the default), 'skip' counts it (`failed`), 'deadLetter' counts it and sends it to
   * `results.deadLetters`. Nothing of what the function gave for it goes on.
   */
  readonly errors?: ErrorPolicy
}

const POLICIES: readonly unknown[] = ['fail', 'skip', 'deadLetter']

/** @throws SabotError INVALID_OPTION; DUPLICATE_FIELD where dead letters would have two fields of one name */
export function checkErrorPolicy(errors: ErrorPolicy, fields: readonly string[] | undefined): void {
  if (!POLICIES.includes(errors)) {
    throw new SabotError('INVALID_OPTION', `errors is 'fail', 'skip' or 'deadLetter', not ${describeValue(errors)}`, {
      option: 'errors',
      value: errors,
    })
  }
  if (errors === 'deadLetter') checkFreeReason(fields)
}

/** @throws SabotError DUPLICATE_FIELD */
export function checkFreeReason(fields: readonly string[] | undefined): void {
  if (fields?.includes(REASON_FIELD) !== true) return
  throw new SabotError(
    'DUPLICATE_FIELD',
    `deadLetters adds a field ${REASON_FIELD}, which the records have already: rename it with select()`,
    { field: REASON_FIELD },
  )
}
