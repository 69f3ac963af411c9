import type { WindowedRow } from './join-windows.js'

/** The rows of one key in a window: slots in the order of arrival. */
export interface WindowGroup {
  readonly id: number
  readonly left: Uint32Array
  readonly right: Uint32Array
}

/** The rows of a window by key; keys in the order in which they came to the window. */
export function groupByKey(rows: readonly WindowedRow[]): WindowGroup[] {
  const groups = new Map<number, { readonly left: number[]; readonly right: number[] }>()
  for (const { id, side, slot } of rows) {
    let group = groups.get(id)
    if (group === undefined) {
      group = { left: [], right: [] }
      groups.set(id, group)
    }
    group[side].push(slot)
  }
  return Array.from(groups, ([id, { left, right }]) => {
    return { id, left: Uint32Array.from(left), right: Uint32Array.from(right) }
  })
}
