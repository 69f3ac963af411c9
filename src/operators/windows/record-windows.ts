import type { WindowState } from './window-state.js'

/** A window that a record creates; `copies`: it begins with what that window holds, without the record. */
export interface CreatedWindow {
  readonly start: number
  readonly copies: WindowState | undefined
  /** Whether the record itself is in it. */
  readonly holdsRecord: boolean
}

export interface RecordPlacement {
  /** Windows that are there and get the record, by start ascending. */
  readonly updated: readonly WindowState[]
  readonly created: readonly CreatedWindow[]
}

/**
 * Sliding windows by record, as in Kafka Streams: a record at t is in the window [t - d, t], and behind it lies
 * [t + 1, t + 1 + d]; both exist only while a record is in them, and both ends are inclusive (so a window's end here is
 * its start + d + 1). A window that begins to exist takes over the records that it has in common with its neighbour.
 * No window begins before `earliest`: the records before earliest + d share the window that begins there.
 *
 * `windows`: those of the key, by start ascending.
 */
export function placeRecord(
  windows: readonly WindowState[],
  timestamp: number,
  differenceMs: number,
  earliest: number,
): RecordPlacement {
  const near = windows.filter(({ start }) => start >= timestamp - 2 * differenceMs && start <= timestamp + 1)
  return timestamp < earliest + differenceMs
    ? placeEarly(near, timestamp, earliest)
    : placeRegular(near, timestamp, differenceMs)
}

function placeRegular(near: readonly WindowState[], timestamp: number, differenceMs: number): RecordPlacement {
  const lastOf = ({ start }: WindowState): number => start + differenceMs
  const before = near.filter(window => lastOf(window) < timestamp).at(-1)
  const own = near.find(window => lastOf(window) === timestamp)
  const around = near.filter(window => lastOf(window) > timestamp && window.start <= timestamp)
  const updated = own === undefined ? around : [own, ...around]
  // Where the window that ends here holds this very moment, one of equal time came before: all windows are there.
  if (own !== undefined && own.panes.latest >= timestamp) return { updated, created: [] }
  const previous = own?.panes.latest ?? before?.panes.latest
  const created: CreatedWindow[] = []
  if (previous !== undefined) {
    const start = previous + 1
    if (!near.some(window => window.start === start) && start + differenceMs >= timestamp) {
      created.push({ start, copies: undefined, holdsRecord: true })
    }
  }
  // Where the record before lies one ms beyond the difference, its right window is the left one of this record.
  if (own === undefined && created.every(({ start }) => start !== timestamp - differenceMs)) {
    const isShared = previous !== undefined && timestamp - differenceMs <= previous
    created.push({ start: timestamp - differenceMs, copies: isShared ? before : undefined, holdsRecord: true })
  }
  return { updated, created: [...created, ...rightWindow(near, around.at(-1), timestamp)] }
}

function placeEarly(near: readonly WindowState[], timestamp: number, earliest: number): RecordPlacement {
  const combined = near.find(({ start }) => start === earliest)
  const around = near.filter(({ start }) => start > earliest && start <= timestamp)
  const created = [...rightWindow(near, around.at(-1) ?? combined, timestamp)]
  if (combined !== undefined && combined.panes.latest < timestamp) {
    const start = combined.panes.latest + 1
    if (!near.some(window => window.start === start)) created.push({ start, copies: undefined, holdsRecord: true })
  }
  if (combined === undefined) created.push({ start: earliest, copies: undefined, holdsRecord: true })
  return { updated: combined === undefined ? around : [combined, ...around], created }
}

/** The window behind a record that comes before others: it holds what its neighbour holds of them. */
function rightWindow(
  near: readonly WindowState[],
  neighbour: WindowState | undefined,
  timestamp: number,
): CreatedWindow[] {
  if (neighbour === undefined || neighbour.panes.latest <= timestamp) return []
  if (near.some(({ start }) => start === timestamp + 1)) return []
  return [{ start: timestamp + 1, copies: neighbour, holdsRecord: false }]
}
