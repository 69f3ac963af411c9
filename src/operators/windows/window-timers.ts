import { TimeHeap } from './time-heap.js'
import type { WindowState } from './window-state.js'

export type TimeDomain = 'event' | 'processing'

/** A timer of a window. It is dead once it has fired or was deleted. */
export interface WindowTimer {
  readonly time: number
  readonly domain: TimeDomain
  /** Order of registration among the timers of all windows. */
  readonly sequence: number
  readonly window: WindowState
  isLive: boolean
}

interface Bucket {
  readonly timers: WindowTimer[]
  next: number
}

/** Dead timers that may stay before they are swept out; a session that grows leaves one a record. */
const MOST_DEAD = 4096

/**
 * The timers of one time domain, in the order of (time, registration). Many windows end at one time, so timers stand in
 * buckets by time, and only the times stand in a heap.
 */
export class WindowTimers {
  private buckets = new Map<number, Bucket>()
  /** The times that have a bucket. */
  private times = new TimeHeap()
  private size = 0
  private dead = 0

  /** The earliest time that has a timer, be it a dead one; +Infinity where there is none. */
  get earliest(): number {
    return this.times.earliest
  }

  /** Timers of one time are added in the order of their sequence. */
  add(timer: WindowTimer): void {
    this.size += 1
    const bucket = this.buckets.get(timer.time)
    if (bucket !== undefined) {
      bucket.timers.push(timer)
      return
    }
    this.buckets.set(timer.time, { timers: [timer], next: 0 })
    this.times.add(timer.time)
  }

  delete(timer: WindowTimer): void {
    timer.isLive = false
    this.dead += 1
    if (this.dead > MOST_DEAD && this.dead * 2 > this.size) this.sweep()
  }

  /** Takes out the next live timer whose time is `now` or before; undefined where there is none. */
  take(now: number): WindowTimer | undefined {
    while (!this.times.isEmpty && this.earliest <= now) {
      const bucket = this.buckets.get(this.earliest)
      while (bucket !== undefined && bucket.next < bucket.timers.length) {
        const timer = bucket.timers[bucket.next++]
        this.size -= 1
        if (timer?.isLive === true) {
          timer.isLive = false
          return timer
        }
        this.dead -= 1
      }
      this.buckets.delete(this.earliest)
      this.times.removeEarliest()
    }
    return undefined
  }

  private sweep(): void {
    const { buckets } = this
    this.buckets = new Map()
    this.times = new TimeHeap()
    this.size = 0
    this.dead = 0
    for (const { timers, next } of buckets.values()) {
      for (let index = next; index < timers.length; index++) {
        const timer = timers[index]
        if (timer?.isLive === true) this.add(timer)
      }
    }
  }
}
