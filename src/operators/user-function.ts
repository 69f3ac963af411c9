import { describeValue, SabotError } from '../core/errors.js'

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

export function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

function recordText(row: unknown): string {
  const text = JSON.stringify(row, (_key, value) => (typeof value === 'bigint' ? `${value}` : value)) ?? String(row)
  return text.length <= 300 ? text : `${text.slice(0, 297)}...`
}
