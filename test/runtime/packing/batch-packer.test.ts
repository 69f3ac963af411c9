import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Batch } from '../../../src/core/batch.js'
import { Utf8Column } from '../../../src/core/columns-text.js'
import { Schema } from '../../../src/core/schema.js'
import { BatchPacker, isPackable } from '../../../src/runtime/packing/batch-packer.js'
import { BatchDecoder, BatchEncoder } from '../../../src/runtime/remote/batch-codec.js'
import { batchOf, fields, positions, type RowsCase, rowOf } from '../../core/arbitraries.js'

interface Given {
  readonly schema: Schema
  readonly rows: readonly object[]
  /** Where the rows are cut into batches, and which of them are appended. */
  readonly cut: number
  readonly kept: Uint32Array
  readonly kindsFrom: number
  readonly plainText: boolean
}

const given: fc.Arbitrary<Given> = fields(0, false).chain(list =>
  fc.array(rowOf(list), { minLength: 1, maxLength: 30 }).chain(rows =>
    fc.record({
      schema: fc.constant(new Schema(list)),
      rows: fc.constant(rows),
      cut: fc.integer({ min: 1, max: 8 }),
      kept: positions(rows.length),
      kindsFrom: fc.nat(30),
      plainText: fc.boolean(),
    }),
  ),
)

const textOf = (batch: Batch): Batch => {
  const columns = batch.columns.map(column => {
    if (column.type !== 'utf8') return column
    const values = Array.from({ length: column.length }, (_, row) => (column.value(row) as string | null) ?? '')
    const { offsets, bytes } = Utf8Column.from(values)
    return new Utf8Column(offsets, bytes, column.validity)
  })
  return batch.with({ columns })
}

/** The rows as batches of `cut` rows, each with the rows of it that are kept. */
function pieces({ schema, rows, cut, kept, kindsFrom, plainText }: Given): { batch: Batch; rows: Uint32Array }[] {
  return Array.from({ length: Math.ceil(rows.length / cut) }, (_, n) => {
    const own = rows.slice(n * cut, (n + 1) * cut)
    const made = batchOf({ schema, rows: own } as RowsCase)
    const times = Float64Array.from(own, (_row, index) => n * cut + index)
    const kinds = n * cut >= kindsFrom ? Uint8Array.from(own, (_row, index) => (index + 1) % 4) : undefined
    const batch = (plainText ? textOf(made) : made).with({
      timestamps: times,
      watermarks: times.map(t => t - 5),
      kinds,
    })
    return { batch, rows: kept.filter(row => row >= n * cut && row < n * cut + own.length).map(row => row - n * cut) }
  })
}

const described = (batch: Batch): unknown[] => {
  const { timestamps = [], watermarks = [], kinds } = batch
  return batch.toRows().map((row, at) => [row, timestamps[at], watermarks[at], kinds?.[at] ?? 0])
}

describe('packed rows', () => {
  it('are those that were appended, in order, with times and kinds, wherever they go', () => {
    fc.assert(
      fc.property(given, fc.integer({ min: 1, max: 12 }), fc.boolean(), (rows, capacity, crosses) => {
        const packer = new BatchPacker(capacity)
        const encoder = new BatchEncoder()
        const decoder = new BatchDecoder()
        const got: unknown[] = []
        const expected: unknown[] = []
        const finish = (): void => {
          if (packer.length === 0) return
          const batch = packer.finish()
          expect(batch.rowCount).toBeLessThanOrEqual(capacity)
          if (!crosses) got.push(...described(batch))
          else {
            const wire = encoder.encode(batch, true)
            const sent = structuredClone(wire, { transfer: [...wire.buffers] })
            expect(batch.timestamps).toHaveLength(0)
            got.push(...described(decoder.decode(sent)))
          }
        }
        for (const { batch, rows: list } of pieces(rows)) {
          expect(isPackable(batch)).toBe(true)
          if (!packer.accepts(batch)) finish()
          for (let from = 0; from < list.length; ) {
            const to = Math.min(list.length, from + packer.free)
            packer.append(batch, { rows: list, from, to })
            if (packer.free === 0) finish()
            from = to
          }
          expected.push(...described(batch.select(list).compact()))
        }
        finish()
        expect(got).toEqual(expected)
      }),
      { numRuns: 300 },
    )
  })

  it('leave the batches that they came from as they were, and share nothing with those that are out', () => {
    const schema = Schema.of({ s: 'utf8', n: 'i64' })
    const batch = textOf(
      batchOf({
        schema,
        rows: [
          { s: 'a', n: 1n },
          { s: 'bc', n: 2n },
        ],
      }),
    )
    const packer = new BatchPacker(8)
    const list = { rows: Uint32Array.of(1, 0), from: 0, to: 2 }
    packer.append(batch, list)
    const first = packer.finish()
    packer.append(batch, list)
    packer.append(batch, list)
    const second = packer.finish()
    const wire = new BatchEncoder().encode(second, true)
    structuredClone(wire, { transfer: [...wire.buffers] })
    expect(first.toRows()).toEqual([
      { s: 'bc', n: 2n },
      { s: 'a', n: 1n },
    ])
    expect(batch.toRows()).toEqual([
      { s: 'a', n: 1n },
      { s: 'bc', n: 2n },
    ])
  })

  it('of another split, schema or kind of column begin another batch', () => {
    const rows = [{ s: 'a' }]
    const batch = batchOf({ schema: Schema.of({ s: 'utf8' }), rows })
    const packer = new BatchPacker(8)
    packer.append(batch, { rows: Uint32Array.of(0), from: 0, to: 1 })
    expect(packer.accepts(batch)).toBe(true)
    expect(packer.accepts(batch.with({ split: 1 }))).toBe(false)
    expect(packer.accepts(batch.with({ timestamps: Float64Array.of(1) }))).toBe(false)
    expect(packer.accepts(textOf(batch))).toBe(false)
    expect(packer.accepts(batchOf({ schema: Schema.of({ s: 'utf8' }), rows }))).toBe(false)
    expect(packer.accepts(batchOf({ schema: Schema.of({ t: 'utf8' }), rows: [{ t: 'a' }] }))).toBe(false)
  })
})
