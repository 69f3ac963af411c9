/* Sources of files of records: what becomes of bad ones, and the options that they share. */
import { describeValue, SabotError } from '../core/errors.js'
import type { Schema } from '../core/schema.js'
import { decodeUtf8 } from '../core/utf8.js'
import type { Source } from '../operators/source.js'
import { COMPRESSIONS, type Compression } from './decompress.js'
import { compressionOf } from './file-bytes.js'
import type { FileInput } from './file-input.js'
import type { FileSplitOptions } from './file-share.js'
import { fileSource } from './file-source.js'
import type { RecordFormat, RejectedRecord } from './record-format.js'
import { RecordSplit } from './record-split.js'

/**
 * What becomes of a record that is malformed, or that a column refuses: 'fail' fails the job, naming file, line, byte and
 * reason; 'skip' counts it and goes on; 'deadLetter' counts it and sends it to `deadLetters` of the source's stream, once
 * whatever happens, as the rows; a function is called with each, and awaited. After a crash a function is called again
 * for records behind the last checkpoint.
 */
export type InvalidRecords = 'fail' | 'skip' | 'deadLetter' | ((record: RejectedRecord) => void | PromiseLike<void>)

export interface RecordFileOptions extends FileSplitOptions {
  /** By default 'fail'. */
  readonly invalid?: InvalidRecords
  /** By default gzip for paths that end in .gz, zstd for .zst. */
  readonly compression?: Compression
  /**
   * Goes on behind the end of a file that grows, as `tail -F` does, for ever: over a rename to app.log.1 and over a cut
   * to nothing. Takes the path of one file. A last line waits for its line end, or for the rotation.
   */
  readonly follow?: boolean
  /** How often the end of a file that is followed is looked at, ms. Default 250. */
  readonly pollMs?: number
}

export interface RecordSourceInit {
  readonly input: FileInput
  readonly format: RecordFormat
  readonly schema: Schema | undefined
  readonly options: RecordFileOptions
}

const WORDS: ReadonlySet<unknown> = new Set<InvalidRecords>(['fail', 'skip', 'deadLetter'])
const DEFAULT_POLL_MS = 250
/** What an error shows of a record. */
const SHOWN_BYTES = 300

export function recordSource({ input, format, schema, options }: RecordSourceInit): Source {
  const { invalid = 'fail', compression, follow = false, pollMs = DEFAULT_POLL_MS, splits } = options
  if (!WORDS.has(invalid) && typeof invalid !== 'function') {
    throw new TypeError(`invalid is 'fail', 'skip', 'deadLetter' or a function, not ${describeValue(invalid)}`)
  }
  if (compression !== undefined && !COMPRESSIONS.has(compression)) {
    throw new TypeError(`compression is 'none', 'gzip' or 'zstd', not ${describeValue(compression)}`)
  }
  if (!(pollMs > 0 && pollMs <= 86_400_000)) {
    throw new TypeError(`pollMs is a number of ms up to a day, not ${describeValue(pollMs)}`)
  }
  if (follow && compression !== undefined && compression !== 'none') {
    throw new TypeError(`A file that is followed is not compressed, so that compression cannot be ${compression}`)
  }
  return fileSource({
    input,
    schema,
    splits,
    follow: follow ? { pollMs } : undefined,
    hasDeadLetters: invalid === 'deadLetter',
    format: {
      kind: format.kind,
      openSplit: request => {
        const packed = request.file.follow !== undefined ? 'none' : compressionOf(request.file.name)
        return RecordSplit.open(request, format, {
          compression: compression ?? packed,
          reject: record => rejected(record, invalid),
          deadLetters: invalid === 'deadLetter',
        })
      },
    },
  })
}

async function rejected(record: RejectedRecord, invalid: InvalidRecords): Promise<void> {
  if (invalid === 'fail') throw invalidRecord(record)
  if (typeof invalid !== 'function') return
  try {
    await invalid(record)
  } catch (cause) {
    const { path, line } = record
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new SabotError(
      'USER_FUNCTION_FAILED',
      `${path}: the function for invalid records failed at line ${line}: ${reason}`,
      { path, line },
      { cause },
    )
  }
}

function invalidRecord({ path, reason, message, field, position, line, bytes }: RejectedRecord): SabotError {
  const text = decodeUtf8(bytes.subarray(0, SHOWN_BYTES))
  return new SabotError(
    'RECORD_INVALID',
    `${path}: ${message} (${reason}, record at byte ${position}): ${describeValue(text)}. Correct it, declare the field ` +
      "otherwise, or go on without such records with invalid: 'skip'",
    { path, reason, field, position, line, text },
  )
}
