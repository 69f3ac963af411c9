import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InputWatermarks } from '../../src/operators/input-watermarks.js'
import type { Output } from '../../src/operators/operator.js'
import { builds } from '../kernel/builds.js'

const kernel = () => (builds[0] as (typeof builds)[number]).create()

/** What a run puts out, as a list of words and numbers. */
function recorder(): { readonly said: (number | string)[]; readonly output: Output } {
  const said: (number | string)[] = []
  const output: Output = {
    batch: () => said.push('batch'),
    side: () => said.push('side'),
    watermark: timestamp => said.push(timestamp),
    idle: () => said.push('idle'),
    active: () => said.push('active'),
  }
  return { said, output }
}

const rows = fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 0, max: 20 })), { maxLength: 40 })

describe('the watermark over several inputs', () => {
  it('is the minimum in force before each row, however rows are cut into batches', () => {
    fc.assert(
      fc.property(rows, fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }), (steps, cuts) => {
        // Watermarks of one input never go back.
        const highest = [-1, -1, -1]
        const stream = steps.map(([input, step]) => {
          highest[input] = (highest[input] ?? 0) + step
          return { input, watermark: highest[input] ?? 0 }
        })
        const reached = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
        const expected = stream.map(({ input, watermark }) => {
          reached[input] = watermark
          return Math.min(...reached)
        })
        const watermarks = new InputWatermarks(kernel(), 3)
        const got: number[] = []
        for (let at = 0, cut = 0; at < stream.length; cut++) {
          const { input = 0 } = stream[at] ?? {}
          let to = at + 1
          while (to < stream.length && stream[to]?.input === input && to - at < (cuts[cut % cuts.length] ?? 1)) to++
          const batch = Float64Array.from(stream.slice(at, to), ({ watermark }) => watermark)
          got.push(...watermarks.ofRows(batch, input))
          at = to
        }
        expect(got).toEqual(expected)
        watermarks.close()
      }),
      { numRuns: 100 },
    )
  })

  it('says active before the watermark and idle behind it, each once', () => {
    const { said, output } = recorder()
    const watermarks = new InputWatermarks(kernel(), 2)
    watermarks.advance(0, 5)
    watermarks.emit(output)
    watermarks.advance(1, 3)
    watermarks.emit(output)
    watermarks.idle(1)
    watermarks.emit(output)
    watermarks.idle(0)
    watermarks.emit(output)
    watermarks.active(0)
    expect(watermarks.current).toBe(5)
    watermarks.emitActive(output)
    said.push('results')
    watermarks.advance(0, 9)
    watermarks.emit(output)
    watermarks.emit(output)
    expect(said).toEqual([3, 5, 'idle', 'active', 'results', 9])
    watermarks.close()
  })

  it('goes on from a snapshot, and from those of several subtasks with the one furthest behind', () => {
    const snapshotOf = (first: number, second: number, idle?: number) => {
      const watermarks = new InputWatermarks(kernel(), 2)
      watermarks.advance(0, first)
      watermarks.advance(1, second)
      if (idle !== undefined) watermarks.idle(idle)
      const state = { state: null, parts: [watermarks.snapshot()] }
      watermarks.close()
      return state
    }
    const one = new InputWatermarks(kernel(), 2)
    one.restore(snapshotOf(7, 4))
    expect(one.current).toBe(4)
    const { said, output } = recorder()
    one.emit(output)
    expect(said).toEqual([])
    const merged = new InputWatermarks(kernel(), 2)
    merged.restore(snapshotOf(7, 4), snapshotOf(6, 9))
    expect(merged.current).toBe(4)
    merged.advance(1, 20)
    expect(merged.current).toBe(6)
    // Input 1 is idle in both, so it does not hold the watermark back.
    const idle = new InputWatermarks(kernel(), 2)
    idle.restore(snapshotOf(7, 4, 1), snapshotOf(8, 2, 1))
    expect(idle.current).toBe(7)
    idle.advance(0, 12)
    expect(idle.current).toBe(12)
    for (const each of [one, merged, idle]) each.close()
  })

  it('refuses a snapshot of another number of inputs', () => {
    const three = new InputWatermarks(kernel(), 3)
    const two = new InputWatermarks(kernel(), 2)
    expect(() => two.restore({ state: null, parts: [three.snapshot()] })).toThrow(
      expect.objectContaining({ code: 'KERNEL_ARGUMENT' }),
    )
    three.close()
    two.close()
  })
})
