import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Batch, Float64Column, Int32Column, SabotError, schema } from '../../src/core/index.js'
import { batchOf, positions, rowsCase } from './arbitraries.js'

/** A batch whose event times and watermarks are the row numbers and their negatives; in arrays, or deferred. */
const stampedCase = fc.tuple(rowsCase(), fc.boolean()).map(([given, isDeferred]) => {
  const batch = batchOf(given)
  const { rowCount } = batch
  const timestamps = Float64Array.from({ length: rowCount }, (_, row) => row)
  const times = { rowCount, timestamps, watermarks: timestamps.map(row => -row) }
  const { watermarks } = times
  return { rows: given.rows, batch: batch.with(isDeferred ? { times } : { timestamps, watermarks }) }
})

const selectedCase = stampedCase.chain(({ rows, batch }) =>
  positions(batch.length).chain(first => positions(first.length).map(second => ({ rows, batch, first, second }))),
)

function stamps(batch: Batch): unknown[] {
  const result: unknown[] = []
  batch.forEachRow(row => result.push([batch.timestamps?.[row], batch.watermarks?.[row]]))
  return result
}

describe('Batch', () => {
  it('keeps deferred times as they are until others are given', () => {
    const times = {
      rowCount: 2,
      get timestamps(): Float64Array {
        throw new Error('nobody asked')
      },
      watermarks: Float64Array.of(-1, 5),
    }
    const init = { schema: schema({ a: 'i32' }), columns: [new Int32Column(Int32Array.of(1, 2))], rowCount: 2 }
    const batch = new Batch({ ...init, times })
    expect(batch.with({ split: 3 }).times).toBe(times)
    expect(batch.select(Uint32Array.of(1)).times).toBe(times)
    expect(() => batch.timestamps).toThrow('nobody asked')
    const both = { rowCount: 2, timestamps: Float64Array.of(7, 8), watermarks: times.watermarks }
    const given = new Batch({ ...init, times: both }).with({ timestamps: Float64Array.of(1, 2) })
    expect(given.times).toBeUndefined()
    expect([...(given.timestamps ?? [])]).toEqual([1, 2])
    expect([...(given.watermarks ?? [])]).toEqual([-1, 5])
    expect(() => new Batch({ ...init, times, watermarks: Float64Array.of(1, 2) })).toThrow(TypeError)
    expect(() => new Batch({ ...init, times: { ...both, rowCount: 3 } })).toThrow(TypeError)
  })

  it('gives back the rows that were put in', () => {
    fc.assert(
      fc.property(stampedCase, ({ rows, batch }) => {
        expect(batch.toRows()).toEqual(rows)
      }),
    )
  })

  it('select keeps the given rows, and composes', () => {
    fc.assert(
      fc.property(selectedCase, ({ rows, batch, first, second }) => {
        const once = batch.select(first)
        expect(once.toRows()).toEqual(Array.from(first, row => rows[row]))
        const composed = batch.select(second.map(index => first[index] ?? -1))
        const twice = once.select(second)
        expect(twice.selection).toEqual(composed.selection)
        expect(twice.toRows()).toEqual(composed.toRows())
      }),
    )
  })

  it('compact preserves rows, event times and watermarks, and drops the selection', () => {
    fc.assert(
      fc.property(selectedCase, ({ batch, first }) => {
        const selected = batch.select(first)
        const compact = selected.compact()
        expect(compact.selection).toBeUndefined()
        expect(compact.toRows()).toEqual(selected.toRows())
        expect(stamps(compact)).toEqual(stamps(selected))
        expect(compact.rowCount).toBe(first.length)
      }),
    )
  })

  it('slice is the slice of the rows, with and without a selection', () => {
    fc.assert(
      fc.property(selectedCase, fc.nat(20), fc.nat(20), ({ batch, first }, a, b) => {
        for (const whole of [batch, batch.select(first), batch.slice(0, batch.length)]) {
          const from = Math.min(a, b, whole.length)
          const to = Math.min(Math.max(a, b), whole.length)
          expect(whole.slice(from, to).toRows()).toEqual(whole.toRows().slice(from, to))
          expect(stamps(whole.slice(from, to))).toEqual(stamps(whole).slice(from, to))
          // A slice of a slice, so that bitmaps and offsets that begin anywhere are read right.
          const inner = whole.slice(from, to)
          const half = inner.length >> 1
          expect(inner.slice(half, inner.length).compact().toRows()).toEqual(whole.toRows().slice(from + half, to))
        }
      }),
    )
  })

  it('columns gather as the rows do, after a slice too', () => {
    fc.assert(
      fc.property(selectedCase, fc.nat(9), ({ batch, first }, from) => {
        const start = Math.min(from, batch.length)
        const sliced = batch.slice(start, batch.length)
        const rows = first.filter(row => row < sliced.length)
        for (const column of sliced.columns) {
          const gathered = column.gather(rows)
          expect(gathered.type).toEqual(column.type)
          expect(gathered.length).toBe(rows.length)
          for (const [index, row] of rows.entries()) {
            expect(gathered.value(index)).toEqual(column.value(row))
            expect(gathered.isValid(index)).toBe(column.isValid(row))
          }
        }
      }),
    )
  })

  it('slices share the buffers of numbers', () => {
    const values = Float64Array.of(1, 2, 3, 4)
    const batch = new Batch({ schema: schema({ x: 'f64' }), columns: [new Float64Column(values)], rowCount: 4 })
    const column = batch.slice(1, 3).column('x')
    expect(column).toBeInstanceOf(Float64Column)
    expect((column as Float64Column).values.buffer).toBe(values.buffer)
    expect(batch.compact()).toBe(batch)
  })

  it('refuses parts that do not fit one another', () => {
    const one = schema({ x: 'f64' })
    const column = new Float64Column(new Float64Array(2))
    expect(() => new Batch({ schema: one, columns: [], rowCount: 2 })).toThrow(TypeError)
    expect(() => new Batch({ schema: one, columns: [column], rowCount: 3 })).toThrow(/2 rows in a batch of 3/)
    expect(() => new Batch({ schema: one, columns: [column], rowCount: 2, timestamps: new Float64Array(1) })).toThrow(
      TypeError,
    )
    expect(() => new Batch({ schema: one, columns: [column], rowCount: 2, selection: Uint32Array.of(2) })).toThrow(
      TypeError,
    )
    expect(() => new Batch({ schema: one, columns: [new Int32Column(new Int32Array(2))], rowCount: 2 })).toThrow(
      SabotError,
    )
    expect(() => new Batch({ schema: one, columns: [column], rowCount: 2 }).slice(1, 3)).toThrow(RangeError)
  })

  it('names the known fields and the nearest when a field is unknown', () => {
    const batch = batchOf({ schema: schema({ origin: 'utf8', delay: 'i32' }), rows: [] })
    expect(() => batch.column('orgin')).toThrow(/no field "orgin".*Did you mean "origin".*origin, delay/)
  })
})
