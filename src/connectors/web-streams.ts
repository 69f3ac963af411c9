/*
 * To and from the web's streams (https://streams.spec.whatwg.org/), which Node has too. Their types belong to the
 * environment, so that the parts that are used are described here. A ReadableStream is an async iterable: read it with
 * iterable(). Node's own streams: iterable(readable), and Readable.from(asyncIterable()).
 */
import type { Batch } from '../core/batch.js'
import { SabotError } from '../core/errors.js'
import type { Sink, SinkWriter } from '../operators/sink.js'

/** What is used of a WritableStream. */
export interface WritableStreamLike<Chunk> {
  getWriter(): WritableStreamWriterLike<Chunk>
}

export interface WritableStreamWriterLike<Chunk> {
  readonly ready: Promise<unknown>
  readonly desiredSize: number | null
  write(chunk: Chunk): Promise<unknown>
  close(): Promise<unknown>
  abort(reason?: unknown): Promise<unknown>
}

/**
 * Writes rows as plain objects into a WritableStream and closes it at the end of the input; `pipeThrough` an encoder to
 * make bytes of them. The job waits while the stream asks it to. A job that ends before its input does aborts the
 * stream with SINK_CLOSED. The stream is locked from the start of the job on.
 * @throws SabotError SINK_FAILED when the stream has failed
 */
export function writable<Row>(stream: WritableStreamLike<Row>): Sink<Row> {
  return {
    kind: 'writable',
    description: 'a WritableStream',
    guarantee: 'at-least-once',
    open: async () => new StreamWriter(stream.getWriter()),
  }
}

class StreamWriter<Row> implements SinkWriter {
  private readonly writer: WritableStreamWriterLike<Row>
  /** Fulfilled when all that was written has been taken: a stream takes its chunks in order. */
  private last: Promise<unknown> = Promise.resolve()
  private finished = false

  constructor(writer: WritableStreamWriterLike<Row>) {
    this.writer = writer
  }

  write(batch: Batch): Promise<void> {
    return guarded(async () => {
      for (let index = 0; index < batch.length; index++) {
        if (!((this.writer.desiredSize ?? 0) > 0)) await this.writer.ready
        this.last = this.writer.write(batch.row(batch.physicalRow(index)) as Row)
        // A failure shows at the next `ready`, or in prepare(); until then nobody looks at this promise.
        this.last.catch(() => {})
      }
    })
  }

  prepare(): Promise<null> {
    return guarded(async () => {
      await this.last
      return null
    })
  }

  async commit(): Promise<void> {}

  finish(): Promise<void> {
    return guarded(async () => {
      await this.writer.close()
      this.finished = true
    })
  }

  async close(): Promise<void> {
    if (this.finished) return
    // A stream that has failed cannot be aborted; the job has its error already.
    await this.writer.abort(endedEarly()).catch(() => {})
  }
}

async function guarded<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new SabotError('SINK_FAILED', `The WritableStream failed: ${reason}`, {}, { cause })
  }
}

/** What is used of the constructor of ReadableStream. */
export type ReadableStreamConstructor<Row, Stream> = new (source: {
  pull(controller: { enqueue(row: Row): void; close(): void }): Promise<void>
  cancel(): Promise<void>
}) => Stream

/**
 * A ReadableStream of the rows, at the pace of its reader: `toReadableStream(rows, ReadableStream)`. Cancelling it
 * leaves the iterable.
 */
export function toReadableStream<Row, Stream>(
  rows: AsyncIterable<Row>,
  ReadableStream: ReadableStreamConstructor<Row, Stream>,
): Stream {
  const iterator = rows[Symbol.asyncIterator]()
  return new ReadableStream({
    pull: async controller => {
      const next = await iterator.next()
      if (next.done === true) controller.close()
      else controller.enqueue(next.value)
    },
    cancel: async () => {
      await iterator.return?.()
    },
  })
}

function endedEarly(): SabotError {
  return new SabotError('SINK_CLOSED', 'The job ended before its input did, so rows may be missing')
}
