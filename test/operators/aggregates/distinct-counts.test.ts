import fc from 'fast-check'
import { expect, it } from 'vitest'
import { DistinctCounts } from '../../../src/operators/aggregates/distinct-counts.js'

const CONDITIONS = 4

const value = fc.oneof(
  fc.integer({ min: -60, max: 60 }),
  fc.double({ min: -4, max: 4 }),
  fc.integer({ min: 0, max: 300 }).map(n => n * 2 ** 32 + (n % 3)),
  fc.constantFrom(0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 53, -(2 ** 31)),
  fc.constantFrom('', '0', 'NaN', 'constructor', 7n, 2n ** 60n, true),
)
const added = fc.array(fc.tuple(value, fc.integer({ min: 0, max: 2 ** CONDITIONS - 1 })), {
  maxLength: 400,
  size: 'max',
})

it('counts what sets of values under each condition count, also behind a snapshot', () => {
  fc.assert(
    fc.property(added, added, (before, after) => {
      const sets = Array.from({ length: CONDITIONS }, () => new Set<unknown>())
      let counts = new DistinctCounts(CONDITIONS)
      const add = (values: readonly (readonly [unknown, number])[]): void => {
        for (const [value, bits] of values) {
          counts.add(value, bits)
          for (const [condition, set] of sets.entries()) if ((bits >> condition) & 1) set.add(value)
        }
        expect(counts.counts).toEqual(sets.map(set => set.size))
      }
      add(before)
      const json = counts.toJson()
      counts = new DistinctCounts(CONDITIONS)
      counts.restore(JSON.parse(JSON.stringify(json)))
      expect(counts.toJson()).toEqual(json)
      add(after)
    }),
    { numRuns: 60 },
  )
})
