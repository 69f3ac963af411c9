import { describe, expect, it } from 'vitest'
import { Schema } from '../../../src/core/schema.js'
import { nullable } from '../../../src/core/types.js'
import { deduplicateOperator } from '../../../src/operators/keyed/deduplicate.js'
import { HARNESS_MODES, runOperator } from '../../../src/testing/operator-harness.js'
import { builds } from '../../kernel/builds.js'

const kernel = () => (builds[0] as (typeof builds)[number]).create()

describe('deduplicate', () => {
  it.each(HARNESS_MODES)('keeps the first record of each key: $name', mode => {
    const schema = Schema.of({ user: nullable('utf8'), at: 'i32' })
    const rows = ['a', null, 'a', 'b', '', null, 'b', '__proto__', 'a', '__proto__'].map((user, at) => ({ user, at }))
    const outputs = runOperator(
      deduplicateOperator(['user']),
      kernel,
      [schema],
      [...rows.map(row => ({ kind: 'row' as const, row })), { kind: 'watermark', timestamp: 7 }],
      mode,
    )
    expect(outputs).toEqual([...[0, 1, 3, 4, 7].map(at => ({ output: 'main', row: rows[at] })), { watermark: 7 }])
  })
})
