/*
 * JSON to batches, by a schema: one object a line (NDJSON), or one array of objects. The bytes go straight into columns;
 * no object is made of a record.
 *
 * Records
 * - Lines end in LF or CRLF; blank ones are skipped; the last needs no end. A byte order mark is skipped.
 * - A record that is no JSON object, or that a column refuses, is rejected: it stands in `rejected` with its bytes, its
 *   place and the reason, and the records after it are decoded. So is one that is not UTF-8, is nested deeper than
 *   131,072 levels, or is larger than `maxRecordBytes`.
 * - Fields that the schema does not have are checked and skipped. Of fields that stand twice the last counts.
 * - A field that is missing is null. A null needs a nullable column.
 *
 * Values
 * - f64, f32: the nearest double (then float), as Number(text). 1e400 is Infinity, as it is to JSON.parse.
 * - i32, i64: numbers that are whole, however written (1.0, 1e3), exact in 64 bits. -0 is 0.
 * - decimal: numbers, or strings that hold a number, exact; zeros behind the scale are no loss.
 * - timestamp: numbers in the field's unit, or ISO 8601 texts (no zone is UTC); what is below a millisecond is cut
 *   towards the past.
 * - utf8: strings; a lone surrogate escape becomes U+FFFD and is counted. bool: true and false.
 * - list: arrays of plain values. struct: objects. object: anything, as JSON.parse makes it.
 */
import type { Batch } from '../core/batch.js'
import type { Column } from '../core/column.js'
import type { Schema } from '../core/schema.js'
import { JsonKernel, type JsonProgress, type JsonReject, type JsonRejectReason, type JsonRows } from '../kernel/json.js'
import type { Kernel } from '../kernel/module.js'
import {
  BatchDecoder,
  type BatchLimits,
  type DecodedBatch,
  type RejectedRecord as RejectedRecordOf,
  rejectMessage,
  resolveLimits,
} from './batch-decoder.js'
import { type JsonFieldOptions, type JsonPlan, jsonPlan } from './json-plan.js'

export interface JsonDecoderOptions extends JsonFieldOptions, BatchLimits {
  /** 'ndjson': one object a line. 'array': one array of objects. */
  readonly format?: 'ndjson' | 'array'
}

/** A record that became no row. */
export type RejectedRecord = RejectedRecordOf<JsonRejectReason>

export type JsonBatch<Row = unknown> = DecodedBatch<Row, JsonRejectReason>

const MESSAGES: Readonly<Record<JsonRejectReason, string>> = {
  SYNTAX: 'is not JSON',
  NOT_AN_OBJECT: 'is not an object',
  WRONG_TYPE: 'has a value of another type',
  NULL: 'is null, but not nullable',
  MISSING: 'is missing, and not nullable',
  OUT_OF_RANGE: "is beyond the range of the column's type",
  NOT_EXACT: 'has more digits after the point than the column holds',
  TIMESTAMP_TEXT: 'is no ISO 8601 date or time',
  UTF8_INVALID: 'is not UTF-8',
  TOO_LARGE: 'is larger than maxRecordBytes',
  TOO_DEEP: 'is nested too deep',
  UNTERMINATED: 'ends before the array does',
  AFTER_END: 'stands behind the end of the array',
  NO_ARRAY: 'is not the beginning of an array',
}

/**
 * Laws: how the input is cut into chunks changes nothing, not even the batches; input records = rows + rejected +
 * blank lines.
 */
export class JsonDecoder<Row = unknown> extends BatchDecoder<
  Row,
  JsonRejectReason,
  JsonReject,
  JsonRows,
  JsonProgress
> {
  private readonly kernelDecoder: JsonKernel
  private readonly plan: JsonPlan
  private readonly isArray: boolean

  constructor(kernel: Kernel, schema: Schema<Row>, options: JsonDecoderOptions) {
    const { format = 'ndjson' } = options
    if (format !== 'ndjson' && format !== 'array') throw new TypeError(`format is 'ndjson' or 'array', not ${format}`)
    const limits = resolveLimits(options)
    const plan = jsonPlan(schema, options)
    const kernelDecoder = new JsonKernel(kernel, { nodes: plan.nodes, format, ...limits })
    super(schema, kernelDecoder)
    this.kernelDecoder = kernelDecoder
    this.plan = plan
    this.isArray = format === 'array'
  }

  /** Nobody holds the columns of a batch any more, of this decoder or of another: they are written over. */
  giveBack({ columns }: Batch): void {
    this.kernelDecoder.giveBack(columns)
  }

  protected override columnsOf({ columns }: JsonRows): Column[] {
    return this.plan.fieldNodes.map(node => {
      const column = columns[node]
      if (column === undefined) throw new TypeError(`The decoder gave no column for node ${node}`)
      return column
    })
  }

  protected override describe({ node, ...reject }: JsonReject): RejectedRecord {
    const field = node === 0 ? undefined : this.plan.pathOf(node)
    const place = this.isArray ? `Element ${reject.line}` : `Line ${reject.line}`
    return { ...reject, field, message: rejectMessage(place, field, MESSAGES[reject.reason]) }
  }
}

/**
 * A decoder of JSON into batches of `schema`, in the memory of `kernel`.
 * @throws SabotError UNKNOWN_FIELD, SCHEMA_INVALID, UNSUPPORTED_TYPE, MEMORY_LIMIT
 */
export function jsonDecoder<Row>(
  kernel: Kernel,
  schema: Schema<Row>,
  options: JsonDecoderOptions = {},
): JsonDecoder<Row> {
  return new JsonDecoder(kernel, schema, options)
}
