/* A typed handle over a timer queue of the kernel. */
import { LIMIT_TIMESTAMP, RESULT_SIZE, STATUS_MEMORY_LIMIT } from '../../assembly/abi.js'
import { describeValue, SabotError } from '../core/errors.js'
import { Region } from './memory.js'
import type { Kernel } from './module.js'

/** Timers in the order of (time, registration). */
export interface TimerEntries {
  /** ms */
  readonly times: Float64Array<ArrayBuffer>
  readonly slots: Uint32Array<ArrayBuffer>
  readonly tags: Uint32Array<ArrayBuffer>
}

/** The kernel gives at most so many at once. */
const FIRED = 256

/**
 * Timers: a time, the slot of a key, and a tag below 2^31 that says what it is for. The same time, slot and tag is one
 * timer, however often it is registered.
 *
 * Laws: `poll` gives every timer that was registered and not deleted since, once, in the order of (time, registration),
 * also those registered or deleted while others fire; after restore(entries()) another queue fires the same.
 *
 * Times are whole ms within ±8.64e15, or +Infinity for the end of input; fractions are rounded up, so that no timer
 * fires early.
 */
export class TimerQueue {
  /** The timer that `poll` gave last. */
  time = Number.NaN
  slot = 0
  tag = 0
  private readonly kernel: Kernel
  private created = 0
  private readonly times = new Float64Array(FIRED)
  private readonly slots = new Uint32Array(FIRED)
  private readonly tags = new Uint32Array(FIRED)
  private cursor = 0
  private fetched = 0
  private earliest = Number.POSITIVE_INFINITY

  constructor(kernel: Kernel) {
    this.kernel = kernel
  }

  /** No timer is earlier than this, ms; +Infinity where there are none. One that was deleted may still count. */
  get next(): number {
    return this.cursor < this.fetched ? (this.times[this.cursor] ?? this.earliest) : this.earliest
  }

  /** How many timers there are. Not for every row: it settles what was registered twice or deleted. */
  get count(): number {
    if (this.created === 0) return 0
    this.putBack()
    return this.kernel.check(this.kernel.exports.timersCount(this.handle), 'counting timers')
  }

  /** @throws SabotError TIMESTAMP_INVALID for NaN, -Infinity and times beyond ±8.64e15 ms; MEMORY_LIMIT */
  register(time: number, slot: number, tag = 0): void {
    const at = wholeTime(time)
    if (this.cursor < this.fetched && at <= (this.times[this.fetched - 1] ?? at)) this.putBack()
    if (at < this.earliest) this.earliest = at
    this.kernel.check(this.kernel.exports.timersRegister(this.handle, at, slot, tag), 'registering a timer')
  }

  /** Deletes a timer; where there is none, nothing happens. @throws as `register` */
  delete(time: number, slot: number, tag = 0): void {
    const at = wholeTime(time)
    if (this.cursor < this.fetched && at <= (this.times[this.fetched - 1] ?? at)) this.putBack()
    this.kernel.check(this.kernel.exports.timersDelete(this.handle, at, slot, tag), 'deleting a timer')
  }

  /**
   * The earliest timer at or below `limit`, ms, taken out: it is in `time`, `slot` and `tag` then. False when there is
   * none. Limits do not go back.
   * @throws SabotError MEMORY_LIMIT
   */
  poll(limit: number): boolean {
    if (this.cursor >= this.fetched && !this.fetch(limit)) return false
    const { cursor } = this
    this.time = this.times[cursor] ?? 0
    this.slot = this.slots[cursor] ?? 0
    this.tag = this.tags[cursor] ?? 0
    this.cursor = cursor + 1
    return true
  }

  /** All timers. @throws SabotError MEMORY_LIMIT */
  entries(): TimerEntries {
    if (this.created === 0) return { times: new Float64Array(0), slots: new Uint32Array(0), tags: new Uint32Array(0) }
    this.putBack()
    const { kernel } = this
    const pointer = kernel.handle(kernel.exports.timersAll(this.handle), 'listing timers')
    const count = kernel.resultWord(RESULT_SIZE)
    const entries = {
      times: new Float64Array(count),
      slots: new Uint32Array(count),
      tags: new Uint32Array(count),
    }
    const { f64, u32 } = kernel
    for (let index = 0; index < count; index++) {
      entries.times[index] = f64[(pointer >> 3) + index * 2] ?? 0
      entries.slots[index] = u32[(pointer >> 2) + index * 4 + 2] ?? 0
      entries.tags[index] = u32[(pointer >> 2) + index * 4 + 3] ?? 0
    }
    return entries
  }

  /** Registers timers in their order, whose times are such as `entries` gives. @throws SabotError MEMORY_LIMIT */
  registerAll({ times, slots, tags }: TimerEntries): void {
    if (times.length === 0) return
    const { kernel } = this
    this.putBack()
    const regions = [times, slots, tags].map(array => {
      const region = new Region(kernel)
      region.write(array)
      return region
    })
    const [first = 0, second = 0, third = 0] = regions.map(({ pointer }) => pointer)
    const count = times.length
    const registered = kernel.exports.timersRegisterAll(this.handle, first, second, third, count)
    for (const region of regions) region.release()
    this.earliest = kernel.exports.timersNext(this.handle)
    if (registered < count) throw kernel.error(STATUS_MEMORY_LIMIT, 'registering timers')
  }

  destroy(): void {
    if (this.created !== 0) this.kernel.exports.timersDestroy(this.created)
    this.created = 0
  }

  /** The queue takes room when its first timer comes. */
  private get handle(): number {
    if (this.created === 0) {
      this.created = this.kernel.handle(this.kernel.exports.timersCreate(), 'creating a timer queue')
    }
    return this.created
  }

  private fetch(limit: number): boolean {
    if (this.earliest > limit) return false
    const { kernel, handle } = this
    this.cursor = 0
    this.fetched = 0
    const count = kernel.check(kernel.exports.timersFire(handle, limit), 'firing timers')
    this.earliest = kernel.exports.timersNext(handle)
    if (count === 0) return false
    const pointer = kernel.exports.timersFired(handle) >>> 0
    const { f64, u32 } = kernel
    const slotsAt = (pointer >> 2) + FIRED * 2
    for (let index = 0; index < count; index++) {
      this.times[index] = f64[(pointer >> 3) + index] ?? 0
      this.slots[index] = u32[slotsAt + index] ?? 0
      this.tags[index] = u32[slotsAt + FIRED + index] ?? 0
    }
    this.fetched = count
    return true
  }

  /** Gives what was fetched and not polled back, since what comes may change it. */
  private putBack(): void {
    if (this.cursor >= this.fetched) return
    const { kernel, handle } = this
    kernel.exports.timersPutBack(handle, this.cursor)
    this.fetched = this.cursor
    this.earliest = kernel.exports.timersNext(handle)
  }
}

function wholeTime(time: number): number {
  const at = Math.ceil(time)
  if (Math.abs(at) <= LIMIT_TIMESTAMP || at === Number.POSITIVE_INFINITY) return at
  throw new SabotError('TIMESTAMP_INVALID', `A timer's time is ms within ±8.64e15, not ${describeValue(time)}`, {
    time,
  })
}
