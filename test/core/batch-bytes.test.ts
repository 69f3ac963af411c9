import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Batch } from '../../src/core/batch.js'
import { BatchBuilder } from '../../src/core/batch-builder.js'
import { bytesOf } from '../../src/core/batch-bytes.js'
import { Utf8Column } from '../../src/core/columns-text.js'
import { Schema } from '../../src/core/schema.js'
import { list, struct } from '../../src/index.js'

const schema = Schema.of({ n: 'f64', i: 'i32', b: 'bool', t: 'utf8', l: list('i32'), s: struct({ at: 'timestamp' }) })

describe('the bytes of a batch', () => {
  it('are those of its values, and of slices together those of the whole but for bits', () => {
    const row = fc.record({ text: fc.string({ maxLength: 5 }), items: fc.array(fc.integer({ min: 0, max: 9 })) })
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 20 }), fc.nat(20), (rows, at) => {
        const builder = new BatchBuilder(schema)
        for (const { text, items } of rows) {
          builder.append({ n: 1, i: 2, b: true, t: text, l: items, s: { at: 3 } })
        }
        const batch = builder.finish()
        const bits = Math.ceil(rows.length / 8)
        const items = rows.reduce((sum, { items: all }) => sum + all.length * 4, 0)
        expect(bytesOf(batch)).toBe(rows.length * (8 + 4 + 4 + 4 + 8) + bits + items)
        const cut = Math.min(at, rows.length)
        const parts = bytesOf(batch.slice(0, cut)) + bytesOf(batch.slice(cut, rows.length))
        expect(parts - bytesOf(batch)).toBeLessThanOrEqual(1)
        expect(parts).toBeGreaterThanOrEqual(bytesOf(batch))
        expect(bytesOf(batch.select(new Uint32Array(0)))).toBe(0)
      }),
    )
  })

  it('hold text where there is no dictionary', () => {
    const column = Utf8Column.from(['', 'abc', 'ü', 'd'])
    const batch = new Batch({ schema: Schema.of({ t: 'utf8' }), columns: [column], rowCount: 4 })
    expect(bytesOf(batch)).toBe(4 * 4 + 6)
    expect(bytesOf(batch.slice(1, 3))).toBe(2 * 4 + 5)
    expect(bytesOf(batch.select(Uint32Array.of(0, 1)))).toBe(11)
  })
})
