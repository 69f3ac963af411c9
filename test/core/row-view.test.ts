import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Batch, RowReader, schema, Utf8Column } from '../../src/core/index.js'
import { batchOf, rowsCase } from './arbitraries.js'

describe('RowReader', () => {
  it('shows each row as it is, spread, keyed and materialized', () => {
    fc.assert(
      fc.property(rowsCase(), given => {
        const batch = batchOf(given)
        const reader = new RowReader(batch.schema).bind(batch)
        for (const [row, expected] of given.rows.entries()) {
          const view = reader.at(row) as object
          expect({ ...view }).toEqual(expected)
          expect(Object.keys(view)).toEqual(Object.keys(expected))
          const copy = reader.materialize() as object
          expect(copy).toEqual(expected)
          expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
          expect(Object.getOwnPropertyNames(copy)).toEqual(Object.getOwnPropertyNames(expected))
        }
      }),
    )
  })

  it('is one object, which shows another row after the next at, and another batch after the next bind', () => {
    const given = schema({ x: 'f64' })
    const reader = new RowReader(given)
    const row = reader.bind(batchOf({ schema: given, rows: [{ x: 1 }, { x: 2 }] })).at(0)
    const kept = reader.materialize()
    expect(reader.at(1)).toBe(row)
    expect(row.x).toBe(2)
    reader.bind(batchOf({ schema: given, rows: [{ x: 3 }] }))
    expect(row.x).toBe(3)
    expect(kept).toEqual({ x: 1 })
  })

  it('reads plain and dictionary strings of one field', () => {
    const given = schema({ s: 'utf8' })
    const reader = new RowReader(given)
    expect(reader.bind(batchOf({ schema: given, rows: [{ s: 'a' }] })).at(0).s).toBe('a')
    const plain = new Batch({ schema: given, columns: [Utf8Column.from(['b', 'ü'])], rowCount: 2 })
    expect(reader.bind(plain).at(1).s).toBe('ü')
    expect(reader.at(1).s).toBe('ü')
    expect(reader.at(0).s).toBe('b')
    const next = new Batch({ schema: given, columns: [Utf8Column.from(['c', 'd'])], rowCount: 2 })
    expect(reader.bind(next).at(0).s).toBe('c')
  })

  it('refuses assignment and foreign batches', () => {
    const given = schema({ x: 'f64' })
    const reader = new RowReader(given).bind(batchOf({ schema: given, rows: [{ x: 1 }] }))
    const row: { x?: number; y?: number } = reader.at(0)
    expect(() => {
      row.x = 2
    }).toThrow(TypeError)
    expect(() => {
      row.y = 2
    }).toThrow(TypeError)
    const other = batchOf({ schema: schema({ x: 'i32' }), rows: [] })
    expect(() => new RowReader<unknown>(given).bind(other)).toThrow(
      expect.objectContaining({ code: 'SCHEMA_MISMATCH' }),
    )
  })
})
