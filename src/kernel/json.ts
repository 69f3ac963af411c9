/*
 * A JSON decoder in the kernel: chunks in, rows of columns and rejected records out. What the rows mean to a schema is
 * for src/formats/json.ts.
 */
import {
  JSON_AFTER_END,
  JSON_ARRAY,
  JSON_BATCH_FULL,
  JSON_LINES,
  JSON_MISSING,
  JSON_NO_ARRAY,
  JSON_NOT_AN_OBJECT,
  JSON_REPORT_LINES,
  JSON_REPORT_LONE_SURROGATES,
  JSON_REPORT_POSITION,
  JSON_REPORT_TEMPLATE_RECORDS,
  JSON_SYNTAX,
  JSON_TOO_DEEP,
  JSON_UNTERMINATED,
} from '../../assembly/abi.js'
import type { Column } from '../core/column.js'
import { JsonColumnReader } from './json-columns.js'
import type { JsonExports } from './json-exports.js'
import { encodePlan, type JsonNode } from './json-plan.js'
import type { Kernel } from './module.js'
import {
  inputPieces,
  type NodeReject,
  RECORD_REASONS,
  readRejects,
  reportNumber,
  reportRows,
} from './record-decoder.js'

/** Why a record was rejected. Codes are stable. */
export type JsonRejectReason = (typeof REASONS)[keyof typeof REASONS]

const REASONS = {
  ...RECORD_REASONS,
  [JSON_SYNTAX]: 'SYNTAX',
  [JSON_NOT_AN_OBJECT]: 'NOT_AN_OBJECT',
  [JSON_MISSING]: 'MISSING',
  [JSON_TOO_DEEP]: 'TOO_DEEP',
  [JSON_UNTERMINATED]: 'UNTERMINATED',
  [JSON_AFTER_END]: 'AFTER_END',
  [JSON_NO_ARRAY]: 'NO_ARRAY',
} as const

export type JsonReject = NodeReject<JsonRejectReason>

export interface JsonRows {
  readonly rowCount: number
  /** By node number; undefined where the node is no column of a row (objects on the way, elements). */
  readonly columns: readonly (Column | undefined)[]
  readonly rejects: readonly JsonReject[]
}

/** Where a decoder is. */
export interface JsonProgress {
  /** Bytes of the input that are decoded: with one object a line, reading can go on there. */
  readonly positionBytes: number
  /** Lines, or elements of the array, that are decoded. */
  readonly lines: number
  /** Lone surrogates that were replaced by U+FFFD. */
  readonly loneSurrogates: number
  /** Records that the template decoded, the fast way. */
  readonly templateRecords: number
}

export interface JsonKernelOptions {
  readonly nodes: readonly JsonNode[]
  readonly format: 'ndjson' | 'array'
  readonly batchRows: number
  readonly maxRecordBytes: number
}

export class JsonKernel {
  private readonly kernel: Kernel
  private readonly exports: JsonExports
  private readonly reader: JsonColumnReader
  private handle: number

  /** @throws SabotError MEMORY_LIMIT, KERNEL_ARGUMENT */
  constructor(kernel: Kernel, { nodes, format, batchRows, maxRecordBytes }: JsonKernelOptions) {
    this.kernel = kernel
    this.exports = kernel.exports
    const plan = encodePlan(nodes)
    const pointer = kernel.staging.write(plan)
    const kind = format === 'array' ? JSON_ARRAY : JSON_LINES
    this.handle = kernel.handle(
      this.exports.jsonCreate(pointer, plan.length, nodes.length, kind, batchRows, maxRecordBytes),
      'creating a JSON decoder',
    )
    this.reader = new JsonColumnReader(kernel, nodes)
  }

  private get pointer(): number {
    if (this.handle === 0) throw new TypeError('This JSON decoder is destroyed')
    return this.handle
  }

  /**
   * Decodes a chunk, and yields each time a batch is full; `final` says that it is the last. Take what is yielded, and
   * call it to its end. @throws SabotError MEMORY_LIMIT
   */
  *push(chunk: Uint8Array, final: boolean): Generator<JsonRows> {
    for (const { piece, isLast } of inputPieces(chunk, final)) {
      this.write(piece, isLast)
      while (this.kernel.check(this.exports.jsonDecode(this.pointer), 'decoding JSON') === JSON_BATCH_FULL) {
        yield this.take()
      }
    }
  }

  /** The rows decoded so far, and the rejects among them; they are then gone from the decoder. */
  take(): JsonRows {
    const report = this.exports.jsonBatch(this.pointer) >>> 0
    const rowCount = reportRows(this.kernel, report)
    const rejects = readRejects(this.kernel, report, REASONS)
    const columns = this.reader.read(report, rowCount)
    this.kernel.check(this.exports.jsonNextBatch(this.pointer), 'beginning a batch of JSON')
    return { rowCount, columns, rejects }
  }

  /** Nobody holds these columns any more: what they consist of is written over. */
  giveBack(columns: readonly Column[]): void {
    this.reader.giveBack(columns)
  }

  get progress(): JsonProgress {
    const report = this.exports.jsonBatch(this.pointer) >>> 0
    return {
      positionBytes: reportNumber(this.kernel, report, JSON_REPORT_POSITION),
      lines: reportNumber(this.kernel, report, JSON_REPORT_LINES),
      loneSurrogates: reportNumber(this.kernel, report, JSON_REPORT_LONE_SURROGATES),
      templateRecords: reportNumber(this.kernel, report, JSON_REPORT_TEMPLATE_RECORDS),
    }
  }

  /** Frees what the decoder holds in the kernel. Batches that were taken stay as they are. */
  destroy(): void {
    if (this.handle === 0) return
    this.exports.jsonDestroy(this.handle)
    this.handle = 0
  }

  private write(piece: Uint8Array, final: boolean): void {
    const room = this.kernel.handle(this.exports.jsonInput(this.pointer, piece.length), 'buffering JSON')
    this.kernel.u8.set(piece, room)
    this.kernel.check(this.exports.jsonPush(this.pointer, piece.length, final ? 1 : 0), 'taking JSON in')
  }
}
