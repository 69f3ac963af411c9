import { Batch } from '../core/batch.js'
import { SabotError } from '../core/errors.js'
import type { Schema } from '../core/schema.js'
import type { Source, SourceBatch, SourceContext, SourceReader } from '../operators/source.js'
import { BatchReader } from './batch-reader.js'
import { RowBatcher } from './row-batcher.js'
import { assertWithin, rowPosition } from './row-position.js'
import { type InferredRow, type RowInput, schemaOfAll } from './row-types.js'

/**
 * Rows that are in memory: objects, or batches of one schema. Without a schema that of all objects is inferred (see
 * inferSchema). The array is read while the job runs and must not change meanwhile. Replayable; its position is the row.
 * @throws SabotError SCHEMA_MISMATCH for batches of several schemas; bad rows fail the read with their index.
 */
export function memory<Row>(batches: readonly Batch<Row>[]): Source<Row>
export function memory<Row>(rows: readonly RowInput<Row>[], options: { readonly schema: Schema<Row> }): Source<Row>
export function memory<Row extends object>(rows: readonly Row[]): Source<InferredRow<Row>>
export function memory(rows: readonly object[], options: { readonly schema?: Schema } = {}): Source {
  const batches = rows.filter(row => row instanceof Batch)
  if (batches.length === 0) return new MemorySource(rows, options.schema)
  if (batches.length < rows.length) throw new TypeError('memory() takes objects or batches, not both')
  return batchSource('memory', batches)
}

/** A source of batches that are in memory. @throws SabotError SCHEMA_MISMATCH */
export function batchSource<Row>(
  kind: string,
  batches: readonly Batch<Row>[],
  schema: Schema<Row> | undefined = batches[0]?.schema,
): Source<Row> {
  let rowCount = 0
  for (const [index, batch] of batches.entries()) {
    rowCount += batch.length
    if (schema === undefined || batch.schema.equals(schema)) continue
    throw new SabotError(
      'SCHEMA_MISMATCH',
      `Batch ${index} has the schema (${batch.schema.describe()}), not (${schema.describe()})`,
      { index, expected: schema.toJSON(), actual: batch.schema.toJSON() },
    )
  }
  const description = `${rowCount} rows`
  return {
    kind,
    description,
    schema,
    replayable: true,
    open: async context => new BatchReader(batches, context, `${kind} of ${description}`),
  }
}

class MemorySource implements Source {
  readonly kind = 'memory'
  readonly description: string
  readonly replayable = true
  private readonly rows: readonly object[]
  private known: Schema | undefined

  constructor(rows: readonly object[], schema: Schema | undefined) {
    this.rows = rows
    this.known = schema
    this.description = `${rows.length} rows`
  }

  /** Without any row there is nothing to infer. */
  get schema(): Schema | undefined {
    if (this.known === undefined && this.rows.length > 0) this.known = schemaOfAll(this.rows)
    return this.known
  }

  async open(context: SourceContext): Promise<SourceReader> {
    const { rows, schema } = this
    let row = rowPosition(context.position, `memory of ${this.description}`)
    assertWithin(row, rows.length, 'memory')
    const batcher = schema && new RowBatcher(schema)
    return {
      rowCount: rows.length,
      read: async (): Promise<SourceBatch | undefined> => {
        if (batcher === undefined) return undefined
        for (let next = rows[row]; next !== undefined && batcher.length < context.batchRows; next = rows[row]) {
          if (!batcher.append(next, row)) break
          row += 1
        }
        const batch = batcher.take()
        return batch && { batch, position: row }
      },
      close: async () => {},
    }
  }
}
