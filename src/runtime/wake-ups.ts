import type { ProcessingTime } from '../operators/operator.js'
import type { Clock } from './environment.js'

/** The processing time of one operator: one timer of the clock at a time, for the earliest of its wishes. */
export class WakeUps implements ProcessingTime {
  private readonly wishes = new Set<number>()
  private armed: { readonly at: number; readonly cancel: () => void } | undefined

  private readonly clock: Clock
  private readonly reached: (now: number) => void

  /** `reached` is called outside of any step. */
  constructor(clock: Clock, reached: (now: number) => void) {
    this.clock = clock
    this.reached = reached
  }

  now(): number {
    return this.clock.now()
  }

  wakeAt(timeMs: number): void {
    this.wishes.add(timeMs)
    if (this.armed === undefined || timeMs < this.armed.at) this.arm(timeMs)
  }

  close(): void {
    this.armed?.cancel()
    this.wishes.clear()
  }

  private arm(at: number): void {
    this.armed?.cancel()
    const delayMs = Math.min(Math.max(0, at - this.clock.now()), LONGEST_DELAY_MS)
    this.armed = { at, cancel: this.clock.schedule(delayMs, () => this.ring()) }
  }

  /** The clock may ring early, when the time lies further ahead than a timer reaches. */
  private ring(): void {
    this.armed = undefined
    const now = this.clock.now()
    let isDue = false
    for (const wish of this.wishes) {
      if (wish > now) continue
      this.wishes.delete(wish)
      isDue = true
    }
    if (this.wishes.size > 0) this.arm(Math.min(...this.wishes))
    if (isDue) this.reached(now)
  }
}

/** Timers of JavaScript hosts hold 31 bits of ms; a longer delay would ring at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1
