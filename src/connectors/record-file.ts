/* One file of records while it is read: from chunks of bytes to decoded records, and the places between them. */
import type { Batch } from '../core/batch.js'
import { SabotError } from '../core/errors.js'
import type { ReadableFile } from '../core/files.js'
import { readSchema } from '../core/read-schema.js'
import type { Schema } from '../core/schema.js'
import type { SourceContext } from '../operators/source.js'
import type { ByteReader, Compression } from './decompress.js'
import { openBytes, PeekingReader, promptly } from './file-bytes.js'
import { checkReplayable, type InputFile } from './file-input.js'
import { named, naming } from './naming.js'
import type { DecodedRecords, RecordDecoder, RecordFormat, RecordLayout } from './record-format.js'
import type { RecordPosition } from './record-position.js'

export interface FileOfRecords {
  readonly file: InputFile
  readonly compression: Compression
}

export interface RecordFileRequest {
  readonly format: RecordFormat
  /** undefined: it is inferred from the first records. */
  readonly schema: Schema | undefined
  /** The only fields that are wanted; undefined: all. */
  readonly fields: readonly string[] | undefined
  readonly place: RecordPlace
  /** Whether rows of the file were given out before. */
  readonly isResumed: boolean
  /** Of the file, when the place was taken. */
  readonly version: string | undefined
  /** Whether nobody waits for it any more. */
  isClosed(): boolean
}

/** Where a file's decoder is empty. */
export type RecordPlace = Pick<RecordPosition, 'offset' | 'line' | 'ended'>

export interface RecordStep {
  readonly decoded: readonly DecodedRecords[]
  /** Where the next record begins, when all records before it are given out. */
  readonly place: RecordPlace | undefined
}

/** The least that is looked at to learn what a file is like; more where that does not tell. */
const HEAD_BYTES = 65_536
/** What schemas are inferred from. */
const SAMPLE_BYTES = 1_048_576
const MAX_HEAD_BYTES = 16 * 1_048_576
/** The decoder is emptied when it holds this share of a batch, or has decoded so many bytes since it was empty. */
const EMPTY_AT_SHARE = 0.5
const EMPTY_AT_BYTES = 4 * 1_048_576

/** Reasons of rejects behind which an array has no more elements. */
const LAST_REASONS: ReadonlySet<string> = new Set(['NO_ARRAY', 'AFTER_END', 'UNTERMINATED'])

interface Learnt {
  readonly layout: RecordLayout
  readonly schema: Schema | undefined
}

/** @throws SabotError RECORD_INVALID where the file has no header of a reasonable size, COMPRESSION_INVALID, FILE_... */
async function learn(
  bytes: PeekingReader,
  path: string,
  format: RecordFormat,
  schema: Schema | undefined,
): Promise<Learnt> {
  for (let length = schema === undefined ? SAMPLE_BYTES : HEAD_BYTES; ; ) {
    const head = await bytes.peek(length)
    const { isWhole } = head
    const have = head.bytes.length
    const layout = await naming(path, () => format.learn(head))
    if (layout !== undefined) {
      const known = schema ?? (await naming(path, () => layout.inferSchema()))
      if (known !== undefined || isWhole || have >= SAMPLE_BYTES) return { layout, schema: known }
    } else if (isWhole || have >= MAX_HEAD_BYTES) {
      throw new SabotError('RECORD_INVALID', `${path}: the first ${have} bytes hold no whole header`, { path })
    }
    // Fewer than asked for: more has to come first.
    if (have >= length) length *= 4
  }
}

const CLOSING_BRACKET = 0x5d
const SPACES: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d])

interface ReaderInit {
  readonly path: string
  readonly layout: RecordLayout
  readonly decoder: RecordDecoder
  readonly bytes: ByteReader
  readonly place: RecordPlace
  readonly batchRows: number
  readonly schema: Schema
  readonly opened: ReadableFile
}

export class RecordFileReader {
  readonly path: string
  readonly schema: Schema
  readonly version: string | undefined
  private readonly layout: RecordLayout
  private readonly decoder: RecordDecoder
  private readonly bytes: ByteReader
  private readonly batchRows: number
  /** What the decoder's progress is counted from. */
  private readonly origin: { readonly offset: number; readonly line: number }
  private arrayHasEnded: boolean
  private restIsRefused = false
  /** Bytes of the file that were read, from its beginning. */
  private readTo: number
  private emptiedAt: { readonly offset: number; readonly line: number }
  /** Records given out since the decoder was empty, and before. */
  private givenSince = 0
  private hasGiven = false
  private isClosed = false

  private constructor({ path, layout, decoder, bytes, place, batchRows, schema, opened }: ReaderInit) {
    const { offset, line, ended } = place
    this.path = path
    this.schema = schema
    this.version = opened.version
    this.layout = layout
    this.decoder = decoder
    this.bytes = bytes
    this.batchRows = batchRows
    const isResumed = offset > 0
    this.arrayHasEnded = ended === 'array'
    this.readTo = offset
    this.emptiedAt = { offset, line }
    if (isResumed) {
      decoder.push(layout.resumePrefix(this.arrayHasEnded))
      decoder.flush()
    }
    const { positionBytes, lines } = decoder.progress
    this.origin = isResumed ? { offset: offset - positionBytes, line: line - lines } : { offset: 0, line: 0 }
  }

  /**
   * Opens a file at a place that an earlier reader gave; undefined: it has no record that would tell a schema.
   * @throws SabotError SOURCE_CHANGED, SOURCE_NOT_REPLAYABLE where it cannot be read from there
   */
  static async open(
    { file, compression }: FileOfRecords,
    { format, schema, fields, place, isResumed, version, isClosed }: RecordFileRequest,
    { kernel, batchRows, clock }: SourceContext,
  ): Promise<RecordFileReader | undefined> {
    const path = file.name
    const opened = await file.open()
    const { offset } = place
    const isFollowed = file.follow !== undefined
    const bytesFrom = (from: number): PeekingReader => {
      if (file.follow !== undefined) return new PeekingReader(file.follow(from))
      const bytes = openBytes(opened, path, { compression, offset: from })
      return new PeekingReader(opened.isSequential ? promptly(bytes, clock) : bytes)
    }
    let bytes: PeekingReader | undefined
    try {
      if (isResumed) checkReplayable(file, opened, version)
      // What can be read at any offset is looked at and then read from the place; of the rest the beginning comes once.
      const isSought = offset > 0 && (isFollowed || (compression === 'none' && opened.isSequential !== true))
      bytes = bytesFrom(0)
      const { layout, schema: known } = await learn(bytes, path, format, schema)
      if (known === undefined) {
        await bytes.close()
        return undefined
      }
      if (isSought) bytes = bytesFrom(offset)
      else if (offset > 0) await bytes.skip(offset, path)
      const reader = bytes
      return await naming(path, () => {
        const wanted = readSchema(known, fields)
        const decoder = layout.decoder({ kernel, schema: wanted, declared: known, batchRows, isResumed: offset > 0 })
        try {
          return new RecordFileReader({ path, layout, decoder, bytes: reader, place, batchRows, schema: known, opened })
        } catch (cause) {
          decoder.destroy()
          throw cause
        }
      })
    } catch (cause) {
      await (bytes ?? opened).close()
      if (isClosed()) return undefined
      throw cause
    }
  }

  /** Reads on. A place with `ended: 'file'` is the last. Gives nothing when close() came meanwhile. */
  async step(): Promise<RecordStep> {
    const chunk = await this.bytes.read()
    if (this.isClosed) return { decoded: [], place: undefined }
    // No turn is given from here on, in which close() could take the decoder away.
    try {
      if (chunk === undefined) return this.finish()
      const step = this.decode(chunk)
      this.bytes.giveBack?.(chunk)
      return step
    } catch (cause) {
      throw named(this.path, cause)
    }
  }

  /** A place as the decoder tells it, which counts from where it began. */
  absolute(position: number, line: number): { position: number; line: number } {
    return { position: position + this.origin.offset, line: line + this.origin.line }
  }

  giveBack(batch: Batch): void {
    this.decoder.giveBack?.(batch)
  }

  async close(): Promise<void> {
    this.isClosed = true
    this.decoder.destroy()
    await this.bytes.close()
  }

  private finish(): RecordStep {
    const decoded = this.decoder.finish()
    return { decoded, place: { ...this.here(), ended: 'file' } }
  }

  private decode(chunk: Uint8Array): RecordStep {
    const decoded = [...this.decoder.push(chunk)]
    this.readTo += chunk.length
    this.note(decoded)
    if (this.layout.isArray) this.lookBack(chunk)
    // An empty chunk: nothing more has come yet, so that what is decoded should not wait for it.
    if (chunk.length > 0 && !this.shouldEmpty()) return { decoded, place: undefined }
    const last = this.decoder.flush()
    if (last !== undefined) {
      this.note([last])
      decoded.push(last)
    }
    this.givenSince = 0
    this.emptiedAt = this.here()
    return { decoded, place: this.hasGiven ? { ...this.emptiedAt, ended: this.ended } : undefined }
  }

  private here(): { readonly offset: number; readonly line: number } {
    const { positionBytes, lines } = this.decoder.progress
    return { offset: positionBytes + this.origin.offset, line: lines + this.origin.line }
  }

  private get ended(): RecordPosition['ended'] {
    if (this.restIsRefused) return 'file'
    return this.arrayHasEnded ? 'array' : 'no'
  }

  private note(decoded: readonly DecodedRecords[]): void {
    for (const { batch, rejected } of decoded) {
      this.givenSince += batch.length + rejected.length
      this.hasGiven = true
      if (this.layout.isArray && rejected.some(({ reason }) => LAST_REASONS.has(reason))) this.restIsRefused = true
    }
  }

  /** What is in the decoder is counted by lines: those that were blank, or within quotes, do no harm. */
  private shouldEmpty(): boolean {
    const { offset, line } = this.here()
    const held = line - this.emptiedAt.line - this.givenSince
    return held >= this.batchRows * EMPTY_AT_SHARE || offset - this.emptiedAt.offset >= EMPTY_AT_BYTES
  }

  /** Whether the next element stands behind a comma, or nothing behind the end of the array: of this, no word comes. */
  private lookBack(chunk: Uint8Array): void {
    let at = this.here().offset - (this.readTo - chunk.length) - 1
    while (at >= 0 && SPACES.has(chunk[at] ?? 0)) at--
    if (at >= 0) this.arrayHasEnded = chunk[at] === CLOSING_BRACKET
  }
}
