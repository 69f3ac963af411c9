import type { JobMetrics } from 'sabot'
import { SabotError } from 'sabot'
import { describe, expect, it } from 'vitest'
import { emptyOperatorMetrics } from '../../src/runtime/empty-metrics.js'
import { figuresOf, RateMeter } from '../../web/figures.js'
import { newestHour } from '../../web/newest-hour.js'

const HOUR = 3_600_000

function lines(...hours: number[]): Uint8Array {
  const rows = hours.flatMap(hour =>
    ['ATL', 'ORD'].map(origin => ({
      origin,
      windowStart: new Date(hour * HOUR).toISOString(),
      windowEnd: new Date((hour + 1) * HOUR).toISOString(),
      flights: hour,
      meanDelay: 1,
      worstDelay: 2,
      delayedShare: 0,
    })),
  )
  return new TextEncoder().encode(`cut off}\n${rows.map(row => `${JSON.stringify(row)}\n`).join('')}`)
}

describe('the newest finished hour', () => {
  it('is the one before the newest while the file grows, and the newest once it has ended', () => {
    const tail = lines(1, 2, 3)
    expect(newestHour(tail, false).map(row => [row.origin, row.windowStart / HOUR])).toEqual([
      ['ORD', 2],
      ['ATL', 2],
    ])
    expect(newestHour(tail, true).map(row => row.windowStart / HOUR)).toEqual([3, 3])
    expect(newestHour(tail, true)[0]?.windowEnd).toBe(4 * HOUR)
  })

  it('is never one that the beginning of the tail may have cut', () => {
    expect(newestHour(lines(1, 2), false)).toEqual([])
    expect(newestHour(lines(1, 2), true).map(row => row.windowStart / HOUR)).toEqual([2, 2])
    expect(newestHour(lines(1), true)).toEqual([])
    expect(newestHour(new Uint8Array(), false)).toEqual([])
  })
})

describe('figures', () => {
  const metrics: JobMetrics = {
    rowsIn: 100,
    rowsOut: 20,
    rowsExpected: 300,
    elapsedMs: 1000,
    takenAtMs: 0,
    operators: [
      {
        ...emptyOperatorMetrics('t', 'timestamps'),
        rowsIn: 100,
        rowsOut: 99,
        watermark: 1,
        dropped: { 'invalid-timestamp': 1, late: 0 },
        gauges: {},
      },
      {
        ...emptyOperatorMetrics('w', 'window'),
        rowsIn: 99,
        rowsOut: 20,
        watermark: 5,
        dropped: { late: 3 },
        gauges: { openWindows: 7 },
      },
      {
        ...emptyOperatorMetrics('v', 'window'),
        rowsIn: 99,
        rowsOut: 1,
        watermark: 4,
        dropped: { late: 2 },
        gauges: { openWindows: 1 },
      },
    ],
    checkpoints: {
      completed: 1,
      failed: 0,
      lastId: 9,
      lastBytes: 10,
      lastWrittenBytes: 10,
      lastDurationMs: 11,
      lastAlignmentMs: 0,
      lastError: undefined,
    },
  }

  it('add up the windows and the reasons', () => {
    expect(figuresOf(metrics, 5)).toEqual({
      rows: 100,
      rowsExpected: 300,
      rowsPerSecond: 5,
      watermark: 4,
      openWindows: 8,
      results: 21,
      dropped: [
        { reason: 'invalid-timestamp', rows: 1 },
        { reason: 'late', rows: 5 },
      ],
      checkpoint: { id: 9, sizeBytes: 10, durationMs: 11 },
      checkpointError: undefined,
    })
  })

  it('know no watermark before the first, and say why a checkpoint failed', () => {
    const lastError = new SabotError('CHECKPOINT_FAILED', 'no room')
    const figures = figuresOf(
      { ...metrics, operators: [], checkpoints: { ...metrics.checkpoints, lastId: undefined, lastError } },
      0,
    )
    expect(figures).toMatchObject({
      watermark: undefined,
      checkpoint: undefined,
      checkpointError: 'CHECKPOINT_FAILED: no room',
    })
  })
})

describe('the rate', () => {
  it('is that of the last second, and in the end that of the whole run', () => {
    const rate = new RateMeter()
    expect(rate.add(1000, 0)).toBe(0)
    expect(rate.add(2000, 500)).toBe(2000)
    for (let ms = 1000; ms <= 5000; ms += 500) rate.add(2000 + ms, ms)
    expect(rate.add(7250, 5500)).toBeCloseTo(750)
    expect(rate.overall()).toBeCloseTo(6250 / 5.5)
  })
})
