/* A typed handle over the queue by time: assembly/join/time-queue.ts. */
import { Region } from './memory.js'
import type { Kernel } from './module.js'

const TAKEN_AT_ONCE = 8192

/** Items that were taken. Views, valid until the next call of the kernel. */
export interface DueItems {
  readonly times: Float64Array<ArrayBuffer>
  readonly payloads: Uint32Array<ArrayBuffer>
}

/**
 * Numbers in the order of their times, and of arrival where times are equal.
 * Law: what is put in with a time before one that was taken comes out next.
 */
export class TimeQueue {
  private readonly kernel: Kernel
  private readonly handle: number
  private readonly times: Region
  private readonly payloads: Region

  /** @throws SabotError MEMORY_LIMIT */
  constructor(kernel: Kernel) {
    this.kernel = kernel
    this.handle = kernel.handle(kernel.exports.timeQueueCreate(), 'creating a queue by time')
    this.times = new Region(kernel)
    this.payloads = new Region(kernel)
  }

  get length(): number {
    return this.kernel.exports.timeQueueCount(this.handle) >>> 0
  }

  /** Times are whole ms within ±8.64e15. @throws SabotError MEMORY_LIMIT, with nothing put in */
  put(times: Float64Array, payloads: Uint32Array): void {
    const { kernel } = this
    const timesAt = this.times.write(times)
    const payloadsAt = this.payloads.write(payloads)
    kernel.check(kernel.exports.timeQueuePut(this.handle, timesAt, payloadsAt, times.length), 'filling a queue by time')
  }

  /** Takes items of times up to `bound`, at most 8,192 at once: none when no more are due. */
  take(bound: number): DueItems {
    const { kernel } = this
    const times = this.times.reserve(TAKEN_AT_ONCE * 8)
    const payloads = this.payloads.reserve(TAKEN_AT_ONCE * 4)
    const count = kernel.exports.timeQueueTake(this.handle, bound, times, payloads, TAKEN_AT_ONCE)
    const { buffer } = kernel
    return { times: new Float64Array(buffer, times, count), payloads: new Uint32Array(buffer, payloads, count) }
  }

  destroy(): void {
    this.kernel.exports.timeQueueRelease(this.handle)
    this.times.release()
    this.payloads.release()
  }
}
