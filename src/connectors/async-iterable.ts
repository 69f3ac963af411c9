import type { Batch } from '../core/batch.js'
import { SabotError } from '../core/errors.js'
import type { Sink, SinkWriter } from '../operators/sink.js'

export interface AsyncIterableSink<Row> extends Sink<Row>, AsyncIterable<Row> {}

export interface AsyncIterableOptions {
  /** The job waits while more rows than this are waiting for the reader. Default: 8192. */
  readonly bufferRows?: number
}

/**
 * A sink that is read with `for await`, by one reader. The job goes at the reader's pace: `bufferRows` and one batch
 * wait for it at most. A checkpoint is complete when the reader has taken all rows before it, so a reader must not
 * await one (or the stop of the job) inside its loop.
 *
 * A reader that leaves its loop early wants no more rows: the job goes on without it, and what is written from then on
 * is dropped. When the job ends before its input does, the loop ends with SINK_CLOSED behind the rows written.
 */
export function asyncIterable<Row = unknown>({ bufferRows = 8192 }: AsyncIterableOptions = {}): AsyncIterableSink<Row> {
  if (!(bufferRows >= 1)) throw new TypeError(`asyncIterable() takes bufferRows from 1, not ${bufferRows}`)
  const queue = new RowQueue<Row>(bufferRows)
  return {
    kind: 'asyncIterable',
    description: 'an async iterable',
    guarantee: 'at-least-once',
    open: async () => {
      queue.begin()
      return queue
    },
    [Symbol.asyncIterator]: () => queue.reader(),
  }
}

type State = 'open' | 'finished' | 'closed'

class RowQueue<Row> implements SinkWriter {
  private readonly bufferRows: number
  private batches: Batch[] = []
  private nextRow = 0
  private waitingRows = 0
  private state: State = 'open'
  private readerTaken = false
  private readerLeft = false
  /** Wakes the reader when something came, and the writer when rows were taken. */
  private wakeReader: () => void = () => {}
  private arrival: Promise<void> | undefined
  private wakeWriter: () => void = () => {}

  constructor(bufferRows: number) {
    this.bufferRows = bufferRows
  }

  /** A job starts, or starts again: rows of an earlier run that nobody took will come again. */
  begin(): void {
    this.batches = []
    this.nextRow = 0
    this.waitingRows = 0
    this.state = 'open'
  }

  async write(batch: Batch): Promise<void> {
    if (this.readerLeft || batch.length === 0) return
    this.batches.push(batch)
    this.waitingRows += batch.length
    this.wakeReader()
    await this.untilAtMost(this.bufferRows)
  }

  /** A row that the reader does not have yet would be lost in a crash, and not come again. */
  async prepare(): Promise<null> {
    await this.untilAtMost(0)
    return null
  }

  async commit(): Promise<void> {}

  async finish(): Promise<void> {
    this.state = 'finished'
    this.wakeReader()
  }

  async close(): Promise<void> {
    if (this.state === 'open') this.state = 'closed'
    this.wakeReader()
    this.wakeWriter()
  }

  reader(): AsyncIterator<Row, undefined> {
    if (this.readerTaken) throw new TypeError('asyncIterable() has a reader already: its rows go to one')
    this.readerTaken = true
    return {
      next: () => this.take(),
      return: async () => {
        this.leave()
        return { done: true, value: undefined }
      },
    }
  }

  private async take(): Promise<IteratorResult<Row, undefined>> {
    while (!this.readerLeft) {
      const batch = this.batches[0]
      if (batch !== undefined) return { done: false, value: this.rowOf(batch) }
      if (this.state === 'finished') break
      if (this.state === 'closed') throw closedEarly()
      await this.woken()
    }
    return { done: true, value: undefined }
  }

  /** Several calls of next() may wait at once. */
  private woken(): Promise<void> {
    this.arrival ??= new Promise(resolve => {
      this.wakeReader = () => {
        this.arrival = undefined
        resolve()
      }
    })
    return this.arrival
  }

  private rowOf(batch: Batch): Row {
    const row = batch.row(batch.physicalRow(this.nextRow)) as Row
    this.nextRow += 1
    this.waitingRows -= 1
    if (this.nextRow === batch.length) {
      this.batches.shift()
      this.nextRow = 0
    }
    if (this.waitingRows <= this.bufferRows) this.wakeWriter()
    return row
  }

  private leave(): void {
    this.readerLeft = true
    this.batches = []
    this.waitingRows = 0
    this.wakeReader()
    this.wakeWriter()
  }

  private async untilAtMost(rows: number): Promise<void> {
    while (this.waitingRows > rows && this.state === 'open') {
      await new Promise<void>(resolve => {
        this.wakeWriter = resolve
      })
    }
  }
}

function closedEarly(): SabotError {
  return new SabotError(
    'SINK_CLOSED',
    'The job ended before its input did, so rows may be missing: the result of the job says why',
  )
}
