import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Kernel } from '../../src/kernel/module.js'
import { TimerQueue } from '../../src/kernel/timers.js'
import { builds } from './builds.js'

type Timer = readonly [time: number, slot: number, tag: number]

/** What a timer queue is, in the plainest way. */
class Model {
  private timers: Timer[] = []

  register(timer: Timer): void {
    if (!this.timers.some(other => same(other, timer))) this.timers.push(timer)
  }

  delete(timer: Timer): void {
    this.timers = this.timers.filter(other => !same(other, timer))
  }

  /** In the order of time; a stable sort keeps the order of registration. */
  all(): Timer[] {
    return [...this.timers].sort(([a], [b]) => (a === b ? 0 : a - b))
  }

  poll(limit: number): Timer | undefined {
    const [first] = this.all()
    if (first === undefined || first[0] > limit) return undefined
    this.delete(first)
    return first
  }
}

function same(a: Timer, b: Timer): boolean {
  return a.every((value, index) => value === b[index])
}

const polled = (queue: TimerQueue): Timer => [queue.time, queue.slot, queue.tag]

function allOf(queue: TimerQueue): Timer[] {
  const { times, slots, tags } = queue.entries()
  return Array.from(times, (time, index) => [time, slots[index] ?? -1, tags[index] ?? -1])
}

function fired(queue: TimerQueue, limit: number): Timer[] {
  const timers: Timer[] = []
  while (queue.poll(limit)) timers.push(polled(queue))
  return timers
}

type Step =
  | { readonly op: 'register' | 'delete'; readonly timer: Timer }
  | { readonly op: 'advance'; readonly by: number; readonly inFiring: readonly Step[] }
  | { readonly op: 'restore' | 'list' | 'count' }

const timer = fc.tuple(
  fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 0, max: 200 }) },
    { weight: 2, arbitrary: fc.integer({ min: -5_000, max: 300_000 }) },
    { weight: 1, arbitrary: fc.constantFrom(-8.64e15, 8.64e15, Number.POSITIVE_INFINITY, 0, -1) },
  ),
  fc.integer({ min: 0, max: 4 }),
  fc.integer({ min: 0, max: 1 }),
)
const change = fc.record({ op: fc.constantFrom('register' as const, 'register' as const, 'delete' as const), timer })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: change },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('advance' as const),
      by: fc.oneof(fc.integer({ min: 0, max: 90 }), fc.constantFrom(5_000, 1e6, Number.POSITIVE_INFINITY)),
      inFiring: fc.array(change, { maxLength: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constantFrom('restore' as const, 'list' as const, 'count' as const) }) },
)

/** A queue and its model side by side. */
class Run {
  private queue: TimerQueue
  private readonly model = new Model()
  private readonly kernel: Kernel
  private now = -6_000

  constructor(kernel: Kernel) {
    this.kernel = kernel
    this.queue = new TimerQueue(kernel)
  }

  step(step: Step): void {
    switch (step.op) {
      case 'register':
        this.queue.register(...step.timer)
        this.model.register(step.timer)
        break
      case 'delete':
        this.queue.delete(...step.timer)
        this.model.delete(step.timer)
        break
      case 'advance':
        this.advance(step.by, step.inFiring)
        break
      case 'count':
        expect(this.queue.count).toBe(this.model.all().length)
        break
      case 'list':
        expect(allOf(this.queue)).toEqual(this.model.all())
        break
      case 'restore': {
        const entries = this.queue.entries()
        this.queue.destroy()
        this.queue = new TimerQueue(this.kernel)
        this.queue.registerAll(entries)
        expect(this.queue.next).toBe(this.model.all()[0]?.[0] ?? Number.POSITIVE_INFINITY)
      }
    }
  }

  /** Each timer that fires takes one of the steps, so that timers come and go while others fire. */
  private advance(by: number, inFiring: readonly Step[]): void {
    this.now += by
    const steps = [...inFiring]
    for (;;) {
      const expected = this.model.poll(this.now)
      if (expected !== undefined) expect(this.queue.next).toBeLessThanOrEqual(expected[0])
      expect(this.queue.poll(this.now)).toBe(expected !== undefined)
      if (expected === undefined) break
      expect(polled(this.queue)).toEqual(expected)
      const next = steps.shift()
      if (next !== undefined) this.step(next)
    }
    expect(this.queue.next).toBeGreaterThan(this.now === Number.POSITIVE_INFINITY ? 0 : this.now)
  }

  close(): void {
    this.queue.destroy()
  }
}

describe.each(builds)('timer queue ($name)', ({ create }) => {
  it('fires as a sorted list does, whatever comes between', () => {
    const kernel = create()
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const run = new Run(kernel)
        for (const each of steps) run.step(each)
        run.step({ op: 'list' })
        run.step({ op: 'advance', by: Number.POSITIVE_INFINITY, inFiring: [] })
        run.close()
      }),
      { numRuns: 200 },
    )
    expect(kernel.bytesInUse).toBeLessThan(300_000)
  })

  it('keeps many timers of one time in the order in which they were registered', () => {
    const queue = new TimerQueue(create())
    const expected: Timer[] = []
    for (let slot = 0; slot < 3_000; slot++) {
      const own = (slot * 7_919) % 3_000
      queue.register(1_000, own)
      queue.register(1_000, (own * 3) % 3_000, 1)
      expected.push([1_000, own, 0])
      if (!expected.some(other => same(other, [1_000, (own * 3) % 3_000, 1]))) {
        expected.push([1_000, (own * 3) % 3_000, 1])
      }
    }
    expect(queue.poll(1_000)).toBe(true)
    expect(polled(queue)).toEqual(expected[0])
    // One that has fired may be registered again, and one that waits is deleted.
    queue.register(1_000, expected[0]?.[1] ?? -1)
    queue.delete(1_000, expected[5]?.[1] ?? -1, expected[5]?.[2] ?? -1)
    const rest = [...expected.slice(1).filter((_, index) => index !== 4), expected[0]]
    expect(fired(queue, 1_000)).toEqual(rest)
  })

  it('does not grow by registering the same timers again and again', () => {
    const kernel = create({ memoryLimitBytes: 128_000_000 })
    const queue = new TimerQueue(kernel)
    for (let round = 0; round < 60; round++) {
      for (let slot = 0; slot < 9_000; slot++) queue.register(1e6 + (slot & 1), slot)
    }
    expect(queue.count).toBe(9_000)
    for (let round = 0; round < 600_000; round++) {
      queue.register(round, 9_999)
      queue.delete(round, 9_999)
    }
    expect(queue.count).toBe(9_000)
    expect(kernel.bytesInUse).toBeLessThan(40_000_000)
    expect(fired(queue, 1e6).length).toBe(4_500)
  })

  it('fires a timer that is due once, at once', () => {
    const queue = new TimerQueue(create())
    queue.register(100, 1)
    expect(fired(queue, 1_000)).toEqual([[100, 1, 0]])
    queue.register(50, 2)
    queue.register(10, 2)
    queue.register(50, 2)
    expect(queue.next).toBeLessThanOrEqual(10)
    expect(fired(queue, 1_000)).toEqual([
      [10, 2, 0],
      [50, 2, 0],
    ])
    expect(fired(queue, 1_000)).toEqual([])
  })

  it('knows a timer again when time has come near it', () => {
    const queue = new TimerQueue(create())
    queue.register(0, 1)
    queue.register(71, 1)
    expect(fired(queue, 30)).toEqual([[0, 1, 0]])
    // Something to look for, so that the kernel's time moves on to 70, which is within the 64 ms of 71.
    queue.register(51, 1)
    queue.delete(51, 1)
    expect(fired(queue, 70)).toEqual([])
    queue.register(71, 1)
    expect(fired(queue, 100)).toEqual([[71, 1, 0]])
  })

  it('never fires early: fractions are rounded up', () => {
    const queue = new TimerQueue(create())
    queue.register(10.25, 1)
    expect(fired(queue, 10)).toEqual([])
    expect(fired(queue, 11)).toEqual([[11, 1, 0]])
  })

  it('refuses what is no time', () => {
    const queue = new TimerQueue(create())
    for (const time of [Number.NaN, Number.NEGATIVE_INFINITY, 8.64e15 + 1, -9e15]) {
      expect(() => queue.register(time, 0)).toThrow(expect.objectContaining({ code: 'TIMESTAMP_INVALID' }))
      expect(() => queue.delete(time, 0)).toThrow(expect.objectContaining({ code: 'TIMESTAMP_INVALID' }))
    }
    queue.register(Number.POSITIVE_INFINITY, 3)
    expect(fired(queue, 8.64e15)).toEqual([])
    expect(fired(queue, Number.POSITIVE_INFINITY)).toEqual([[Number.POSITIVE_INFINITY, 3, 0]])
  })

  it('keeps its timers when memory ends, and goes on when there is more', () => {
    const kernel = create({ memoryLimitBytes: 600_000 })
    const queue = new TimerQueue(kernel)
    let registered = 0
    expect(() => {
      for (; registered < 1e6; registered++) queue.register(registered * 10, registered & 7, 0)
    }).toThrow(expect.objectContaining({ code: 'MEMORY_LIMIT' }))
    kernel.exports.setMemoryLimit(64_000_000)
    expect(fired(queue, Number.POSITIVE_INFINITY).length).toBe(registered)
  })
})
