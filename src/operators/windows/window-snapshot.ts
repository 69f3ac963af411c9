/*
 * The windows of the keys of one key group, as JSON. For each key a list of windows by start; for each window
 *   [start, end, contents, trigger state, timers, panes, emitted, closed]
 * and for each timer [domain, time, order of registration].
 */
import type { Json } from '../../core/json.js'
import { numberFromJson, numberToJson } from '../../core/json-numbers.js'
import { valueFromJson, valueToJson } from '../../core/json-values.js'
import type { Contents } from './contents.js'
import type { KeyedWindows } from './keyed-windows.js'
import { paneStateFromJson, paneStateToJson } from './pane.js'
import { type EmittedRow, WindowState } from './window-state.js'
import type { TimeDomain } from './window-timers.js'

/** A timer that is to be added once all windows are there. */
export interface RestoredTimer {
  readonly window: WindowState
  readonly domain: TimeDomain
  readonly time: number
  readonly sequence: number
}

export function windowToJson(window: WindowState, contents: Contents): Json {
  const { start, end, triggerState, timers, panes, emitted, isClosed } = window
  return [
    numberToJson(start),
    numberToJson(end),
    window.contents === undefined ? null : [contents.encode(window.contents)],
    [...(triggerState ?? [])],
    timers.map(({ domain, time, sequence }) => [domain, numberToJson(time), sequence]),
    paneStateToJson(panes),
    emitted.map(row => [numberToJson(row.start), numberToJson(row.end), valueToJson(row.row)]),
    isClosed,
  ]
}

/** Puts a window back; its timers are returned, since those of all windows are added in the order of registration. */
export function restoreWindow(json: Json, slot: number, windows: KeyedWindows, contents: Contents): RestoredTimer[] {
  const [start, end, kept, triggerState, timers, panes, emitted, isClosed] = json as readonly Json[]
  const window = new WindowState(slot, numberFromJson(start), numberFromJson(end))
  if (kept !== null) window.contents = contents.decode((kept as readonly Json[])[0] ?? null)
  const entries = triggerState as readonly (readonly [string, Json])[]
  if (entries.length > 0) window.triggerState = new Map(entries)
  window.panes = paneStateFromJson(panes)
  window.emitted = (emitted as readonly (readonly Json[])[]).map(([from, to, row = null]): EmittedRow => {
    return { start: numberFromJson(from), end: numberFromJson(to), row: valueFromJson(row) as object }
  })
  window.isClosed = isClosed === true
  windows.insert(window)
  return (timers as readonly (readonly Json[])[]).map(([domain, time, sequence]): RestoredTimer => {
    return {
      window,
      domain: domain as TimeDomain,
      time: numberFromJson(time),
      sequence: numberFromJson(sequence),
    }
  })
}
