/* What a CSV decoder is to take, and how its input is written, as the kernel reads it (assembly/abi.ts draws both). */
import {
  CSV_DIALECT_BYTES,
  CSV_DIALECT_COMMENT,
  CSV_DIALECT_DELIMITER,
  CSV_DIALECT_ESCAPE,
  CSV_DIALECT_NULLS,
  CSV_DIALECT_QUOTE,
  CSV_DIALECT_TRIM,
  CSV_NONE,
  CSV_PLAN_RECORD_BYTES,
  LIMIT_CSV_COLUMNS,
} from '../../assembly/abi.js'
import { VALUE_TYPES } from './value-types.js'

export interface CsvColumn {
  readonly name: string
  readonly type: keyof typeof VALUE_TYPES
  readonly nullable: boolean
  /** decimal: digits after the point. timestamp: log10 of the milliseconds in a unit of numbers. */
  readonly scale: number
}

/** Bytes that mean something, as ASCII codes; undefined where there is none. */
export interface CsvDialectBytes {
  readonly delimiter: number
  readonly quote: number | undefined
  readonly escape: number | undefined
  readonly comment: number | undefined
  readonly trim: boolean
  readonly nulls: readonly Uint8Array[]
}

export const MAX_CSV_COLUMNS = LIMIT_CSV_COLUMNS

export function encodeColumns(columns: readonly CsvColumn[]): Uint8Array {
  const plan = new Uint8Array(columns.length * CSV_PLAN_RECORD_BYTES)
  const words = new DataView(plan.buffer)
  for (const [index, { type, nullable, scale }] of columns.entries()) {
    for (const [word, value] of [VALUE_TYPES[type], nullable ? 1 : 0, scale].entries()) {
      words.setInt32(index * CSV_PLAN_RECORD_BYTES + word * 4, value, true)
    }
  }
  return plan
}

export function encodeDialect(dialect: CsvDialectBytes): Uint8Array {
  const { nulls } = dialect
  const head = CSV_DIALECT_BYTES + nulls.length * 4
  const bytes = new Uint8Array(head + nulls.reduce((sum, text) => sum + text.length, 0))
  const words = new DataView(bytes.buffer)
  words.setUint32(CSV_DIALECT_DELIMITER, dialect.delimiter, true)
  words.setUint32(CSV_DIALECT_QUOTE, dialect.quote ?? CSV_NONE, true)
  words.setUint32(CSV_DIALECT_ESCAPE, dialect.escape ?? CSV_NONE, true)
  words.setUint32(CSV_DIALECT_COMMENT, dialect.comment ?? CSV_NONE, true)
  words.setUint32(CSV_DIALECT_TRIM, dialect.trim ? 1 : 0, true)
  words.setUint32(CSV_DIALECT_NULLS, nulls.length, true)
  let at = head
  for (const [index, text] of nulls.entries()) {
    words.setUint32(CSV_DIALECT_BYTES + index * 4, text.length, true)
    bytes.set(text, at)
    at += text.length
  }
  return bytes
}
