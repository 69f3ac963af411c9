import { describeValue } from '../core/errors.js'
import { MAX_TIMESTAMP } from '../core/int64.js'

/** A moment: ms since the epoch, a Date, or an ISO 8601 text with a zone (or a date alone, in UTC). */
export type Instant = number | Date | string

/** Rows with a time from `from` on and before `to`. A row without a time is in no range. */
export interface TimeRange {
  /** The column of timestamps. Default: the first one. */
  readonly column?: string
  /** Default: from the beginning. */
  readonly from?: Instant
  /** Default: to the end. */
  readonly to?: Instant
}

/** A range in ms. */
export interface MillisecondRange {
  readonly column: string | undefined
  readonly from: number
  readonly to: number
}

/** @throws TypeError for what is no moment, and for a range that ends before it begins */
export function millisecondRange({ column, from, to }: TimeRange): MillisecondRange {
  const range = {
    column,
    from: from === undefined ? Number.NEGATIVE_INFINITY : instantMs('from', from),
    to: to === undefined ? Number.POSITIVE_INFINITY : instantMs('to', to),
  }
  if (range.from > range.to) throw new TypeError(`timeRange begins at ${describeValue(from)}, behind its end`)
  return range
}

/** The range for people. */
export function describeRange({ column, from, to }: MillisecondRange): string {
  const bounds = [
    Number.isFinite(from) ? `from ${new Date(from).toISOString()}` : '',
    Number.isFinite(to) ? `before ${new Date(to).toISOString()}` : '',
  ]
  return [column ?? 'time', ...bounds].filter(text => text !== '').join(' ')
}

const ZONED = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/

function instantMs(option: string, value: Instant): number {
  const ms = typeof value === 'string' ? (ZONED.test(value) ? Date.parse(value) : Number.NaN) : Number(value)
  if (Math.abs(ms) <= MAX_TIMESTAMP) return ms
  throw new TypeError(
    `timeRange.${option} is a number of ms, a Date or a text such as '2001-01-31T12:00:00Z', not ${describeValue(value)}`,
  )
}
