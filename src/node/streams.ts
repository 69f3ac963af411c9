/* Node's streams as sources and sinks. */
import { Readable, type Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { type IterableOptions, iterable } from '../connectors/iterable.js'
import type { InferredRow, RowInput } from '../connectors/row-types.js'
import type { Batch } from '../core/batch.js'
import { SabotError } from '../core/errors.js'
import type { Schema } from '../core/schema.js'
import type { Sink, SinkWriter } from '../operators/sink.js'
import type { Source } from '../operators/source.js'

/**
 * Objects from a Readable in object mode. A stream is read once, so a job cannot resume from it; a function that opens
 * the same stream anew makes the source replayable. Backpressure reaches the stream.
 * @throws TypeError for a stream of bytes
 */
export function fromReadable<Row>(
  stream: Readable | (() => Readable),
  options: IterableOptions & { readonly schema: Schema<Row> },
): Source<Row>
export function fromReadable<Row extends object = Record<string, unknown>>(
  stream: Readable | (() => Readable),
  options?: IterableOptions,
): Source<InferredRow<Row>>
export function fromReadable(
  stream: Readable | (() => Readable),
  options: IterableOptions & { readonly schema?: Schema } = {},
): Source {
  const { schema, ...rest } = options
  const rows = typeof stream === 'function' ? () => rowsOf(stream()) : rowsOf(stream)
  const source: Source = schema === undefined ? iterable(rows, rest) : iterable(rows, { ...rest, schema })
  return {
    kind: 'readable',
    description: source.replayable ? 'a stream opened by a function' : 'a stream',
    schema: source.schema,
    replayable: source.replayable,
    open: context => source.open(context),
  }
}

function rowsOf(stream: Readable): AsyncIterable<RowInput<object>> {
  if (stream.readableObjectMode) return stream
  throw new TypeError('fromReadable() takes a Readable in object mode, whose chunks are rows; this one gives bytes')
}

/** A Readable in object mode of what an iterable gives, such as the rows of an async iterable sink. */
export function toReadable<Row>(rows: Iterable<Row> | AsyncIterable<Row>): Readable {
  return Readable.from(rows, { objectMode: true })
}

/**
 * Writes rows as plain objects into a Writable in object mode. A stream that is full holds up the job. The stream is
 * ended when the input ends, and left open when the job stops before.
 * @throws TypeError for a stream of bytes; SabotError SINK_FAILED when the stream fails
 */
export function toWritable(stream: Writable): Sink<unknown> {
  if (!stream.writableObjectMode) {
    throw new TypeError('toWritable() takes a Writable in object mode, whose chunks are rows; this one takes bytes')
  }
  return {
    kind: 'writable',
    description: 'a stream',
    guarantee: 'at-least-once',
    open: async () => new StreamWriter(stream),
  }
}

class StreamWriter implements SinkWriter {
  private readonly stream: Writable
  private failure: unknown
  /** Fulfilled when the stream has handed on all rows so far. */
  private handedOn: Promise<void> = Promise.resolve()
  private readonly onError = (cause: unknown): void => {
    this.failure ??= cause
  }

  constructor(stream: Writable) {
    this.stream = stream
    stream.on('error', this.onError)
  }

  async write(batch: Batch): Promise<void> {
    const { stream } = this
    for (let index = 0; index < batch.length; index++) {
      this.check()
      const row = batch.row(batch.physicalRow(index))
      let hasSpace = true
      this.handedOn = new Promise(resolve => {
        hasSpace = stream.write(row, error => {
          this.failure ??= error ?? undefined
          resolve()
        })
      })
      if (!hasSpace) await this.whenSpace()
    }
  }

  async prepare(): Promise<null> {
    await this.handedOn
    this.check()
    return null
  }

  async commit(): Promise<void> {}

  async finish(): Promise<void> {
    this.check()
    try {
      await finished(this.stream.end(), { readable: false })
    } catch (cause) {
      throw streamFailed(this.failure ?? cause)
    }
  }

  async close(): Promise<void> {
    this.stream.off('error', this.onError)
  }

  private check(): void {
    if (this.failure !== undefined) throw streamFailed(this.failure)
    if (this.stream.destroyed) throw streamFailed(new Error('it was closed'))
  }

  /** Fulfilled when the stream has drained or has come to its end. */
  private whenSpace(): Promise<void> {
    const { stream } = this
    return new Promise(resolve => {
      const done = (): void => {
        for (const event of ['drain', 'close', 'error']) stream.off(event, done)
        resolve()
      }
      for (const event of ['drain', 'close', 'error']) stream.on(event, done)
    })
  }
}

function streamFailed(cause: unknown): SabotError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new SabotError('SINK_FAILED', `The stream takes no more rows: ${reason}`, {}, { cause })
}
