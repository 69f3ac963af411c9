import { describeValue, SabotError } from '../core/errors.js'

/** What becomes of a record for which a function fails: the job ends, it is left out, or it is set aside with the reason. */
export type ErrorPolicy = 'fail' | 'skip' | 'deadLetter'

/** A user's function threw. The record is in the details, so that the failure can be replayed. */
export function userFunctionFailed(operator: string, row: unknown, cause: unknown): SabotError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new SabotError(
    'USER_FUNCTION_FAILED',
    `Operator ${operator}: its function threw on the record ${recordText(row)}: ${reason}`,
    { operator, record: row },
    { cause },
  )
}

/** A user's function returned what it must not. */
export function wrongResult(operator: string, row: unknown, result: unknown, expected: string): SabotError {
  const hint = isThenable(result) ? ' (functions here must not be async)' : ''
  return new SabotError(
    'USER_FUNCTION_RESULT',
    `Operator ${operator}: its function returned ${describeValue(result)} instead of ${expected}${hint} for the record ` +
      recordText(row),
    { operator, record: row, result },
  )
}

/**
 * What went wrong in a function of the user, told of the operator and of what the function was called with. An error
 * that tells the operator already stays as it is.
 */
export function namedFailure(operator: string, given: unknown, cause: unknown): SabotError {
  if (!(cause instanceof SabotError)) return userFunctionFailed(operator, given, cause)
  if (cause.code !== 'USER_FUNCTION_RESULT' || 'operator' in cause.details) return cause
  return new SabotError(
    cause.code,
    `Operator ${operator}: ${cause.message}, for the record ${recordText(given)}`,
    { ...cause.details, operator, record: given },
    { cause },
  )
}

export function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value
}

export function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** JSON has no integers of 64 bits, and writes null for NaN and the infinities. */
function isNoJson(value: unknown): boolean {
  return typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value))
}

function recordText(row: unknown): string {
  const text = JSON.stringify(row, (_key, value) => (isNoJson(value) ? `${value}` : value)) ?? String(row)
  return text.length <= 300 ? text : `${text.slice(0, 297)}...`
}
