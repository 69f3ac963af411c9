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
import type { Schema } from '../core/schema.js'
import { fromArrow, schemaFromArrow } from '../formats/arrow.js'
import type { Source } from '../operators/source.js'
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
 * @throws SabotError UNSUPPORTED_TYPE, OUT_OF_RANGE, NULL_VALUE, ARROW_INVALID, SCHEMA_MISMATCH
 */
export function arrow<T extends TypeMap>(
  data: Table<T> | RecordBatch<T> | readonly RecordBatch<T>[],
): Source<ArrowRow<T>> {
  const parts: readonly (Table<T> | RecordBatch<T>)[] = isList(data) ? data : [data]
  const recordBatches = parts.flatMap(part => ('batches' in part ? part.batches : [part]))
  // What has no rows may have no buffers either, but it has a schema.
  const batches = recordBatches.filter(({ numRows }) => numRows > 0).flatMap(fromArrow)
  const schema = parts[0] && schemaFromArrow(parts[0].schema)
  return batchSource('arrow', batches as Batch<ArrowRow<T>>[], schema as Schema<ArrowRow<T>> | undefined)
}

function isList<T>(data: T | readonly T[]): data is readonly T[] {
  return Array.isArray(data)
}
