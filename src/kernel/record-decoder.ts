/*
 * What the kernel's decoders of records have in common: how their input goes in, and the report of a batch, with the
 * records that were rejected (assembly/abi.ts draws both).
 */
import {
  JSON_NOT_EXACT,
  JSON_NULL,
  JSON_OUT_OF_RANGE,
  JSON_REJECT_AT,
  JSON_REJECT_BYTES,
  JSON_REJECT_KEPT,
  JSON_REJECT_LINE,
  JSON_REJECT_NODE,
  JSON_REJECT_POSITION,
  JSON_REJECT_REASON,
  JSON_REJECT_RECORD_BYTES,
  JSON_REJECT_SIZE,
  JSON_REPORT_REJECT_BYTES,
  JSON_REPORT_REJECTED,
  JSON_REPORT_REJECTS,
  JSON_REPORT_ROWS,
  JSON_TIMESTAMP_TEXT,
  JSON_TOO_LARGE,
  JSON_UTF8_INVALID,
  JSON_WRONG_TYPE,
} from '../../assembly/abi.js'
import type { Kernel } from './module.js'

/** Reasons to reject a record that every format has. */
export const RECORD_REASONS = {
  [JSON_WRONG_TYPE]: 'WRONG_TYPE',
  [JSON_NULL]: 'NULL',
  [JSON_OUT_OF_RANGE]: 'OUT_OF_RANGE',
  [JSON_NOT_EXACT]: 'NOT_EXACT',
  [JSON_TIMESTAMP_TEXT]: 'TIMESTAMP_TEXT',
  [JSON_UTF8_INVALID]: 'UTF8_INVALID',
  [JSON_TOO_LARGE]: 'TOO_LARGE',
} as const

/** A record that the kernel rejected. */
export interface RecordReject<Reason> {
  /** Byte of the input at which the record begins. */
  readonly position: number
  /** Line of the input at which it begins, or element of the array, from 1. */
  readonly line: number
  readonly reason: Reason
  /** Byte of the record at which the reason was noticed. */
  readonly at: number
  /** Length of the record in bytes. */
  readonly sizeBytes: number
  /** The record; of one that is larger than `maxRecordBytes` the first 4,096 bytes. */
  readonly bytes: Uint8Array
}

export interface NodeReject<Reason> extends RecordReject<Reason> {
  /** Number of the node that refused the record; 0 when it was none in particular. */
  readonly node: number
}

/** Larger chunks go in by pieces, so that what is decoded is still in the cache. */
const PIECE_BYTES = 262_144

/** The pieces of a chunk, at least one, and whether a piece ends the input. */
export function* inputPieces(chunk: Uint8Array, final: boolean): Generator<{ piece: Uint8Array; isLast: boolean }> {
  let from = 0
  do {
    const to = Math.min(chunk.length, from + PIECE_BYTES)
    yield { piece: chunk.subarray(from, to), isLast: final && to === chunk.length }
    from = to
  } while (from < chunk.length)
}

export function reportRows(kernel: Kernel, report: number): number {
  return wordAt(kernel, report + JSON_REPORT_ROWS)
}

/** A field of a report that is a double. */
export function reportNumber(kernel: Kernel, report: number, offset: number): number {
  return numberAt(kernel, report + offset)
}

/** The rejected records of a report, copied out; `reasons` names the codes that the decoder gives. */
export function readRejects<Code extends number, Reason>(
  kernel: Kernel,
  report: number,
  reasons: Readonly<Record<Code, Reason>>,
): NodeReject<Reason>[] {
  const records = wordAt(kernel, report + JSON_REPORT_REJECTS)
  const bytes = wordAt(kernel, report + JSON_REPORT_REJECT_BYTES)
  return Array.from({ length: wordAt(kernel, report + JSON_REPORT_REJECTED) }, (_, index) => {
    const record = records + index * JSON_REJECT_RECORD_BYTES
    const start = bytes + wordAt(kernel, record + JSON_REJECT_BYTES)
    return {
      position: numberAt(kernel, record + JSON_REJECT_POSITION),
      line: numberAt(kernel, record + JSON_REJECT_LINE),
      reason: reasons[wordAt(kernel, record + JSON_REJECT_REASON) as Code],
      node: wordAt(kernel, record + JSON_REJECT_NODE),
      at: wordAt(kernel, record + JSON_REJECT_AT),
      sizeBytes: numberAt(kernel, record + JSON_REJECT_SIZE),
      bytes: kernel.u8.slice(start, start + wordAt(kernel, record + JSON_REJECT_KEPT)),
    }
  })
}

function wordAt(kernel: Kernel, pointer: number): number {
  return kernel.u32[pointer >>> 2] ?? 0
}

function numberAt(kernel: Kernel, pointer: number): number {
  return kernel.f64[pointer >>> 3] ?? 0
}
