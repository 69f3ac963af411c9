import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { STATUS_MEMORY_LIMIT, STATUS_SUM_OVERFLOW, STATUS_TIMESTAMP } from '../../assembly/abi.js'
import { builds } from './builds.js'
import { Driver, MAX_PARALLELISM, Oracle, type Result, type Row, type Shape } from './window-driver.js'

const shapes: readonly Shape[] = [
  { sizeMs: 10, slideMs: 10, offsetMs: 0 },
  { sizeMs: 10, slideMs: 10, offsetMs: -3 },
  { sizeMs: 10, slideMs: 4, offsetMs: 1 },
  { sizeMs: 12, slideMs: 3, offsetMs: 0 },
  { sizeMs: 6, slideMs: 10, offsetMs: 2 },
]

/** Windows of so many slices that they are combined by panes. */
const deep: readonly Shape[] = [
  { sizeMs: 40, slideMs: 5, offsetMs: 0 },
  { sizeMs: 33, slideMs: 2, offsetMs: -1 },
  { sizeMs: 80, slideMs: 1, offsetMs: 0 },
  { sizeMs: 90, slideMs: 21, offsetMs: 4 },
]

const record = fc.record({
  key: fc.integer({ min: 0, max: 150 }),
  timestamp: fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: -60, max: 120 }) },
    fc.constantFrom(-8.64e15, 8.64e15),
  ),
  step: fc.integer({ min: 0, max: 6 }),
  float: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: -50, max: 50 }).map(value => value + 0) },
    fc.constant(null),
    fc.constant(Number.NaN),
  ),
  integer: fc.bigInt({ min: -1000n, max: 1000n }),
})

const stream = fc.array(record, { maxLength: 120 }).map(records => {
  let watermark = -70
  return records.map(({ step, ...rest }, i): Row => {
    if (step > 3) watermark += step
    return { ...rest, watermark: i === 0 ? Number.NEGATIVE_INFINITY : watermark }
  })
})
const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 })

function* batches(rows: readonly Row[], sizes: readonly number[]): Generator<Row[]> {
  for (let at = 0, n = 0; at < rows.length; n++) {
    const size = sizes[n % sizes.length] ?? 1
    yield rows.slice(at, at + size)
    at += size
  }
}

function expected(shape: Shape, rows: readonly Row[]): Oracle {
  const oracle = new Oracle(shape)
  for (const row of rows) oracle.add(row)
  oracle.advance(Number.POSITIVE_INFINITY)
  return oracle
}

const sorted = (results: readonly Result[]): string[] => results.map(result => result.join(' ')).sort()
const ends = (results: readonly Result[]): number[] => results.map(result => Number(result[1]))

const someRows = (count: number): Row[] =>
  Array.from({ length: count }, (_, i) => ({
    key: (i * 7) % 97,
    timestamp: (i * 13) % 50,
    watermark: Number.NEGATIVE_INFINITY,
    float: i % 5 === 0 ? null : i % 11,
    integer: BigInt(i),
  }))

for (const build of builds) {
  describe(`windows, ${build.name} build`, () => {
    it('give and reject what record-by-record processing does, however rows are cut', () => {
      const kernel = build.create()
      fc.assert(
        fc.property(fc.constantFrom(...shapes), stream, cuts, (shape, rows, sizes) => {
          const driver = new Driver(kernel, shape)
          for (const batch of batches(rows, sizes)) driver.batch(batch)
          driver.advance(Number.POSITIVE_INFINITY)
          const oracle = expected(shape, rows)
          expect(sorted(driver.results)).toEqual(sorted(oracle.results))
          expect(ends(driver.results)).toEqual([...ends(driver.results)].sort((a, b) => a - b))
          expect(driver.late).toEqual(oracle.late)
          expect(kernel.exports.windowRecords(driver.window)).toBe(0)
          expect(kernel.exports.keysCount(driver.keys)).toBe(0)
          driver.destroy()
        }),
        { numRuns: 120 },
      )
    })

    it('of many slices too, where rows come for slices that are combined already', () => {
      const kernel = build.create()
      fc.assert(
        fc.property(fc.constantFrom(...deep), stream, cuts, (shape, rows, sizes) => {
          const near = rows.map(row => ({ ...row, key: row.key % 70 }))
          const driver = new Driver(kernel, shape)
          for (const batch of batches(near, sizes)) driver.batch(batch)
          driver.advance(Number.POSITIVE_INFINITY)
          const oracle = expected(shape, near)
          expect(sorted(driver.results)).toEqual(sorted(oracle.results))
          expect(driver.late).toEqual(oracle.late)
          expect(kernel.exports.windowStateBytes(driver.window)).toBe(0)
          driver.destroy()
        }),
        { numRuns: 60 },
      )
    })

    it('of many slices sum floats to the same bits, whether restored or not, however rows are cut', () => {
      const kernel = build.create()
      const rows = Array.from({ length: 700 }, (_, i): Row => {
        const watermark = i < 100 ? Number.NEGATIVE_INFINITY : Math.floor(i / 7) * 3 - 60
        return {
          key: (i * 31) % 67,
          timestamp: Math.floor(i / 7) * 3 - ((i * 37) % 90),
          watermark,
          float: ((i * 7919) % 1000) / 7,
          integer: 1n,
        }
      })
      const outcomes = [false, true].flatMap(restores =>
        [[200], [7], [1, 64]].map(sizes => {
          let driver = new Driver(kernel, { sizeMs: 100, slideMs: 3, offsetMs: 0 })
          const results: Result[] = []
          for (const batch of batches(rows, sizes)) {
            driver.batch(batch)
            if (!restores) continue
            const part = driver.snapshot()
            results.push(...driver.results)
            driver.destroy()
            driver = new Driver(kernel, { sizeMs: 100, slideMs: 3, offsetMs: 0 })
            expect(driver.restore(part)).toBe(0)
          }
          driver.advance(Number.POSITIVE_INFINITY)
          results.push(...driver.results)
          driver.destroy()
          return results
        }),
      )
      expect(outcomes[0]?.length).toBeGreaterThan(1000)
      for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0])
    })

    it('go on from a restored snapshot as if nothing had happened, with the same bytes', () => {
      const kernel = build.create()
      fc.assert(
        fc.property(fc.constantFrom(...shapes, ...deep), stream, cuts, fc.nat(), (shape, rows, sizes, when) => {
          let driver = new Driver(kernel, shape)
          const all = [...batches(rows, sizes)]
          const results: Result[] = []
          const late: Row[] = []
          all.forEach((batch, n) => {
            if (n === when % all.length) {
              const part = driver.snapshot()
              results.push(...driver.results)
              late.push(...driver.late)
              driver.destroy()
              driver = new Driver(kernel, shape)
              expect(driver.restore(part)).toBe(0)
              expect(driver.snapshot()).toEqual(part)
            }
            driver.batch(batch)
          })
          driver.advance(Number.POSITIVE_INFINITY)
          const oracle = expected(shape, rows)
          expect(sorted([...results, ...driver.results])).toEqual(sorted(oracle.results))
          expect([...late, ...driver.late]).toEqual(oracle.late)
          driver.destroy()
        }),
        { numRuns: 80 },
      )
    })

    it('that have fired do not fire again when a part joins that has seen no rows of late', () => {
      const kernel = build.create()
      const shape = { sizeMs: 20, slideMs: 5, offsetMs: 0 }
      const row = (key: number, timestamp: number) => {
        return { key, timestamp, watermark: timestamp - 1, float: 1, integer: 1n }
      }
      const [busy, quiet, joined] = [0, 1, 2].map(() => new Driver(kernel, shape)) as [Driver, Driver, Driver]
      quiet.batch([row(2, 0)])
      busy.batch([row(1, 0), row(1, 40)])
      for (const driver of [quiet, busy]) driver.advance(47)
      const fired = busy.results.length
      for (const driver of [busy, quiet]) expect(joined.restore(driver.snapshot())).toBe(0)
      joined.advance(48)
      joined.batch([row(1, 49)])
      expect(joined.results).toEqual([])
      busy.batch([row(1, 49)])
      busy.advance(Number.POSITIVE_INFINITY)
      joined.advance(Number.POSITIVE_INFINITY)
      expect(joined.results.map(([start]) => start)).toEqual(busy.results.slice(fired).map(([start]) => start))
      for (const driver of [busy, quiet, joined]) driver.destroy()
    })

    it('rescale from 1 to 3 to 2 by key groups', () => {
      const kernel = build.create()
      const shape = { sizeMs: 12, slideMs: 3, offsetMs: 0 }
      const rows = someRows(200)
      const one = new Driver(kernel, shape)
      one.batch(rows)
      const whole = one.snapshot()
      const split = (parts: readonly Uint8Array[], ranges: readonly [number, number][]) =>
        ranges.map(([first, last]) => {
          const driver = new Driver(kernel, shape)
          for (const part of parts) expect(driver.restore(part, first, last)).toBe(0)
          return driver
        })
      const three = split(
        [whole],
        [
          [0, 2],
          [3, 5],
          [6, MAX_PARALLELISM - 1],
        ],
      )
      const two = split(
        three.map(driver => driver.snapshot()),
        [
          [0, 3],
          [4, MAX_PARALLELISM - 1],
        ],
      )
      for (const driver of two) driver.advance(Number.POSITIVE_INFINITY)
      expect(two.every(({ results }) => results.length > 0)).toBe(true)
      expect(sorted(two.flatMap(({ results }) => results))).toEqual(sorted(expected(shape, rows).results))
    })

    it('take no memory for what comes and goes, nor for the time between far slices', () => {
      const kernel = build.create()
      const driver = new Driver(kernel, { sizeMs: 10, slideMs: 10, offsetMs: 0 })
      const round = (n: number) => {
        driver.batch(
          someRows(250).map(row => ({ ...row, key: row.key + n * 1000, timestamp: row.timestamp + n * 1e9 })),
        )
        driver.advance(n * 1e9 + 100)
      }
      for (let n = 0; n < 5; n++) round(n)
      const before = kernel.bytesInUse
      for (let n = 5; n < 60; n++) round(n)
      expect(kernel.bytesInUse).toBe(before)
      expect(kernel.exports.windowStateBytes(driver.window)).toBe(0)
    })
  })

  describe(`window failures, ${build.name} build`, () => {
    it('find every flipped byte and every truncation, and change nothing', () => {
      const kernel = build.create()
      const shape = { sizeMs: 10, slideMs: 10, offsetMs: 0 }
      const driver = new Driver(kernel, shape)
      driver.batch(someRows(40))
      const part = driver.snapshot()
      const target = new Driver(kernel, shape)
      const untouched = target.snapshot()
      for (let at = 0; at < part.length; at++) {
        const flipped = part.slice()
        flipped[at] = (flipped[at] ?? 0) ^ (1 << (at & 7))
        if (target.restore(flipped) >= 0) throw new Error(`byte ${at} flipped and not found`)
        if (target.restore(part.subarray(0, at)) >= 0) throw new Error(`cut at ${at} and not found`)
      }
      expect(target.snapshot()).toEqual(untouched)
      expect(target.restore(part)).toBe(0)
      expect(target.snapshot()).toEqual(part)
    })

    it('refuse a snapshot of another window', () => {
      const kernel = build.create()
      const driver = new Driver(kernel, { sizeMs: 10, slideMs: 10, offsetMs: 0 })
      driver.batch(someRows(10))
      expect(new Driver(kernel, { sizeMs: 20, slideMs: 10, offsetMs: 0 }).restore(driver.snapshot())).toBe(-14)
    })

    it('stop before the row of a sum that overflows, a bad timestamp, and the memory ceiling', () => {
      const kernel = build.create()
      const driver = new Driver(kernel, { sizeMs: 10, slideMs: 10, offsetMs: 0 })
      const row = (key: number, integer: bigint, timestamp = 1): Row => ({
        key,
        integer,
        timestamp,
        float: 1,
        watermark: Number.NEGATIVE_INFINITY,
      })
      const top = 2n ** 63n - 1n
      expect(() => driver.batch([row(1, top), row(2, 5n), row(1, 1n), row(3, 1n)])).toThrow(
        expect.objectContaining({ row: 2, details: expect.objectContaining({ status: STATUS_SUM_OVERFLOW }) }),
      )
      expect(() => driver.batch([row(2, 1n), row(2, 1n, Number.NaN)])).toThrow(
        expect.objectContaining({ row: 1, details: expect.objectContaining({ status: STATUS_TIMESTAMP }) }),
      )
      driver.advance(Number.POSITIVE_INFINITY)
      expect(driver.results.map(result => [result[2], result[3], result[9]])).toEqual([
        ['1', '1', String(top)],
        ['2', '2', '6'],
      ])
      expect(kernel.exports.keysCount(driver.keys)).toBe(0)
    })

    it('keep rows before the memory ceiling, and go on when there is room again', () => {
      const kernel = build.create()
      const driver = new Driver(kernel, { sizeMs: 10, slideMs: 10, offsetMs: 0 })
      driver.batch(someRows(10))
      const far = Array.from(
        { length: 200 },
        (_, i): Row => ({
          key: 1,
          timestamp: 1000 * i + 100,
          watermark: Number.NEGATIVE_INFINITY,
          float: 1,
          integer: 1n,
        }),
      )
      kernel.exports.setMemoryLimit(65536)
      let row = -1
      try {
        driver.batch(far)
      } catch (error) {
        row = (error as { row: number }).row
        expect((error as { details: { status: number } }).details.status).toBe(STATUS_MEMORY_LIMIT)
      }
      expect(row).toBeGreaterThan(-1)
      expect(row).toBeLessThan(200)
      kernel.exports.setMemoryLimit(2 ** 31)
      driver.batch(far.slice(row))
      driver.advance(Number.POSITIVE_INFINITY)
      expect(sorted(driver.results)).toEqual(
        sorted(expected({ sizeMs: 10, slideMs: 10, offsetMs: 0 }, [...someRows(10), ...far]).results),
      )
    })
  })
}
