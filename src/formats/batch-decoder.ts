/*
 * What the decoders of records have in common: chunks go in, batches of a schema come out, and with each batch the
 * records that were rejected among its rows.
 */
import { Batch } from '../core/batch.js'
import type { Column } from '../core/column.js'
import type { Schema } from '../core/schema.js'
import type { RecordReject } from '../kernel/record-decoder.js'

export interface BatchLimits {
  /** Rows of a batch, at most 65,536. A batch has fewer where strings or rejected records are large. */
  readonly batchRows?: number
  /** Longest record in bytes, at most 256 MiB. Memory is bounded by it. */
  readonly maxRecordBytes?: number
}

const DEFAULT_BATCH_ROWS = 8192
const MAX_BATCH_ROWS = 65_536
const DEFAULT_RECORD_BYTES = 16 * 1024 * 1024
const MAX_RECORD_BYTES = 256 * 1024 * 1024

/** A record that became no row. */
export interface RejectedRecord<Reason = string> extends RecordReject<Reason> {
  /** The reason in words. */
  readonly message: string
  /** The field that refused it, where it was a field; where fields have paths, its path. */
  readonly field: string | undefined
}

/** Rows in the order of the input, and the records between them that were rejected. */
export interface DecodedBatch<Row, Reason> {
  readonly batch: Batch<Row>
  readonly rejected: readonly RejectedRecord<Reason>[]
}

/** What the kernel's decoder gives for a batch. */
interface DecodedRows<Reject> {
  readonly rowCount: number
  readonly rejects: readonly Reject[]
}

interface RowDecoder<Rows, Progress> {
  push(chunk: Uint8Array, final: boolean): Iterable<Rows>
  take(): Rows
  readonly progress: Progress
  destroy(): void
}

export abstract class BatchDecoder<
  Row,
  Reason extends string,
  Reject extends RecordReject<Reason>,
  Rows extends DecodedRows<Reject>,
  Progress,
> {
  readonly schema: Schema<Row>
  private readonly decoder: RowDecoder<Rows, Progress>

  constructor(schema: Schema<Row>, decoder: RowDecoder<Rows, Progress>) {
    this.schema = schema
    this.decoder = decoder
  }

  /** The columns of the schema's fields. */
  protected abstract columnsOf(rows: Rows): readonly Column[]

  /** A rejected record, with its reason in words. */
  protected abstract describe(reject: Reject): RejectedRecord<Reason>

  /** Takes a chunk; the batches that are full by it. @throws SabotError MEMORY_LIMIT, and what the format refuses */
  push(chunk: Uint8Array): DecodedBatch<Row, Reason>[] {
    return Array.from(this.decoder.push(chunk, false), rows => this.batch(rows))
  }

  /** What is decoded and not given out yet, where there is something; a record that is cut off waits. */
  flush(): DecodedBatch<Row, Reason> | undefined {
    const rows = this.decoder.take()
    return rows.rowCount === 0 && rows.rejects.length === 0 ? undefined : this.batch(rows)
  }

  /** Nothing follows: all that is left. */
  finish(): DecodedBatch<Row, Reason>[] {
    const batches = Array.from(this.decoder.push(new Uint8Array(), true), rows => this.batch(rows))
    const last = this.flush()
    return last === undefined ? batches : [...batches, last]
  }

  get progress(): Progress {
    return this.decoder.progress
  }

  /** Frees what the decoder holds in the kernel. Its batches stay as they are. */
  destroy(): void {
    this.decoder.destroy()
  }

  private batch(rows: Rows): DecodedBatch<Row, Reason> {
    const batch = new Batch({ schema: this.schema, columns: this.columnsOf(rows), rowCount: rows.rowCount })
    return { batch, rejected: rows.rejects.map(reject => this.describe(reject)) }
  }
}

/** The limits with their defaults. @throws TypeError for one out of its range */
export function resolveLimits(limits: BatchLimits): Required<BatchLimits> {
  const { batchRows = DEFAULT_BATCH_ROWS, maxRecordBytes = DEFAULT_RECORD_BYTES } = limits
  checkCount('batchRows', batchRows, MAX_BATCH_ROWS)
  checkCount('maxRecordBytes', maxRecordBytes, MAX_RECORD_BYTES)
  return { batchRows, maxRecordBytes }
}

/** The sentence on a rejected record: where it is, the field where it was one, and what is the matter. */
export function rejectMessage(place: string, field: string | undefined, matter: string): string {
  return field === undefined ? `${place} ${matter}` : `${place}: field ${field} ${matter}`
}

function checkCount(name: string, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 1 || value > most) {
    throw new TypeError(`${name} is a whole number from 1 to ${most}, not ${value}`)
  }
}
