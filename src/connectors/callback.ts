import type { Batch } from '../core/batch.js'
import { describeValue, SabotError } from '../core/errors.js'
import type { Sink, SinkWriter } from '../operators/sink.js'
import { rowPosition } from './row-position.js'

/** A function for each row, or for each batch. A promise that it returns is awaited before the next call. */
export type Consumer<Row> =
  | ((row: Row) => void | PromiseLike<void>)
  | { readonly batch: (batch: Batch<Row>) => void | PromiseLike<void> }

/**
 * Calls a function with each row as a plain object, `callback(row => …)`, or with each batch, `callback({ batch: b => … })`.
 * A promise that it returns holds up the job until it is fulfilled.
 * @throws SabotError SINK_FAILED when the function throws, naming the row: its number since the job began, and its values
 */
export function callback<Row>(consume: Consumer<Row>): Sink<Row> {
  return {
    kind: 'callback',
    description: `a function for each ${typeof consume === 'function' ? 'row' : 'batch'}`,
    guarantee: 'at-least-once',
    open: async ({ state }) => new CallbackWriter(consume, rowPosition(state, 'callback')),
  }
}

class CallbackWriter<Row> implements SinkWriter {
  private readonly consume: Consumer<Row>
  private written: number

  constructor(consume: Consumer<Row>, written: number) {
    this.consume = consume
    this.written = written
  }

  async write(received: Batch): Promise<void> {
    const batch = received as Batch<Row>
    const { consume } = this
    if (typeof consume === 'function') {
      for (let index = 0; index < batch.length; index++) {
        const row = batch.row(batch.physicalRow(index))
        try {
          const done = consume(row)
          // Awaiting what is no promise would cost a turn for each row.
          if (done !== undefined) await done
        } catch (cause) {
          throw this.failed(`at row ${this.written} (${fieldsOf(row)})`, cause)
        }
        this.written += 1
      }
      return
    }
    try {
      await consume.batch(batch)
    } catch (cause) {
      throw this.failed(`in the batch of ${batch.length} rows from row ${this.written}`, cause)
    }
    this.written += batch.length
  }

  async prepare(): Promise<number> {
    return this.written
  }

  async commit(): Promise<void> {}
  async finish(): Promise<void> {}
  async close(): Promise<void> {}

  private failed(where: string, cause: unknown): SabotError {
    const reason = cause instanceof Error ? cause.message : String(cause)
    return new SabotError('SINK_FAILED', `The callback failed ${where}: ${reason}`, { row: this.written }, { cause })
  }
}

function fieldsOf(row: unknown): string {
  const fields = Object.entries(row ?? {}).slice(0, 8)
  return fields.map(([name, value]) => `${name}: ${describeValue(value)}`).join(', ')
}
