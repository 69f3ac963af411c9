import { describeValue, SabotError } from '../../core/errors.js'
import { type TimeWindow, type WindowGeometry, windowsOf } from '../../core/window-geometry.js'
import { type Assigner, GLOBAL_WINDOW } from './assigner.js'
import { type CalendarUnit, CalendarWindows } from './calendar.js'
import type { Merging } from './merge-windows.js'
import type { TimeDomain } from './window-timers.js'

/** An assigner as data: what the graph describes, and what the operator makes its assigner of. */
export type AssignerSettings =
  | { readonly kind: 'slices'; readonly time: TimeDomain; readonly geometry: WindowGeometry }
  | {
      readonly kind: 'session'
      readonly time: TimeDomain
      readonly gap: number | ((row: never) => number)
      readonly merging: Merging
      /** 'gap': [first, last + gap). 'records': the event times of the first and the last record, both inclusive. */
      readonly bounds: 'gap' | 'records'
      /** How long a session that is over can still be merged with one that is not, ms. */
      readonly retainMs: number
    }
  | { readonly kind: 'calendar'; readonly unit: CalendarUnit; readonly timeZone: string }
  | { readonly kind: 'global' }
  | { readonly kind: 'by-record'; readonly differenceMs: number; readonly earliest: number }
  | {
      readonly kind: 'custom'
      readonly time: TimeDomain
      readonly merging: Merging | undefined
      readonly assign: (timestamp: number, row: never) => readonly TimeWindow[]
    }

export function createAssigner(settings: AssignerSettings): Assigner {
  switch (settings.kind) {
    case 'slices':
      return new SliceAssigner(settings.time, settings.geometry)
    case 'session':
      return new SessionAssigner(settings)
    case 'calendar':
      return new CalendarAssigner(settings.unit, settings.timeZone)
    case 'global':
      return new GlobalAssigner()
    case 'by-record':
      return new RecordAssigner(settings.differenceMs, settings.earliest)
    case 'custom':
      return new CustomAssigner(settings)
  }
}

const asTheyAre = (window: TimeWindow): TimeWindow => window

class SliceAssigner implements Assigner {
  readonly time: TimeDomain
  readonly merging = undefined
  readonly retainMs = 0
  readonly bounds = asTheyAre
  private readonly geometry: WindowGeometry

  constructor(time: TimeDomain, geometry: WindowGeometry) {
    this.time = time
    this.geometry = geometry
  }

  assign(timestamp: number): readonly TimeWindow[] {
    return windowsOf(this.geometry, timestamp)
  }
}

class SessionAssigner implements Assigner {
  readonly time: TimeDomain
  readonly merging: Merging
  readonly retainMs: number
  private readonly gap: number | ((row: never) => number)
  private readonly isByRecords: boolean

  constructor({ time, merging, gap, bounds, retainMs }: Extract<AssignerSettings, { kind: 'session' }>) {
    this.time = time
    this.gap = gap
    this.retainMs = retainMs
    this.isByRecords = bounds === 'records'
    // A session by records ends one ms behind the last moment that could extend it, so windows that touch are apart.
    this.merging = this.isByRecords ? 'overlapping' : merging
  }

  assign(timestamp: number, row: object): readonly TimeWindow[] {
    const gap = typeof this.gap === 'number' ? this.gap : checkedGap((this.gap as (row: object) => unknown)(row), row)
    return [{ start: timestamp, end: timestamp + gap + (this.isByRecords ? 1 : 0) }]
  }

  bounds(window: TimeWindow): TimeWindow {
    if (!this.isByRecords || typeof this.gap !== 'number') return window
    return { start: window.start, end: window.end - this.gap - 1 }
  }
}

function checkedGap(gap: unknown, row: object): number {
  if (typeof gap === 'number' && Number.isSafeInteger(gap) && gap > 0) return gap
  throw new SabotError(
    'USER_FUNCTION_RESULT',
    `A session's gap must be a whole number of ms above 0, not ${describeValue(gap)}`,
    { record: { ...row }, result: gap },
  )
}

class CalendarAssigner implements Assigner {
  readonly time = 'event'
  readonly merging = undefined
  readonly retainMs = 0
  readonly bounds = asTheyAre
  private readonly windows: CalendarWindows

  constructor(unit: CalendarUnit, timeZone: string) {
    this.windows = new CalendarWindows(unit, timeZone)
  }

  assign(timestamp: number): readonly TimeWindow[] {
    return [this.windows.windowOf(timestamp)]
  }
}

class GlobalAssigner implements Assigner {
  readonly time = 'event'
  readonly merging = undefined
  readonly retainMs = 0
  private readonly windows = [GLOBAL_WINDOW]

  assign(): readonly TimeWindow[] {
    return this.windows
  }

  bounds(): undefined {
    return undefined
  }
}

class RecordAssigner implements Assigner {
  readonly time = 'event'
  readonly merging = undefined
  readonly retainMs: number
  readonly bounds = asTheyAre
  readonly byRecord: { readonly differenceMs: number; readonly earliest: number }

  constructor(differenceMs: number, earliest: number) {
    this.byRecord = { differenceMs, earliest }
    // New windows are made of those that begin up to twice the difference before a record.
    this.retainMs = 2 * differenceMs
  }

  assign(): readonly TimeWindow[] {
    return []
  }
}

class CustomAssigner implements Assigner {
  readonly time: TimeDomain
  readonly merging: Merging | undefined
  readonly retainMs = 0
  readonly bounds = asTheyAre
  private readonly user: (timestamp: number, row: object) => unknown

  constructor({ time, merging, assign }: Extract<AssignerSettings, { kind: 'custom' }>) {
    this.time = time
    this.merging = merging
    this.user = assign as (timestamp: number, row: object) => unknown
  }

  assign(timestamp: number, row: object): readonly TimeWindow[] {
    const windows = this.user(timestamp, row)
    if (!Array.isArray(windows)) throw notWindows(windows, row)
    if (windows.length === 1) return [checkedWindow(windows[0], row)]
    return windows.map((window: unknown) => checkedWindow(window, row)).sort((a, b) => a.start - b.start)
  }
}

function checkedWindow(window: unknown, row: object): TimeWindow {
  if (typeof window === 'object' && window !== null && 'start' in window && 'end' in window) {
    const { start, end } = window
    if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && Number(start) <= Number(end)) {
      return { start: Number(start), end: Number(end) }
    }
  }
  throw notWindows(window, row)
}

function notWindows(result: unknown, row: object): SabotError {
  return new SabotError(
    'USER_FUNCTION_RESULT',
    `A window assigner gives a list of { start, end } in whole ms, start not behind end, not ${describeValue(result)}`,
    { record: { ...row }, result },
  )
}
