import type { KeySlots } from '../keyed/key-slots.js'

/** Where a process function is: the key in turn and the times in force. All states and timers look here. */
export class Cursor {
  slot = 0
  /** Event time of the record or timer in turn, ms; the highest one seen, where a processing-time timer is in turn. */
  timestamp = Number.NEGATIVE_INFINITY
  /** The watermark in force, ms. */
  watermark = Number.NEGATIVE_INFINITY

  /** When something is written, in event time. */
  get eventTime(): number {
    return Math.max(this.timestamp, this.watermark)
  }
}

/** Counts what is kept for each key, and holds its slot while that is anything. */
export class KeyKeeper {
  private readonly keys: KeySlots
  private counts: Uint32Array = new Uint32Array(256)

  constructor(keys: KeySlots) {
    this.keys = keys
  }

  /** One thing more is kept. */
  keep(slot: number): void {
    if (slot >= this.counts.length) {
      const larger = new Uint32Array(Math.max(slot + 1, this.counts.length * 2))
      larger.set(this.counts)
      this.counts = larger
    }
    const count = this.counts[slot] as number
    if (count === 0) this.keys.hold(slot)
    this.counts[slot] = count + 1
  }

  /** One thing less is kept. */
  drop(slot: number): void {
    const count = (this.counts[slot] as number) - 1
    this.counts[slot] = count
    if (count === 0) this.keys.release(slot)
  }
}
