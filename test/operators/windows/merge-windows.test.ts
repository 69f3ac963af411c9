import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TimeWindow } from '../../../src/core/window-geometry.js'
import { type Merging, mergeWindows } from '../../../src/operators/windows/merge-windows.js'
import { placeRecord } from '../../../src/operators/windows/record-windows.js'
import { WindowState } from '../../../src/operators/windows/window-state.js'
import { type WindowTimer, WindowTimers } from '../../../src/operators/windows/window-timers.js'

const windows = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 9 })).map(([start, size]): TimeWindow => {
    return { start, end: start + size }
  }),
  { maxLength: 12 },
)
const merging = fc.constantFrom<Merging>('touching', 'overlapping')
const bounds = (groups: readonly TimeWindow[]) => groups.map(({ start, end }) => ({ start, end }))

describe('merging windows', () => {
  it('is associative and commutative: the order and the steps do not matter', () => {
    fc.assert(
      fc.property(windows, fc.nat(), merging, (all, seed, how) => {
        const cut = all.length === 0 ? 0 : seed % all.length
        const one = mergeWindows(all, how)
        const inParts = mergeWindows(
          [...mergeWindows(all.slice(cut), how), ...mergeWindows(all.slice(0, cut), how)],
          how,
        )
        expect(bounds(inParts)).toEqual(bounds(one))
        expect(bounds(mergeWindows(all.toReversed(), how))).toEqual(bounds(one))
      }),
    )
  })

  it('partitions the windows, and merging what is merged changes nothing', () => {
    fc.assert(
      fc.property(windows, merging, (all, how) => {
        const groups = mergeWindows(all, how)
        expect(groups.flatMap(({ from }) => from)).toHaveLength(all.length)
        expect(mergeWindows(groups, how).every(({ from }) => from.length === 1)).toBe(true)
      }),
    )
  })
})

describe('timers', () => {
  it('come in the order of (time, registration), without those that were deleted', () => {
    const window = new WindowState(0, 0, 1)
    const step = fc.oneof(
      fc.record({ add: fc.integer({ min: 0, max: 30 }) }),
      fc.record({ delete: fc.nat({ max: 20 }) }),
      fc.record({ take: fc.integer({ min: 0, max: 30 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const timers = new WindowTimers()
        let model: WindowTimer[] = []
        let sequence = 0
        for (const action of steps) {
          if ('add' in action) {
            const timer: WindowTimer = { time: action.add, domain: 'event', sequence: sequence++, window, isLive: true }
            timers.add(timer)
            model.push(timer)
          } else if ('delete' in action) {
            const timer = model[action.delete]
            if (timer === undefined) continue
            timers.delete(timer)
            model = model.filter(other => other !== timer)
          } else {
            const due = model.filter(({ time }) => time <= action.take)
            const [next] = due.sort((a, b) => a.time - b.time || a.sequence - b.sequence)
            expect(timers.take(action.take)).toBe(next)
            model = model.filter(other => other !== next)
          }
        }
      }),
    )
  })

  it('sweeps out dead ones', () => {
    const window = new WindowState(0, 0, 1)
    const timers = new WindowTimers()
    for (let sequence = 0; sequence < 20_000; sequence++) {
      const timer: WindowTimer = { time: sequence, domain: 'event', sequence, window, isLive: true }
      timers.add(timer)
      if (sequence % 100 !== 0) timers.delete(timer)
    }
    const taken: number[] = []
    for (let timer = timers.take(1e9); timer !== undefined; timer = timers.take(1e9)) taken.push(timer.time)
    expect(taken).toEqual(Array.from({ length: 200 }, (_, index) => index * 100))
  })
})

describe('windows by record', () => {
  /** The windows of a key after records in any order, each as the records that are in it. */
  function place(times: readonly number[], differenceMs: number, earliest: number): Map<number, number[]> {
    const held = new Map<WindowState, number[]>()
    for (const time of times) {
      const list = [...held.keys()].sort((a, b) => a.start - b.start)
      const { updated, created } = placeRecord(list, time, differenceMs, earliest)
      const copies = created.map(({ copies }) => (copies === undefined ? [] : [...(held.get(copies) ?? [])]))
      for (const [index, { start, holdsRecord }] of created.entries()) {
        const window = new WindowState(0, start, start + differenceMs + 1)
        const records = [...(copies[index] ?? []), ...(holdsRecord ? [time] : [])]
        window.panes.latest = Math.max(...records)
        held.set(window, records)
      }
      for (const window of updated) {
        held.get(window)?.push(time)
        window.panes.latest = Math.max(window.panes.latest, time)
      }
    }
    return new Map([...held].map(([window, records]) => [window.start, records.sort((a, b) => a - b)]))
  }

  it('are those of the definition, in whatever order records come', () => {
    const times = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 12 })
    fc.assert(
      fc.property(times, fc.integer({ min: 1, max: 15 }), fc.boolean(), (records, differenceMs, isBounded) => {
        const earliest = isBounded ? 0 : Number.NEGATIVE_INFINITY
        const starts = records.flatMap(time => [Math.max(earliest, time - differenceMs), time + 1])
        const wanted = [...new Set(starts)]
          .map(start => [start, records.filter(time => time >= start && time <= start + differenceMs)] as const)
          .filter(([, within]) => within.length > 0)
        const got = place(records, differenceMs, earliest)
        expect(new Map([...got].sort(([a], [b]) => a - b))).toEqual(
          new Map(
            wanted
              .map(([start, within]) => [start, within.toSorted((a, b) => a - b)] as const)
              .sort(([a], [b]) => a - b),
          ),
        )
      }),
      { numRuns: 500 },
    )
  })
})
