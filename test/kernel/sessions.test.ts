import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { STATUS_ARGUMENT, STATUS_MEMORY_LIMIT, STATUS_SUM_OVERFLOW, STATUS_TIMESTAMP } from '../../assembly/abi.js'
import { KeyIndex } from '../../src/kernel/keys.js'
import { SessionState } from '../../src/kernel/sessions.js'
import { builds } from './builds.js'
import { MAX_PARALLELISM, SessionDriver } from './session-driver.js'
import { SessionOracle, type SessionResult, type SessionRow } from './session-oracle.js'

const GAP = 10

const record = fc.record({
  key: fc.integer({ min: 0, max: 6 }),
  timestamp: fc.oneof(
    { weight: 30, arbitrary: fc.integer({ min: -60, max: 160 }) },
    fc.constantFrom(-8.64e15, 8.64e15),
  ),
  step: fc.integer({ min: 0, max: 9 }),
  gap: fc.integer({ min: 1, max: 25 }),
  float: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: -50, max: 50 }).map(value => value + 0) },
    fc.constant(null),
    fc.constant(Number.NaN),
  ),
  integer: fc.bigInt({ min: -1000n, max: 1000n }),
})

const stream = (withGaps: boolean) =>
  fc.array(record, { maxLength: 150 }).map(records => {
    let watermark = -70
    return records.map(({ step, gap, ...rest }, i): SessionRow => {
      if (step > 5) watermark += step
      return { ...rest, gap: withGaps ? gap : GAP, watermark: i === 0 ? Number.NEGATIVE_INFINITY : watermark }
    })
  })
const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 })

function* batches(rows: readonly SessionRow[], sizes: readonly number[]): Generator<SessionRow[]> {
  for (let at = 0, n = 0; at < rows.length; n++) {
    const size = sizes[n % sizes.length] ?? 1
    yield rows.slice(at, at + size)
    at += size
  }
}

/** A late row of each key gives it its id, in the order of keys: so ties fire in the oracle's order. */
const introduction: readonly SessionRow[] = Array.from({ length: 7 }, (_, key) => ({
  key,
  timestamp: -1000,
  watermark: -500,
  gap: GAP,
  float: 0,
  integer: 0n,
}))

const timeOf = (rows: readonly SessionRow[]): SessionRow[] => [
  ...introduction,
  ...rows.map(row => ({ ...row, watermark: Math.max(row.watermark, -500) })),
]

function expected(rows: readonly SessionRow[]): SessionOracle {
  const oracle = new SessionOracle()
  for (const row of rows) oracle.add(row)
  oracle.advance(Number.POSITIVE_INFINITY)
  return oracle
}

const sorted = (results: readonly SessionResult[]): string[] => results.map(result => result.join(' ')).sort()

const row = (key: number, timestamp: number, more: Partial<SessionRow> = {}): SessionRow => ({
  key,
  timestamp,
  watermark: Number.NEGATIVE_INFINITY,
  gap: GAP,
  float: 1,
  integer: 1n,
  ...more,
})

const bounds = (results: readonly SessionResult[]): string[] =>
  results.map(([start, end, key, rows]) => `${key}: [${start}, ${end}) ${rows}`)

for (const build of builds) {
  describe(`sessions, ${build.name} build`, () => {
    it.each([false, true])('are those of record-by-record processing, however rows are cut (gap by row: %s)', gaps => {
      const kernel = build.create()
      fc.assert(
        fc.property(stream(gaps).map(timeOf), cuts, (rows, sizes) => {
          const driver = new SessionDriver(kernel, GAP, gaps)
          for (const batch of batches(rows, sizes)) driver.batch(batch)
          driver.advance(Number.POSITIVE_INFINITY)
          const oracle = expected(rows)
          expect(driver.results).toEqual(oracle.results)
          expect(driver.late).toEqual(oracle.late)
          expect(driver.state.openSessions).toBe(0)
          expect(driver.state.stateBytes).toBe(0)
          driver.state.settle()
          expect(driver.index.count).toBe(0)
          driver.destroy()
        }),
        { numRuns: 100 },
      )
    })

    it('go on from a restored snapshot as if nothing had happened, with the same bytes', () => {
      const kernel = build.create()
      fc.assert(
        fc.property(stream(true).map(timeOf), cuts, fc.nat(), (rows, sizes, when) => {
          let driver = new SessionDriver(kernel, GAP, true)
          const all = [...batches(rows, sizes)]
          const results: SessionResult[] = []
          all.forEach((batch, n) => {
            if (n === when % all.length) {
              const part = driver.state.snapshot()
              results.push(...driver.results)
              driver.destroy()
              driver = new SessionDriver(kernel, GAP, true)
              driver.state.restore(part)
              expect(driver.state.snapshot()).toEqual(part)
            }
            driver.batch(batch)
          })
          driver.advance(Number.POSITIVE_INFINITY)
          expect([...results, ...driver.results]).toEqual(expected(rows).results)
          driver.destroy()
        }),
        { numRuns: 60 },
      )
    })

    it.each([true, false])(
      'of one column of numbers are those of several columns (minimum and maximum: %s)',
      minMax => {
        const kernel = build.create()
        fc.assert(
          fc.property(stream(false).map(timeOf), cuts, (rows, sizes) => {
            const known = rows.map(one => ({ ...one, float: one.float ?? 7 }))
            const index = new KeyIndex(kernel, { kind: 'i32' })
            const state = new SessionState(kernel, index, GAP, [{ type: 'f64', minMax, nullable: false }])
            const results: string[] = []
            const fire = () => {
              for (let fired = state.fire(); fired !== undefined; fired = state.fire()) {
                const { starts, ends, rowCounts, columns } = fired
                for (let n = 0; n < fired.count; n++) {
                  const { sum, min, max } = columns[0] as (typeof columns)[number]
                  results.push(
                    [starts[n], ends[n], rowCounts[n], sum[n], ...(minMax ? [min?.[n], max?.[n]] : [])].join(' '),
                  )
                }
              }
            }
            for (const batch of batches(known, sizes)) {
              state.load({
                timestamps: Float64Array.from(batch, ({ timestamp }) => timestamp),
                watermarks: Float64Array.from(batch, ({ watermark }) => watermark),
                columns: [{ values: Float64Array.from(batch, ({ float }) => float ?? 7) }],
              })
              index.codeInt32(Int32Array.from(batch, ({ key }) => key))
              expect(state.add(0)).toBe(batch.length)
              fire()
            }
            state.advance(Number.POSITIVE_INFINITY)
            fire()
            const wanted = expected(known).results.map(([start, end, , n, , sum, min, max]) =>
              [start, end, n, sum, ...(minMax ? [min, max] : [])].join(' '),
            )
            expect(results).toEqual(wanted)
            state.destroy()
            index.destroy()
          }),
          { numRuns: 40 },
        )
      },
    )

    it('merge when they touch, through rows that come late and connect them', () => {
      const driver = new SessionDriver(build.create(), GAP)
      driver.batch([row(1, 0), row(1, 10), row(1, 40), row(1, 60), row(1, 80), row(2, 5)])
      expect(driver.state.openSessions).toBe(5)
      driver.batch([row(1, 50), row(1, 70)])
      driver.advance(Number.POSITIVE_INFINITY)
      expect(bounds(driver.results)).toEqual(['2: [5, 15) 1', '1: [0, 20) 2', '1: [40, 90) 5'])
    })

    it('judge lateness on the session that a row would be in', () => {
      const driver = new SessionDriver(build.create(), GAP)
      // [0, 20) is open at watermark 18, so a row at 3 is in time there; that of another key is late.
      driver.batch([row(1, 0), row(1, 10), row(1, 3, { watermark: 18 }), row(2, 3, { watermark: 18 })])
      // At 19 it has fired; what touches its place begins anew.
      driver.batch([row(1, 12, { watermark: 19 })])
      driver.advance(Number.POSITIVE_INFINITY)
      expect(driver.late.map(({ row: { key } }) => key)).toEqual([2])
      expect(bounds(driver.results)).toEqual(['1: [0, 20) 3', '1: [12, 22) 1'])
    })

    it('rescale from 1 to 3 to 2 by key groups', () => {
      const kernel = build.create()
      const rows = Array.from({ length: 200 }, (_, i) => row((i * 7) % 97, (i * 13) % 150, { integer: BigInt(i) }))
      const one = new SessionDriver(kernel, GAP)
      one.batch(rows)
      const split = (parts: readonly Uint8Array[], ranges: readonly [number, number][]) =>
        ranges.map(([first, last]) => {
          const driver = new SessionDriver(kernel, GAP)
          for (const part of parts) driver.state.restore(part, first, last)
          return driver
        })
      const three = split(
        [one.state.snapshot()],
        [
          [0, 2],
          [3, 5],
          [6, MAX_PARALLELISM - 1],
        ],
      )
      const two = split(
        three.map(({ state }) => state.snapshot()),
        [
          [0, 3],
          [4, MAX_PARALLELISM - 1],
        ],
      )
      for (const driver of two) driver.advance(Number.POSITIVE_INFINITY)
      expect(two.every(({ results }) => results.length > 0)).toBe(true)
      expect(sorted(two.flatMap(({ results }) => results))).toEqual(sorted(expected(rows).results))
    })

    it('are given out in full when more end than the output columns hold', () => {
      const driver = new SessionDriver(build.create(), GAP)
      const many = Array.from({ length: 20_000 }, (_, key) => row(key, key % 3))
      driver.batch(many)
      driver.batch([row(0, 100, { watermark: 50 }), row(1, 100, { watermark: 50 })])
      driver.advance(Number.POSITIVE_INFINITY)
      expect(driver.results).toEqual(
        expected([...many, row(0, 100, { watermark: 50 }), row(1, 100, { watermark: 50 })]).results,
      )
    })

    it('fire in one order and leave the same bytes, however rows are cut, while keys come and go', () => {
      const kernel = build.create()
      let seed = 7
      const draw = (below: number): number => {
        seed = (Math.imul(seed, 1103515245) + 12345) >>> 1
        return seed % below
      }
      const rows = Array.from({ length: 9000 }, (_, i) =>
        row(((i >> 9) << 9) + draw(700), (i >> 5) * 10 - draw(6) * 10, { watermark: (i >> 5) * 10 - 41 }),
      )
      const outcomes = [[9000], [1], [37, 1, 800], [2048]].map(sizes => {
        const driver = new SessionDriver(kernel, GAP)
        for (const batch of batches(rows, sizes)) driver.batch(batch)
        const bytes = driver.state.snapshot()
        driver.advance(Number.POSITIVE_INFINITY)
        const { results, late } = driver
        driver.destroy()
        return { results, late, bytes }
      })
      expect(outcomes[0]?.late.length).toBeGreaterThan(100)
      expect(sorted(outcomes[0]?.results ?? [])).toEqual(sorted(expected(rows).results))
      for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0])
    })

    it('let go of keys that come and go, and of their memory', () => {
      const driver = new SessionDriver(build.create(), GAP)
      const round = (n: number) => {
        driver.batch(
          Array.from({ length: 3000 }, (_, i) => row(n * 3000 + i, n * 100 + (i % 20), { watermark: n * 100 - 10 })),
        )
        driver.results.length = 0
      }
      for (let n = 0; n < 8; n++) round(n)
      const before = driver.bytesInUse
      for (let n = 8; n < 40; n++) round(n)
      expect(driver.bytesInUse).toBe(before)
      expect(driver.index.highWater).toBeLessThan(9_000)
    })
  })

  describe(`session failures, ${build.name} build`, () => {
    it('find every flipped byte and every truncation, and change nothing', () => {
      const kernel = build.create()
      const driver = new SessionDriver(kernel, GAP)
      driver.batch(Array.from({ length: 12 }, (_, i) => row(i % 5, i * 30)))
      const part = driver.state.snapshot()
      const target = new SessionDriver(kernel, GAP)
      const untouched = target.state.snapshot()
      for (let at = 0; at < part.length; at++) {
        const flipped = part.slice()
        flipped[at] = (flipped[at] ?? 0) ^ (1 << (at & 7))
        expect(() => target.state.restore(flipped)).toThrow()
        expect(() => target.state.restore(part.subarray(0, at))).toThrow()
      }
      expect(target.state.snapshot()).toEqual(untouched)
      target.state.restore(part)
      expect(target.state.snapshot()).toEqual(part)
    })

    it('refuse a snapshot of another gap, and gaps that are none', () => {
      const kernel = build.create()
      const driver = new SessionDriver(kernel, GAP)
      driver.batch([row(1, 1)])
      expect(() => new SessionDriver(kernel, GAP + 1).state.restore(driver.state.snapshot())).toThrow(
        expect.objectContaining({ code: 'SNAPSHOT_MISMATCH' }),
      )
      for (const gap of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        expect(() => new SessionDriver(kernel, gap)).toThrow()
        const byRow = new SessionDriver(kernel, GAP, true)
        expect(() => byRow.batch([row(1, 1), row(1, 1, { gap })])).toThrow(
          expect.objectContaining({ details: expect.objectContaining({ status: STATUS_ARGUMENT, row: 1 }) }),
        )
        expect(byRow.state.openSessions).toBe(1)
      }
    })

    it('stop at the row of a sum that overflows, alone or by a merge, and of a bad timestamp', () => {
      const kernel = build.create()
      const top = 2n ** 63n - 1n
      const overflow = (rows: readonly SessionRow[], at: number) =>
        expect(() => new SessionDriver(kernel, GAP).batch(rows)).toThrow(
          expect.objectContaining({ details: expect.objectContaining({ status: STATUS_SUM_OVERFLOW, row: at }) }),
        )
      overflow([row(1, 1, { integer: top }), row(2, 5), row(1, 2)], 2)
      overflow([row(1, 1, { integer: top }), row(1, 21), row(1, 11)], 2)
      const driver = new SessionDriver(kernel, GAP)
      expect(() => driver.batch([row(2, 1), row(2, Number.NaN)])).toThrow(
        expect.objectContaining({ details: expect.objectContaining({ status: STATUS_TIMESTAMP, row: 1 }) }),
      )
      driver.advance(Number.POSITIVE_INFINITY)
      expect(bounds(driver.results)).toEqual(['2: [1, 11) 1'])
    })

    it('keep rows before the memory ceiling, and go on when there is room again', () => {
      const kernel = build.create()
      const driver = new SessionDriver(kernel, GAP)
      driver.batch([row(1, 0)])
      const far = Array.from({ length: 3000 }, (_, i) => row(1, 1000 * i + 100))
      // The regions for so many rows are there before the ceiling is.
      driver.batch(far.map(one => ({ ...one, timestamp: 0 })))
      const before = driver.state.openSessions
      kernel.exports.setMemoryLimit(65536)
      let at = -1
      try {
        driver.batch(far)
      } catch (error) {
        const { status, row: failed } = (error as { details: { status: number; row: number } }).details
        expect(status).toBe(STATUS_MEMORY_LIMIT)
        at = failed
      }
      expect(at).toBeGreaterThan(-1)
      expect(driver.state.openSessions).toBe(before + at)
      kernel.exports.setMemoryLimit(2 ** 31)
      driver.batch(far.slice(at))
      expect(driver.state.openSessions).toBe(before + far.length)
    })
  })
}
