/* Waiting by the environment's clock, for sources that give their rows no faster than asked for. */
import type { SourceClock } from '../operators/source.js'

export class Pace {
  private readonly clock: SourceClock
  private wake: (() => void) | undefined
  private isClosed = false

  constructor(clock: SourceClock) {
    this.clock = clock
  }

  /** Fulfilled at a time of the clock, at once when it has passed; false when close() came first. */
  async until(timeMs: number): Promise<boolean> {
    while (!this.isClosed) {
      const leftMs = timeMs - this.clock.now()
      if (!(leftMs > 0)) return true
      await new Promise<void>(resolve => {
        const cancel = this.clock.schedule(Math.min(leftMs, MAX_WAIT_MS), () => this.wake?.())
        this.wake = () => {
          cancel()
          this.wake = undefined
          resolve()
        }
      })
    }
    return false
  }

  close(): void {
    this.isClosed = true
    this.wake?.()
  }
}

/** Timers do not take more than some weeks. */
const MAX_WAIT_MS = 86_400_000
