import type { Json } from '../../core/json.js'
import { newPaneState, type PaneState } from './pane.js'
import type { WindowTimer } from './window-timers.js'

/** A result row that was put out and may have to be taken back. */
export interface EmittedRow {
  readonly start: number
  readonly end: number
  readonly row: object
}

/** The state of one window of one key. */
export class WindowState {
  readonly slot: number
  /** Inclusive, ms. */
  readonly start: number
  /** Exclusive, ms. */
  readonly end: number
  /** What is kept of its records; undefined: none, or forgotten. */
  contents: unknown
  /** State of the trigger, by name. */
  triggerState: Map<string, Json> | undefined
  /** Its live timers. */
  timers: WindowTimer[] = []
  panes: PaneState = newPaneState()
  /** With retractions: what it has put out. */
  emitted: readonly EmittedRow[] = []
  /** Whether its trigger has ended: no record enters any more. */
  isClosed = false

  constructor(slot: number, start: number, end: number) {
    this.slot = slot
    this.start = start
    this.end = end
  }

  get maxTimestamp(): number {
    return this.end - 1
  }
}
