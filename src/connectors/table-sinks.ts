/* One Parquet, Arrow or Avro file. */
import type { ArrowWriteOptions } from '../formats/arrow-ipc-write.js'
import type { AvroWriteOptions } from '../formats/avro-write.js'
import type { ParquetWriteOptions } from '../formats/parquet-write.js'
import { arrowEncoding, avroEncoding, parquetEncoding } from '../formats/table-encoders.js'
import type { Sink } from '../operators/sink.js'
import { rowFile } from './row-file.js'

/**
 * A Parquet file, written a row group at a time (see src/formats/parquet-write.ts for what each type becomes). It can be
 * read when the input has ended, since its directory stands at its end; a job that gives no row leaves it empty.
 * Exactly-once, as ndjson() is; a checkpoint ends a row group, so do not take them more often than needed.
 * @throws SabotError FILE_TRUNCATED, SINK_CHANGED, FILE_UNWRITABLE; TypeError for options out of range
 */
export function parquetFile(path: string, options: ParquetWriteOptions = {}): Sink<unknown> {
  return rowFile({ kind: 'parquet', path, encoding: parquetEncoding(options) })
}

/**
 * An Arrow IPC file, or a stream of `{ format: 'stream' }`. A file can be read at any place when the input has ended, a
 * stream from its beginning at any time; a job that gives no row leaves it empty. Exactly-once, as ndjson() is.
 * @throws SabotError UNSUPPORTED_TYPE for columns of JavaScript objects, FILE_TRUNCATED, SINK_CHANGED, FILE_UNWRITABLE;
 *   TypeError for options that are none
 */
export function arrowFile(path: string, options: ArrowWriteOptions = {}): Sink<unknown> {
  return rowFile({ kind: 'arrow', path, encoding: arrowEncoding(options) })
}

/**
 * An Avro object container file (see src/formats/avro-write.ts for what each type becomes). It can be read at any time; a
 * job that gives no row leaves it empty. Exactly-once, as ndjson() is.
 * @throws SabotError SCHEMA_INVALID for a field whose name Avro does not allow, FILE_TRUNCATED, SINK_CHANGED,
 *   FILE_UNWRITABLE; TypeError for options that are none
 */
export function avroFile(path: string, options: AvroWriteOptions = {}): Sink<unknown> {
  return rowFile({ kind: 'avro', path, encoding: avroEncoding(options) })
}
