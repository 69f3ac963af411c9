import type { Json } from '../../core/json.js'
import { numberFromJson, numberToJson } from '../../core/json-numbers.js'

/** When a pane comes, seen from the end of its window: before it, first at or behind it, or later still. */
export type PaneTiming = 'early' | 'onTime' | 'late'

/** What is known of one firing of a window. Meanings are those of Apache Beam's PaneInfo. */
export interface Pane {
  readonly timing: PaneTiming
  /** Panes of the window before this one. A window that grew or was merged is a new one and counts anew. */
  readonly index: number
  /** Panes before this one that were not early; -1 in an early pane. */
  readonly onTimeIndex: number
  readonly isFirst: boolean
  /** Whether it is known that no other pane follows. */
  readonly isLast: boolean
  /** The least event time, ms, of the records that came in time since the last pane; else the window's last ms. */
  readonly earliest: number
  /** The greatest event time, ms, of the records in the pane. */
  readonly latest: number
}

/** What a window remembers of its panes. */
export interface PaneState {
  count: number
  /** Panes that were not early. */
  onTime: number
  /** Whether a record has come since the last pane. */
  hasNew: boolean
  /** Whether a record that came before the end of the window has not been put out yet. */
  awaitsOnTime: boolean
  /** NaN where there is none. */
  earliest: number
  /** -Infinity where there is none. */
  latest: number
}

export function newPaneState(): PaneState {
  return {
    count: 0,
    onTime: 0,
    hasNew: false,
    awaitsOnTime: false,
    earliest: Number.NaN,
    latest: Number.NEGATIVE_INFINITY,
  }
}

/** A record has entered the window; `isInTime`: before its end. */
export function noteRecord(state: PaneState, timestamp: number, isInTime: boolean): void {
  state.hasNew = true
  state.latest = Math.max(state.latest, timestamp)
  if (!isInTime) return
  state.awaitsOnTime = true
  state.earliest = state.earliest <= timestamp ? state.earliest : timestamp
}

/** The panes of a window that was made of others begin anew; what has not been put out is taken over. */
export function mergePaneStates(states: readonly PaneState[]): PaneState {
  const merged = newPaneState()
  for (const { hasNew, awaitsOnTime, earliest, latest } of states) {
    merged.hasNew ||= hasNew
    merged.awaitsOnTime ||= awaitsOnTime
    merged.latest = Math.max(merged.latest, latest)
    if (!Number.isNaN(earliest)) merged.earliest = merged.earliest <= earliest ? merged.earliest : earliest
  }
  return merged
}

export function paneOf(state: PaneState, timing: PaneTiming, maxTimestamp: number, isLast: boolean): Pane {
  return {
    timing,
    index: state.count,
    onTimeIndex: timing === 'early' ? -1 : state.onTime,
    isFirst: state.count === 0,
    isLast,
    earliest: Number.isNaN(state.earliest) ? maxTimestamp : state.earliest,
    latest: state.latest,
  }
}

/** The pane has been put out. `empties`: its records are forgotten. */
export function notePane(state: PaneState, timing: PaneTiming, empties: boolean): void {
  state.count += 1
  if (timing !== 'early') state.onTime += 1
  state.hasNew = false
  state.awaitsOnTime = false
  state.earliest = Number.NaN
  if (empties) state.latest = Number.NEGATIVE_INFINITY
}

export function paneStateToJson(state: PaneState): Json {
  const { count, onTime, hasNew, awaitsOnTime, earliest, latest } = state
  return [count, onTime, hasNew, awaitsOnTime, numberToJson(earliest), numberToJson(latest)]
}

export function paneStateFromJson(json: Json | undefined): PaneState {
  const [count, onTime, hasNew, awaitsOnTime, earliest, latest] = json as readonly Json[]
  return {
    count: numberFromJson(count),
    onTime: numberFromJson(onTime),
    hasNew: hasNew === true,
    awaitsOnTime: awaitsOnTime === true,
    earliest: numberFromJson(earliest),
    latest: numberFromJson(latest),
  }
}
