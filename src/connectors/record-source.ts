/*
 * Files of records, one after the other, decoded by the kernel in chunks.
 *
 * The decoder is emptied now and then, in the middle of a file: there its position is a byte at which a record begins.
 * The position of a batch is the last such byte, and how many rows were given out since. Going on from it decodes these
 * rows again, some megabytes at most, and leaves them out.
 */
import { describeValue, SabotError } from '../core/errors.js'
import type { Schema } from '../core/schema.js'
import { decodeUtf8 } from '../core/utf8.js'
import type { Source, SourceBatch, SourceContext, SourceReader } from '../operators/source.js'
import type { Compression } from './decompress.js'
import { compressionOf } from './file-bytes.js'
import { naming } from './naming.js'
import { type FileOfRecords, layoutOf, RecordFileReader, type RecordStep } from './record-file.js'
import type { DecodedRecords, RecordFormat, RejectedRecord } from './record-format.js'
import { positionFromJSON, positionToJSON, type RecordPosition } from './record-position.js'

/**
 * What becomes of a record that is malformed, or that a column refuses: 'fail' fails the job, naming file, line, byte and
 * reason; 'skip' counts it and goes on; a function is called with each, and awaited. After a crash a function is called
 * again for records behind the last checkpoint.
 */
export type InvalidRecords = 'fail' | 'skip' | ((record: RejectedRecord) => void | PromiseLike<void>)

export interface RecordFileOptions {
  /** By default 'fail'. */
  readonly invalid?: InvalidRecords
  /** By default gzip for paths that end in .gz, zstd for .zst. */
  readonly compression?: Compression
}

export interface RecordSourceInit {
  readonly paths: string | readonly string[]
  readonly format: RecordFormat
  readonly schema: Schema | undefined
  readonly options: RecordFileOptions
}

const COMPRESSIONS: ReadonlySet<unknown> = new Set<Compression>(['none', 'gzip', 'zstd'])
/** What schemas are inferred from. */
const SAMPLE_BYTES = 1_048_576
/** What an error shows of a record. */
const SHOWN_BYTES = 300

export function recordSource({ paths, format, schema, options }: RecordSourceInit): Source {
  const { invalid = 'fail', compression } = options
  const list = typeof paths === 'string' ? [paths] : [...paths]
  if (list.length === 0) throw new TypeError(`${format.kind}() takes a path, or a list of at least one`)
  if (invalid !== 'fail' && invalid !== 'skip' && typeof invalid !== 'function') {
    throw new TypeError(`invalid is 'fail', 'skip' or a function, not ${describeValue(invalid)}`)
  }
  if (compression !== undefined && !COMPRESSIONS.has(compression)) {
    throw new TypeError(`compression is 'none', 'gzip' or 'zstd', not ${describeValue(compression)}`)
  }
  const files = list.map(path => ({ path, compression: compression ?? compressionOf(path) }))
  const description = list.length <= 3 ? list.join(', ') : `${list[0]} and ${list.length - 1} more`
  return {
    kind: format.kind,
    description,
    schema,
    replayable: true,
    open: async context => {
      const position = positionFromJSON(context.position, files.length, description)
      const known = schema ?? (await inferSchema(files, format, context))
      return new RecordReader({ files, format, schema: known, invalid, context, position })
    },
  }
}

/** From the first file that has records; undefined: none has. */
async function inferSchema(
  files: readonly FileOfRecords[],
  format: RecordFormat,
  context: SourceContext,
): Promise<Schema | undefined> {
  for (const file of files) {
    const layout = await layoutOf(file, format, context, SAMPLE_BYTES)
    const schema = await naming(file.path, () => layout.inferSchema())
    if (schema !== undefined) return schema
  }
  return undefined
}

interface RecordReaderInit {
  readonly files: readonly FileOfRecords[]
  readonly format: RecordFormat
  /** undefined: there is no record. */
  readonly schema: Schema | undefined
  readonly invalid: InvalidRecords
  readonly context: SourceContext
  readonly position: RecordPosition
}

class RecordReader implements SourceReader {
  readonly rowCount = undefined
  private readonly init: RecordReaderInit
  private readonly ready: SourceBatch[] = []
  private failure: { readonly cause: unknown } | undefined
  private open: RecordFileReader | undefined
  private isClosed = false
  /** Where the decoder was empty last, and the rows given out since. */
  private base: RecordPosition
  private rowsSinceBase = 0
  private rowsToLeaveOut: number
  private rejected: number

  constructor(init: RecordReaderInit) {
    this.init = init
    const { position } = init
    this.base = { ...position, rows: 0 }
    this.rowsToLeaveOut = position.rows
    this.rejected = position.rejected
  }

  get dropped(): Readonly<Record<string, number>> {
    return this.rejected === 0 ? {} : { 'invalid-record': this.rejected }
  }

  async read(): Promise<SourceBatch | undefined> {
    const { files, format, schema, context } = this.init
    while (this.ready.length === 0) {
      if (this.failure !== undefined) throw this.failure.cause
      const file = files[this.base.file]
      if (this.isClosed || schema === undefined || file === undefined) return undefined
      if (this.base.ended === 'file') {
        await this.nextFile(file)
      } else if (this.open === undefined) {
        const opened = await RecordFileReader.open(file, format, schema, this.base, context)
        this.open = opened
        // close() came meanwhile, and found nothing to close.
        if (this.isClosed) await this.close()
      } else {
        await this.take(await this.open.step(), this.open)
      }
    }
    return this.ready.shift()
  }

  /** Also while a read is under way, which then ends as if the input did. */
  async close(): Promise<void> {
    this.isClosed = true
    const { open } = this
    this.open = undefined
    await open?.close()
  }

  private async nextFile({ path }: FileOfRecords): Promise<void> {
    if (this.rowsToLeaveOut > 0) {
      throw new SabotError(
        'SOURCE_CHANGED',
        `${path} has ${this.rowsToLeaveOut} rows fewer than at the checkpoint: restore the old input, or begin anew ` +
          'without resuming',
        { path, missingRows: this.rowsToLeaveOut },
      )
    }
    const { open } = this
    this.open = undefined
    this.base = { file: this.base.file + 1, offset: 0, line: 0, rows: 0, rejected: this.rejected, ended: 'no' }
    this.rowsSinceBase = 0
    await open?.close()
  }

  /** A record that fails the job does so when the rows before its batch are handed over. */
  private async take({ decoded, place }: RecordStep, open: RecordFileReader): Promise<void> {
    for (const [index, records] of decoded.entries()) {
      const isLast = index === decoded.length - 1
      try {
        for (const record of records.rejected) await this.reject(record, open)
      } catch (cause) {
        this.failure = { cause }
        return
      }
      this.rowsSinceBase += records.batch.length
      if (isLast && place !== undefined) this.moveBase({ ...this.base, ...place })
      this.hand(records)
    }
    if (decoded.length === 0 && place !== undefined) this.moveBase({ ...this.base, ...place })
  }

  private moveBase(place: RecordPosition): void {
    this.base = { ...place, rejected: this.rejected }
    this.rowsSinceBase = 0
  }

  private hand({ batch }: DecodedRecords): void {
    const leftOut = Math.min(this.rowsToLeaveOut, batch.length)
    this.rowsToLeaveOut -= leftOut
    if (leftOut === batch.length) return
    this.ready.push({
      batch: leftOut === 0 ? batch : batch.slice(leftOut, batch.length),
      position: positionToJSON({ ...this.base, rows: this.rowsSinceBase }),
    })
  }

  private async reject(relative: DecodedRecords['rejected'][number], open: RecordFileReader): Promise<void> {
    const { path } = open
    const { position, line } = open.absolute(relative.position, relative.line)
    // The place is the first number of the message.
    const message = relative.message.replace(String(relative.line), String(line))
    const record: RejectedRecord = { ...relative, path, position, line, message }
    this.rejected += 1
    const { invalid } = this.init
    if (invalid === 'fail') throw invalidRecord(record)
    if (invalid === 'skip') return
    try {
      await invalid(record)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new SabotError(
        'USER_FUNCTION_FAILED',
        `${path}: the function for invalid records failed at line ${line}: ${reason}`,
        { path, line },
        { cause },
      )
    }
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
