import { DELETE, type RowKind, UPDATE_BEFORE } from '../../core/row-kind.js'
import { type JoinSide, NO_ROW } from '../../kernel/interval-join.js'
import { TimeQueue } from '../../kernel/time-queue.js'
import type { OperatorContext, OperatorFactory } from '../operator.js'
import { JoinProjection } from './join-projection.js'
import type { JoinSidesSettings } from './join-sides.js'
import { nullableSides } from './join-type.js'
import { type SideRow, TwoSided } from './two-sided.js'
import { type AsOfDirection, Versions } from './versions.js'

export interface AsOfJoinSettings extends JoinSidesSettings {
  readonly type: 'inner' | 'left'
  readonly direction: AsOfDirection
  /** How far away in time the right row may be, ms; +Infinity: backward only. */
  readonly toleranceMs: number
}

/**
 * Pairs each left row with the right row of its key that is nearest in time, in one direction or both; of right rows of
 * one time the one that came last counts. Without a tolerance the right rows are the versions of a table, which is a
 * temporal join: a deleted version is valid until the next.
 *
 * A left row waits until the watermark says that its partner is known: at its own time going backward, at its time +
 * tolerance otherwise. A result carries the left row's time; the watermark that is handed on lies back by the
 * tolerance where left rows wait for it. Rows below the watermark in force are late.
 *
 * A right row leaves when no left row can ask for it any more: when the next one has become valid, or it is further
 * away than the tolerance.
 */
export function asOfJoinOperator(settings: AsOfJoinSettings): OperatorFactory {
  return context => new AsOfJoinOperator(context, settings)
}

const KEPT = 1
const DELETED = 3

class AsOfJoinOperator extends TwoSided {
  private readonly settings: AsOfJoinSettings
  private readonly projection: JoinProjection
  /** How long a left row waits beyond its own time, ms. */
  private readonly waitMs: number
  /** Left rows by time, and right rows by time; the payloads are slots. */
  private readonly waiting: TimeQueue
  private readonly coming: TimeQueue
  private readonly leaving: TimeQueue
  private readonly versions = new Map<number, Versions>()
  private readonly leftIds = new Map<number, number>()
  private readonly rightIds = new Map<number, number>()
  private readonly deleted = new Set<number>()

  constructor(context: OperatorContext, settings: AsOfJoinSettings) {
    const projection = new JoinProjection(context.id, settings.select, nullableSides(settings.type))
    const waitMs = settings.direction === 'backward' ? 0 : settings.toleranceMs
    super(context, settings, projection, { delayMs: waitMs })
    this.settings = settings
    this.projection = projection
    this.waitMs = waitMs
    this.waiting = new TimeQueue(context.kernel)
    this.coming = new TimeQueue(context.kernel)
    this.leaving = new TimeQueue(context.kernel)
  }

  override close(): void {
    for (const queue of [this.waiting, this.coming, this.leaving]) queue.destroy()
    super.close()
  }

  protected override add(row: SideRow, timestamp: number, watermark: number, kind: RowKind): boolean {
    if (timestamp < watermark) return false
    if (row.side === 'right' && kind === UPDATE_BEFORE) this.release([row])
    else this.keep(row, timestamp, kind === DELETE)
    return true
  }

  protected override restoreRow(row: SideRow, timestamp: number, flag: number): void {
    this.keep(row, timestamp, flag === DELETED)
  }

  protected override flagsOf(side: JoinSide): Uint8Array {
    const flags = super.flagsOf(side)
    if (side === 'right') for (const slot of this.deleted) flags[slot] = DELETED
    return flags.map(flag => (flag === DELETED ? DELETED : flag && KEPT))
  }

  protected override *fire(watermark: number, before: number): Generator<void, void, void> {
    const bound = watermark - this.waitMs
    for (let due = this.waiting.take(bound); due.payloads.length > 0; due = this.waiting.take(bound)) {
      this.emit(due.payloads.slice(), due.times.slice(), before)
      yield
    }
    yield* this.cleanUp(watermark)
  }

  private keep({ side, slot, id }: SideRow, timestamp: number, isDeleted: boolean): void {
    const time = Float64Array.of(timestamp)
    const payload = Uint32Array.of(slot)
    if (side === 'left') {
      this.leftIds.set(slot, id)
      this.waiting.put(time, payload)
      return
    }
    this.rightIds.set(slot, id)
    if (isDeleted) this.deleted.add(slot)
    const versions = this.versions.get(id) ?? new Versions()
    this.versions.set(id, versions)
    versions.add({ time: timestamp, slot, isDeleted })
    if (this.settings.direction === 'backward') this.coming.put(time, payload)
    if (this.settings.toleranceMs < Number.POSITIVE_INFINITY) this.leaving.put(time, payload)
  }

  private emit(slots: Uint32Array, times: Float64Array, watermark: number): void {
    const { type, direction, toleranceMs } = this.settings
    const left: number[] = []
    const right: number[] = []
    const timestamps: number[] = []
    const gone: SideRow[] = []
    for (const [at, slot] of slots.entries()) {
      const time = times[at] ?? 0
      const id = this.leftIds.get(slot) ?? 0
      const version = this.versions.get(id)?.find(time, direction, toleranceMs)
      this.leftIds.delete(slot)
      gone.push({ side: 'left', slot, id })
      if (version === undefined && type === 'inner') continue
      left.push(slot)
      right.push(version?.slot ?? NO_ROW)
      timestamps.push(time)
    }
    if (left.length > 0) {
      this.output.batch(
        this.projection.project({
          left: { store: this.sides.store('left'), slots: Uint32Array.from(left), outer: false },
          right: { store: this.sides.store('right'), slots: Uint32Array.from(right), outer: type === 'left' },
          timestamps: Float64Array.from(timestamps),
          watermarks: new Float64Array(left.length).fill(watermark - this.waitMs),
        }),
      )
    }
    this.release(gone)
  }

  /** Left rows that are still to come, or wait, are of times after the watermark - wait. */
  private *cleanUp(watermark: number): Generator<void, void, void> {
    const { direction, toleranceMs } = this.settings
    yield* this.remove(this.coming, watermark, (versions, time) => versions.settle(time))
    const reachMs = direction === 'nearest' ? 2 * toleranceMs : toleranceMs
    // One at that very time may still be asked for by a left row that is not late, but for those going forward.
    const last = watermark - reachMs - (direction === 'forward' ? 0 : 1)
    yield* this.remove(this.leaving, last, (versions, time) => versions.removeUpTo(time))
  }

  private *remove(
    queue: TimeQueue,
    bound: number,
    takeAway: (versions: Versions, time: number) => { readonly slot: number }[],
  ): Generator<void, void, void> {
    for (let due = queue.take(bound); due.payloads.length > 0; due = queue.take(bound)) {
      const times = due.times.slice()
      for (const [at, slot] of due.payloads.slice().entries()) this.removeOf(slot, times[at] ?? 0, takeAway)
      yield
    }
  }

  private removeOf(
    slot: number,
    time: number,
    takeAway: (versions: Versions, time: number) => { readonly slot: number }[],
  ): void {
    const id = this.rightIds.get(slot)
    const versions = id === undefined ? undefined : this.versions.get(id)
    if (id === undefined || versions === undefined) return
    const gone = takeAway(versions, time).map(version => ({ side: 'right', slot: version.slot, id }) as const)
    for (const row of gone) {
      this.rightIds.delete(row.slot)
      this.deleted.delete(row.slot)
    }
    if (versions.length === 0) this.versions.delete(id)
    this.release(gone)
  }
}
