import type { Json } from '../../core/json.js'
import { type TimeWindow, type WindowGeometry, windowStart } from '../../core/window-geometry.js'
import type { AggregateRow } from './aggregate-row.js'

/** What the records of an open window have come to. */
interface OpenWindow {
  /** By slot. */
  readonly kept: (unknown[] | undefined)[]
  /** The slots that have something, in the order of arrival. */
  readonly slots: number[]
}

/** What is told of slots: a key has something kept, or nothing any more. */
export interface SlotHolder {
  hold(slot: number): void
  release(slot: number): void
}

/** Puts out what a key has come to in a window. */
export type PutResult = (slot: number, kept: unknown[], window: TimeWindow) => void

/**
 * Aggregates by slot and window, where windows do not overlap. Windows fire in the order of their ends, the keys of one
 * in the order in which they came in.
 */
export class TumblingState {
  private readonly geometry: WindowGeometry
  private readonly aggregates: AggregateRow
  private readonly holder: SlotHolder
  /** By start. */
  private readonly open = new Map<number, OpenWindow>()
  /** In how many windows a slot is. */
  private readonly uses: number[] = []
  private lastStart = Number.NaN
  private lastWindow: OpenWindow | undefined
  /** The start of the earliest open window; Infinity where none is. */
  private earliest = Number.POSITIVE_INFINITY

  constructor(geometry: WindowGeometry, aggregates: AggregateRow, holder: SlotHolder) {
    this.geometry = geometry
    this.aggregates = aggregates
    this.holder = holder
  }

  get openWindows(): number {
    return this.open.size
  }

  /** Whether a window ends at or before this watermark (rule 2 of time). */
  isDue(watermark: number): boolean {
    return this.open.size > 0 && watermark >= this.earliest + this.geometry.sizeMs - 1
  }

  /** Adds a record that is neither late nor between windows. */
  add(slot: number, record: object, timestamp: number, row: number): void {
    const { slideMs, offsetMs } = this.geometry
    const start = windowStart(timestamp, offsetMs, slideMs)
    const window = start === this.lastStart && this.lastWindow ? this.lastWindow : this.windowAt(start)
    let kept = window.kept[slot]
    if (kept === undefined) {
      kept = this.aggregates.create()
      this.insert(window, slot, kept)
    }
    this.aggregates.add(kept, record, timestamp, row)
  }

  /** Fires the earliest window. Between two results the caller may stop; it must go on before anything else. */
  *fire(put: PutResult): Generator<void, void, void> {
    const start = this.earliest
    const window = this.open.get(start)
    for (const slot of window?.slots ?? []) {
      const kept = window?.kept[slot]
      if (kept !== undefined) put(slot, kept, { start, end: start + this.geometry.sizeMs })
      this.drop(slot)
      yield
    }
    this.open.delete(start)
    this.lastWindow = undefined
    this.earliest = Math.min(Number.POSITIVE_INFINITY, ...this.open.keys())
  }

  /** What is kept of slots, in their order, for `restore`: of each window its start, the key's place in it, the rest. */
  toJson(slots: Uint32Array): Json {
    const windows = [...this.open].sort(([a], [b]) => a - b)
    const ranks = windows.map(([, window]) => new Map(window.slots.map((slot, rank) => [slot, rank])))
    return Array.from(slots, slot =>
      windows.flatMap(([start, { kept }], index): Json[] => {
        const own = kept[slot]
        return own === undefined ? [] : [[start, ranks[index]?.get(slot) ?? 0, this.aggregates.encode(own)]]
      }),
    )
  }

  /** Takes what `toJson` gave, for all slots of all parts at once: so that they come back in their order. */
  restore(entries: readonly { readonly slot: number; readonly json: Json }[]): void {
    const kept = entries.flatMap(({ slot, json }) =>
      (json as readonly (readonly Json[])[]).map(([start, rank, own = null]) => {
        return { slot, start: Number(start), rank: Number(rank), own }
      }),
    )
    for (const { slot, start, own } of kept.sort((a, b) => a.start - b.start || a.rank - b.rank)) {
      this.insert(this.windowAt(start), slot, this.aggregates.decode(own))
    }
  }

  private windowAt(start: number): OpenWindow {
    let window = this.open.get(start)
    if (window === undefined) {
      window = { kept: [], slots: [] }
      this.open.set(start, window)
      this.earliest = Math.min(this.earliest, start)
    }
    this.lastStart = start
    this.lastWindow = window
    return window
  }

  private insert(window: OpenWindow, slot: number, kept: unknown[]): void {
    window.kept[slot] = kept
    window.slots.push(slot)
    const uses = this.uses[slot] ?? 0
    if (uses === 0) this.holder.hold(slot)
    this.uses[slot] = uses + 1
  }

  private drop(slot: number): void {
    const uses = (this.uses[slot] ?? 0) - 1
    this.uses[slot] = uses
    if (uses === 0) this.holder.release(slot)
  }
}
