import { isDeepStrictEqual } from 'node:util'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [field: string]: Json }
export type JsonObject = { readonly [field: string]: Json }

/** One conformance vector; test/vectors/README.md tells what the fields mean. */
export interface Vector {
  readonly id: string
  readonly suite: string
  /** How to read input and expected. */
  readonly kind: string
  /** Whose rules apply. */
  readonly semantics: string
  readonly source: JsonObject
  readonly description: string
  readonly config: JsonObject
  readonly input: Json
  readonly expected: JsonObject
  readonly derived: boolean
  readonly notes?: string
}

export class VectorFileError extends Error {
  override readonly name = 'VectorFileError'
}

const FIELDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  id: isText,
  suite: isText,
  kind: isText,
  semantics: isText,
  source: isObject,
  description: isText,
  config: isObject,
  input: value => value !== undefined,
  expected: isObject,
  derived: value => typeof value === 'boolean',
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The vectors of a file's text. Throws a VectorFileError that names the file, the vector and the field. */
export function parseVectors(file: string, text: string): Vector[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw new VectorFileError(`${file}: not JSON: ${(cause as Error).message}`, { cause })
  }
  if (!Array.isArray(parsed)) throw new VectorFileError(`${file}: not an array of vectors`)
  const seen = new Set<string>()
  return parsed.map((value: unknown, index) => {
    if (!isObject(value)) throw new VectorFileError(`${file}: entry ${index} is not an object`)
    const vector = value as Vector
    for (const [field, isValid] of Object.entries(FIELDS)) {
      if (!isValid(vector[field as keyof Vector])) {
        throw new VectorFileError(`${file}: entry ${index} (id ${vector.id}): ${field} is missing or malformed`)
      }
    }
    if (seen.has(vector.id)) throw new VectorFileError(`${file}: entry ${index}: the id ${vector.id} occurs twice`)
    seen.add(vector.id)
    return vector
  })
}

export type Outcome =
  | { readonly status: 'passed' }
  | { readonly status: 'failed'; readonly expected: unknown; readonly got: unknown }
  | { readonly status: 'skipped'; readonly reason: string }

/** Passed when equal, else failed with both. */
export function compare(expected: unknown, got: unknown): Outcome {
  return isDeepStrictEqual(expected, got) ? { status: 'passed' } : { status: 'failed', expected, got }
}

export const skip = (reason: string): Outcome => ({ status: 'skipped', reason })

/** Thrown by the readers below when a vector says something that the runner of its kind does not know. */
export class NotUnderstood extends Error {
  override readonly name = 'NotUnderstood'
}

/** The object with its fields checked: a field that nobody reads must not be passed over in silence. */
export function fields(where: string, value: Json | undefined, known: readonly string[]): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new NotUnderstood(`${where} is not an object`)
  }
  const object = value as JsonObject
  const unknown = Object.keys(object).find(field => !known.includes(field))
  if (unknown !== undefined) throw new NotUnderstood(`${where} has the field ${unknown}`)
  return object
}

export function list(where: string, value: Json | undefined): readonly Json[] {
  if (!Array.isArray(value)) throw new NotUnderstood(`${where} is not a list`)
  return value as readonly Json[]
}

/** An integer, also where it is written as a decimal string because it is large; exact or not understood. */
export function integer(where: string, value: Json | undefined): number {
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) {
    throw new NotUnderstood(`${where} is ${JSON.stringify(value)}, not an integer within ±2^53`)
  }
  return number
}

export function text(where: string, value: Json | undefined): string {
  if (typeof value !== 'string') throw new NotUnderstood(`${where} is ${JSON.stringify(value)}, not a string`)
  return value
}

/** One of the values that the runner knows; undefined: what the field says without it. */
export function choice<const Value extends string>(
  where: string,
  value: Json | undefined,
  known: readonly Value[],
): Value | undefined {
  if (value === undefined || known.includes(value as Value)) return value as Value | undefined
  throw new NotUnderstood(`${where} is ${JSON.stringify(value)}`)
}

export function bytesOf(where: string, value: Json | undefined): Uint8Array<ArrayBuffer> {
  const hex = text(where, value)
  if (!/^([0-9a-f]{2})*$/i.test(hex)) throw new NotUnderstood(`${where} is not hexadecimal`)
  return Uint8Array.from(hex.match(/../g) ?? [], pair => Number.parseInt(pair, 16))
}
