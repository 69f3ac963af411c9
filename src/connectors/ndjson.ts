import { ndjsonEncoding } from '../formats/text-encoders.js'
import type { Sink } from '../operators/sink.js'
import { type LineFileOptions, lineEncoding } from './line-file.js'
import { rowFile } from './row-file.js'

export interface NdjsonSinkOptions extends LineFileOptions {}

/**
 * One JSON object a line, in a file. Exactly-once: a checkpoint holds the size of the file, and a job that resumes cuts
 * the file to it before it goes on, so that each row stands there once. Rows behind the last checkpoint can be seen in
 * the file before they are final. A fresh start writes a fresh file. `ndjson('clicks.ndjson.gz')` is compressed.
 * @throws SabotError FILE_TRUNCATED on resuming when the file is shorter than at the checkpoint; SINK_CHANGED when it
 *   has another path or compression; FILE_UNWRITABLE; INVALID_OPTION where the environment cannot compress by zstd
 */
export function ndjson(path: string, options: NdjsonSinkOptions = {}): Sink<unknown> {
  return rowFile({ kind: 'ndjson', path, encoding: lineEncoding(path, ndjsonEncoding(), options) })
}
