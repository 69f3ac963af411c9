import { type CsvEncoderOptions, createCsvEncoder } from '../formats/csv-encode.js'
import type { Sink } from '../operators/sink.js'
import { rowFile } from './row-file.js'

export interface CsvSinkOptions extends CsvEncoderOptions {
  /** Whether the first record names the columns; true by default. A file without rows has none. */
  readonly header?: boolean
}

/**
 * A CSV file (RFC 4180, or another dialect; see src/formats/csv-encode.ts for what each type becomes). Exactly-once, as
 * ndjson() is: a job that resumes cuts the file to the size that the checkpoint holds.
 * @throws SabotError FILE_TRUNCATED on resuming when the file is shorter than at the checkpoint; SINK_CHANGED when it
 *   has another path; FILE_UNWRITABLE; TypeError for a dialect that contradicts itself, when the job starts
 */
export function csvFile(path: string, { header = true, ...options }: CsvSinkOptions = {}): Sink<unknown> {
  return rowFile({
    kind: 'csv',
    path,
    encoder: kernel => {
      const encoder = createCsvEncoder(kernel, options)
      return {
        encode: batch => encoder.encode(batch),
        destroy: () => encoder.destroy(),
        ...(header ? { header: batch => encoder.header(batch.schema) } : {}),
      }
    },
  })
}
