import type { TimeWindow } from '../../core/window-geometry.js'

/** Whether windows merge that only touch: [a, b) and [b, c). Flink's do, Beam's do not. */
export type Merging = 'touching' | 'overlapping'

/** Windows that become one. */
export interface MergedWindows<Window extends TimeWindow> {
  /** By start ascending. */
  readonly from: readonly Window[]
  readonly start: number
  readonly end: number
}

/** Whether two windows become one. */
export function meets(a: TimeWindow, b: TimeWindow, merging: Merging): boolean {
  return merging === 'touching' ? a.start <= b.end && b.start <= a.end : a.start < b.end && b.start < a.end
}

/**
 * Groups windows that meet, be it through others, by start ascending. Groups of one are there too.
 * Laws: the groups partition the windows; merging what is merged changes nothing; so it does not matter in which order,
 * or in how many steps, windows are merged.
 */
export function mergeWindows<Window extends TimeWindow>(
  windows: readonly Window[],
  merging: Merging,
): MergedWindows<Window>[] {
  const groups: { from: Window[]; start: number; end: number }[] = []
  for (const window of windows.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
    const last = groups.at(-1)
    if (last !== undefined && meets(last, window, merging)) {
      last.from.push(window)
      last.end = Math.max(last.end, window.end)
    } else {
      groups.push({ from: [window], start: window.start, end: window.end })
    }
  }
  return groups
}
