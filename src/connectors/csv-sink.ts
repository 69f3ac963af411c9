import { type CsvFileEncoding, csvEncoding } from '../formats/text-encoders.js'
import type { Sink } from '../operators/sink.js'
import { type LineFileOptions, lineEncoding } from './line-file.js'
import { rowFile } from './row-file.js'

export interface CsvSinkOptions extends CsvFileEncoding, LineFileOptions {}

/**
 * A CSV file (RFC 4180, or another dialect; see src/formats/csv-encode.ts for what each type becomes). Exactly-once, as
 * ndjson() is: a job that resumes cuts the file to the size that the checkpoint holds. `csvFile('trips.csv.gz')` is
 * compressed.
 * @throws SabotError FILE_TRUNCATED on resuming when the file is shorter than at the checkpoint; SINK_CHANGED when it
 *   has another path or compression; FILE_UNWRITABLE; INVALID_OPTION where the environment cannot compress by zstd;
 *   TypeError for a dialect that contradicts itself, when the job starts
 */
export function csvFile(path: string, options: CsvSinkOptions = {}): Sink<unknown> {
  const { compression, ...dialect } = options
  return rowFile({ kind: 'csv', path, encoding: lineEncoding(path, csvEncoding(dialect), options) })
}
