import type { TimeWindow } from '../../core/window-geometry.js'
import type { Merging } from './merge-windows.js'
import type { TimeDomain } from './window-timers.js'

/** How records are assigned to windows. Windows are [start, end), ms. */
export interface Assigner {
  /** Whose time it goes by. */
  readonly time: TimeDomain
  /** undefined: windows do not merge. */
  readonly merging: Merging | undefined
  /**
   * Set where the windows follow from the records of the key (Kafka Streams' sliding windows): see record-windows.ts.
   * Then `assign` is not called.
   */
  readonly byRecord?: { readonly differenceMs: number; readonly earliest: number }
  /** How long windows stay behind their cleanup time, ms, since later records may need what they hold. */
  readonly retainMs: number
  /** The windows of a record, by start ascending; none: it is dropped and counted. */
  assign(timestamp: number, row: object): readonly TimeWindow[]
  /** The bounds that a result shows; undefined: windows have none. */
  bounds(window: TimeWindow): TimeWindow | undefined
}

/** The only window of a global assigner: it never ends. */
export const GLOBAL_WINDOW: TimeWindow = { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY }
