export { type ArrowRow, arrow } from './arrow.js'
export { type AsyncIterableOptions, type AsyncIterableSink, asyncIterable } from './async-iterable.js'
export { avro } from './avro.js'
export type { BlobLike, ByteStream, ByteStreamLike, ResponseLike } from './byte-streams.js'
export { type Consumer, callback } from './callback.js'
export { type CollectSink, collect } from './collect.js'
export { type CsvFileOptions, csv } from './csv-file.js'
export { type CsvSinkOptions, csvFile } from './csv-sink.js'
export type { Compression } from './decompress.js'
export type { FileInput, OneFileInput } from './file-input.js'
export { type FileSinkOptions, fileSink } from './file-sink.js'
export { type GeneratorOptions, generator } from './generator.js'
export { type IterableOptions, iterable, type RowIterable } from './iterable.js'
export { type JsonFileOptions, json } from './json-file.js'
export { type LimitOptions, limit } from './limit.js'
export { memory } from './memory.js'
export { ndjson } from './ndjson.js'
export { type ParquetOptions, parquet } from './parquet.js'
export type { RejectedRecord } from './record-format.js'
export type { InvalidRecords, RecordFileOptions } from './record-source.js'
export { type ReplayOptions, replay } from './replay.js'
export type { InferredRow, RowInput } from './row-types.js'
export { splits } from './splits.js'
export { stdout } from './stdout.js'
export { type TableSink, table } from './table.js'
export { arrowFile, avroFile, parquetFile } from './table-sinks.js'
export type { Instant, TimeRange } from './time-range.js'
export {
  type ReadableStreamConstructor,
  toReadableStream,
  type WritableStreamLike,
  type WritableStreamWriterLike,
  writable,
} from './web-streams.js'
