/*
 * A CSV decoder in the kernel: chunks in, rows of columns and rejected records out. What the rows mean to a schema is
 * for src/formats/csv.ts.
 */
import {
  CSV_AFTER_QUOTE,
  CSV_HEADER,
  CSV_TOO_FEW_FIELDS,
  CSV_TOO_MANY_FIELDS,
  CSV_UNTERMINATED,
  JSON_BATCH_FULL,
  JSON_MORE_INPUT,
  JSON_REPORT_LINES,
  JSON_REPORT_POSITION,
  RESULT_POINTER,
  RESULT_SIZE,
} from '../../assembly/abi.js'
import type { Column } from '../core/column.js'
import type { CsvExports } from './csv-exports.js'
import { type CsvColumn, type CsvDialectBytes, encodeColumns, encodeDialect } from './csv-plan.js'
import { JsonColumnReader } from './json-columns.js'
import { type JsonNode, RECORD_NODE } from './json-plan.js'
import type { Kernel } from './module.js'
import {
  inputPieces,
  RECORD_REASONS,
  type RecordReject,
  readRejects,
  reportNumber,
  reportRows,
} from './record-decoder.js'

/** Why a record was rejected. Codes are stable. */
export type CsvRejectReason = (typeof REASONS)[keyof typeof REASONS]

const REASONS = {
  ...RECORD_REASONS,
  [CSV_TOO_FEW_FIELDS]: 'TOO_FEW_FIELDS',
  [CSV_TOO_MANY_FIELDS]: 'TOO_MANY_FIELDS',
  [CSV_AFTER_QUOTE]: 'AFTER_QUOTE',
  [CSV_UNTERMINATED]: 'UNTERMINATED',
} as const

export interface CsvReject extends RecordReject<CsvRejectReason> {
  /** Number of the column that refused the record, from 0; -1 when it was none in particular. */
  readonly column: number
}

export interface CsvRows {
  readonly rowCount: number
  readonly columns: readonly Column[]
  readonly rejects: readonly CsvReject[]
}

/** Where a decoder is. */
export interface CsvProgress {
  /** Bytes of the input that are decoded. Reading can go on there, without a header then. */
  readonly positionBytes: number
  /** Lines that are decoded. */
  readonly lines: number
}

export interface CsvKernelOptions {
  readonly columns: readonly CsvColumn[]
  readonly dialect: CsvDialectBytes
  readonly batchRows: number
  readonly maxRecordBytes: number
  /**
   * The column that each field of a record goes to, -1 for none; or, where the first record is a header, what gives
   * them from its bytes. What it throws, push() throws.
   */
  readonly fields: readonly number[] | ((header: Uint8Array) => readonly number[])
}

export class CsvKernel {
  private readonly kernel: Kernel
  private readonly exports: CsvExports
  private readonly reader: JsonColumnReader
  private readonly fields: CsvKernelOptions['fields']
  private handle: number

  /** @throws SabotError MEMORY_LIMIT, KERNEL_ARGUMENT */
  constructor(kernel: Kernel, { columns, dialect, batchRows, maxRecordBytes, fields }: CsvKernelOptions) {
    this.kernel = kernel
    this.exports = kernel.exports
    this.fields = fields
    const plan = encodeColumns(columns)
    const dialectBytes = encodeDialect(dialect)
    const both = new Uint8Array(plan.length + dialectBytes.length)
    both.set(plan)
    both.set(dialectBytes, plan.length)
    const pointer = kernel.staging.write(both)
    const dialectPointer = pointer + plan.length
    this.handle = kernel.handle(
      this.exports.csvCreate(pointer, columns.length, dialectPointer, dialectBytes.length, batchRows, maxRecordBytes),
      'creating a CSV decoder',
    )
    const nodes = columns.map(
      ({ name, type, nullable, scale }): JsonNode => ({ parent: 0, type, key: name, nullable, scale }),
    )
    this.reader = new JsonColumnReader(kernel, [RECORD_NODE, ...nodes])
    if (typeof fields !== 'function') this.setFields(fields, false)
  }

  private get pointer(): number {
    if (this.handle === 0) throw new TypeError('This CSV decoder is destroyed')
    return this.handle
  }

  /**
   * Decodes a chunk, and yields each time a batch is full; `final` says that it is the last. Take what is yielded, and
   * call it to its end. @throws SabotError MEMORY_LIMIT
   */
  *push(chunk: Uint8Array, final: boolean): Generator<CsvRows> {
    for (const { piece, isLast } of inputPieces(chunk, final)) {
      this.write(piece, isLast)
      let outcome = this.decode()
      while (outcome !== JSON_MORE_INPUT) {
        if (outcome === JSON_BATCH_FULL) yield this.take()
        else if (outcome === CSV_HEADER) this.readHeader()
        outcome = this.decode()
      }
    }
  }

  /** The rows decoded so far, and the rejects among them; they are then gone from the decoder. */
  take(): CsvRows {
    const report = this.exports.csvBatch(this.pointer) >>> 0
    const rowCount = reportRows(this.kernel, report)
    // Node 0 is the record.
    const rejects = readRejects(this.kernel, report, REASONS).map(
      ({ node, ...reject }): CsvReject => ({ ...reject, column: node - 1 }),
    )
    const columns = this.reader.read(report, rowCount).filter(column => column !== undefined)
    this.kernel.check(this.exports.csvNextBatch(this.pointer), 'beginning a batch of CSV')
    return { rowCount, columns, rejects }
  }

  get progress(): CsvProgress {
    const report = this.exports.csvBatch(this.pointer) >>> 0
    return {
      positionBytes: reportNumber(this.kernel, report, JSON_REPORT_POSITION),
      lines: reportNumber(this.kernel, report, JSON_REPORT_LINES),
    }
  }

  /** Frees what the decoder holds in the kernel. Batches that were taken stay as they are. */
  destroy(): void {
    if (this.handle === 0) return
    this.exports.csvDestroy(this.handle)
    this.handle = 0
  }

  private decode(): number {
    return this.kernel.check(this.exports.csvDecode(this.pointer), 'decoding CSV')
  }

  private write(piece: Uint8Array, final: boolean): void {
    const room = this.kernel.handle(this.exports.csvInput(this.pointer, piece.length), 'buffering CSV')
    this.kernel.u8.set(piece, room)
    this.kernel.check(this.exports.csvPush(this.pointer, piece.length, final ? 1 : 0), 'taking CSV in')
  }

  private readHeader(): void {
    if (typeof this.fields !== 'function') throw new TypeError('The fields of this CSV decoder are given already')
    const start = this.kernel.resultWord(RESULT_POINTER)
    const header = this.kernel.u8.slice(start, start + this.kernel.resultWord(RESULT_SIZE))
    this.setFields(this.fields(header), true)
  }

  private setFields(fields: readonly number[], header: boolean): void {
    const map = this.kernel.staging.write(Uint32Array.from(fields, column => column + 1))
    const outcome = this.exports.csvColumns(this.pointer, map, fields.length, header ? 1 : 0)
    this.kernel.check(outcome, 'choosing the columns of CSV')
  }
}
