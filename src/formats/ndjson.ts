/*
 * Batches to newline-delimited JSON, in the kernel (NdjsonEncoder) or without one (encodeNdjson), to the same bytes. One
 * writer a column reads its buffers; no row object is made.
 *
 * What each type becomes: bool, i32, f32, f64 as JSON.stringify has them (NaN and infinities are null); i64 its digits;
 * decimal its exact digits as a number; timestamp ISO 8601 text in UTC, 'YYYY-MM-DDTHH:mm:ss.sssZ'; list an array;
 * struct an object; object what JSON.stringify makes of it; null null.
 */
import type { Batch } from '../core/batch.js'
import type { Column } from '../core/column.js'
import { DecimalColumn, Int64Column, TimestampColumn } from '../core/columns-fixed.js'
import { ListColumn, ObjectColumn, StructColumn } from '../core/columns-nested.js'
import { DictionaryColumn, Utf8Column } from '../core/columns-text.js'
import type { Dictionary } from '../core/dictionary.js'
import { SabotError } from '../core/errors.js'
import type { Schema } from '../core/schema.js'
import { encodeUtf8 } from '../core/utf8.js'
import { RowEncoder, type RowFormat } from '../kernel/encode.js'
import type { Kernel } from '../kernel/module.js'

/** The JSON text of a row of one column. */
export type JsonWriter = (row: number) => string

/** Lines that are joined into one string before they become bytes. */
const LINES_AT_ONCE = 4096

/**
 * The selected rows as UTF-8, one JSON object a line, fields in the schema's order, each line ended by '\n'.
 * @throws SabotError TYPE_MISMATCH when a value of an object column has no JSON form (a bigint, a cycle).
 */
export function encodeNdjson(batch: Batch): Uint8Array {
  const { fields } = batch.schema
  const writers = fields.map(({ name }, index) => columnWriter(batch.columnAt(index), name))
  const prefixes = linePrefixes(batch.schema)
  const end = lineEnd(batch.schema)
  const parts: Uint8Array[] = []
  let lines = ''
  let pending = 0
  batch.forEachRow(row => {
    for (let index = 0; index < writers.length; index++) lines += (prefixes[index] ?? '') + writers[index]?.(row)
    lines += end
    if (++pending === LINES_AT_ONCE) {
      parts.push(encodeUtf8(lines))
      lines = ''
      pending = 0
    }
  })
  const last = encodeUtf8(lines)
  return parts.length === 0 ? last : concatenate([...parts, last])
}

/**
 * The same bytes from the kernel, several times as fast. Lists, structs, JavaScript values and strings that are not
 * UTF-8 are written as without it. It keeps regions that grow to what the largest batch needs.
 */
export class NdjsonEncoder {
  private readonly encoder: RowEncoder
  private schema: Schema | undefined
  private format: RowFormat | undefined

  constructor(kernel: Kernel) {
    this.encoder = new RowEncoder(kernel)
  }

  /** As encodeNdjson. @throws SabotError TYPE_MISMATCH, MEMORY_LIMIT, TIMESTAMP_INVALID beyond the range of a Date */
  encode(batch: Batch): Uint8Array<ArrayBuffer> {
    return this.encoder.encode(batch, this.formatOf(batch.schema), (column, index) => {
      const write = columnWriter(column, batch.schema.fields[index]?.name ?? '')
      const texts = new Array<string>(batch.rowCount).fill('')
      batch.forEachRow(row => {
        texts[row] = write(row)
      })
      return Utf8Column.from(texts)
    })
  }

  /** Frees what the encoder holds in the kernel. */
  destroy(): void {
    this.encoder.destroy()
  }

  private formatOf(schema: Schema): RowFormat {
    if (this.format === undefined || this.schema !== schema) {
      this.schema = schema
      this.format = {
        prefixes: linePrefixes(schema).map(encodeUtf8),
        end: encodeUtf8(lineEnd(schema)),
        nullText: encodeUtf8('null'),
        timeQuote: 0x22,
      }
    }
    return this.format
  }
}

/** An encoder to NDJSON in the memory of `kernel`. @throws SabotError MEMORY_LIMIT */
export function createNdjsonEncoder(kernel: Kernel): NdjsonEncoder {
  return new NdjsonEncoder(kernel)
}

function linePrefixes({ fields }: Schema): string[] {
  return fields.map(({ name }, index) => `${index === 0 ? '{' : ','}${JSON.stringify(name)}:`)
}

function lineEnd({ fields }: Schema): string {
  return fields.length === 0 ? '{}\n' : '}\n'
}

/** Writes the rows of one column, `null` for nulls. `path` names it in errors. */
export function columnWriter(column: Column, path: string): JsonWriter {
  const write = valueWriter(column, path)
  if (column.validity === undefined) return write
  return row => (column.isValid(row) ? write(row) : 'null')
}

/** Writes rows that are not null. */
function valueWriter(column: Column, path: string): JsonWriter {
  if (column instanceof DictionaryColumn) {
    const { codes } = column
    const quoted = quotedEntries(column.dictionary)
    return row => quoted[codes[row] ?? 0] ?? 'null'
  }
  if (column instanceof TimestampColumn) return timestampWriter(column)
  if (column instanceof Int64Column || column instanceof DecimalColumn) return row => String(column.value(row))
  if (column instanceof ListColumn) {
    const { offsets } = column
    const write = columnWriter(column.elements, `${path}[]`)
    return row => {
      const to = offsets[row + 1] ?? 0
      let text = '['
      const from = offsets[row] ?? 0
      for (let at = from; at < to; at++) text += at === from ? write(at) : `,${write(at)}`
      return `${text}]`
    }
  }
  if (column instanceof StructColumn) return structWriter(column, path)
  if (column instanceof ObjectColumn) return row => objectText(column.value(row), path, row)
  if (column.type === 'utf8') return row => JSON.stringify(column.value(row))
  if (column.type === 'bool') return row => (column.value(row) === true ? 'true' : 'false')
  return row => numberText(column.value(row))
}

function numberText(value: unknown): string {
  return Number.isFinite(value) ? String(value) : 'null'
}

function structWriter(column: StructColumn, path: string): JsonWriter {
  const { fields } = column.type
  const writers = column.columns.map((child, index) => columnWriter(child, `${path}.${fields[index]?.name}`))
  const prefixes = fields.map(({ name }, index) => `${index === 0 ? '' : ','}${JSON.stringify(name)}:`)
  return row => {
    let text = '{'
    for (let index = 0; index < writers.length; index++) text += (prefixes[index] ?? '') + writers[index]?.(row)
    return `${text}}`
  }
}

function objectText(value: unknown, path: string, row: number): string {
  try {
    // Functions and symbols have no JSON text: JSON.stringify gives undefined for them.
    return JSON.stringify(value) ?? 'null'
  } catch (error) {
    throw new SabotError(
      'TYPE_MISMATCH',
      `Field ${path} of row ${row} has no JSON form: ${messageOf(error)}`,
      {
        field: path,
        position: row,
        value,
      },
      { cause: error },
    )
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

const quotedByDictionary = new WeakMap<Dictionary, string[]>()

/** The JSON texts of a dictionary's entries, made once each. */
function quotedEntries(dictionary: Dictionary): readonly string[] {
  let quoted = quotedByDictionary.get(dictionary)
  if (quoted === undefined) {
    quoted = []
    quotedByDictionary.set(dictionary, quoted)
  }
  for (let code = quoted.length; code < dictionary.size; code++) quoted.push(JSON.stringify(dictionary.string(code)))
  return quoted
}

const DAY_MS = 86_400_000
const TWO_DIGITS = Array.from({ length: 60 }, (_, value) => String(value).padStart(2, '0'))

/** Neighbouring rows tend to be of one day, whose text is then made once. */
function timestampWriter(column: TimestampColumn): JsonWriter {
  let day = Number.NaN
  let dayText = ''
  return row => {
    const ms = column.number(row)
    const itsDay = Math.floor(ms / DAY_MS)
    if (itsDay !== day) {
      day = itsDay
      dayText = `"${new Date(day * DAY_MS).toISOString().slice(0, -13)}`
    }
    const inDay = ms - day * DAY_MS
    const minute = Math.floor(inDay / 60_000)
    const inMinute = inDay - minute * 60_000
    const second = Math.floor(inMinute / 1000)
    const hour = Math.floor(minute / 60)
    const millis = String(1000 + inMinute - second * 1000).slice(1)
    return `${dayText}${TWO_DIGITS[hour]}:${TWO_DIGITS[minute - hour * 60]}:${TWO_DIGITS[second]}.${millis}Z"`
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
