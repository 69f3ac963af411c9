import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  cleanupTime,
  fires,
  isExpired,
  isLateFor,
  lastWindowEnd,
  MAX_WINDOW_MS,
  sliceOf,
  sliding,
  tumbling,
  windowStart,
  windowsOf,
} from '../../src/core/window-geometry.js'

const geometry = fc
  .tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 }), fc.integer({ min: -49, max: 49 }))
  .map(([size, slide, offset]) => sliding(size, slide, offset % slide))
const timestamp = fc.oneof(fc.integer({ min: -500, max: 500 }), fc.constantFrom(-8.64e15, 8.64e15))

describe('window geometry', () => {
  it('gives exactly the windows that contain a timestamp', () => {
    fc.assert(
      fc.property(geometry, timestamp, (own, time) => {
        const wanted: number[] = []
        for (let start = time - own.sizeMs + 1; start <= time; start++) {
          if ((start - own.offsetMs) % own.slideMs === 0) wanted.push(start)
        }
        expect(windowsOf(own, time).map(({ start }) => start)).toEqual(wanted)
        expect(lastWindowEnd(own, sliceOf(own, time))).toBe(windowsOf(own, time).at(-1)?.end)
      }),
    )
  })

  it('floors towards the past', () => {
    expect([1, 2, 3, 9, 10].map(time => windowStart(time, 3, 7))).toEqual([-4, -4, 3, 3, 10])
  })

  it.each([
    [() => tumbling(0), 'size'],
    [() => tumbling(1.5), 'size'],
    [() => tumbling(Number.NaN), 'size'],
    [() => tumbling(MAX_WINDOW_MS + 1), 'size'],
    [() => sliding(10, -5), 'slide'],
    [() => sliding(10, 5, 5), 'offset'],
    [() => sliding(10, 5, -5), 'offset'],
    [() => sliding(65_537, 65_536), 'slide'],
  ])('refuses %s by field', (make, field) => {
    expect(make).toThrow(
      expect.objectContaining({ code: 'INVALID_WINDOW', details: expect.objectContaining({ field }) }),
    )
  })

  it('keeps rules 2 to 4 of time, saturating', () => {
    expect([fires(10, 8), fires(10, 9)]).toEqual([false, true])
    expect([isExpired(10, 5, 13), isExpired(10, 5, 14)]).toEqual([false, true])
    expect([isLateFor(10, 5, 13), isLateFor(10, 5, 14)]).toEqual([false, true])
    expect(cleanupTime(10, Number.MAX_VALUE)).toBe(Number.POSITIVE_INFINITY)
  })
})
