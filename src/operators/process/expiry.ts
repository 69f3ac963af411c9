import type { TimerQueue } from '../../kernel/timers.js'

const NONE = Number.POSITIVE_INFINITY
/** The end of time, ms. */
const LAST_TIME = 8.64e15

/** The time to live of one state: one timer a key at most, for what expires first. */
export class Expiry {
  readonly afterMs: number
  private readonly queue: TimerQueue
  private readonly tag: number
  private readonly clock: () => number
  private readonly hides: boolean
  private armed: Float64Array = new Float64Array(0)

  /** `hides`: whether what has expired must be hidden until its timer fires, since that may be later. */
  constructor(afterMs: number, queue: TimerQueue, tag: number, clock: () => number, hides: boolean) {
    this.afterMs = afterMs
    this.queue = queue
    this.tag = tag
    this.clock = clock
    this.hides = hides
  }

  /** Something is written now: the time of it. */
  touch(slot: number): number {
    const now = this.clock()
    this.arm(slot, now)
    return now
  }

  /** What was written at `written` is in the state. */
  arm(slot: number, written: number): void {
    this.reserve(slot)
    if (this.armed[slot] !== NONE) return
    const at = Math.min(written + this.afterMs, LAST_TIME)
    this.armed[slot] = at
    this.queue.register(at, slot, this.tag)
  }

  /** Nothing is in the state any more. */
  disarm(slot: number): void {
    const at = this.armed[slot] ?? NONE
    if (at === NONE) return
    this.queue.delete(at, slot, this.tag)
    this.armed[slot] = NONE
  }

  /** The timer of a key has fired, or is known from a snapshot to be there for `at`. */
  setArmed(slot: number, at: number = NONE): void {
    this.reserve(slot)
    this.armed[slot] = at
  }

  /** Whether what was written then must not be seen. */
  isHidden(written: number): boolean {
    return this.hides && this.isOver(written, this.clock())
  }

  isOver(written: number, now: number): boolean {
    return written + this.afterMs <= now
  }

  private reserve(slot: number): void {
    if (slot < this.armed.length) return
    const larger = new Float64Array(Math.max(slot + 1, this.armed.length * 2, 64)).fill(NONE)
    larger.set(this.armed)
    this.armed = larger
  }
}
