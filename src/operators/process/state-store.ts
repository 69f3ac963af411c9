import type { Json } from '../../core/json.js'
import type { Cursor, KeyKeeper } from './cursor.js'
import type { Expiry } from './expiry.js'
import { decodeValue, encodeValueInPlace } from './state-json.js'

/** What is kept of one declared state for all keys, by slot. Its subclasses are what process functions see of it. */
export abstract class StateStore<Kept> {
  /** By slot; undefined where nothing is kept. */
  protected readonly kept: (Kept | undefined)[] = []
  protected readonly cursor: Cursor
  protected readonly expiry: Expiry | undefined
  private readonly keeper: KeyKeeper

  constructor(cursor: Cursor, keeper: KeyKeeper, expiry: Expiry | undefined) {
    this.cursor = cursor
    this.keeper = keeper
    this.expiry = expiry
  }

  isKept(slot: number): boolean {
    return this.kept[slot] !== undefined
  }

  clear(): void {
    this.remove(this.cursor.slot)
  }

  /** The timer of what expires first has fired: what is over goes, and a timer is set for the next. */
  onExpiry(slot: number, now: number): void {
    this.expiry?.setArmed(slot)
    if (this.isKept(slot)) this.expire(slot, now)
  }

  /** What is kept, to be made text of at once: it may be changed later. */
  abstract encode(slot: number): Json
  /** Keeps what `encode` gave; `migrate` takes each value. */
  abstract decode(slot: number, json: readonly Json[], migrate: (value: unknown) => unknown): void
  protected abstract expire(slot: number, now: number): void

  protected put(slot: number, value: Kept): void {
    const { kept } = this
    if (kept[slot] === undefined) {
      this.keeper.keep(slot)
      // Without gaps, so that the engine keeps an array and not a dictionary.
      while (kept.length < slot) kept.push(undefined)
    }
    kept[slot] = value
  }

  protected remove(slot: number): void {
    if (this.kept[slot] === undefined) return
    this.kept[slot] = undefined
    this.expiry?.disarm(slot)
    this.keeper.drop(slot)
  }
}

/** States of one value, which expires as a whole: [value] or [value, time written]. */
export abstract class SingleStore<Kept> extends StateStore<Kept> {
  private readonly written: number[] = []

  encode(slot: number): Json {
    const value = encodeValueInPlace(this.kept[slot])
    return this.expiry === undefined ? [value] : [value, this.written[slot] ?? 0]
  }

  decode(slot: number, [value = null, written]: readonly Json[], migrate: (value: unknown) => unknown): void {
    this.put(slot, migrate(decodeValue(value)) as Kept)
    if (this.expiry !== undefined) {
      this.setWritten(slot, typeof written === 'number' ? written : this.expiry.touch(slot))
    }
  }

  protected override expire(slot: number, now: number): void {
    const written = this.written[slot] ?? 0
    if (this.expiry?.isOver(written, now)) this.remove(slot)
    else this.expiry?.arm(slot, written)
  }

  /** What is kept for the key in turn, unless it has expired. */
  protected current(): Kept | undefined {
    const { slot } = this.cursor
    const value = this.kept[slot]
    return this.expiry?.isHidden(this.written[slot] ?? 0) ? undefined : value
  }

  protected write(value: Kept): void {
    const { slot } = this.cursor
    this.put(slot, value)
    if (this.expiry !== undefined) this.setWritten(slot, this.expiry.touch(slot))
  }

  private setWritten(slot: number, written: number): void {
    while (this.written.length < slot) this.written.push(0)
    this.written[slot] = written
  }
}
