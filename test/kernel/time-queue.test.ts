import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TimeQueue } from '../../src/kernel/time-queue.js'
import { builds } from './builds.js'

const time = fc.oneof(
  fc.integer({ min: -50, max: 50 }),
  fc.integer({ min: -100_000, max: 100_000 }),
  fc.constantFrom(-8.64e15, 8.64e15, 0, 255, 256, 65_536, -1),
)
const step = fc.record({ put: fc.array(time, { maxLength: 8 }), take: fc.option(time) })

describe.each(builds)('the queue by time, $name', ({ create }) => {
  it('gives what is due by time and arrival', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), steps => {
        const queue = new TimeQueue(create())
        let items: { readonly time: number; readonly number: number }[] = []
        let next = 0
        let reached = Number.NEGATIVE_INFINITY
        for (const { put, take } of steps) {
          // A time before what was taken counts as that: so only later ones are put in here.
          const times = put.filter(time => time >= reached)
          const numbered = times.map(time => ({ time, number: next++ }))
          items.push(...numbered)
          queue.put(
            Float64Array.from(times),
            Uint32Array.from(numbered, ({ number }) => number),
          )
          if (take === null) continue
          reached = Math.max(reached, take)
          const due = items.filter(({ time }) => time <= take)
          items = items.filter(({ time }) => time > take)
          due.sort((a, b) => a.time - b.time || a.number - b.number)
          const taken = queue.take(take)
          expect(Array.from(taken.payloads)).toEqual(due.map(({ number }) => number))
          expect(Array.from(taken.times)).toEqual(due.map(({ time }) => time))
          expect(queue.length).toBe(items.length)
        }
        queue.destroy()
      }),
      { numRuns: 150 },
    )
  })

  it('gives nothing for -Infinity, all for +Infinity, and 8,192 at once', () => {
    const kernel = create()
    const before = kernel.bytesInUse
    const queue = new TimeQueue(kernel)
    const times = Float64Array.from({ length: 10_000 }, (_, row) => (row * 7_919) % 10_000)
    queue.put(times, Uint32Array.from(times))
    expect(queue.take(Number.NEGATIVE_INFINITY).payloads.length).toBe(0)
    const first = Array.from(queue.take(Number.POSITIVE_INFINITY).payloads)
    expect(first).toEqual(Array.from({ length: 8_192 }, (_, at) => at))
    expect(queue.take(9_998).payloads.length).toBe(10_000 - 8_192 - 1)
    // Late for the queue: next.
    queue.put(Float64Array.of(9_999, 3), Uint32Array.of(1, 2))
    expect(Array.from(queue.take(Number.POSITIVE_INFINITY).payloads)).toEqual([2, 9_999, 1])
    queue.destroy()
    expect(kernel.bytesInUse).toBe(before)
  })
})
