import { Schema } from '../core/schema.js'
import { fieldsOf, type RowOf, type SchemaShape } from '../core/types.js'
import { openAvro } from '../formats/avro.js'
import type { Source } from '../operators/source.js'
import { openBlockSplit } from './block-split.js'
import type { FileInput } from './file-input.js'
import type { FileSplitOptions } from './file-share.js'
import { fileSource } from './file-source.js'

/**
 * The rows of Avro object container files: `avro('trips.avro', { vendor: 'utf8', distance: 'f64' })`, with inputs as for
 * json(). Only the declared fields are decoded, others are stepped over; without a declaration all are, as the types that
 * src/formats/avro-types.ts tells. Blocks may be compressed by deflate, snappy or zstd; one is in memory at a time.
 * Replayable; the position is a file, the byte of a block and a row of it.
 * @throws SabotError FILE_NOT_FOUND, AVRO_INVALID, COMPRESSION_INVALID, MISSING_COLUMN, TYPE_MISMATCH, NULL_VALUE,
 *   OUT_OF_RANGE, UNSUPPORTED_TYPE; SOURCE_CHANGED on resuming when a file has fewer rows
 */
export function avro<const Shape extends SchemaShape>(
  input: FileInput,
  fields: Shape,
  options?: FileSplitOptions,
): Source<RowOf<Shape>>
export function avro(input: FileInput, fields?: undefined, options?: FileSplitOptions): Source
export function avro(input: FileInput, fields?: SchemaShape, { splits }: FileSplitOptions = {}): Source {
  return fileSource({
    input,
    format: { kind: 'avro', openSplit: request => openBlockSplit(request, openAvro) },
    schema: fields && new Schema(fieldsOf(fields)),
    splits,
  })
}
