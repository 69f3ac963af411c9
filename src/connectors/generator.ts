import { SabotError } from '../core/errors.js'
import type { Schema } from '../core/schema.js'
import type { Source, SourceBatch, SourceContext, SourceReader } from '../operators/source.js'
import { RowBatcher } from './row-batcher.js'
import { assertWithin, rowPosition } from './row-position.js'
import { type InferredRow, type RowInput, schemaOfFirst } from './row-types.js'

/** As many rows are generated to infer a schema. */
const INFERENCE_ROWS = 100

export interface GeneratorOptions {
  /** How many rows there are; without it they never end. */
  readonly count?: number
}

/**
 * Rows made from their index, counted from 0. The function must give equal rows for equal indexes: it is called again
 * for rows that are read again, and for the first 100 where the schema is inferred from them (then each field may be
 * null). Replayable; its position is the index.
 * @throws SabotError SOURCE_FAILED when the function throws, naming the index
 */
export function generator<Row>(
  makeRow: (index: number) => RowInput<Row>,
  options: GeneratorOptions & { readonly schema: Schema<Row> },
): Source<Row>
export function generator<Row extends object>(
  makeRow: (index: number) => Row,
  options?: GeneratorOptions,
): Source<InferredRow<Row>>
export function generator(
  makeRow: (index: number) => object,
  options: GeneratorOptions & { readonly schema?: Schema } = {},
): Source {
  const { count = Number.POSITIVE_INFINITY } = options
  if (!(count >= 0) || (Number.isFinite(count) && !Number.isSafeInteger(count))) {
    throw new TypeError(`generator() takes a count that is a whole number from 0, not ${count}`)
  }
  return new GeneratorSource(makeRow, count, options.schema)
}

class GeneratorSource implements Source {
  readonly kind = 'generator'
  readonly description: string
  readonly replayable = true
  private readonly makeRow: (index: number) => object
  private readonly count: number
  private known: Schema | undefined

  constructor(makeRow: (index: number) => object, count: number, schema: Schema | undefined) {
    this.makeRow = makeRow
    this.count = count
    this.known = schema
    this.description = count === Number.POSITIVE_INFINITY ? 'rows without end' : `${count} rows`
  }

  get schema(): Schema | undefined {
    if (this.known === undefined && this.count > 0) {
      const first = Array.from({ length: Math.min(this.count, INFERENCE_ROWS) }, (_, index) => this.row(index))
      this.known = schemaOfFirst(first)
    }
    return this.known
  }

  async open({ position, batchRows }: SourceContext): Promise<SourceReader> {
    const { count, schema } = this
    let index = rowPosition(position, `generator of ${this.description}`)
    assertWithin(index, count, 'generator')
    const batcher = schema && new RowBatcher(schema)
    return {
      rowCount: count === Number.POSITIVE_INFINITY ? undefined : count,
      read: async (): Promise<SourceBatch | undefined> => {
        if (batcher === undefined) return undefined
        while (index < count && batcher.length < batchRows) {
          try {
            if (!batcher.append(this.row(index), index)) break
          } catch (cause) {
            batcher.fail(cause)
            break
          }
          index += 1
        }
        const batch = batcher.take()
        return batch && { batch, position: index }
      },
      close: async () => {},
    }
  }

  private row(index: number): object {
    try {
      return this.makeRow(index)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new SabotError('SOURCE_FAILED', `The generator failed at index ${index}: ${reason}`, { index }, { cause })
    }
  }
}
