import { Schema } from '../core/schema.js'
import { fieldsOf, type RowOf, type SchemaShape } from '../core/types.js'
import { decodeUtf8, encodeUtf8 } from '../core/utf8.js'
import { type CsvDecoderOptions, csvDecoder } from '../formats/csv.js'
import { resolveDialect } from '../formats/csv-dialect.js'
import { inferCsvSchema } from '../formats/csv-infer.js'
import { csvRecords } from '../formats/csv-text.js'
import type { Source } from '../operators/source.js'
import type { FileHead } from './file-bytes.js'
import type { FileInput } from './file-input.js'
import type { RecordFormat, RecordLayout } from './record-format.js'
import { type RecordFileOptions, recordSource } from './record-source.js'

export interface CsvFileOptions extends RecordFileOptions, Omit<CsvDecoderOptions, 'batchRows'> {}

/**
 * The records of CSV files, and with `{ delimiter: '\t' }` of TSV files. Only the declared columns are decoded, found by
 * the header: `csv('trips.csv', { vendor: 'utf8', distance: 'f64' })`; see src/formats/csv.ts for the grammar and what
 * each type takes. Without a declaration the schema is inferred from the first MiB when the job starts.
 *
 * Inputs as for json(); several files, each with its own header, are read one after the other. Files that end in .gz or .zst are decompressed
 * on the way (gzip of several members only where the host's DecompressionStream takes it, as Node's does). Memory is
 * constant. Replayable; the position is a byte and a row behind it; a compressed file is decompressed up to there once
 * more.
 * @throws SabotError FILE_NOT_FOUND, FILE_UNREADABLE, COMPRESSION_INVALID, RECORD_INVALID (see `invalid`),
 *   MISSING_COLUMN, DUPLICATE_FIELD, UNKNOWN_FIELD, UNSUPPORTED_TYPE, MEMORY_LIMIT; SOURCE_CHANGED on resuming when a
 *   file is shorter than it was
 */
export function csv<const Shape extends SchemaShape>(
  input: FileInput,
  columns: Shape,
  options?: CsvFileOptions,
): Source<RowOf<Shape>>
export function csv(input: FileInput, columns?: undefined, options?: CsvFileOptions): Source
export function csv(input: FileInput, columns?: SchemaShape, options: CsvFileOptions = {}): Source {
  const { invalid, compression, follow, pollMs, splits, ...decoding } = options
  return recordSource({
    input,
    format: csvRecordFormat(decoding),
    schema: columns && new Schema(fieldsOf(columns)),
    options,
  })
}

function csvRecordFormat(options: CsvDecoderOptions): RecordFormat {
  const { header = true } = options
  const dialect = resolveDialect(options)
  return {
    kind: 'csv',
    learn: (head: FileHead): RecordLayout | undefined => {
      const text = decodeUtf8(head.bytes).replace(/^\ufeff/, '')
      const [first] = csvRecords(text, dialect)
      if (header && !head.isWhole && first?.ended !== true) return undefined
      const names = (first?.fields ?? []).map(field => field.text)
      return {
        isArray: false,
        inferSchema: () => (first === undefined ? undefined : inferFields(head.bytes, options)),
        decoder: ({ kernel, schema, declared, batchRows, isResumed }) =>
          csvDecoder(kernel, schema, {
            ...options,
            ...(isResumed && header ? { header: false, columns: names } : {}),
            ...(header ? {} : { columns: options.columns ?? declared.names }),
            batchRows,
          }),
        // Skipped, or a record of one field whose outcome counts for nothing.
        resumePrefix: () => encodeUtf8('\n'),
      }
    },
  }
}

function inferFields(sample: Uint8Array, options: CsvDecoderOptions): Schema {
  const inferred = inferCsvSchema(sample, options)
  const { columns } = options
  if (columns === undefined) return inferred
  return new Schema(inferred.fields.map((field, index) => ({ ...field, name: columns[index] ?? field.name })))
}
