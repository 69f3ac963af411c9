import { type Json, memberOf } from '../../core/json.js'
import type { RowKind } from '../../core/row-kind.js'
import type { JoinSide } from '../../kernel/interval-join.js'
import { TimeQueue } from '../../kernel/time-queue.js'
import type { OperatorContext, OperatorFactory } from '../operator.js'
import type { JoinSidesSettings } from './join-sides.js'
import { isOuter, type JoinType } from './join-type.js'
import { PairingSides } from './pairing-sides.js'
import type { SideRow, Snapshotted } from './two-sided.js'

export interface StreamTimeJoinSettings extends JoinSidesSettings {
  readonly type: JoinType
  /** right time - left time is within [lowerMs, upperMs], both included. */
  readonly lowerMs: number
  readonly upperMs: number
  /** How long a row without a partner waits beyond the bounds, ms. */
  readonly graceMs: number
}

/**
 * Kafka Streams' join of two streams (KStreamKStreamJoin): pairs rows whose times are near, as the interval join does,
 * but by stream time, which is the highest event time of any row of both sides so far, and not by watermarks.
 * - No row is late. A row is kept until its segment of the store is over: segments are half as long as the bounds and
 *   the grace period together, but a minute at least.
 * - A row of an outer side without a partner comes out when stream time has passed its bounds and the grace period,
 *   before the pairs of the row that moved stream time; or at once when its bounds are over when it comes.
 * - At the end of input all rows that wait for a partner come out.
 */
export function streamTimeJoinOperator(settings: StreamTimeJoinSettings): OperatorFactory {
  return context => new StreamTimeJoinOperator(context, settings)
}

interface Kept {
  readonly row: SideRow
  readonly time: number
  /** Whether it waits for a partner, to come out alone. */
  isWaiting: boolean
  isExpired: boolean
}

interface KeyRows {
  readonly left: Kept[]
  readonly right: Kept[]
}

const OTHER = { left: 'right', right: 'left' } as const
const LEAST_SEGMENT_MS = 60_000
const KEPT = 1
const KEPT_WAITING = 3
const ONLY_WAITING = 5

/** Stream time, and the time of the first row that waits as far as it is known. */
class StreamTime implements Snapshotted {
  streamMs = Number.NEGATIVE_INFINITY
  firstWaitingMs = Number.POSITIVE_INFINITY
  private readonly projection: Snapshotted

  constructor(projection: Snapshotted) {
    this.projection = projection
  }

  snapshot(): Json {
    const of = (time: number): Json => (Number.isFinite(time) ? time : null)
    const { streamMs, firstWaitingMs } = this
    return { projection: this.projection.snapshot(), streamMs: of(streamMs), firstWaitingMs: of(firstWaitingMs) }
  }

  restore(state: Json): void {
    this.projection.restore(memberOf(state, 'projection') ?? null)
    this.streamMs = Math.max(this.streamMs, Number(memberOf(state, 'streamMs') ?? Number.NEGATIVE_INFINITY))
    const first = memberOf(state, 'firstWaitingMs')
    this.firstWaitingMs = Math.min(this.firstWaitingMs, Number(first ?? Number.POSITIVE_INFINITY))
  }
}

class StreamTimeJoinOperator extends PairingSides {
  private readonly settings: StreamTimeJoinSettings
  private readonly time: StreamTime
  private readonly keys = new Map<number, KeyRows>()
  /** Slots by time, of each side. */
  private readonly ages: Readonly<Record<JoinSide, TimeQueue>>
  private readonly bySlot: Readonly<Record<JoinSide, Map<number, Kept>>> = { left: new Map(), right: new Map() }
  /** By time, right before left, then by arrival. */
  private waiting: Kept[] = []

  constructor(context: OperatorContext, settings: StreamTimeJoinSettings) {
    let time: StreamTime | undefined
    const stateOf = (projection: Snapshotted) => {
      time = new StreamTime(projection)
      return time
    }
    super(context, settings, stateOf, { delayMs: waitMs(settings) })
    if (time === undefined) throw new TypeError('There is no stream time')
    this.time = time
    this.settings = settings
    this.ages = { left: new TimeQueue(context.kernel), right: new TimeQueue(context.kernel) }
  }

  override close(): void {
    this.ages.left.destroy()
    this.ages.right.destroy()
    super.close()
  }

  protected override add(row: SideRow, timestamp: number, watermark: number, _kind: RowKind): boolean {
    const { side, id } = row
    const { time } = this
    const { before, after } = this.reachOf(side)
    time.streamMs = Math.max(time.streamMs, timestamp)
    if (timestamp === time.streamMs) this.emitWaiting(after, watermark)
    const kept: Kept = { row, time: timestamp, isWaiting: false, isExpired: false }
    let isAlone = isOuter(this.type, side)
    for (const partner of this.rowsOf(id)[OTHER[side]]) {
      if (partner.time < timestamp - before || partner.time > timestamp + after) continue
      isAlone = false
      partner.isWaiting = false
      this.emit(side, row.slot, partner.row.slot, Math.max(timestamp, partner.time), watermark)
    }
    if (isAlone && timestamp + after < time.streamMs) {
      this.emitAlone(side, row.slot, timestamp, watermark)
      isAlone = false
    }
    if (isAlone) {
      time.firstWaitingMs = Math.min(time.firstWaitingMs, timestamp)
      this.wait(kept)
    }
    this.keep(kept)
    this.expire()
    return true
  }

  protected override *fire(watermark: number, before: number): Generator<void, void, void> {
    if (watermark < Number.POSITIVE_INFINITY) return
    for (const kept of this.waiting) {
      if (!kept.isWaiting) continue
      kept.isWaiting = false
      this.emitAlone(kept.row.side, kept.row.slot, kept.time, before)
      if (this.hasMuch) yield* this.flush()
    }
    this.waiting = []
    yield* this.flush()
  }

  protected override flagsOf(side: JoinSide): Uint8Array {
    const flags = super.flagsOf(side)
    for (const [slot, { isWaiting, isExpired }] of this.bySlot[side]) {
      flags[slot] = isExpired ? ONLY_WAITING : isWaiting ? KEPT_WAITING : KEPT
    }
    return flags
  }

  protected override restoreRow(row: SideRow, timestamp: number, flag: number): void {
    const kept: Kept = { row, time: timestamp, isWaiting: false, isExpired: flag === ONLY_WAITING }
    if (flag !== KEPT) this.wait(kept)
    if (kept.isExpired) this.bySlot[row.side].set(row.slot, kept)
    else this.keep(kept)
  }

  /** How much earlier and later than a row of this side its partners are, ms. */
  private reachOf(side: JoinSide): { readonly before: number; readonly after: number } {
    const { lowerMs, upperMs } = this.settings
    return side === 'left' ? { before: -lowerMs, after: upperMs } : { before: upperMs, after: -lowerMs }
  }

  /** Rows whose bounds and grace period are over, of both sides; `afterMs`: that of the side that moved stream time. */
  private emitWaiting(afterMs: number, watermark: number): void {
    const { time } = this
    const { graceMs } = this.settings
    if (time.firstWaitingMs >= time.streamMs - afterMs - graceMs) return
    time.firstWaitingMs = Number.POSITIVE_INFINITY
    const isOver = ({ row, time: own }: Kept) => own + this.reachOf(row.side).after + graceMs < time.streamMs
    const left: Kept[] = []
    for (const kept of this.waiting) {
      if (!kept.isWaiting) this.letGoIfOver(kept)
      else if (isOver(kept)) {
        kept.isWaiting = false
        this.emitAlone(kept.row.side, kept.row.slot, kept.time, watermark)
        this.letGoIfOver(kept)
      } else {
        left.push(kept)
        time.firstWaitingMs = Math.min(time.firstWaitingMs, kept.time)
      }
    }
    this.waiting = left
  }

  private wait(kept: Kept): void {
    kept.isWaiting = true
    const { waiting } = this
    let at = waiting.length
    while (at > 0 && isBefore(kept, waiting[at - 1] ?? kept)) at--
    waiting.splice(at, 0, kept)
  }

  private keep(kept: Kept): void {
    const { row, time } = kept
    const rows = this.rowsOf(row.id)[row.side]
    let at = rows.length
    while (at > 0 && (rows[at - 1]?.time ?? 0) > time) at--
    rows.splice(at, 0, kept)
    this.bySlot[row.side].set(row.slot, kept)
    this.ages[row.side].put(Float64Array.of(time), Uint32Array.of(row.slot))
  }

  /** Lets go of the rows in segments that are over. */
  private expire(): void {
    const { lowerMs, upperMs, graceMs } = this.settings
    const retentionMs = upperMs - lowerMs + graceMs
    const segmentMs = Math.max(Math.floor(retentionMs / 2), LEAST_SEGMENT_MS)
    const bound = Math.floor((this.time.streamMs - retentionMs) / segmentMs) * segmentMs - 1
    for (const side of ['left', 'right'] as const) {
      const queue = this.ages[side]
      for (let due = queue.take(bound); due.payloads.length > 0; due = queue.take(bound)) {
        for (const slot of due.payloads.slice()) this.expireRow(side, slot)
      }
    }
  }

  private expireRow(side: JoinSide, slot: number): void {
    const kept = this.bySlot[side].get(slot)
    if (kept === undefined) return
    const rows = this.rowsOf(kept.row.id)
    rows[side].splice(rows[side].indexOf(kept), 1)
    if (rows.left.length + rows.right.length === 0) this.keys.delete(kept.row.id)
    kept.isExpired = true
    this.letGoIfOver(kept)
  }

  private letGoIfOver({ row, isWaiting, isExpired }: Kept): void {
    if (isWaiting || !isExpired || !this.bySlot[row.side].delete(row.slot)) return
    this.letGo(row)
  }

  private rowsOf(id: number): KeyRows {
    let rows = this.keys.get(id)
    if (rows === undefined) {
      rows = { left: [], right: [] }
      this.keys.set(id, rows)
    }
    return rows
  }
}

/** How long rows of an outer side wait, ms: so that they are not late for what follows. */
function waitMs({ type, lowerMs, upperMs, graceMs }: StreamTimeJoinSettings): number {
  const leftMs = isOuter(type, 'left') ? Math.max(0, upperMs) + graceMs : 0
  const rightMs = isOuter(type, 'right') ? Math.max(0, -lowerMs) + graceMs : 0
  return Math.max(leftMs, rightMs)
}

function isBefore(a: Kept, b: Kept): boolean {
  if (a.time !== b.time) return a.time < b.time
  return a.row.side === 'right' && b.row.side === 'left'
}
