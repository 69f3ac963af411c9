/* Errors between threads: a structured clone of an Error keeps neither code nor details. */
import { describeValue, SabotError } from '../core/errors.js'

/** A SabotError as plain data. */
export interface WireError {
  readonly code: string
  readonly message: string
  readonly details: Readonly<Record<string, string | number | boolean | null>>
  readonly cause: { readonly name: string; readonly message: string } | undefined
}

/** Any failure as a SabotError. `doing` begins its message where it is not one yet. */
export function toSabotError(cause: unknown, code: string, doing: string): SabotError {
  if (cause instanceof SabotError) return cause
  const reason = cause instanceof Error ? cause.message : describeValue(cause)
  return new SabotError(code, `${doing}: ${reason}`, {}, { cause })
}

export function encodeError(error: SabotError): WireError {
  const { cause } = error
  return {
    code: error.code,
    message: error.message,
    details: Object.fromEntries(Object.entries(error.details).map(([name, value]) => [name, plain(value)])),
    cause: cause instanceof Error ? { name: cause.name, message: cause.message } : undefined,
  }
}

export function decodeError({ code, message, details, cause }: WireError): SabotError {
  if (!cause) return new SabotError(code, message, details)
  const original = new Error(cause.message)
  original.name = cause.name
  return new SabotError(code, message, details, { cause: original })
}

function plain(value: unknown): string | number | boolean | null {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value
  return describeValue(value)
}
