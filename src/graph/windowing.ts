import { type Duration, formatDuration, parseDuration } from '../core/duration.js'
import { describeValue, SabotError } from '../core/errors.js'
import { sliding as slidingGeometry, type TimeWindow, type WindowGeometry } from '../core/window-geometry.js'
import type { AssignerSettings } from '../operators/windows/assigners.js'
import { CALENDAR_UNITS, type CalendarUnit, CalendarWindows } from '../operators/windows/calendar.js'
import { type Evictor, evict } from '../operators/windows/evictor.js'
import type { Merging } from '../operators/windows/merge-windows.js'
import type { Trigger } from '../operators/windows/trigger.js'
import { count, eventTime, never, processingTime, purging } from '../operators/windows/triggers.js'
import type { TimeDomain } from '../operators/windows/window-timers.js'

/**
 * How records are assigned to windows. `Row`: the records that it looks at. `Bounded`: whether windows have a start and
 * an end, which results show then.
 */
export interface WindowAssigner<Row = unknown, Bounded extends boolean = boolean> {
  readonly settings: AssignerSettings
  /** In words: 'tumbling 1h'. */
  readonly description: string
  readonly isBounded: Bounded
  /** The trigger where none is given. */
  readonly defaultTrigger: Trigger
  readonly defaultEvictor?: Evictor
  /** Type level only: the records that it takes. */
  readonly rowType?: (row: Row) => void
}

/** Tumbling or sliding windows: they consist of slices of one size. */
export interface SliceWindows extends WindowAssigner<unknown, true> {
  readonly geometry: WindowGeometry
}

export interface TimeOptions {
  /** Whose time they go by: that of the records (the default), or that of the machine. */
  readonly time?: TimeDomain
}

export interface WindowOptions extends TimeOptions {
  /**
   * Shifts the windows, which else begin at multiples of the size (or slide) since 1970-01-01T00:00Z. Milliseconds may
   * be negative; the shift is smaller than the size (or slide).
   */
  readonly offset?: Duration
}

/**
 * Windows of one size, one behind the other: [start, start + size).
 * @throws SabotError INVALID_DURATION, INVALID_WINDOW
 */
export function tumbling(size: Duration, options: WindowOptions = {}): SliceWindows {
  return slices('tumbling', size, size, options)
}

/**
 * Windows of one size that begin every `slide`; a record is in size / slide of them (hopping windows, in SQL).
 * @throws SabotError INVALID_DURATION, INVALID_WINDOW
 */
export function sliding(size: Duration, slide: Duration, options: WindowOptions = {}): SliceWindows {
  return slices('sliding', size, slide, options)
}

function slices(kind: string, size: Duration, slide: Duration, options: WindowOptions): SliceWindows {
  const { offset = 0 } = options
  const offsetMs = typeof offset === 'number' && offset < 0 ? -parseDuration(-offset) : parseDuration(offset)
  const geometry = slidingGeometry(windowMs('size', size), windowMs('slide', slide), offsetMs)
  const every = size === slide ? '' : ` every ${formatDuration(geometry.slideMs)}`
  const from = offsetMs === 0 ? '' : ` from ${offsetMs < 0 ? '-' : ''}${formatDuration(Math.abs(offsetMs))}`
  const time = timeOf(options)
  return {
    ...timed(time, `${kind} ${formatDuration(geometry.sizeMs)}${every}${from}`),
    settings: { kind: 'slices', time, geometry },
    geometry,
  }
}

export interface SessionOptions extends TimeOptions {
  /**
   * What becomes of two records that are exactly one gap apart: they are in one session ('merge', the default, as in
   * Flink and Kafka Streams), or in two ('separate', as in Beam and Hazelcast).
   */
  readonly touching?: 'merge' | 'separate'
  /**
   * What the bounds of a session are: 'gap': from the first record to the gap behind the last one, exclusive (the
   * default); 'records': the event times of the first and the last record, both inclusive, as in Kafka Streams. Records
   * one gap apart merge then, and the session ends when none can come that would: one ms later.
   */
  readonly bounds?: 'gap' | 'records'
  /**
   * How long a session that is over (with its allowed lateness) can still be merged with one that is not, by a record
   * between them; its records come out once more then. Kafka Streams has its store's retention, a day. Default 0.
   */
  readonly retain?: Duration
}

/**
 * Windows of activity: they end where no record comes for `gap`, a duration or ms by record. Records that come out of
 * order merge sessions.
 * @throws SabotError INVALID_DURATION, INVALID_WINDOW, INVALID_OPTION
 */
export function session<Row = unknown>(
  gap: Duration | ((row: Row) => number),
  options: SessionOptions = {},
): WindowAssigner<Row, true> {
  const { touching = 'merge', bounds = 'gap', retain = 0 } = options
  const retainMs = parseDuration(retain)
  checkChoice('touching', touching, ['merge', 'separate'])
  checkChoice('bounds', bounds, ['gap', 'records'])
  const gapOf = typeof gap === 'function' ? gap : windowMs('gap', gap)
  if (gapOf === 0) throw new SabotError('INVALID_WINDOW', "A session's gap must be more than 0 ms", { gap })
  if (bounds === 'records' && (typeof gapOf === 'function' || touching === 'separate')) {
    throw new SabotError(
      'INVALID_OPTION',
      "Sessions with bounds: 'records' have one gap, and records one gap apart merge: take bounds: 'gap' for others",
      { option: 'bounds', value: bounds },
    )
  }
  const merging: Merging = touching === 'merge' ? 'touching' : 'overlapping'
  const words = [
    typeof gapOf === 'function' ? 'a gap by record' : formatDuration(gapOf),
    touching === 'merge' ? [] : ['touching ones apart'],
    bounds === 'gap' ? [] : ['bounds of records'],
    retainMs === 0 ? [] : [`kept ${formatDuration(retainMs)}`],
  ]
  const time = timeOf(options)
  return {
    ...timed(time, `session ${words.flat().join(', ')}`),
    settings: { kind: 'session', time, gap: gapOf as number | ((row: never) => number), merging, bounds, retainMs },
  }
}

export interface CalendarOptions {
  /** The IANA name of a time zone, such as 'Europe/Berlin'. Default: 'UTC'. */
  readonly timeZone?: string
}

/**
 * Days, weeks (from Monday), months, quarters or years of a time zone. Where clocks are changed a window is shorter or
 * longer.
 * @throws SabotError INVALID_OPTION, INVALID_WINDOW (a time zone that the host does not know)
 */
export function calendar(
  unit: CalendarUnit,
  { timeZone = 'UTC' }: CalendarOptions = {},
): WindowAssigner<unknown, true> {
  checkChoice('unit', unit, CALENDAR_UNITS)
  // An unknown zone is refused now, not when the job runs.
  new CalendarWindows(unit, timeZone).windowOf(0)
  return { ...timed('event', `each ${unit} of ${timeZone}`), settings: { kind: 'calendar', unit, timeZone } }
}

export interface RecordSlidingOptions {
  /**
   * No window begins before this time, ms: records before it + difference share the window that begins there. Kafka
   * Streams, which knows no negative time, has 0. Default: none.
   */
  readonly earliest?: number
}

/**
 * Sliding windows that follow from the records, as in Kafka Streams: for each record at t the window [t - difference, t],
 * and [t + 1, t + 1 + difference] where records follow; both ends inclusive, `windowEnd` is one ms behind.
 * @throws SabotError INVALID_DURATION, INVALID_WINDOW
 */
export function perRecordSliding(
  difference: Duration,
  { earliest = Number.NEGATIVE_INFINITY }: RecordSlidingOptions = {},
): WindowAssigner<unknown, true> {
  const differenceMs = windowMs('difference', difference)
  return {
    ...timed('event', `sliding ${formatDuration(differenceMs)} by record`),
    settings: { kind: 'by-record', differenceMs, earliest },
  }
}

/** One window for all records of a key. It ends with the input; what comes out before that is up to the trigger. */
export function global(): WindowAssigner<unknown, false> {
  return { description: 'one window', isBounded: false, defaultTrigger: never(), settings: { kind: 'global' } }
}

/**
 * Windows of `size` records of a key, in the order of arrival; with `slide`, the last `size` records every `slide`. What
 * is left at the end of the input, fewer than `size` (or `slide`), does not come out.
 * @throws SabotError INVALID_OPTION
 */
export function countWindow(size: number, slide?: number): WindowAssigner<unknown, false> {
  if (slide === undefined) {
    return { ...global(), description: `every ${size} records`, defaultTrigger: purging(count(size)) }
  }
  return {
    ...global(),
    description: `${size} records every ${slide}`,
    defaultTrigger: count(slide),
    defaultEvictor: evict.count(size),
  }
}

/** An assigner of the user. */
export interface CustomAssigner<Row> extends TimeOptions {
  /** The windows of a record: [start, end) in whole ms. It must give the same for the same record, at any time. */
  readonly assign: (timestamp: number, row: Row) => readonly TimeWindow[]
  /** Whether windows of a key merge when they overlap, or also when they only touch. Default: they do not merge. */
  readonly merge?: Merging
  /** In words, for `explain`. State is found again by it. */
  readonly description?: string
}

/** @throws SabotError INVALID_OPTION */
export function customWindows<Row = unknown>(assigner: CustomAssigner<Row>): WindowAssigner<Row, true> {
  const { assign, merge, description = 'custom windows' } = assigner
  if (typeof assign !== 'function') throw new TypeError('customWindows() needs a function assign(timestamp, row)')
  if (merge !== undefined) checkChoice('merge', merge, ['touching', 'overlapping'])
  const time = timeOf(assigner)
  return {
    ...timed(time, description),
    settings: {
      kind: 'custom',
      time,
      merging: merge,
      assign: assign as (timestamp: number, row: never) => readonly TimeWindow[],
    },
  }
}

function timed(time: TimeDomain, description: string) {
  return {
    description: time === 'event' ? description : `${description} of processing time`,
    isBounded: true as const,
    defaultTrigger: time === 'event' ? eventTime() : processingTime(),
  }
}

function timeOf({ time = 'event' }: TimeOptions): TimeDomain {
  checkChoice('time', time, ['event', 'processing'])
  return time
}

/** @throws SabotError INVALID_OPTION */
export function checkChoice(option: string, value: unknown, choices: readonly unknown[]): void {
  if (choices.includes(value)) return
  throw new SabotError(
    'INVALID_OPTION',
    `${option} is ${choices.map(describeValue).join(' or ')}, not ${describeValue(value)}`,
    { option, value },
  )
}

/** A negative size is a wrong window, not a wrong way to write a duration. */
function windowMs(what: string, value: Duration): number {
  if (typeof value === 'number' && value < 0) {
    throw new SabotError('INVALID_WINDOW', `The window's ${what} is ${value} ms; it must be more than 0`, {
      [what]: value,
    })
  }
  return parseDuration(value)
}
