/*
 * CSV and TSV (RFC 4180 and its dialects) to batches, by a schema. The bytes go straight into columns; no object is
 * made of a record, and fields that the schema does not name are stepped over.
 *
 * Records
 * - Lines end in LF, CRLF or CR; the last needs no end. A byte order mark is skipped. Blank lines are skipped, but where
 *   records have one field they are records. Inside quotes a line end is part of the field.
 * - A record with another number of fields than the header (or `columns`), or one that a column refuses, is rejected: it
 *   stands in `rejected` with its bytes, its place and the reason, and the records after it are decoded.
 * - Where quotes do not close until the end of the input, or until `maxRecordBytes`, only the line on which they open
 *   is rejected.
 *
 * Fields
 * - A text of `nulls` is null. In a nullable utf8 column only without quotes: "" is the empty text. In a utf8 column that
 *   is not nullable it is that text.
 * - A quote that is not a field's first character stands for itself.
 *
 * Values: f64, f32 the nearest double (then float), also NaN and Infinity; i32, i64 whole numbers, exact; decimal exact;
 * +1, 007, .5 and 5. are numbers; timestamp: numbers in the field's unit, or ISO 8601 (no zone is UTC), cut to ms; bool:
 * true, t, 1, false, f, 0, in capitals or not.
 */
import type { Column } from '../core/column.js'
import { describeValue, SabotError } from '../core/errors.js'
import { nearestName } from '../core/nearest.js'
import type { Schema } from '../core/schema.js'
import { typeName } from '../core/types.js'
import { decodeUtf8 } from '../core/utf8.js'
import { CsvKernel, type CsvProgress, type CsvReject, type CsvRejectReason, type CsvRows } from '../kernel/csv.js'
import { type CsvColumn, MAX_CSV_COLUMNS } from '../kernel/csv-plan.js'
import type { Kernel } from '../kernel/module.js'
import {
  BatchDecoder,
  type BatchLimits,
  type DecodedBatch,
  type RejectedRecord,
  rejectMessage,
  resolveLimits,
} from './batch-decoder.js'
import { type CsvDialect, dialectBytes, type ResolvedDialect, resolveDialect } from './csv-dialect.js'
import { csvRecords } from './csv-text.js'
import { type TimestampUnits, timestampScales } from './timestamp-unit.js'

export interface CsvDecoderOptions extends CsvDialect, BatchLimits {
  /** Whether the first record names the columns; true by default. */
  readonly header?: boolean
  /** Without a header: the names of the file's columns, by default those of the schema. */
  readonly columns?: readonly string[]
  /** Units of the numbers in timestamp columns; 'ms' for those that are not named. */
  readonly timestampUnits?: TimestampUnits
}

/** A record that became no row. */
export type RejectedCsvRecord = RejectedRecord<CsvRejectReason>

export type CsvBatch<Row = unknown> = DecodedBatch<Row, CsvRejectReason>

const MESSAGES: Readonly<Record<CsvRejectReason, string>> = {
  WRONG_TYPE: "is no text of the column's type",
  NULL: 'is null, but not nullable',
  OUT_OF_RANGE: "is beyond the range of the column's type",
  NOT_EXACT: 'has more digits after the point than the column holds',
  TIMESTAMP_TEXT: 'is no number and no ISO 8601 date or time',
  UTF8_INVALID: 'is not UTF-8',
  TOO_LARGE: 'is larger than maxRecordBytes',
  TOO_FEW_FIELDS: 'has too few fields',
  TOO_MANY_FIELDS: 'has too many fields',
  AFTER_QUOTE: 'goes on behind a closing quote',
  UNTERMINATED: 'opens a quote that never closes',
}

/**
 * push() throws also SabotError MISSING_COLUMN when the header lacks a field of the schema, and DUPLICATE_FIELD when it
 * has one twice. An input without a byte has no header to miss.
 *
 * Laws: how the input is cut into chunks changes nothing, not even the batches; records of the input = rows + rejected.
 */
export class CsvDecoder<Row = unknown> extends BatchDecoder<Row, CsvRejectReason, CsvReject, CsvRows, CsvProgress> {
  constructor(kernel: Kernel, schema: Schema<Row>, options: CsvDecoderOptions) {
    const { header = true } = options
    const limits = resolveLimits(options)
    if (header && options.columns !== undefined) {
      throw new TypeError('columns names the columns of a file without a header: give header: false with it')
    }
    const dialect = resolveDialect(options)
    const decoder = new CsvKernel(kernel, {
      columns: planColumns(schema, options.timestampUnits ?? {}),
      dialect: dialectBytes(dialect),
      ...limits,
      fields: header
        ? bytes => fieldMap(headerNames(bytes, dialect), schema)
        : fieldMap(options.columns ?? schema.names, schema),
    })
    super(schema, decoder)
  }

  protected override columnsOf({ columns }: CsvRows): readonly Column[] {
    return columns
  }

  protected override describe({ column, ...reject }: CsvReject): RejectedCsvRecord {
    const field = this.schema.fields[column]?.name
    return { ...reject, field, message: rejectMessage(`Line ${reject.line}`, field, MESSAGES[reject.reason]) }
  }
}

/**
 * A decoder of CSV into batches of `schema`, in the memory of `kernel`.
 * @throws SabotError UNKNOWN_FIELD, UNSUPPORTED_TYPE, MISSING_COLUMN, DUPLICATE_FIELD, MEMORY_LIMIT; TypeError for a
 *   dialect that contradicts itself
 */
export function csvDecoder<Row>(kernel: Kernel, schema: Schema<Row>, options: CsvDecoderOptions = {}): CsvDecoder<Row> {
  return new CsvDecoder(kernel, schema, options)
}

function planColumns(schema: Schema, timestampUnits: TimestampUnits): CsvColumn[] {
  if (schema.fields.length > MAX_CSV_COLUMNS) {
    throw new SabotError(
      'SCHEMA_INVALID',
      `The schema has ${schema.fields.length} fields; CSV takes ${MAX_CSV_COLUMNS}`,
    )
  }
  const scaleOf = timestampScales(schema, timestampUnits)
  return schema.fields.map(({ name, type, nullable }): CsvColumn => {
    if (typeof type === 'object' && type.kind === 'decimal') {
      return { name, type: 'decimal', nullable, scale: type.scale }
    }
    if (typeof type === 'object' || type === 'object') {
      throw new SabotError(
        'UNSUPPORTED_TYPE',
        `Field ${name} is ${typeName(type)}: a field of CSV is one text. Declare it utf8, and parse it in a map()`,
        { field: name, type: typeName(type) },
      )
    }
    return { name, type, nullable, scale: type === 'timestamp' ? scaleOf(name) : 0 }
  })
}

function headerNames(bytes: Uint8Array, dialect: ResolvedDialect): string[] {
  const [record] = csvRecords(decodeUtf8(bytes), { ...dialect, comment: undefined })
  if (record?.fields === undefined) {
    throw new SabotError('MISSING_COLUMN', `The header is malformed: ${describeValue(decodeUtf8(bytes))}`, {})
  }
  return record.fields.map(({ text }) => text)
}

/** The schema's field of each column of the file, -1 where there is none. */
function fieldMap(names: readonly string[], schema: Schema): number[] {
  for (const { name } of schema.fields) {
    const count = names.filter(known => known === name).length
    if (count === 0) {
      const nearest = nearestName(name, names)
      const hint = nearest === undefined ? '' : ` Did you mean ${describeValue(nearest)}?`
      throw new SabotError(
        'MISSING_COLUMN',
        `The file has no column ${describeValue(name)}.${hint} It has ${names.slice(0, 100).join(', ')}.`,
        { field: name, known: names, nearest },
      )
    }
    if (count > 1) {
      throw new SabotError('DUPLICATE_FIELD', `The file has ${count} columns named ${describeValue(name)}`, {
        field: name,
      })
    }
  }
  return names.map(name => (schema.has(name) ? schema.indexOf(name) : -1))
}
