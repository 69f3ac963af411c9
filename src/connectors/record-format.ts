/* What a source of files needs to know of a format of records. */
import type { Batch } from '../core/batch.js'
import type { Schema } from '../core/schema.js'
import type { SourceContext } from '../operators/source.js'
import type { FileHead } from './file-bytes.js'

/** A record of a file that became no row. */
export interface RejectedRecord {
  readonly path: string
  /** A stable code, such as SYNTAX or WRONG_TYPE. */
  readonly reason: string
  /** The reason in words, with the line. */
  readonly message: string
  /** The field that refused it, where it was a field. */
  readonly field: string | undefined
  /** Byte of the file at which the record begins; of a compressed file, in what it is decompressed to. */
  readonly position: number
  /** Line of the file, or element of its array, from 1. */
  readonly line: number
  /** Byte of the record at which the reason was noticed. */
  readonly at: number
  readonly sizeBytes: number
  /** The record; of one that is larger than `maxRecordBytes` the first 4,096 bytes. */
  readonly bytes: Uint8Array
}

export interface DecodedRecords {
  readonly batch: Batch
  readonly rejected: readonly Omit<RejectedRecord, 'path'>[]
}

/** Bytes in, rows and rejected records out: the decoders of src/formats/. */
export interface RecordDecoder {
  push(chunk: Uint8Array): readonly DecodedRecords[]
  flush(): DecodedRecords | undefined
  finish(): readonly DecodedRecords[]
  /** Nobody holds the columns of a batch any more: they may be written over. */
  giveBack?(batch: Batch): void
  readonly progress: { readonly positionBytes: number; readonly lines: number }
  destroy(): void
}

export interface DecoderRequest {
  readonly kernel: SourceContext['kernel']
  /** The fields that are decoded. */
  readonly schema: Schema
  /** All fields that were declared, or inferred. */
  readonly declared: Schema
  readonly batchRows: number
  /** Reading goes on behind a record, so that a header, say, has gone by. */
  readonly isResumed: boolean
}

export interface RecordFormat {
  /** The kind of the source, for people. */
  readonly kind: string
  /** What the beginning of a file tells; undefined: a longer one is needed. */
  learn(head: FileHead): RecordLayout | undefined
}

/** What a file is like. */
export interface RecordLayout {
  /** From the records of the beginning; undefined where it has none. @throws SabotError DUPLICATE_FIELD */
  inferSchema(): Schema | undefined
  decoder(request: DecoderRequest): RecordDecoder
  /**
   * What stands in for all that was before the offset at which reading goes on: one line, or element, which is decoded
   * first and whose outcome counts for nothing.
   */
  resumePrefix(arrayHasEnded: boolean): Uint8Array
  /** Whether the records are the elements of one array. */
  readonly isArray: boolean
}
