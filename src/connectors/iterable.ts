import { SabotError } from '../core/errors.js'
import type { Json } from '../core/json.js'
import { Schema } from '../core/schema.js'
import type { Source, SourceBatch, SourceContext, SourceReader } from '../operators/source.js'
import { RowBatcher } from './row-batcher.js'
import { assertWithin, invalidPosition, rowPosition } from './row-position.js'
import { type InferredRow, type RowInput, schemaOfFirst } from './row-types.js'

/** Node's Readable streams and the web's ReadableStreams are async iterables too. */
export type RowIterable<Row> = Iterable<Row> | AsyncIterable<Row>

export interface IterableOptions {
  /** Rows a batch has at most, where it should be fewer than the job's. */
  readonly batchRows?: number
}

/**
 * An iterator that has not answered after so many turns of the microtask queue is waiting for the world: a chain of
 * async generators whose data is at hand needs about three turns a link.
 */
const PATIENCE_TURNS = 32

/**
 * Objects from an iterable, sync or async. A batch is handed over when it is full, or as soon as the iterator keeps one
 * waiting. Without a schema the first batch decides: its fields, each of which may be null; fields that come up later
 * are ignored.
 *
 * An iterable is read once: such a source is not replayable, and a job cannot resume from it. A function that gives a
 * new iterable with the same rows each time, `iterable(() => rows())`, is replayable: rows before the position are read
 * and skipped. Its position is the row, with the schema where that was inferred.
 * @throws SabotError SOURCE_FAILED when the iterable throws, naming the row; SOURCE_NOT_REPLAYABLE; SOURCE_CHANGED
 */
export function iterable<Row>(
  rows: RowIterable<RowInput<Row>> | (() => RowIterable<RowInput<Row>>),
  options: IterableOptions & { readonly schema: Schema<Row> },
): Source<Row>
export function iterable<Row extends object>(
  rows: RowIterable<Row> | (() => RowIterable<Row>),
  options?: IterableOptions,
): Source<InferredRow<Row>>
export function iterable(
  rows: RowIterable<object> | (() => RowIterable<object>),
  options: IterableOptions & { readonly schema?: Schema } = {},
): Source {
  const { schema, batchRows = Number.POSITIVE_INFINITY } = options
  if (!(batchRows >= 1)) throw new TypeError(`iterable() takes batchRows from 1, not ${batchRows}`)
  const replayable = typeof rows === 'function'
  let opened = false
  return {
    kind: 'iterable',
    description: replayable ? 'an iterable made by a function' : 'an iterable',
    schema,
    replayable,
    open: async context => {
      if (!replayable && (opened || context.position !== undefined)) throw notReplayable()
      opened = true
      const cursor = openCursor(replayable ? rows() : rows)
      const reader = new IterableReader(cursor, schema, {
        ...context,
        batchRows: Math.min(batchRows, context.batchRows),
      })
      await reader.skip(context.position)
      return reader
    },
  }
}

/** The next result, now where the iterator can tell, else later. */
interface Cursor {
  next(): IteratorResult<object> | PromiseLike<IteratorResult<object>>
  return(): unknown
}

function openCursor(rows: RowIterable<object>): Cursor {
  const iterator = Symbol.asyncIterator in rows ? rows[Symbol.asyncIterator]() : rows[Symbol.iterator]()
  return { next: () => iterator.next(), return: () => iterator.return?.() }
}

type Outcome = { readonly result: IteratorResult<object> } | { readonly cause: unknown }

class IterableReader implements SourceReader {
  readonly rowCount = undefined
  private readonly cursor: Cursor
  private readonly batchRows: number
  private readonly inferred: boolean
  private schema: Schema | undefined
  private schemaJSON: Json | undefined
  private batcher: RowBatcher<unknown> | undefined
  private row = 0
  /** A call of next() that is under way, and what it came to. */
  private waiting = false
  private outcome: Outcome | undefined
  private wake: () => void = () => {}
  private ended = false
  private failure: { readonly cause: unknown } | undefined

  constructor(cursor: Cursor, schema: Schema | undefined, { batchRows }: SourceContext) {
    this.cursor = cursor
    this.schema = schema
    this.inferred = schema === undefined
    this.batchRows = batchRows
  }

  async skip(position: Json | undefined): Promise<void> {
    if (position === undefined) return
    const row = this.readPosition(position)
    while (this.row < row) {
      const taken = await this.take(Math.min(row - this.row, this.batchRows))
      if (this.failure !== undefined) throw this.failure.cause
      if (taken.length === 0) assertWithin(row, this.row, 'The iterable')
      this.row += taken.length
    }
  }

  async read(): Promise<SourceBatch | undefined> {
    const rows = await this.take(this.batchRows)
    if (this.batcher === undefined && rows.length > 0) {
      this.schema ??= schemaOfFirst(rows)
      this.batcher = new RowBatcher(this.schema)
    }
    for (const row of rows) {
      if (this.batcher?.append(row, this.row) !== true) break
      this.row += 1
    }
    const batch = this.batcher?.take()
    if (batch !== undefined) return { batch, position: this.position() }
    if (this.failure !== undefined) throw this.failure.cause
    return undefined
  }

  async close(): Promise<void> {
    this.ended = true
    this.wake()
    try {
      const returned = this.cursor.return()
      // A generator that is waiting returns only after it has what it waits for, which may never come.
      if (this.waiting) void Promise.resolve(returned).catch(() => {})
      else await returned
    } catch {
      // What a reader that nobody needs any more fails with changes nothing.
    }
  }

  /** The next rows, up to `limit`: none only at the end or when the iterator failed. */
  private async take(limit: number): Promise<object[]> {
    const rows: object[] = []
    while (rows.length < limit && !this.ended && this.failure === undefined) {
      if (this.outcome === undefined && !this.waiting) this.ask()
      if (this.outcome === undefined && !(await this.settled(rows.length > 0))) break
      const { outcome } = this
      this.outcome = undefined
      if (outcome === undefined) break
      if ('cause' in outcome) this.failure = { cause: this.failed(outcome.cause, rows.length) }
      else if (outcome.result.done === true) this.ended = true
      else rows.push(outcome.result.value)
    }
    return rows
  }

  private ask(): void {
    try {
      const next = this.cursor.next()
      if (!isPromiseLike(next)) {
        this.outcome = { result: next }
        return
      }
      this.waiting = true
      next.then(
        result => this.settle({ result }),
        (cause: unknown) => this.settle({ cause }),
      )
    } catch (cause) {
      this.outcome = { cause }
    }
  }

  private settle(outcome: Outcome): void {
    this.waiting = false
    this.outcome = outcome
    this.wake()
  }

  /** Waits for the outcome: as long as it takes, or, where rows are at hand, for some turns. False: not yet, or closed. */
  private async settled(rowsAtHand: boolean): Promise<boolean> {
    if (!rowsAtHand) {
      await new Promise<void>(resolve => {
        this.wake = resolve
      })
    }
    for (let turn = 0; turn < PATIENCE_TURNS && this.waiting && rowsAtHand; turn++) await undefined
    return this.outcome !== undefined
  }

  private failed(cause: unknown, rowsTaken: number): SabotError {
    const row = this.row + rowsTaken
    const reason = cause instanceof Error ? cause.message : String(cause)
    return new SabotError('SOURCE_FAILED', `The iterable failed at row ${row}: ${reason}`, { row }, { cause })
  }

  private position(): Json {
    if (!this.inferred) return this.row
    this.schemaJSON ??= JSON.parse(JSON.stringify(this.schema))
    return { row: this.row, schema: this.schemaJSON ?? null }
  }

  private readPosition(position: Json): number {
    if (!this.inferred) return rowPosition(position, 'The iterable')
    if (typeof position !== 'object' || position === null || !('row' in position) || !('schema' in position)) {
      throw invalidPosition(position, 'The iterable', 'a row and a schema')
    }
    this.schema = Schema.fromJSON(position.schema)
    return rowPosition(position.row, 'The iterable')
  }
}

function isPromiseLike<T extends object>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return 'then' in value && typeof value.then === 'function'
}

function notReplayable(): SabotError {
  return new SabotError(
    'SOURCE_NOT_REPLAYABLE',
    'An iterable is read once. Give iterable() a function that makes a new one with the same rows each time',
  )
}
