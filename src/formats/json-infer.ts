/*
 * A schema from a sample of JSON. It is for showing to a person, who then declares what is wanted; so it parses as
 * anybody would.
 */
import { Schema } from '../core/schema.js'
import type { ColumnType, Field } from '../core/types.js'
import { decodeUtf8 } from '../core/utf8.js'

export interface InferJsonOptions {
  /** 'ndjson': one object a line. 'array': one array of objects. */
  readonly format?: 'ndjson' | 'array'
  /** Records that are looked at; 1,000 by default. */
  readonly records?: number
}

const DEFAULT_RECORDS = 1000
const TWO_53 = 2 ** 53
const TWO_63 = 2 ** 63

// The forms that a timestamp column takes, and the days that there are in some year.
const TIME =
  /^([+-]\d{6}|\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d(:?\d\d)?)?)?$/

type Kind = 'bool' | 'whole' | 'large' | 'fraction' | 'text' | 'time' | 'object' | 'array'

/** What was seen of a field, of the fields of its objects, and of the elements of its arrays. */
interface Seen {
  readonly kinds: Set<Kind>
  readonly fields: Map<string, Seen>
  elements: Seen | undefined
}

/**
 * The schema of the first complete records of `bytes`, at most `records`; lines or elements that are no objects are
 * passed over. Numbers are f64, but i64 where all are whole and some are beyond 2^53; texts are timestamp where all are
 * ISO 8601 with a date, else utf8; objects are struct, arrays of one plain type list; what is of several types, or never
 * anything but null or empty, is object. All is nullable at every level, as a sample cannot rule nulls out.
 */
export function inferJsonSchema(bytes: Uint8Array, options: InferJsonOptions = {}): Schema {
  const { format = 'ndjson', records = DEFAULT_RECORDS } = options
  const root = nothing()
  const text = decodeUtf8(bytes).replace(/^\uFEFF/, '')
  let count = 0
  for (const part of format === 'array' ? elements(text) : text.split('\n')) {
    const record = parse(part)
    if (typeof record !== 'object' || record === null || Array.isArray(record)) continue
    look(root, record)
    if (++count === records) break
  }
  return new Schema(fieldsOf(root))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The texts between the commas of an array, as far as it goes. */
function* elements(text: string): Generator<string> {
  const first = text.indexOf('[') + 1
  let start = first
  let depth = 0
  for (const { 0: token, index } of text.slice(first).matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},]/gs)) {
    const at = first + index
    if (depth === 0 && (token === ',' || token === ']')) {
      yield text.slice(start, at)
      if (token === ']') return
      start = at + 1
    } else if (token === '[' || token === '{') {
      depth++
    } else if (token === ']' || token === '}') {
      depth--
    }
  }
}

function nothing(): Seen {
  return { kinds: new Set(), fields: new Map(), elements: undefined }
}

function look(seen: Seen, value: unknown): void {
  if (value === null) return
  seen.kinds.add(kindOf(value))
  if (Array.isArray(value)) {
    seen.elements ??= nothing()
    for (const entry of value) look(seen.elements, entry)
  } else if (typeof value === 'object') {
    for (const [name, part] of Object.entries(value as object)) {
      const field = seen.fields.get(name) ?? nothing()
      seen.fields.set(name, field)
      look(field, part)
    }
  }
}

function fieldsOf({ fields }: Seen): Field[] {
  return Array.from(fields, ([name, field]) => ({ name, type: typeOf(field), nullable: true }))
}

function kindOf(value: unknown): Kind {
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return TIME.test(value) ? 'time' : 'text'
  if (typeof value === 'number') {
    if (!Number.isInteger(value) || Math.abs(value) >= TWO_63) return 'fraction'
    return Math.abs(value) < TWO_53 ? 'whole' : 'large'
  }
  return Array.isArray(value) ? 'array' : 'object'
}

function typeOf(seen: Seen): ColumnType {
  const { kinds, fields, elements } = seen
  const are = (...allowed: Kind[]): boolean => kinds.size > 0 && Array.from(kinds).every(kind => allowed.includes(kind))
  if (are('bool')) return 'bool'
  if (are('whole', 'large')) return kinds.has('large') ? 'i64' : 'f64'
  if (are('whole', 'large', 'fraction')) return 'f64'
  if (are('time')) return 'timestamp'
  if (are('time', 'text')) return 'utf8'
  if (are('object') && fields.size > 0) return { kind: 'struct', fields: fieldsOf(seen) }
  if (are('array') && elements !== undefined) {
    const type = typeOf(elements)
    if (typeof type === 'string' && type !== 'object') return { kind: 'list', element: { kind: 'nullable', type } }
  }
  return 'object'
}
