import type { Batch } from '../../core/batch.js'
import { DELETE, INSERT, type RowKind, takesBack } from '../../core/row-kind.js'
import type { JoinSide } from '../../kernel/interval-join.js'
import { TimeQueue } from '../../kernel/time-queue.js'
import type { OperatorContext, OperatorFactory } from '../operator.js'
import type { TimeDomain } from '../windows/window-timers.js'
import type { JoinSidesSettings } from './join-sides.js'
import { isOuter, type JoinType } from './join-type.js'
import { PairingSides } from './pairing-sides.js'
import type { RowStore } from './row-store.js'
import type { SideRow } from './two-sided.js'

export interface RegularJoinSettings extends JoinSidesSettings {
  readonly type: JoinType
  /** How long a row is kept, ms: behind its event time, or behind the moment at which it came. */
  readonly ttlMs: number
  readonly time: TimeDomain
}

/**
 * Pairs all rows of equal keys, whenever they come, and takes pairs back when a row is taken back: Flink SQL's regular
 * join (StreamingJoinOperator). A row of an outer side comes out alone while it has no partner, and that is taken back
 * when one comes.
 *
 * A row is forgotten when the watermark reaches its event time + ttl: it pairs with nothing any more, and nothing is
 * taken back. A row that is as old when it comes is late. A result carries the larger of the two event times.
 *
 * By processing time a row is forgotten when it has been there for the ttl, and none is late.
 */
export function regularJoinOperator(settings: RegularJoinSettings): OperatorFactory {
  return context => new RegularJoinOperator(context, settings)
}

/** A row that is kept. */
interface Kept {
  readonly slot: number
  readonly time: number
  /** When its time to live began, ms: its event time, or when it came. */
  readonly since: number
  /** With how many rows of the other side that are kept it is paired. */
  partners: number
  /** Whether it is paired with a row that is forgotten: that pair is never taken back. */
  hasForgotten: boolean
}

const KEPT = 1
const KEPT_WITH_FORGOTTEN = 3

interface KeyRows {
  readonly left: Kept[]
  readonly right: Kept[]
}

const OTHER = { left: 'right', right: 'left' } as const

class RegularJoinOperator extends PairingSides {
  private readonly ttlMs: number
  private readonly isByEventTime: boolean
  /** By processing time: that of the batch. */
  private now = 0
  private isAwake = false
  private readonly keys = new Map<number, KeyRows>()
  /** Of each side: slots by time. */
  private readonly ages: Readonly<Record<JoinSide, TimeQueue>>
  private readonly ids: Readonly<Record<JoinSide, Map<number, number>>> = { left: new Map(), right: new Map() }

  constructor(context: OperatorContext, settings: RegularJoinSettings) {
    // By processing time the place of the watermarks, which nothing here asks for, is that of when rows came.
    super(context, settings, undefined, { keepsWatermarks: settings.time === 'processing' })
    this.ttlMs = settings.ttlMs
    this.isByEventTime = settings.time === 'event'
    this.ages = { left: new TimeQueue(context.kernel), right: new TimeQueue(context.kernel) }
  }

  override close(): void {
    this.ages.left.destroy()
    this.ages.right.destroy()
    super.close()
  }

  protected override add(row: SideRow, timestamp: number, watermark: number, kind: RowKind): boolean {
    if (this.isByEventTime && timestamp + this.ttlMs <= watermark) return false
    if (takesBack(kind)) this.takeBack(row, timestamp, watermark, kind)
    else this.insert(row, timestamp, watermark, kind)
    return true
  }

  *onProcessingTime(now: number): Generator<void, void, void> {
    if (this.isByEventTime) return
    this.isAwake = false
    yield* this.forgetUpTo(now)
    if (this.keys.size > 0) this.wakeUp(now)
  }

  protected override *beforeBatch(): Generator<void, void, void> {
    if (this.isByEventTime) return
    this.now = this.context.processingTime.now()
    yield* this.forgetUpTo(this.now)
    this.wakeUp(this.now)
  }

  protected override asKept(batch: Batch): Batch {
    return this.isByEventTime ? batch : batch.with({ watermarks: new Float64Array(batch.rowCount).fill(this.now) })
  }

  protected override *fire(watermark: number): Generator<void, void, void> {
    if (this.isByEventTime) yield* this.forgetUpTo(watermark)
  }

  /** What comes is never paired with a row that is over; now and then memory is given back while nothing comes. */
  private wakeUp(now: number): void {
    if (this.isAwake) return
    this.isAwake = true
    this.context.processingTime.wakeAt(now + Math.max(1, this.ttlMs / 8))
  }

  private *forgetUpTo(now: number): Generator<void, void, void> {
    for (const side of ['left', 'right'] as const) {
      const queue = this.ages[side]
      const bound = now - this.ttlMs
      for (let due = queue.take(bound); due.payloads.length > 0; due = queue.take(bound)) {
        const times = due.times.slice()
        for (const [at, slot] of due.payloads.slice().entries()) this.forget(side, slot, times[at] ?? 0)
        this.settle()
        yield
      }
    }
  }

  protected override flagsOf(side: JoinSide): Uint8Array {
    const flags = super.flagsOf(side)
    for (const rows of this.keys.values()) {
      for (const { slot, hasForgotten } of rows[side]) if (hasForgotten) flags[slot] = KEPT_WITH_FORGOTTEN
    }
    return flags
  }

  protected override restoreRow(row: SideRow, timestamp: number, flag: number): void {
    const others = this.rowsOf(row.id)[OTHER[row.side]]
    for (const other of others) other.partners++
    const [came = 0] = this.isByEventTime ? [] : this.sides.store(row.side).watermarksOf(Uint32Array.of(row.slot))
    this.now = came
    this.keep(row, timestamp, others.length, flag !== KEPT)
    if (!this.isByEventTime) this.wakeUp(this.context.processingTime.now())
  }

  private insert(row: SideRow, time: number, watermark: number, kind: RowKind): void {
    const { side, slot } = row
    const other = OTHER[side]
    const partners = this.rowsOf(row.id)[other]
    const isOtherOuter = isOuter(this.type, other)
    const isAnyOuter = this.type !== 'inner'
    if (partners.length === 0 && isOuter(this.type, side)) this.emitAlone(side, slot, time, watermark, INSERT)
    for (const partner of partners) {
      if (isOtherOuter && isAlone(partner)) {
        this.emitAlone(other, partner.slot, Math.max(time, partner.time), watermark, DELETE)
      }
      partner.partners++
      this.emit(side, slot, partner.slot, Math.max(time, partner.time), watermark, isAnyOuter ? INSERT : kind)
    }
    this.keep(row, time, partners.length, false)
  }

  private takeBack(row: SideRow, time: number, watermark: number, kind: RowKind): void {
    const { side, id } = row
    const other = OTHER[side]
    const rows = this.rowsOf(id)
    const at = indexOfEqual(this.sides.store(side), row.slot, rows[side])
    // What takes back came only to say which row it is.
    this.letGo(row)
    const kept = rows[side][at]
    if (kept === undefined) {
      this.dropped['nothing-to-take-back'] = (this.dropped['nothing-to-take-back'] ?? 0) + 1
      this.dropIfEmpty(id)
      return
    }
    rows[side].splice(at, 1)
    const partners = rows[other]
    const isOtherOuter = isOuter(this.type, other)
    const pairKind = this.type === 'inner' ? kind : DELETE
    if (isOuter(this.type, side) && isAlone(kept)) this.emitAlone(side, kept.slot, time, watermark, DELETE)
    for (const partner of partners) {
      const pairTime = Math.max(time, partner.time)
      this.emit(side, kept.slot, partner.slot, pairTime, watermark, pairKind)
      partner.partners--
      if (isOtherOuter && isAlone(partner)) this.emitAlone(other, partner.slot, pairTime, watermark, INSERT)
    }
    this.ids[side].delete(kept.slot)
    this.letGo({ side, slot: kept.slot, id })
    this.dropIfEmpty(id)
  }

  private keep({ side, slot, id }: SideRow, time: number, partners: number, hasForgotten: boolean): void {
    const since = this.isByEventTime ? time : this.now
    this.rowsOf(id)[side].push({ slot, time, since, partners, hasForgotten })
    this.ids[side].set(slot, id)
    this.ages[side].put(Float64Array.of(since), Uint32Array.of(slot))
  }

  /** A row that was taken back may have left its slot to another one, which is as old at least. */
  private forget(side: JoinSide, slot: number, since: number): void {
    const id = this.ids[side].get(slot)
    if (id === undefined) return
    const rows = this.rowsOf(id)[side]
    const at = rows.findIndex(row => row.slot === slot)
    if (at < 0 || rows[at]?.since !== since) return
    rows.splice(at, 1)
    this.ids[side].delete(slot)
    this.letGo({ side, slot, id })
    for (const partner of this.rowsOf(id)[OTHER[side]]) {
      partner.partners--
      partner.hasForgotten = true
    }
    this.dropIfEmpty(id)
  }

  private rowsOf(id: number): KeyRows {
    let rows = this.keys.get(id)
    if (rows === undefined) {
      rows = { left: [], right: [] }
      this.keys.set(id, rows)
    }
    return rows
  }

  private dropIfEmpty(id: number): void {
    const rows = this.keys.get(id)
    if (rows !== undefined && rows.left.length + rows.right.length === 0) this.keys.delete(id)
  }
}

/** Whether a row of an outer side is out without a partner. */
function isAlone({ partners, hasForgotten }: Kept): boolean {
  return partners === 0 && !hasForgotten
}

/** The oldest of the rows whose kept fields equal those of the row at `slot`; -1 when there is none. */
function indexOfEqual(store: RowStore, slot: number, rows: readonly Kept[]): number {
  const slots = Uint32Array.from([slot, ...rows.map(row => row.slot)])
  const columns = store.fields.map((_, index) => store.gather(index, slots, false))
  return rows.findIndex((_, at) => columns.every(column => isSame(column.value(0), column.value(at + 1))))
}

/** NaN equals NaN; lists, structs and objects by what they hold. */
function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b) || a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const names = Object.keys(a)
  if (names.length !== Object.keys(b).length) return false
  return names.every(name => isSame(a[name as keyof typeof a], b[name as keyof typeof b]))
}
