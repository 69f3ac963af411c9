import type { PaneTiming } from './pane.js'
import type { PaneField } from './window-function.js'

/** A field of a window's result that tells of its pane. `Value` is its JavaScript type. */
export interface PaneInfo<Value = unknown> {
  readonly kind: 'pane'
  readonly field: PaneField
  /** Type level only. */
  readonly value?: Value
}

function paneInfo<Value>(field: PaneField): PaneInfo<Value> {
  return { kind: 'pane', field }
}

/** What a result can tell of its pane: `.aggregate({ visits: count(), when: pane.timing() })`. */
export const pane = {
  /** 'early', 'onTime' or 'late': before the end of the window, first at or behind it, or later still. */
  timing: () => paneInfo<PaneTiming>('timing'),
  /** Panes of the window before this one. A session that grew is a new window and counts anew. */
  index: () => paneInfo<number>('index'),
  /** Panes before this one that were not early; -1 in an early one. */
  onTimeIndex: () => paneInfo<number>('onTimeIndex'),
  isFirst: () => paneInfo<boolean>('isFirst'),
  /** Whether it is known that no other pane follows. */
  isLast: () => paneInfo<boolean>('isLast'),
  /** The least event time, ms, of the records that came in time since the last pane; else the window's last ms. */
  earliest: () => paneInfo<number>('earliest'),
  /** The greatest event time, ms, of the records in the pane. */
  latest: () => paneInfo<number>('latest'),
} as const
