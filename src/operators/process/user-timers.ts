import type { TimerQueue } from '../../kernel/timers.js'
import type { KeyKeeper } from './cursor.js'

/** The tag of timers of a process function; others are those of its states' time to live. */
export const USER_TAG = 0

const NONE = Number.NEGATIVE_INFINITY
const FEW_DELETIONS = 1024

/**
 * The timers of a process function in one time domain. For each key it knows how late its timers are at most, and so
 * when the key is held for them no more; where some were deleted that is worked out now and then (`sweep`).
 */
export class UserTimers {
  readonly queue: TimerQueue
  private readonly keeper: KeyKeeper
  private until: Float64Array = new Float64Array(0)
  private deletions = 0
  private mostDeletions = FEW_DELETIONS

  constructor(queue: TimerQueue, keeper: KeyKeeper) {
    this.queue = queue
    this.keeper = keeper
  }

  /** @throws SabotError TIMESTAMP_INVALID */
  register(slot: number, time: number): void {
    this.queue.register(time, slot, USER_TAG)
    this.note(slot, Math.ceil(time))
  }

  /** @throws SabotError TIMESTAMP_INVALID */
  delete(slot: number, time: number): void {
    this.queue.delete(time, slot, USER_TAG)
    this.deletions++
    if (this.deletions > this.mostDeletions) this.sweep()
  }

  /** The key has a timer for `time`, in the queue already. */
  note(slot: number, time: number): void {
    this.reserve(slot)
    const until = this.until[slot] as number
    if (until === NONE) this.keeper.keep(slot)
    if (time > until) this.until[slot] = time
  }

  /** The key's timer for `time` is about to fire. It may register itself again. */
  firing(slot: number, time: number): void {
    if (time >= (this.until[slot] ?? NONE)) this.forget(slot)
  }

  /** Finds the keys whose last timers were deleted. */
  sweep(): void {
    if (this.deletions === 0) return
    this.deletions = 0
    const before = this.until
    this.until = new Float64Array(before.length).fill(NONE)
    const { times, slots, tags } = this.queue.entries()
    for (let index = 0; index < times.length; index++) {
      const slot = slots[index] as number
      if (tags[index] === USER_TAG) this.until[slot] = Math.max(this.until[slot] as number, times[index] as number)
    }
    for (let slot = 0; slot < before.length; slot++) {
      if (before[slot] !== NONE && this.until[slot] === NONE) this.keeper.drop(slot)
    }
    // So that looking through all of them costs a little for each deletion.
    this.mostDeletions = Math.max(FEW_DELETIONS, (times.length + before.length) >> 1)
  }

  private forget(slot: number): void {
    if ((this.until[slot] ?? NONE) === NONE) return
    this.until[slot] = NONE
    this.keeper.drop(slot)
  }

  private reserve(slot: number): void {
    if (slot < this.until.length) return
    const larger = new Float64Array(Math.max(slot + 1, this.until.length * 2, 64)).fill(NONE)
    larger.set(this.until)
    this.until = larger
  }
}
