import type { Clock } from '../runtime/environment.js'

/** A clock that stands still until it is moved: `advance` runs what is due on the way, in order. */
export class ManualClock implements Clock {
  private timers: { atMs: number; run: () => void }[] = []

  private nowMs: number

  constructor(nowMs: number = 0) {
    this.nowMs = nowMs
  }

  now(): number {
    return this.nowMs
  }

  elapsed(): number {
    return this.nowMs
  }

  /** A turn takes no time here. */
  nextTurn(): Promise<void> {
    return Promise.resolve()
  }

  schedule(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.nowMs + delayMs, run }
    this.timers.push(timer)
    return () => {
      this.timers = this.timers.filter(other => other !== timer)
    }
  }

  /** Moves the clock on by `ms`. */
  advance(ms: number): void {
    const untilMs = this.nowMs + ms
    for (;;) {
      const due = this.timers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (due === undefined) break
      this.timers = this.timers.filter(timer => timer !== due)
      this.nowMs = Math.max(this.nowMs, due.atMs)
      due.run()
    }
    this.nowMs = untilMs
  }
}
