import { Batch, MAX_BATCH_ROWS } from '../core/batch.js'
import type { Column } from '../core/column.js'
import { describeValue, SabotError } from '../core/errors.js'
import { RowReader } from '../core/row-view.js'
import type { Schema } from '../core/schema.js'
import type { Source, SourceBatch, SourceContext, SourceReader } from '../operators/source.js'
import { ascendingOrder } from './arrival-order.js'
import { concatColumns } from './concat-columns.js'
import { Pace } from './pace.js'
import { rowOfKnown } from './row-position.js'

export interface ReplayOptions<Row> {
  /** When a row became known, in ms since the epoch (or since anything else: only the order counts). */
  readonly by: (row: Row) => number
  /**
   * How fast time passes: 1 as it was, 10 ten times as fast, by processing time from when the job starts or resumes.
   * Default: as fast as it goes.
   */
  readonly speed?: number
}

/**
 * A bounded source in the order in which its rows became known, whatever order it is stored in: history as it was
 * lived through. Rows that became known at the same time keep the source's order.
 *
 * The whole source is read into columns when the job starts, so it must fit into memory: at 3 M rows 12 bytes a row
 * besides its columns, 36 while they are ordered. Replayable if the source is; its position is the index in order of
 * arrival.
 * @throws SabotError ARRIVAL_INVALID, naming the row, where `by` gives no finite number; SOURCE_CHANGED on resuming
 *   when the source has another number of rows
 */
export function replay<Row>(source: Source<Row>, { by, speed }: ReplayOptions<Row>): Source<Row> {
  if (typeof by !== 'function') {
    throw new TypeError(`by is a function of a row, such as row => row.at, not ${describeValue(by)}`)
  }
  if (speed !== undefined && !(speed > 0 && Number.isFinite(speed))) {
    throw new TypeError(`speed is a number above 0, not ${describeValue(speed)}`)
  }
  if (!source.replayable) {
    throw new TypeError(
      `replay() takes a source that can be read again, which ${source.kind} (${source.description}) cannot`,
    )
  }
  if (source.hasDeadLetters === true) {
    throw new TypeError(
      `replay() has no order for records that became no row: let ${source.kind} (${source.description}) skip them, or ` +
        'give them to a function',
    )
  }
  const name = `replay of ${source.kind} (${source.description})`
  return {
    kind: 'replay',
    description: `${source.kind} ${source.description} in order of arrival`,
    schema: source.schema,
    replayable: true,
    open: async context => {
      const history = await readHistory(source, by, context, name, speed !== undefined)
      return new ReplayReader(history, context, name, speed)
    },
  }
}

/** All rows of a source, and their positions in order of arrival. */
interface History<Row> {
  readonly schema: Schema<Row> | undefined
  readonly columns: readonly Column[]
  readonly order: Uint32Array
  /** Arrival times by row of the source, where they are wanted. */
  readonly times: Float64Array | undefined
}

async function readHistory<Row>(
  source: Source<Row>,
  by: (row: Row) => number,
  context: SourceContext,
  name: string,
  keepsTimes: boolean,
): Promise<History<Row>> {
  const reader = await source.open({ ...context, position: undefined, batchRows: MAX_BATCH_ROWS })
  try {
    const arrivals = new ArrivalTimes(by, reader.rowCount, name)
    const chunks: Column[][] = []
    let schema: Schema<Row> | undefined
    for (let next = await reader.read(); next !== undefined; next = await reader.read()) {
      const batch = next.batch.compact() as Batch<Row>
      schema ??= batch.schema
      arrivals.append(batch)
      for (const [index, column] of batch.columns.entries()) {
        const list = chunks[index]
        if (list === undefined) chunks[index] = [column]
        else list.push(column)
      }
    }
    // One field after the other, each letting go of its parts, so that at most one field is there twice.
    const columns = chunks.map(list => concatColumns(list.splice(0)))
    const times = keepsTimes ? arrivals.take().slice() : undefined
    return { schema, columns, order: ascendingOrder(arrivals.take()), times }
  } finally {
    await reader.close()
  }
}

/** The arrival time of each row read so far. */
class ArrivalTimes<Row> {
  private readonly by: (row: Row) => number
  private readonly name: string
  private times: Float64Array
  private count = 0
  private reader: RowReader<Row> | undefined

  constructor(by: (row: Row) => number, rowCount: number | undefined, name: string) {
    this.by = by
    this.name = name
    this.times = new Float64Array(rowCount ?? MAX_BATCH_ROWS)
  }

  append(batch: Batch<Row>): void {
    if (this.count + batch.rowCount > this.times.length) {
      const larger = new Float64Array(Math.max(this.times.length * 2, this.count + batch.rowCount))
      larger.set(this.times)
      this.times = larger
    }
    this.reader ??= new RowReader(batch.schema)
    const reader = this.reader.bind(batch)
    for (let row = 0; row < batch.rowCount; row++) {
      const time = this.by(reader.at(row))
      if (!Number.isFinite(time)) throw this.invalid(time, this.count)
      this.times[this.count++] = time
    }
  }

  take(): Float64Array {
    return this.times.subarray(0, this.count)
  }

  private invalid(time: unknown, row: number): SabotError {
    return new SabotError(
      'ARRIVAL_INVALID',
      `${this.name}: row ${row} has the arrival time ${describeValue(time)}, which is no finite number of ms: ` +
        'let `by` give one for every row',
      { row, value: time },
    )
  }
}

class ReplayReader<Row> implements SourceReader {
  readonly rowCount: number
  private readonly history: History<Row>
  private readonly batchRows: number
  private readonly pace: Pace
  private readonly clock: SourceContext['clock']
  private readonly speed: number | undefined
  /** The arrival time of the first row here, and when it was given. */
  private anchor: { readonly arrivalMs: number; readonly givenMs: number } | undefined
  private next: number

  constructor(
    history: History<Row>,
    { position, batchRows, clock }: SourceContext,
    name: string,
    speed: number | undefined,
  ) {
    this.history = history
    this.clock = clock
    this.pace = new Pace(clock)
    this.speed = speed
    this.rowCount = history.order.length
    this.batchRows = batchRows
    this.next = rowOfKnown(position, this.rowCount, name)
  }

  async read(): Promise<SourceBatch | undefined> {
    const { schema, columns, order } = this.history
    const rows = order.subarray(this.next, this.next + (await this.dueRows()))
    if (schema === undefined || rows.length === 0) return undefined
    this.next += rows.length
    const batch = new Batch({ schema, columns: columns.map(column => column.gather(rows)), rowCount: rows.length })
    return { batch, position: { row: this.next, rowCount: this.rowCount } }
  }

  async close(): Promise<void> {
    this.pace.close()
  }

  /** How many rows may be given, when there is one: waits for it. */
  private async dueRows(): Promise<number> {
    const { order, times } = this.history
    const { speed, clock } = this
    const arrivalOf = (index: number): number => times?.[order[index] ?? 0] ?? 0
    if (speed === undefined || times === undefined || this.next >= order.length) return this.batchRows
    this.anchor ??= { arrivalMs: arrivalOf(this.next), givenMs: clock.now() }
    const { arrivalMs, givenMs } = this.anchor
    const dueMs = (index: number): number => givenMs + (arrivalOf(index) - arrivalMs) / speed
    if (!(await this.pace.until(dueMs(this.next)))) return 0
    const now = clock.now()
    let count = 1
    while (count < this.batchRows && this.next + count < order.length && dueMs(this.next + count) <= now) count++
    return count
  }
}
