/*
 * Windows that are days, weeks, months, quarters or years of a time zone. Where clocks are changed, a day has 23 or 25
 * hours: its window is as long as it is.
 */
import { describeValue, SabotError } from '../../core/errors.js'
import type { TimeWindow } from '../../core/window-geometry.js'

/** Weeks begin on Monday, as in ISO 8601. */
export type CalendarUnit = 'day' | 'week' | 'month' | 'quarter' | 'year'

export const CALENDAR_UNITS: readonly CalendarUnit[] = ['day', 'week', 'month', 'quarter', 'year']

const DAY_MS = 86_400_000
/** Behind the last moment that a Date can hold. */
const LAST_MOMENT = 8.64e15
const LAST_END = LAST_MOMENT + 1
/** Windows whose bounds are kept; batches mostly lie in one or two. */
const MOST_CACHED = 64

/**
 * The windows of one unit and zone. Law: they follow one another without a gap, and each timestamp is in the window
 * that begins last at or before it.
 */
export class CalendarWindows {
  private readonly unit: CalendarUnit
  private readonly zone: Zone
  private readonly cached: TimeWindow[] = []

  /** @throws SabotError INVALID_WINDOW for a time zone that the host does not know */
  constructor(unit: CalendarUnit, timeZone: string) {
    this.unit = unit
    this.zone = new Zone(timeZone)
  }

  windowOf(timestamp: number): TimeWindow {
    const cached = this.cached.find(({ start, end }) => start <= timestamp && timestamp < end)
    if (cached !== undefined) return cached
    let first = this.firstDay(this.zone.localTime(timestamp), 0)
    let start = this.zone.startOfDay(first)
    // Where clocks go back over midnight, a moment may bear the date of the day that is already over.
    for (;;) {
      const next = this.firstDay(first, 1)
      const end = this.zone.startOfDay(next)
      if (!(end <= timestamp)) {
        const window = { start, end: Number.isNaN(end) ? LAST_END : end }
        if (this.cached.length >= MOST_CACHED) this.cached.pop()
        this.cached.unshift(window)
        return window
      }
      first = next
      start = end
    }
  }

  /** Midnight, as UTC, of the first day of the unit that `local` is in, or of one `units` later. */
  private firstDay(local: number, units: number): number {
    const date = new Date(local)
    const year = date.getUTCFullYear()
    const month = date.getUTCMonth()
    switch (this.unit) {
      case 'day':
        return midnight(year, month, date.getUTCDate() + units)
      case 'week':
        return midnight(year, month, date.getUTCDate() - ((date.getUTCDay() + 6) % 7) + units * 7)
      case 'month':
        return midnight(year, month + units, 1)
      case 'quarter':
        return midnight(year, month - (month % 3) + units * 3, 1)
      case 'year':
        return midnight(year + units, 0, 1)
    }
  }
}

/** Date.UTC takes the years 0 to 99 for 1900 to 1999. */
function midnight(year: number, month: number, day: number): number {
  const date = new Date(0)
  date.setUTCFullYear(year, month, day)
  return date.getTime()
}

/** Local times of a zone, as the ms since the epoch that the same reading of the clock has in UTC. */
class Zone {
  private readonly format: Intl.DateTimeFormat

  constructor(timeZone: string) {
    try {
      this.format = new Intl.DateTimeFormat('en-US', {
        timeZone,
        calendar: 'gregory',
        hourCycle: 'h23',
        era: 'short',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      })
    } catch (cause) {
      throw new SabotError(
        'INVALID_WINDOW',
        `calendar() takes the name of a time zone such as 'Europe/Berlin', not ${describeValue(timeZone)}`,
        { timeZone },
        { cause },
      )
    }
  }

  localTime(timestamp: number): number {
    const parts = new Map(this.format.formatToParts(timestamp).map(({ type, value }) => [type, value]))
    const part = (name: Intl.DateTimeFormatPartTypes): number => Number(parts.get(name))
    const year = parts.get('era') === 'BC' ? 1 - part('year') : part('year')
    const seconds = (part('hour') * 60 + part('minute')) * 60 + part('second')
    return midnight(year, part('month') - 1, part('day')) + seconds * 1000 + (((timestamp % 1000) + 1000) % 1000)
  }

  /** The first moment of a local day; where its midnight is skipped, the moment behind the gap. */
  startOfDay(local: number): number {
    if (Number.isNaN(local)) return Number.NaN
    const before = local - this.offset(local - DAY_MS)
    const after = local - this.offset(local + DAY_MS)
    for (const candidate of [Math.min(before, after), Math.max(before, after)]) {
      if (candidate + this.offset(candidate) === local) return candidate
    }
    return this.endOfGap(Math.min(before, after), Math.max(before, after), local)
  }

  private offset(timestamp: number): number {
    const known = Math.max(-LAST_MOMENT, Math.min(LAST_MOMENT, timestamp))
    return this.localTime(known) - known
  }

  /** Clocks jump over `local` somewhere in (low, high]: the first moment behind the jump. */
  private endOfGap(low: number, high: number, local: number): number {
    let [from, to] = [low, high]
    while (to - from > 1) {
      const middle = Math.floor((from + to) / 2)
      if (middle + this.offset(middle) > local) to = middle
      else from = middle
    }
    return to
  }
}
