import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Schema } from '../../../src/core/schema.js'
import { nullable } from '../../../src/core/types.js'
import { deduplicateOperator } from '../../../src/operators/keyed/deduplicate.js'
import {
  HARNESS_MODES,
  type HarnessMode,
  runOperator,
  type TestElement,
} from '../../../src/testing/operator-harness.js'
import { builds } from '../../kernel/builds.js'

const kernel = () => (builds[0] as (typeof builds)[number]).create()
const schema = Schema.of({ user: nullable('utf8'), at: 'i32' })

function run(elements: readonly TestElement[], ttlMs: number, mode: HarnessMode) {
  return runOperator(deduplicateOperator({ keys: ['user'], ttlMs }), kernel, [schema], elements, mode)
}

describe('deduplicate', () => {
  it.each(HARNESS_MODES)('keeps the first record of each key: $name', mode => {
    const rows = ['a', null, 'a', 'b', '', null, 'b', '__proto__', 'a', '__proto__'].map((user, at) => ({ user, at }))
    const elements = [
      ...rows.map(row => ({ kind: 'row' as const, row })),
      { kind: 'watermark' as const, timestamp: Number.POSITIVE_INFINITY },
    ]
    expect(run(elements, Number.POSITIVE_INFINITY, mode)).toEqual([
      ...[0, 1, 3, 4, 7].map(at => ({ output: 'main', row: rows[at] })),
      { watermark: Number.POSITIVE_INFINITY },
    ])
  })

  const steps = fc.array(
    fc.record({ user: fc.constantFrom('a', 'b', 'c', null), after: fc.nat({ max: 12 }), lag: fc.nat({ max: 15 }) }),
    { maxLength: 40 },
  )

  it('forgets a key when the watermark has passed its time to live, however rows are cut', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 25 }), fc.constantFrom(...HARNESS_MODES), (all, ttlMs, mode) => {
        let now = 0
        const elements = all.map(({ user, after, lag }) => {
          now += after
          return { kind: 'row' as const, row: { user, at: now - lag }, timestamp: now - lag, watermark: now - 11 }
        })
        // The oracle keeps for each key when it is forgotten.
        const until = new Map<string | null, number>()
        const expected = elements.filter(({ row, timestamp, watermark }) => {
          if ((until.get(row.user) ?? Number.NEGATIVE_INFINITY) > watermark) return false
          until.set(row.user, timestamp + ttlMs)
          return true
        })
        expect(run(elements, ttlMs, mode)).toEqual(
          expected.map(({ row, timestamp, watermark }) => ({ output: 'main', row, timestamp, watermark })),
        )
      }),
      { numRuns: 80 },
    )
  })
})
