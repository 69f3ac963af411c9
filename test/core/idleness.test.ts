import { describe, expect, it } from 'vitest'
import { IdlenessTimer } from '../../src/core/idleness.js'

describe('idleness timer', () => {
  it('starts with the first check, and says idle only beyond the timeout', () => {
    const timer = new IdlenessTimer(10)
    expect([0, 10, 11].map(now => timer.check(now))).toEqual([false, false, true])
  })

  it('starts anew after activity', () => {
    const timer = new IdlenessTimer(10)
    timer.check(0)
    expect(timer.check(11)).toBe(true)
    timer.activity()
    expect([11, 12, 22, 23].map(now => timer.check(now))).toEqual([false, false, false, true])
  })

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('refuses a timeout of %d', timeout => {
    expect(() => new IdlenessTimer(timeout)).toThrow(expect.objectContaining({ code: 'INVALID_DURATION' }))
  })
})
