import fc from 'fast-check'
import { expect, it } from 'vitest'
import { WatermarkGenerator } from '../../src/kernel/time.js'
import { LentTimes, TimesRoom } from '../../src/operators/time/lent-times.js'
import { builds } from '../kernel/builds.js'

const times = fc.array(fc.integer({ min: -1e9, max: 1e9 }), { minLength: 1, maxLength: 40 })
const rooms = (): { timestamps: TimesRoom; watermarks: TimesRoom } => {
  return { timestamps: new TimesRoom(), watermarks: new TimesRoom() }
}

it.each(builds)('are what the kernel assigned, though its memory has grown meanwhile ($name)', build => {
  fc.assert(
    fc.property(times, fc.nat(1000), (values, boundMs) => {
      const kernel = build.create()
      const generator = new WatermarkGenerator(kernel, boundMs)
      const assigned = generator.assign({ values: Float64Array.from(values) })
      const lent = new LentTimes(assigned, rooms())
      kernel.allocate(1 << 20)
      const watermarks = values.map((_, row) => Math.max(...values.slice(0, row)) - boundMs - 1)
      expect([...lent.timestamps]).toEqual(values)
      expect([...lent.watermarks]).toEqual(watermarks)
      expect(lent.rowCount).toBe(values.length)
      expect(values.map((_, row) => assigned.watermarkAt(row))).toEqual(watermarks)
      expect(assigned.watermarkAt(values.length)).toBe(Number.NEGATIVE_INFINITY)
      expect(assigned.lowest).toBe(Math.min(...values))
    }),
    { numRuns: 30 },
  )
})

it('has as its lowest that of the rows with a valid timestamp', () => {
  const kernel = builds[0]?.create()
  if (kernel === undefined) throw new Error('there is no build')
  const generator = new WatermarkGenerator(kernel, 0)
  expect(generator.assign({ values: Float64Array.of(5, Number.NaN, 3, 9) }).lowest).toBe(3)
  expect(generator.assign({ values: Float64Array.of(Number.NaN) }).lowest).toBe(Number.POSITIVE_INFINITY)
})

it('are gone when the next are assigned, save what was copied', () => {
  const kernel = builds[0]?.create()
  if (kernel === undefined) throw new Error('there is no build')
  const generator = new WatermarkGenerator(kernel, 0)
  const assigned = generator.assign({ values: Float64Array.of(1, 2) })
  const lent = new LentTimes(assigned, rooms())
  expect([...lent.timestamps]).toEqual([1, 2])
  generator.assign({ values: Float64Array.of(3) })
  expect([...lent.timestamps]).toEqual([1, 2])
  expect(() => lent.watermarks).toThrow(TypeError)
  expect(() => assigned.timestampsPointer).toThrow(TypeError)
  expect(() => assigned.watermarkAt(0)).toThrow(TypeError)
})
