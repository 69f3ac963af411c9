/* A typed handle over a timer queue of the kernel. */
import { LIMIT_TIMESTAMP, RESULT_SIZE, STATUS_MEMORY_LIMIT, TIMER_TAKES_BACK } from '../../assembly/abi.js'
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
/** Changes go to the kernel at most so many at once. */
const CHANGES = 512

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
  /** What was registered and deleted since the kernel was told, in its order. */
  private readonly changes: TimerEntries = {
    times: new Float64Array(CHANGES),
    slots: new Uint32Array(CHANGES),
    tags: new Uint32Array(CHANGES),
  }
  private changed = 0
  private readonly region: Region

  constructor(kernel: Kernel) {
    this.kernel = kernel
    this.region = new Region(kernel)
  }

  /** No timer is earlier than this, ms; +Infinity where there are none. One that was deleted may still count. */
  get next(): number {
    return this.cursor < this.fetched ? (this.times[this.cursor] ?? this.earliest) : this.earliest
  }

  /**
   * How many timers there are. Not for every row: it settles what was registered twice or deleted.
   * @throws SabotError MEMORY_LIMIT
   */
  get count(): number {
    if (!this.settle()) return 0
    return this.kernel.check(this.kernel.exports.timersCount(this.handle), 'counting timers')
  }

  /** @throws SabotError TIMESTAMP_INVALID for NaN, -Infinity and times beyond ±8.64e15 ms; MEMORY_LIMIT */
  register(time: number, slot: number, tag = 0): void {
    const at = wholeTime(time)
    this.change(at, slot, tag)
    if (at < this.earliest) this.earliest = at
  }

  /** Deletes a timer; where there is none, nothing happens. @throws as `register` */
  delete(time: number, slot: number, tag = 0): void {
    this.change(wholeTime(time), slot, tag | TIMER_TAKES_BACK)
  }

  /**
   * The earliest timer at or below `limit`, ms, taken out: it is in `time`, `slot` and `tag` then. False when there is
   * none. Limits do not go back.
   * @throws SabotError MEMORY_LIMIT
   */
  poll(limit: number): boolean {
    if (this.cursor >= this.fetched && !this.fetch(limit)) return false
    const { cursor } = this
    this.time = this.times[cursor] as number
    this.slot = this.slots[cursor] as number
    this.tag = this.tags[cursor] as number
    this.cursor = cursor + 1
    return true
  }

  /** All timers. @throws SabotError MEMORY_LIMIT */
  entries(): TimerEntries {
    if (!this.settle()) return { times: new Float64Array(0), slots: new Uint32Array(0), tags: new Uint32Array(0) }
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
    for (let index = 0; index < times.length; index++) {
      this.register(times[index] as number, slots[index] as number, tags[index] as number)
    }
  }

  destroy(): void {
    if (this.created !== 0) this.kernel.exports.timersDestroy(this.created)
    this.created = 0
    this.region.release()
  }

  /** A change of timers that were fetched calls them back first. */
  private change(at: number, slot: number, tag: number): void {
    if (this.cursor < this.fetched && at <= (this.times[this.fetched - 1] as number)) this.putBack()
    if (this.changed === CHANGES) this.tell()
    const { changes, changed } = this
    changes.times[changed] = at
    changes.slots[changed] = slot
    changes.tags[changed] = tag
    this.changed = changed + 1
  }

  /** Tells the kernel of all changes. What it has no memory for waits. @throws SabotError MEMORY_LIMIT */
  private tell(): void {
    if (this.changed === 0) return
    const { kernel, changes, changed, handle } = this
    const times = this.region.reserve(CHANGES * 16)
    const slots = times + CHANGES * 8
    const tags = slots + CHANGES * 4
    const { f64, u32 } = kernel
    f64.set(changed === CHANGES ? changes.times : changes.times.subarray(0, changed), times >>> 3)
    u32.set(changed === CHANGES ? changes.slots : changes.slots.subarray(0, changed), slots >>> 2)
    u32.set(changed === CHANGES ? changes.tags : changes.tags.subarray(0, changed), tags >>> 2)
    const taken = kernel.exports.timersChange(handle, times, slots, tags, changed)
    for (const column of [changes.times, changes.slots, changes.tags]) column.copyWithin(0, taken, changed)
    this.changed = changed - taken
    if (taken < changed) throw kernel.error(STATUS_MEMORY_LIMIT, 'registering timers')
  }

  /** Nothing waits here any more, neither what was fetched nor changes; false when there has never been a timer. */
  private settle(): boolean {
    this.putBack()
    this.tell()
    return this.created !== 0
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
    this.tell()
    const { kernel, handle } = this
    this.cursor = 0
    this.fetched = 0
    const count = kernel.check(kernel.exports.timersFire(handle, limit), 'firing timers')
    this.earliest = kernel.exports.timersNext(handle)
    if (count === 0) return false
    const pointer = kernel.exports.timersFired(handle) >>> 0
    const { f64, u32 } = kernel
    const slotsAt = (pointer >> 2) + FIRED * 2
    this.times.set(f64.subarray(pointer >> 3, (pointer >> 3) + count))
    this.slots.set(u32.subarray(slotsAt, slotsAt + count))
    this.tags.set(u32.subarray(slotsAt + FIRED, slotsAt + FIRED + count))
    this.fetched = count
    return true
  }

  /** Gives what was fetched and not polled back, since what comes may change it. */
  private putBack(): void {
    if (this.cursor >= this.fetched) return
    const { kernel, handle } = this
    kernel.exports.timersPutBack(handle, this.cursor)
    this.fetched = this.cursor
    this.earliest = Math.min(this.earliest, kernel.exports.timersNext(handle))
  }
}

function wholeTime(time: number): number {
  const at = Math.ceil(time)
  if (Math.abs(at) <= LIMIT_TIMESTAMP || at === Number.POSITIVE_INFINITY) return at
  throw new SabotError('TIMESTAMP_INVALID', `A timer's time is ms within ±8.64e15, not ${describeValue(time)}`, {
    time,
  })
}
