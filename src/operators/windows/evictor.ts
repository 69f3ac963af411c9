/* Which records of a window take part in a firing (org.apache.flink.streaming.api.windowing.evictors). */
import { type Duration, formatDuration, parseDuration } from '../../core/duration.js'
import { describeValue, SabotError } from '../../core/errors.js'
import type { TimeWindow } from '../../core/window-geometry.js'
import type { WindowRecord } from './contents.js'

/**
 * Removes records of a window when it fires. What it removes is gone for later firings too. The lists are in the order
 * of arrival; the result is a part of them in the same order.
 */
export interface Evictor<Row = unknown> {
  readonly kind: 'evictor'
  /** In words. It is part of the settings that state depends on. */
  readonly description: string
  /** The records that stay, before the result is computed. */
  before?(records: readonly WindowRecord<Row>[], window: TimeWindow): readonly WindowRecord<Row>[]
  /** The records that stay behind it. */
  after?(records: readonly WindowRecord<Row>[], window: TimeWindow): readonly WindowRecord<Row>[]
}

type Keep<Row> = (records: readonly WindowRecord<Row>[]) => readonly WindowRecord<Row>[]

export interface EvictOptions {
  /** Evict behind the computation instead of before it. */
  readonly when?: 'before' | 'after'
}

function evictor<Row>(description: string, keep: Keep<Row>, { when = 'before' }: EvictOptions): Evictor<Row> {
  if (when === 'before') return { kind: 'evictor', description, before: keep }
  if (when === 'after') return { kind: 'evictor', description: `${description}, behind the firing`, after: keep }
  throw new SabotError(
    'INVALID_OPTION',
    `An evictor works 'before' or 'after' the firing, not ${describeValue(when)}`,
    {
      option: 'when',
      value: when,
    },
  )
}

/** Keeps the last `n` records. */
function evictByCount<Row>(n: number, options: EvictOptions = {}): Evictor<Row> {
  if (!Number.isSafeInteger(n) || n < 0) {
    throw new SabotError('INVALID_OPTION', `evict.count keeps a whole number of records, not ${describeValue(n)}`, {
      option: 'count',
      value: n,
    })
  }
  return evictor(`keep ${n} records`, records => records.slice(Math.max(0, records.length - n)), options)
}

/** Keeps the records whose event time is less than `span` before the latest. */
function evictByTime<Row>(span: Duration, options: EvictOptions = {}): Evictor<Row> {
  const spanMs = parseDuration(span)
  const keep: Keep<Row> = records => {
    const latest = records.reduce((most, { timestamp }) => Math.max(most, timestamp), Number.NEGATIVE_INFINITY)
    return records.filter(({ timestamp }) => timestamp > latest - spanMs)
  }
  return evictor(`keep ${formatDuration(spanMs)}`, keep, options)
}

/** Keeps the records that differ by less than `threshold` from the last one. */
function evictByDelta<Row>(
  threshold: number,
  difference: (row: Row, last: Row) => number,
  options: EvictOptions = {},
): Evictor<Row> {
  const keep: Keep<Row> = records => {
    const last = records.at(-1)
    return last === undefined ? [] : records.filter(({ row }) => difference(row, last.row) < threshold)
  }
  return evictor(`keep what differs by less than ${threshold}`, keep, options)
}

/** Evictors for `.evict(...)`. */
export const evict = { count: evictByCount, time: evictByTime, delta: evictByDelta } as const
