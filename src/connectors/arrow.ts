import type {
  Bool,
  DataType,
  Dictionary,
  Float,
  Int,
  Int64,
  RecordBatch,
  Table,
  Timestamp,
  TypeMap,
  Uint64,
  Utf8,
} from 'apache-arrow'
import type { Batch } from '../core/batch.js'
import { Schema } from '../core/schema.js'
import { fieldsOf, type RowOf, type SchemaShape } from '../core/types.js'
import { fromArrow, schemaFromArrow } from '../formats/arrow.js'
import { openArrow } from '../formats/arrow-ipc.js'
import type { Source } from '../operators/source.js'
import { openBlockSplit } from './block-split.js'
import type { FileInput } from './file-input.js'
import type { FileSplitOptions } from './file-share.js'
import { fileSource } from './file-source.js'
import { batchSource } from './memory.js'

type ArrowValue<T> = T extends Int64 | Uint64
  ? bigint
  : T extends Int | Float | Timestamp
    ? number
    : T extends Bool
      ? boolean
      : T extends Utf8
        ? string
        : T extends Dictionary<infer Entry extends DataType>
          ? ArrowValue<Entry>
          : unknown

/** The rows of an Arrow table. Its type does not tell which columns may hold nulls. */
export type ArrowRow<T extends TypeMap> = { readonly [Name in keyof T]: ArrowValue<T[Name]> }

/**
 * The rows of an apache-arrow table or of record batches of one schema, over their own buffers where the layouts are
 * one. Replayable; its position is the row.
 *
 * Or the rows of Arrow IPC files and streams: `arrow('flights.arrow', { origin: 'utf8' })`, with inputs as for json().
 * Only the declared columns are decoded; bodies that are compressed by LZ4 or zstd are unpacked, of these columns alone.
 * Memory is that of a record batch; a file that comes as a stream is read into memory first, a stream is not.
 * Replayable; the position is a file, a record batch and a row.
 * @throws SabotError UNSUPPORTED_TYPE, OUT_OF_RANGE, NULL_VALUE, ARROW_INVALID, SCHEMA_MISMATCH; of files also
 *   FILE_NOT_FOUND, MISSING_COLUMN, TYPE_MISMATCH, COMPRESSION_INVALID, SOURCE_CHANGED
 */
export function arrow<T extends TypeMap>(
  data: Table<T> | RecordBatch<T> | readonly RecordBatch<T>[],
): Source<ArrowRow<T>>
export function arrow<const Shape extends SchemaShape>(
  input: FileInput,
  columns: Shape,
  options?: FileSplitOptions,
): Source<RowOf<Shape>>
export function arrow(input: FileInput, columns?: undefined, options?: FileSplitOptions): Source
export function arrow(
  data: Table | RecordBatch | readonly RecordBatch[] | FileInput,
  columns?: SchemaShape,
  { splits }: FileSplitOptions = {},
): Source {
  if (!isTables(data)) {
    return fileSource({
      input: data,
      format: { kind: 'arrow', openSplit: request => openBlockSplit(request, openArrow) },
      schema: columns && new Schema(fieldsOf(columns)),
      splits,
    })
  }
  const parts = isList(data) ? data : [data]
  const recordBatches = parts.flatMap(part => ('batches' in part ? part.batches : [part]))
  // What has no rows may have no buffers either, but it has a schema.
  const batches: Batch[] = recordBatches.filter(({ numRows }) => numRows > 0).flatMap(fromArrow)
  const schema = parts[0] && schemaFromArrow(parts[0].schema)
  return batchSource('arrow', batches, schema)
}

type Tables = Table | RecordBatch | readonly (Table | RecordBatch)[]

function isTables(data: Tables | FileInput): data is Tables {
  const [first] = isList<unknown>(data) ? data : [data]
  return first === undefined || (typeof first === 'object' && first !== null && 'numRows' in first && 'schema' in first)
}

function isList<T>(data: T | readonly T[]): data is readonly T[] {
  return Array.isArray(data)
}
