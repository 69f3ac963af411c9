import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { calendar } from '../../../src/graph/windowing.js'
import { type CalendarUnit, CalendarWindows } from '../../../src/operators/windows/calendar.js'

const HOUR = 3_600_000
const at = (text: string): number => new Date(text).getTime()
const window = (unit: CalendarUnit, zone: string, text: string) => {
  const { start, end } = new CalendarWindows(unit, zone).windowOf(at(text))
  return { start: new Date(start).toISOString(), hours: (end - start) / HOUR }
}

describe('calendar windows', () => {
  it('have 23 and 25 hours where clocks are changed', () => {
    const berlin = 'Europe/Berlin'
    expect(window('day', berlin, '2026-03-28T12:00Z')).toEqual({ start: '2026-03-27T23:00:00.000Z', hours: 24 })
    expect(window('day', berlin, '2026-03-29T12:00Z')).toEqual({ start: '2026-03-28T23:00:00.000Z', hours: 23 })
    expect(window('day', berlin, '2026-10-25T12:00Z')).toEqual({ start: '2026-10-24T22:00:00.000Z', hours: 25 })
    expect(window('month', berlin, '2026-03-31T21:59Z')).toEqual({
      start: '2026-02-28T23:00:00.000Z',
      hours: 31 * 24 - 1,
    })
    expect(window('month', berlin, '2026-03-31T22:00Z').start).toBe('2026-03-31T22:00:00.000Z')
  })

  it('begin behind the gap where midnight is skipped', () => {
    // São Paulo, 4 November 2018: 00:00 became 01:00.
    expect(window('day', 'America/Sao_Paulo', '2018-11-04T12:00Z')).toEqual({
      ...{ start: '2018-11-04T03:00:00.000Z', hours: 23 },
    })
  })

  it('know weeks from Monday, quarters and years', () => {
    expect(window('week', 'UTC', '2026-01-04T23:59Z')).toEqual({ start: '2025-12-29T00:00:00.000Z', hours: 168 })
    expect(window('quarter', 'UTC', '2026-05-20T00:00Z').start).toBe('2026-04-01T00:00:00.000Z')
    expect(window('year', 'Asia/Kolkata', '2026-05-20T00:00Z').start).toBe('2025-12-31T18:30:00.000Z')
    expect(window('year', 'UTC', '0050-05-20T00:00Z').start).toBe('0050-01-01T00:00:00.000Z')
  })

  it('follow one another without a gap, and hold the time that they are asked for', () => {
    const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'America/St_Johns', 'Asia/Kathmandu', 'Pacific/Apia']
    const units = ['day', 'week', 'month', 'quarter', 'year'] as const
    fc.assert(
      fc.property(
        fc.integer({ min: at('1980-01-01T00:00Z'), max: at('2035-01-01T00:00Z') }),
        fc.constantFrom(...zones),
        fc.constantFrom(...units),
        (timestamp, zone, unit) => {
          const windows = new CalendarWindows(unit, zone)
          const { start, end } = windows.windowOf(timestamp)
          expect(start).toBeLessThanOrEqual(timestamp)
          expect(end).toBeGreaterThan(timestamp)
          expect(windows.windowOf(start)).toEqual({ start, end })
          expect(windows.windowOf(end).start).toBe(end)
          expect(windows.windowOf(start - 1).end).toBe(start)
          // A fresh one, which has nothing cached, says the same.
          expect(new CalendarWindows(unit, zone).windowOf(end - 1)).toEqual({ start, end })
        },
      ),
      { numRuns: 150 },
    )
  })

  it('refuse an unknown zone when the job is built', () => {
    expect(() => calendar('day', { timeZone: 'Europe/Atlantis' })).toThrow(
      expect.objectContaining({ code: 'INVALID_WINDOW' }),
    )
    expect(() => calendar('fortnight' as 'day')).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
  })
})
