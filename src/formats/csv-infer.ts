/* Schemas from a sample of CSV. */
import { SabotError } from '../core/errors.js'
import { Schema } from '../core/schema.js'
import type { PrimitiveType } from '../core/types.js'
import { decodeUtf8 } from '../core/utf8.js'
import { type CsvDialect, resolveDialect } from './csv-dialect.js'
import { type CsvTextField, csvRecords } from './csv-text.js'

export interface InferCsvOptions extends CsvDialect {
  /** Whether the first record names the columns; true by default. Otherwise they are column1, column2, ... */
  readonly header?: boolean
  /** Records that are looked at; 10,000 by default. */
  readonly sampleRecords?: number
}

const DEFAULT_RECORDS = 10_000
const INTEGER = /^[+-]?(?:0|[1-9]\d*)$/
const NUMBER = /^[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/
const NOT_FINITE = /^[+-]?(?:nan|inf|infinity)$/i
const BOOL = /^(?:true|false)$/i
const TIMESTAMP =
  /^(?:\d{4}|[+-]\d{6})-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d(?::?\d\d)?)?)?$/

/** From the narrowest on: the first that takes all texts of a column is its type. Numbers such as 007 stay texts. */
const CANDIDATES: readonly [PrimitiveType, (text: string) => boolean][] = [
  ['bool', text => BOOL.test(text)],
  ['i32', text => INTEGER.test(text) && Math.abs(Number(text)) <= 0x7fffffff],
  ['i64', text => INTEGER.test(text) && text.length < 24 && BigInt.asIntN(64, whole(text)) === whole(text)],
  ['f64', text => NUMBER.test(text) || NOT_FINITE.test(text)],
  ['timestamp', text => TIMESTAMP.test(text)],
]

function whole(text: string): bigint {
  return BigInt(text.replace(/^\+/, ''))
}

/**
 * The schema of a file from its beginning: bool for true and false, i32 or i64 for whole numbers by their size, f64,
 * timestamp for ISO 8601 texts, utf8 for all else and for columns without a value. Every column is nullable, as a
 * sample cannot rule nulls out. A record that is cut off, has another number of fields or is malformed says nothing.
 * @throws SabotError DUPLICATE_FIELD when the header names two columns alike; SCHEMA_INVALID when there is no record
 */
export function inferCsvSchema(sample: Uint8Array | string, options: InferCsvOptions = {}): Schema {
  const { header = true, sampleRecords = DEFAULT_RECORDS } = options
  const dialect = resolveDialect(options)
  const text = (typeof sample === 'string' ? sample : decodeUtf8(sample)).replace(/^\ufeff/, '')
  let names: string[] | undefined
  let columns: Set<number>[] = []
  let seen: boolean[] = []
  let count = 0
  for (const { fields, ended } of csvRecords(text, dialect)) {
    if (fields === undefined) continue
    if (names === undefined) {
      names = header ? fields.map(field => field.text) : fields.map((_, index) => `column${index + 1}`)
      columns = fields.map(() => new Set(CANDIDATES.keys()))
      seen = fields.map(() => false)
      if (header) continue
    }
    // The last record may be cut off; alone it is all there is.
    if (fields.length !== names.length || (!ended && count > 0)) continue
    if (count++ === sampleRecords) break
    for (const [index, field] of fields.entries()) {
      if (isNull(field, dialect.nulls)) continue
      seen[index] = true
      const candidates = columns[index]
      for (const candidate of candidates ?? []) {
        if (!CANDIDATES[candidate]?.[1](field.text)) candidates?.delete(candidate)
      }
    }
  }
  if (names === undefined) {
    throw new SabotError(
      'SCHEMA_INVALID',
      'The sample has no complete record to infer a schema from: take a longer one',
    )
  }
  return new Schema(names.map((name, index) => ({ name, type: typeOf(columns[index], seen[index]), nullable: true })))
}

function typeOf(candidates: ReadonlySet<number> = new Set(), seen = false): PrimitiveType {
  const [first] = candidates
  return (seen && first !== undefined && CANDIDATES[first]?.[0]) || 'utf8'
}

function isNull({ text }: CsvTextField, nulls: readonly string[]): boolean {
  return nulls.includes(text)
}
