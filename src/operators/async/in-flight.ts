import { NO_WATERMARK } from '../../core/element.js'
import type { Json } from '../../core/json.js'
import { memberOf } from '../../core/json.js'
import { decodeValue, encodeValue } from '../process/state-json.js'

export type EntryState = 'waiting' | 'out' | 'paused' | 'done'

/** A record that is on its way through an asynchronous function. */
export class Entry {
  state: EntryState = 'waiting'
  attempt = 0
  /** The record that came of it; undefined: none. */
  result: object | undefined
  /** Why none came of it. */
  reason: string | undefined
  /** When it has taken too long, and when a paused one is sent again, ms of processing time. */
  deadline = Number.POSITIVE_INFINITY
  resumeAt = Number.POSITIVE_INFINITY
  readonly row: object
  /** ms; NaN where the stream has no event time. */
  readonly timestamp: number
  readonly watermark: number

  constructor(row: object, timestamp: number, watermark: number) {
    this.row = row
    this.timestamp = timestamp
    this.watermark = watermark
  }
}

/** Records between two changes of the watermark in force, and the watermark element behind them. */
interface Segment {
  readonly watermark: number
  /** Records whose result has not gone out; in the order of arrival, or, out of order, in the order of completion. */
  entries: Entry[]
  /** A watermark that came when all of them were there. */
  end: number | undefined
}

/**
 * Records in flight. What goes out, goes out in the order of arrival, or, where the order is free, as results come; but
 * a record never passes a watermark, nor a watermark a record. So what is late stays what it was.
 */
export class InFlight {
  private readonly isOrdered: boolean
  private segments: Segment[] = []
  private count = 0

  constructor(isOrdered: boolean) {
    this.isOrdered = isOrdered
  }

  /** Records that are here. */
  get size(): number {
    return this.count
  }

  get isEmpty(): boolean {
    return this.segments.length === 0
  }

  add(entry: Entry): void {
    const last = this.segments.at(-1)
    this.count++
    if (last !== undefined && last.end === undefined && Object.is(last.watermark, entry.watermark))
      last.entries.push(entry)
    else this.segments.push({ watermark: entry.watermark, entries: [entry], end: undefined })
  }

  addWatermark(watermark: number): void {
    const last = this.segments.at(-1)
    if (last !== undefined && last.end === undefined) last.end = watermark
    else this.segments.push({ watermark, entries: [], end: watermark })
  }

  *all(): Generator<Entry, void, void> {
    for (const { entries } of this.segments) yield* entries
  }

  /** The result of an entry has come. */
  complete(entry: Entry): void {
    entry.state = 'done'
    if (this.isOrdered) return
    // In a segment those that are done stand in front, in the order in which they were completed.
    const segment = this.segments.find(({ entries }) => entries.includes(entry))
    if (segment === undefined) return
    const others = segment.entries.filter(other => other !== entry)
    const done = others.findIndex(({ state }) => state !== 'done')
    others.splice(done < 0 ? others.length : done, 0, entry)
    segment.entries = others
  }

  /** What may go out now, in its order: records that are done, and watermarks. */
  *drain(): Generator<Entry | number, void, void> {
    for (let head = this.segments[0]; head !== undefined; head = this.segments[0]) {
      let done = 0
      while (done < head.entries.length && head.entries[done]?.state === 'done') done++
      const ready = head.entries.splice(0, done)
      this.count -= done
      yield* ready
      if (head.entries.length > 0) return
      this.segments.shift()
      if (head.end !== undefined) yield head.end
    }
  }

  /** Records by their rows, and watermarks, in the order of arrival or of completion. */
  snapshot(): Json {
    const rows = this.segments.flatMap(({ entries, end }): Json[] => [
      ...entries.map(({ row, timestamp, watermark }): Json => {
        return { row: encodeValue({ ...row }), timestamp: String(timestamp), watermark: String(watermark) }
      }),
      ...(end === undefined ? [] : [{ end: String(end) }]),
    ])
    return rows
  }

  /** The last watermark that waits; -Infinity where there is none. */
  get lastWatermark(): number {
    return Math.max(...this.segments.map(({ end }) => end ?? NO_WATERMARK), NO_WATERMARK)
  }

  /** Adds what `snapshot` gave: all of it is to be sent again. */
  restore(json: Json | undefined): void {
    for (const entry of Array.isArray(json) ? (json as readonly Json[]) : []) {
      const end = memberOf(entry, 'end')
      const row = decodeValue(memberOf(entry, 'row') ?? {}) as object
      if (end !== undefined) this.addWatermark(Number(end))
      else this.add(new Entry(row, Number(memberOf(entry, 'timestamp')), Number(memberOf(entry, 'watermark'))))
    }
  }
}
