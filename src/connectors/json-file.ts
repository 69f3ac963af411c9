import { Schema } from '../core/schema.js'
import { fieldsOf, type RowOf, type SchemaShape } from '../core/types.js'
import { encodeUtf8 } from '../core/utf8.js'
import { type JsonDecoderOptions, jsonDecoder } from '../formats/json.js'
import { inferJsonSchema } from '../formats/json-infer.js'
import type { Source } from '../operators/source.js'
import type { FileHead } from './file-bytes.js'
import type { FileInput } from './file-input.js'
import type { RecordFormat, RecordLayout } from './record-format.js'
import { type RecordFileOptions, recordSource } from './record-source.js'

export interface JsonFileOptions extends RecordFileOptions, Omit<JsonDecoderOptions, 'batchRows'> {}

/**
 * The records of JSON files: one object a line, or one array of objects, as the first character of each file tells
 * (`format` in the options decides it otherwise). Only the declared fields are decoded, straight from bytes to columns:
 * `json('clicks.ndjson', { user: 'utf8', at: 'timestamp' })`; see src/formats/json.ts for what each type takes. Without
 * a declaration the schema is inferred from the first records when the job starts, and everything is nullable.
 *
 * Patterns, directories, lists, URLs, streams and Blobs: see FileInput in file-input.ts; `follow: true` goes on behind the
 * end of a log. Several files are read one after the other, each a split with its own position. Files that end in .gz or .zst are decompressed on the way (gzip of several
 * members only where the host's DecompressionStream takes it, as Node's does). Memory is constant. Replayable; the
 * position is a file, a byte and a row behind it; a compressed file is decompressed up to there once more.
 * @throws SabotError FILE_NOT_FOUND, FILE_UNREADABLE, COMPRESSION_INVALID, RECORD_INVALID (see `invalid`), UNKNOWN_FIELD,
 *   SCHEMA_INVALID, UNSUPPORTED_TYPE, MEMORY_LIMIT; SOURCE_CHANGED on resuming when a file is shorter than it was
 */
export function json<const Shape extends SchemaShape>(
  input: FileInput,
  fields: Shape,
  options?: JsonFileOptions,
): Source<RowOf<Shape>>
export function json(input: FileInput, fields?: undefined, options?: JsonFileOptions): Source
export function json(input: FileInput, fields?: SchemaShape, options: JsonFileOptions = {}): Source {
  const { invalid, compression, follow, pollMs, splits, ...decoding } = options
  return recordSource({
    input,
    format: jsonRecords(decoding),
    schema: fields && new Schema(fieldsOf(fields)),
    options,
  })
}

const SAMPLE_RECORDS = 10_000

type JsonFormat = NonNullable<JsonDecoderOptions['format']>

function jsonRecords(options: JsonDecoderOptions): RecordFormat {
  return {
    kind: 'json',
    learn: (head: FileHead): RecordLayout | undefined => {
      const found = options.format ?? jsonFormatOf(head.bytes)
      if (found === undefined && !head.isWhole) return undefined
      const format: JsonFormat = found ?? 'ndjson'
      return {
        isArray: format === 'array',
        inferSchema: () => inferFields(head.bytes, format),
        decoder: ({ kernel, schema, batchRows }) => jsonDecoder(kernel, schema, { ...options, format, batchRows }),
        resumePrefix: arrayHasEnded => encodeUtf8(format === 'ndjson' ? '\n' : arrayHasEnded ? '[0]' : '[0,'),
      }
    },
  }
}

/** Records without any field tell no schema. */
function inferFields(bytes: Uint8Array, format: JsonFormat): Schema | undefined {
  const inferred = inferJsonSchema(bytes, { format, records: SAMPLE_RECORDS })
  return inferred.fields.length === 0 ? undefined : inferred
}

/** One array of records when the first character is a bracket, else one record a line; undefined: no character yet. */
function jsonFormatOf(bytes: Uint8Array): JsonFormat | undefined {
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  while (SPACES.has(bytes[at] ?? 0)) at++
  if (at >= bytes.length) return undefined
  return bytes[at] === 0x5b ? 'array' : 'ndjson'
}

const SPACES: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d])
