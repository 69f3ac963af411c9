import type { Batch } from '../core/batch.js'
import { BatchBuilder } from '../core/batch-builder.js'
import type { Schema } from '../core/schema.js'

/** Puts objects into batches. A bad row fails the read after the rows before it have been handed over. */
export class RowBatcher<Row> {
  private readonly builder: BatchBuilder<Row>
  private failure: { readonly cause: unknown } | undefined

  constructor(schema: Schema<Row>) {
    this.builder = new BatchBuilder(schema)
  }

  get length(): number {
    return this.builder.length
  }

  /** False when this row, or one before it, is bad: hand over what `take` gives. */
  append(row: object, position: number): boolean {
    if (this.failure !== undefined) return false
    try {
      this.builder.append(row, position)
      return true
    } catch (cause) {
      this.fail(cause)
      return false
    }
  }

  /** Makes `take` fail once the rows so far are handed over. */
  fail(cause: unknown): void {
    this.failure ??= { cause }
  }

  /** The rows so far, or undefined when there are none. Fails when there are none because of a failure. */
  take(): Batch<Row> | undefined {
    if (this.builder.length > 0) return this.builder.finish()
    if (this.failure !== undefined) throw this.failure.cause
    return undefined
  }
}
