/* JavaScript objects in, batches out. */
import { Batch, MAX_BATCH_ROWS } from './batch.js'
import { appendFields, columnBuilder } from './builders-nested.js'
import type { ColumnBuilder } from './column-builder.js'
import { describeValue, SabotError } from './errors.js'
import type { Schema } from './schema.js'

/**
 * Collects rows of one schema. Fields that the schema does not have are ignored; a missing field is null. What each
 * type takes: bool, f32, f64, utf8 their JavaScript values; i32 whole numbers; i64 bigints and safe whole numbers;
 * timestamp whole ms or a Date; decimal exact texts, bigints and safe whole numbers; object anything.
 *
 * Laws: `append(row)`, `finish()`, `toRows()` gives the row back in the schema's terms; an append that throws leaves
 * the rows as they were.
 */
export class BatchBuilder<Row = unknown> {
  readonly schema: Schema<Row>
  private readonly builders: readonly ColumnBuilder[]
  private rows = 0
  private seen = 0

  constructor(schema: Schema<Row>) {
    this.schema = schema
    this.builders = schema.fields.map(field => columnBuilder(field))
  }

  /** Rows since the last `finish`. */
  get length(): number {
    return this.rows
  }

  get isFull(): boolean {
    return this.rows >= MAX_BATCH_ROWS
  }

  /**
   * Adds a row. `position` says in errors where the row comes from (by default the number of rows given before it).
   * @throws SabotError TYPE_MISMATCH, NULL_VALUE, OUT_OF_RANGE or DECIMAL_INVALID, with details `field`, `value` and
   *   `position`; TypeError when the builder is full: call `finish` first.
   */
  append(row: object, position: number | string = this.seen): void {
    if (this.isFull) throw new TypeError(`The builder holds ${MAX_BATCH_ROWS} rows, which is the most: finish() it`)
    this.seen++
    if (typeof row !== 'object' || row === null) {
      throw new SabotError('TYPE_MISMATCH', `Row ${position} is ${describeValue(row)}, not an object`, {
        value: row,
        position,
      })
    }
    try {
      appendFields(this.builders, this.schema.fields, row, '')
    } catch (error) {
      if (!(error instanceof SabotError)) throw error
      throw new SabotError(
        error.code,
        `Row ${position}: ${error.message}`,
        { ...error.details, position },
        { cause: error },
      )
    }
    this.rows++
  }

  /** The rows so far as a batch; the builder is empty afterwards and can be used again. */
  finish(): Batch<Row> {
    const columns = this.builders.map(builder => builder.finish())
    const batch = new Batch({ schema: this.schema, columns, rowCount: this.rows })
    this.rows = 0
    return batch
  }

  /** Batches of at most `batchRows` rows from objects. */
  static *batches<Row>(schema: Schema<Row>, rows: Iterable<object>, batchRows = 8192): Generator<Batch<Row>> {
    const builder = new BatchBuilder(schema)
    for (const row of rows) {
      builder.append(row)
      if (builder.length >= batchRows) yield builder.finish()
    }
    if (builder.length > 0) yield builder.finish()
  }
}
