import { Writable } from 'node:stream'
import { describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../src/node/clock.js'
import { nodeEnvironment } from '../../src/node/environment.js'
import { byteOutput } from '../../src/node/standard-output.js'

describe('nodeEnvironment', () => {
  it('gives a fresh kernel each time, within the memory that was allowed', () => {
    const environment = nodeEnvironment({ memoryLimitBytes: 4_000_000 })
    const one = environment.createKernel()
    const two = environment.createKernel()
    expect(one.exports.memory).not.toBe(two.exports.memory)
    expect(environment.name).toBe('node')
    expect(() => one.allocate(8_000_000)).toThrow(expect.objectContaining({ code: 'MEMORY_LIMIT' }))
    expect(nodeEnvironment().createKernel().allocate(8_000_000)).toBeGreaterThan(0)
  })
})

describe('systemClock', () => {
  it('measures forwards and lets the event loop have a turn', async () => {
    const before = systemClock.elapsed()
    let turned = false
    setImmediate(() => {
      turned = true
    })
    await systemClock.nextTurn()
    expect(turned).toBe(true)
    expect(systemClock.elapsed()).toBeGreaterThanOrEqual(before)
    expect(systemClock.now()).toBeGreaterThan(Date.UTC(2024))
  })

  it('waits longer than a timer of the system can', () => {
    vi.useFakeTimers()
    try {
      const run = vi.fn()
      const days = 24 * 3_600_000
      systemClock.schedule(60 * days, run)
      vi.advanceTimersByTime(59 * days)
      expect(run).not.toHaveBeenCalled()
      vi.advanceTimersByTime(2 * days)
      expect(run).toHaveBeenCalledTimes(1)

      const cancelled = vi.fn()
      const cancel = systemClock.schedule(60 * days, cancelled)
      vi.advanceTimersByTime(30 * days)
      cancel()
      vi.advanceTimersByTime(60 * days)
      expect(cancelled).not.toHaveBeenCalled()
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('byteOutput', () => {
  it('waits for a slow reader', async () => {
    const taken: (() => void)[] = []
    const stream = new Writable({ highWaterMark: 1, write: (_chunk, _encoding, done) => void taken.push(done) })
    let written = 0
    const output = byteOutput(stream)
    const writing = output.write(Uint8Array.of(1, 2, 3)).then(() => written++)
    await systemClock.nextTurn()
    expect(written).toBe(0)
    taken[0]?.()
    await writing
    expect(written).toBe(1)
  })

  it('fails when nobody reads any more, without ending the process', async () => {
    const closed = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(closed) })
    await expect(byteOutput(stream).write(Uint8Array.of(1))).rejects.toMatchObject({
      code: 'OUTPUT_CLOSED',
      cause: closed,
    })
  })
})
