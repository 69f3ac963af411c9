import { DELETE, type RowKind, takesBack, UPDATE_AFTER, UPDATE_BEFORE } from '../../core/row-kind.js'

/** What has happened to the row of one key since the last time it was put out. */
export interface WaitingUpdate {
  readonly slot: number
  /** The time from which on it waits, ms, and its number among all that waited. */
  readonly time: number
  readonly sequence: number
  /** The row that was put out before, where the changelog told it; it is to be taken back. */
  before: object | undefined
  /** The newest row; undefined: it is deleted. */
  after: object | undefined
  /** What came first: what `after` is put out as where nothing is to be taken back. */
  readonly kind: RowKind
  /** Event time of the newest row, ms. */
  timestamp: number
  bytes: number
}

export interface ChangedRow {
  readonly row: object
  readonly kind: RowKind
}

/** What an entry costs besides the values of its rows: objects and places in lists, about as engines lay them out. */
const ENTRY_BYTES = 96

/**
 * The updates that wait, one entry a key, in the order of (time, sequence). An update of a key that waits takes over the
 * place of the one before, as in the buffer of Kafka Streams' suppress.
 *
 * Law: what `changesOf` gives for the entries of a key, in the order in which they were taken, leads to the same row as
 * the changes that were added.
 */
export class UpdateBuffer {
  /** Order of the next entry. */
  sequence = 0
  /** Estimated: ENTRY_BYTES an entry, 8 a number, 2 a UTF-16 unit. */
  bytes = 0
  private readonly bySlot = new Map<number, WaitingUpdate>()
  private readonly heap: WaitingUpdate[] = []

  get count(): number {
    return this.heap.length
  }

  /** The earliest time that an entry waits from; +Infinity where there is none. */
  get earliest(): number {
    return this.heap[0]?.time ?? Number.POSITIVE_INFINITY
  }

  of(slot: number): WaitingUpdate | undefined {
    return this.bySlot.get(slot)
  }

  /** Adds what happened to a key's row. Returns whether a row that waited will not come out for it. */
  add(slot: number, row: object, kind: RowKind, time: number, timestamp: number): boolean {
    const known = this.bySlot.get(slot)
    const entry = known ?? this.begin(slot, time, kind)
    const replaces = entry.after !== undefined
    if (takesBack(kind)) {
      // Rows that came meanwhile are not out, so that there is nothing to take back for them.
      if (known === undefined) entry.before = row
      entry.after = undefined
    } else entry.after = row
    entry.timestamp = timestamp
    this.bytes -= entry.bytes
    entry.bytes = ENTRY_BYTES + sizeOf(entry.before) + sizeOf(entry.after)
    this.bytes += entry.bytes
    return replaces
  }

  /** Puts an entry of a snapshot in its place. */
  restore(entry: WaitingUpdate): void {
    this.bySlot.set(entry.slot, entry)
    this.bytes += entry.bytes
    this.sequence = Math.max(this.sequence, entry.sequence + 1)
    this.push(entry)
  }

  /** Takes the first entry out. */
  take(): WaitingUpdate | undefined {
    const [first] = this.heap
    const last = this.heap.pop()
    if (first === undefined || last === undefined) return undefined
    if (last !== first) this.sink(last)
    this.bySlot.delete(first.slot)
    this.bytes -= first.bytes
    return first
  }

  private begin(slot: number, time: number, kind: RowKind): WaitingUpdate {
    const parts = { before: undefined, after: undefined, kind, timestamp: time, bytes: 0 }
    const entry: WaitingUpdate = { slot, time, sequence: this.sequence++, ...parts }
    this.bySlot.set(slot, entry)
    this.push(entry)
    return entry
  }

  private push(entry: WaitingUpdate): void {
    const { heap } = this
    let place = heap.length
    while (place > 0) {
      const parent = (place - 1) >> 1
      const above = heap[parent] as WaitingUpdate
      if (!isBefore(entry, above)) break
      heap[place] = above
      place = parent
    }
    heap[place] = entry
  }

  private sink(entry: WaitingUpdate): void {
    const { heap } = this
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      const left = heap[child]
      if (left === undefined) break
      const right = heap[child + 1]
      if (right !== undefined && isBefore(right, left)) child += 1
      const below = heap[child] as WaitingUpdate
      if (!isBefore(below, entry)) break
      heap[place] = below
      place = child
    }
    heap[place] = entry
  }
}

/** What an entry puts out: at most an update, which is two rows. */
export function changesOf({ before, after, kind }: WaitingUpdate): readonly ChangedRow[] {
  if (before === undefined) return after === undefined ? [] : [{ row: after, kind }]
  if (after === undefined) return [{ row: before, kind: DELETE }]
  return [
    { row: before, kind: UPDATE_BEFORE },
    { row: after, kind: UPDATE_AFTER },
  ]
}

function isBefore(a: WaitingUpdate, b: WaitingUpdate): boolean {
  return a.time < b.time || (a.time === b.time && a.sequence < b.sequence)
}

function sizeOf(value: unknown): number {
  if (value === null || value === undefined) return 0
  if (typeof value === 'string') return 2 * value.length
  if (typeof value !== 'object' || value instanceof Date) return 8
  if (value instanceof Uint8Array) return value.length
  return Object.values(value).reduce<number>((sum, part) => sum + sizeOf(part), 0)
}
