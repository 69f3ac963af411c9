import type { Schema } from '../../core/schema.js'
import type { ErrorPolicy } from '../user-function.js'

export interface AsyncMapSettings {
  /** Gives a record for the row, or null for none. */
  readonly call: (row: unknown, attempt: number) => unknown
  readonly schema: Schema
  readonly isOrdered: boolean
  /** Records that are out at once, those included whose result waits for its turn. */
  readonly capacity: number
  /** For a record, all attempts included; +Infinity: none. */
  readonly timeoutMs: number
  /** Attempts behind the first. */
  readonly retries: number
  /** Before the first retry, ms; twice as long before each further one. */
  readonly retryDelayMs: number
  readonly errors: ErrorPolicy
}
