/*
 * One file of records, decoded by the kernel in chunks.
 *
 * The decoder is emptied now and then, in the middle of the file: there its position is a byte at which a record begins.
 * The position of a batch is the last such byte, and how many rows were given out since. Going on from it decodes these
 * rows again, some megabytes at most, and leaves them out.
 */
import type { Batch } from '../core/batch.js'
import { SabotError } from '../core/errors.js'
import type { Schema } from '../core/schema.js'
import { type RejectedRow, rejectedBatches } from '../operators/rejected-rows.js'
import type { SourceBatch } from '../operators/source.js'
import type { Compression } from './decompress.js'
import type { SplitReader, SplitRequest } from './file-source.js'
import { RecordFileReader, type RecordStep } from './record-file.js'
import type { DecodedRecords, RecordFormat, RejectedRecord } from './record-format.js'
import { positionFromJSON, positionToJSON, type RecordPosition } from './record-position.js'
import { rejectedRow } from './rejected-row.js'

export interface RecordSplitOptions {
  readonly compression: Compression
  /** Called with each record that becomes no row. What it throws fails the reading behind the rows before. */
  reject(record: RejectedRecord): Promise<void>
  /** Whether these records are given out as dead letters, too. */
  readonly deadLetters: boolean
}

export class RecordSplit implements SplitReader {
  readonly rowCount = undefined
  private readonly request: SplitRequest
  private readonly format: RecordFormat
  private readonly options: RecordSplitOptions
  private readonly ready: SourceBatch[] = []
  private failure: { readonly cause: unknown } | undefined
  private opening: Promise<RecordFileReader | undefined> | undefined
  private open: RecordFileReader | undefined
  private isClosed = false
  /** Where the decoder was empty last, and the rows given out since. */
  private base: RecordPosition
  private rowsSinceBase = 0
  private rowsToLeaveOut: number
  private lettersSinceBase = 0
  private lettersToLeaveOut: number
  /** Those of the records that are taken. */
  private letters: RejectedRow[] = []
  private rejectedRecords: number

  private constructor(
    request: SplitRequest,
    format: RecordFormat,
    options: RecordSplitOptions,
    position: RecordPosition,
  ) {
    this.request = request
    this.format = format
    this.options = options
    this.base = { ...position, rows: 0, letters: 0 }
    this.lettersToLeaveOut = position.letters
    this.rowsToLeaveOut = position.rows
    this.rejectedRecords = position.rejected
  }

  static async open(request: SplitRequest, format: RecordFormat, options: RecordSplitOptions): Promise<RecordSplit> {
    const position = positionFromJSON(request.position, request.file.name)
    const split = new RecordSplit(request, format, options, position)
    if (!request.file.isLive) await split.begin()
    return split
  }

  get schema(): Schema | undefined {
    return this.open?.schema
  }

  get rejected(): number {
    return this.rejectedRecords
  }

  async read(): Promise<SourceBatch | undefined> {
    while (this.ready.length === 0) {
      if (this.failure !== undefined) throw this.failure.cause
      if (this.base.ended === 'file') this.end()
      if (this.isClosed || this.base.ended === 'file') return undefined
      const open = await this.begin()
      if (open === undefined || this.isClosed) return undefined
      await this.take(await open.step(), open)
    }
    return this.ready.shift()
  }

  giveBack(batch: Batch): void {
    this.open?.giveBack(batch)
  }

  async close(): Promise<void> {
    this.isClosed = true
    const { open } = this
    await open?.close()
  }

  private begin(): Promise<RecordFileReader | undefined> {
    this.opening ??= this.openFile()
    return this.opening
  }

  private async openFile(): Promise<RecordFileReader | undefined> {
    const { file, schema, fields, context } = this.request
    if (this.base.ended === 'file') return undefined
    const { version } = this.base
    const isResumed = this.request.position !== undefined
    const open = await RecordFileReader.open(
      { file, compression: this.options.compression },
      { format: this.format, schema, fields, place: this.base, isResumed, version, isClosed: () => this.isClosed },
      context,
    )
    this.open = open
    if (open !== undefined) this.base = { ...this.base, version: open.version }
    // close() came meanwhile, and found nothing to close.
    if (this.isClosed) await open?.close()
    return open
  }

  private end(): void {
    if (this.rowsToLeaveOut === 0) return
    const { name } = this.request.file
    throw new SabotError(
      'SOURCE_CHANGED',
      `${name} has ${this.rowsToLeaveOut} rows fewer than at the checkpoint: restore the old input, or begin anew ` +
        'without resuming',
      { path: name, missingRows: this.rowsToLeaveOut },
    )
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
    this.base = { ...place, rejected: this.rejectedRecords }
    this.rowsSinceBase = 0
    this.lettersSinceBase = 0
  }

  private hand({ batch }: DecodedRecords): void {
    const leftOut = Math.min(this.rowsToLeaveOut, batch.length)
    this.rowsToLeaveOut -= leftOut
    const { letters } = this
    if (leftOut === batch.length && letters.length === 0) return
    this.letters = []
    this.ready.push({
      batch: leftOut === 0 ? batch : batch.slice(leftOut, batch.length),
      position: positionToJSON({ ...this.base, rows: this.rowsSinceBase, letters: this.lettersSinceBase }),
      ...(letters.length === 0 ? {} : { deadLetters: rejectedBatches(letters) }),
    })
  }

  private async reject(relative: DecodedRecords['rejected'][number], open: RecordFileReader): Promise<void> {
    const { position, line } = open.absolute(relative.position, relative.line)
    // The place is the first number of the message.
    const message = relative.message.replace(String(relative.line), String(line))
    this.rejectedRecords += 1
    const record = { ...relative, path: open.path, position, line, message }
    await this.options.reject(record)
    if (!this.options.deadLetters) return
    this.lettersSinceBase += 1
    if (this.lettersToLeaveOut > 0) this.lettersToLeaveOut -= 1
    else this.letters.push(rejectedRow(record))
  }
}
