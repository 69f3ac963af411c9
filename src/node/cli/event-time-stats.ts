/* What a column of times says about the order of its rows: how far behind the latest before it each one comes. */
import type { MillisecondRange } from '../../connectors/time-range.js'
import type { Batch } from '../../core/batch.js'
import type { Column } from '../../core/column.js'
import { formatDuration } from '../../core/duration.js'
import type { Schema } from '../../core/schema.js'
import { counted, time } from '../terminal/words.js'
import { UsageError } from './usage-error.js'

/** The share of rows that the second suggestion has in time. */
const MOST_ROWS = 0.999

/**
 * Delays behind the latest time so far are counted by their first two digits, rounded up, so that memory is constant and
 * a bound that is suggested holds.
 */
export class EventTimeStats {
  readonly field: string
  private rows = 0
  private nulls = 0
  private earliest = Number.POSITIVE_INFINITY
  private latest = Number.NEGATIVE_INFINITY
  private outOfOrder = 0
  private longestMs = 0
  private readonly rowsByDelay = new Map<number, number>()

  constructor(field: string) {
    this.field = field
  }

  add(batch: Batch): void {
    const column = batch.column(this.field)
    batch.forEachRow(row => this.addTime(timeAt(column, row)))
  }

  addTime(ms: number | undefined): void {
    if (ms === undefined) {
      this.nulls += 1
      return
    }
    this.rows += 1
    if (ms < this.earliest) this.earliest = ms
    if (ms >= this.latest) {
      this.latest = ms
      return
    }
    const delayMs = this.latest - ms
    this.outOfOrder += 1
    if (delayMs > this.longestMs) this.longestMs = delayMs
    const rounded = roundedUp(delayMs)
    this.rowsByDelay.set(rounded, (this.rowsByDelay.get(rounded) ?? 0) + 1)
  }

  /** The smallest bound, rounded up, with which no row is late, and with which most are in time. */
  get bounds(): { readonly all: number; readonly most: number } {
    const delays = [...this.rowsByDelay].sort(([a], [b]) => b - a)
    let late = 0
    let most = 0
    for (const [delay, rows] of delays) {
      late += rows
      if (late > this.rows * (1 - MOST_ROWS)) {
        most = delay
        break
      }
    }
    return { all: delays[0]?.[0] ?? 0, most }
  }

  describe(): [name: string, text: string][] {
    const lines: [string, string][] = [['event time', `column ${this.field}`]]
    if (this.nulls > 0) lines.push(['without a time', counted(this.nulls, 'row')])
    if (this.rows === 0) return lines
    const share = `${((this.outOfOrder * 100) / this.rows).toFixed(1)} %`
    lines.push(['from', `${time(this.earliest)} UTC`], ['to', `${time(this.latest)} UTC`])
    lines.push([
      'out of order',
      this.outOfOrder === 0
        ? 'no row'
        : `${counted(this.outOfOrder, 'row')} (${share}), by up to ${formatDuration(this.longestMs)}`,
    ])
    const { all, most } = this.bounds
    lines.push(['watermark', `outOfOrderness: '${formatDuration(all)}'   no row is late`])
    if (most < all) {
      lines.push(['', `outOfOrderness: '${formatDuration(most)}'   ${MOST_ROWS * 100} % of the rows are in time`])
    }
    return lines
  }
}

/** The column that was named, or the first of timestamps; undefined where there is none. @throws UsageError */
export function timeFieldOf(schema: Schema, named: string | undefined): string | undefined {
  if (named === undefined) return schema.fields.find(({ type }) => type === 'timestamp')?.name
  const type = schema.fields.find(({ name }) => name === named)?.type
  if (type === 'timestamp' || type === 'i32' || type === 'i64' || type === 'f64') return named
  const times = schema.fields.filter(({ type }) => type === 'timestamp').map(({ name }) => name)
  const known = times.length === 0 ? 'It has no column of timestamps' : `Its timestamps are ${times.join(', ')}`
  throw new UsageError('NO_SUCH_COLUMN', `--time ${named} is no column of timestamps or of numbers of ms. ${known}`)
}

/** The selected rows whose time is in a range. */
export function rowsInRange(batch: Batch, field: string, { from, to }: MillisecondRange): Uint32Array {
  const column = batch.column(field)
  const rows: number[] = []
  for (let row = 0; row < batch.length; row++) {
    const time = timeAt(column, batch.physicalRow(row))
    if (time !== undefined && time >= from && time < to) rows.push(row)
  }
  return Uint32Array.from(rows)
}

function timeAt(column: Column, row: number): number | undefined {
  const value = column.value(row)
  const ms = typeof value === 'bigint' ? Number(value) : value
  return typeof ms === 'number' && Number.isFinite(ms) ? ms : undefined
}

function roundedUp(ms: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(ms)) - 1)
  return Math.ceil(ms / unit) * unit
}
