import { NO_WATERMARK } from '../../core/element.js'
import { fires, sliceOf, type TimeWindow, type WindowGeometry } from '../../core/window-geometry.js'
import type { JoinSide } from '../../kernel/interval-join.js'
import type { Kernel } from '../../kernel/module.js'
import { TimeQueue } from '../../kernel/time-queue.js'
import type { Assigner } from '../windows/assigner.js'
import { type Merging, meets } from '../windows/merge-windows.js'

/** A row in a window: the slot in the store of its side, and the id of its key. */
export interface WindowedRow {
  readonly side: JoinSide
  readonly slot: number
  readonly id: number
}

/** A window that fires, with its rows in the order of their arrival. */
export interface FiredWindow extends TimeWindow {
  readonly rows: readonly WindowedRow[]
  /** The rows that no later window holds. */
  readonly leaving: readonly WindowedRow[]
}

/** The windows of a join that are open. */
export interface JoinWindows {
  readonly count: number
  /** False when the row is late: at the watermark all of its windows have fired. */
  add(row: WindowedRow, timestamp: number, watermark: number): boolean
  /** Adds a row of a snapshot: it is in a window that has not fired at the watermark. */
  restore(row: WindowedRow, timestamp: number, watermark: number): void
  /** The windows that fire at a watermark, by their ends; they are gone then. */
  fire(watermark: number): Iterable<FiredWindow>
  close(): void
}

export function joinWindows(kernel: Kernel, assigner: Assigner, geometry: WindowGeometry | undefined): JoinWindows {
  return assigner.merging === undefined
    ? new SharedWindows(assigner, geometry)
    : new SessionWindows(kernel, assigner, assigner.merging)
}

const NO_FIELDS = {}

interface SharedWindow extends TimeWindow {
  readonly rows: WindowedRow[]
  readonly leaving: WindowedRow[]
}

/** Windows that are the same for all keys. A row leaves with the last of its windows, which ends last. */
class SharedWindows implements JoinWindows {
  private readonly assigner: Assigner
  private readonly geometry: WindowGeometry | undefined
  private readonly open = new Map<number, SharedWindow>()
  private nextEnd = Number.POSITIVE_INFINITY
  private lastSlice = Number.NaN
  private lastWindows: readonly TimeWindow[] = []

  constructor(assigner: Assigner, geometry: WindowGeometry | undefined) {
    this.assigner = assigner
    this.geometry = geometry
  }

  get count(): number {
    return this.open.size
  }

  add(row: WindowedRow, timestamp: number, watermark: number): boolean {
    const windows = this.windowsOf(timestamp)
    const last = windows.at(-1)
    if (last === undefined || fires(last.end, watermark)) return false
    for (const { start, end } of windows) {
      if (fires(end, watermark)) continue
      const window = this.open.get(start) ?? this.begin(start, end)
      window.rows.push(row)
      if (end === last.end) window.leaving.push(row)
    }
    return true
  }

  restore(row: WindowedRow, timestamp: number, watermark: number): void {
    this.add(row, timestamp, watermark)
  }

  *fire(watermark: number): Generator<FiredWindow, void, void> {
    if (!fires(this.nextEnd, watermark)) return
    const due = [...this.open.values()].filter(({ end }) => fires(end, watermark)).sort((a, b) => a.end - b.end)
    for (const window of due) {
      this.open.delete(window.start)
      yield window
    }
    this.nextEnd = Number.POSITIVE_INFINITY
    for (const { end } of this.open.values()) this.nextEnd = Math.min(this.nextEnd, end)
  }

  close(): void {}

  private begin(start: number, end: number): SharedWindow {
    const window = { start, end, rows: [], leaving: [] }
    this.open.set(start, window)
    this.nextEnd = Math.min(this.nextEnd, end)
    return window
  }

  /** Rows of one slice have the same windows, and mostly come together. */
  private windowsOf(timestamp: number): readonly TimeWindow[] {
    if (this.geometry === undefined) return this.assigner.assign(timestamp, NO_FIELDS)
    const slice = sliceOf(this.geometry, timestamp)
    if (slice !== this.lastSlice) {
      this.lastSlice = slice
      this.lastWindows = this.assigner.assign(timestamp, NO_FIELDS)
    }
    return this.lastWindows
  }
}

interface SessionWindow {
  start: number
  end: number
  readonly number: number
  readonly id: number
  rows: NumberedRow[]
}

interface NumberedRow extends WindowedRow {
  readonly arrival: number
}

/** Sessions over both sides of each key. Whether a row is late is judged by the session that it would be in. */
class SessionWindows implements JoinWindows {
  private readonly assigner: Assigner
  private readonly merging: Merging
  private readonly byKey = new Map<number, SessionWindow[]>()
  private readonly byNumber = new Map<number, SessionWindow>()
  private readonly ends: TimeQueue
  private numbers = 0
  private arrived = 0
  private fired = NO_WATERMARK

  constructor(kernel: Kernel, assigner: Assigner, merging: Merging) {
    this.assigner = assigner
    this.merging = merging
    this.ends = new TimeQueue(kernel)
  }

  get count(): number {
    return this.byNumber.size
  }

  add(row: WindowedRow, timestamp: number, watermark: number): boolean {
    const arrival = this.arrived++
    const [own] = this.assigner.assign(timestamp, NO_FIELDS)
    if (own === undefined) return false
    const sessions = this.byKey.get(row.id) ?? []
    const met = sessions.filter(session => meets(session, own, this.merging))
    const start = Math.min(own.start, ...met.map(session => session.start))
    const end = Math.max(own.end, ...met.map(session => session.end))
    if (fires(end, watermark)) return false
    const session = met[0] ?? this.begin(row.id, start)
    session.rows.push({ ...row, arrival })
    if (met.length > 1) this.merge(session, met.slice(1))
    session.start = start
    if (end === session.end) return true
    session.end = end
    this.ends.put(Float64Array.of(end - 1), Uint32Array.of(session.number))
    return true
  }

  /** Its session has not fired, though on its own, without the rows behind it, it would have. */
  restore(row: WindowedRow, timestamp: number): void {
    this.add(row, timestamp, NO_WATERMARK)
  }

  *fire(watermark: number): Generator<FiredWindow, void, void> {
    if (watermark <= this.fired) return
    this.fired = watermark
    for (let due = this.ends.take(watermark); due.payloads.length > 0; due = this.ends.take(watermark)) {
      // The views are void when who takes a window calls the kernel.
      const times = due.times.slice()
      for (const [at, number] of due.payloads.slice().entries()) {
        const session = this.byNumber.get(number)
        // It may have been merged into another, or extended, since this entry was made.
        if (session === undefined || session.end - 1 !== times[at]) continue
        this.forget(session)
        yield { start: session.start, end: session.end, rows: session.rows, leaving: session.rows }
      }
    }
  }

  close(): void {
    this.ends.destroy()
  }

  private begin(id: number, start: number): SessionWindow {
    const session = { start, end: NO_WATERMARK, number: this.numbers++ >>> 0, id, rows: [] }
    this.byNumber.set(session.number, session)
    const others = this.byKey.get(id)
    if (others === undefined) this.byKey.set(id, [session])
    else others.push(session)
    return session
  }

  private merge(into: SessionWindow, others: readonly SessionWindow[]): void {
    into.rows = [into, ...others].flatMap(({ rows }) => rows).sort((a, b) => a.arrival - b.arrival)
    for (const other of others) this.forget(other)
  }

  private forget(session: SessionWindow): void {
    this.byNumber.delete(session.number)
    const others = (this.byKey.get(session.id) ?? []).filter(other => other !== session)
    if (others.length === 0) this.byKey.delete(session.id)
    else this.byKey.set(session.id, others)
  }
}
