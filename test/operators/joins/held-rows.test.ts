import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Batch } from '../../../src/core/batch.js'
import { BatchBuilder } from '../../../src/core/batch-builder.js'
import { Float64Column, Int64Column } from '../../../src/core/columns-fixed.js'
import { DictionaryColumn, Utf8Column } from '../../../src/core/columns-text.js'
import { Dictionary } from '../../../src/core/dictionary.js'
import { Schema } from '../../../src/core/schema.js'
import { HeldRows } from '../../../src/operators/joins/held-rows.js'
import { ownedColumn } from '../../../src/operators/joins/owned-column.js'
import { CHUNK_ROWS } from '../../../src/operators/joins/row-slots.js'
import { RowStore } from '../../../src/operators/joins/row-store.js'
import { fields, valueFor } from '../../core/arbitraries.js'

const schema = Schema.of({ n: 'f64', text: 'utf8', code: 'utf8', id: 'i64' })

/** Rows first, first + 1, ..., whose values tell which they are. */
function batchOf(first: number, rowCount: number, dictionary: Dictionary): Batch {
  const numbers = Float64Array.from({ length: rowCount }, (_, row) => first + row)
  const codes = Int32Array.from(numbers, n => dictionary.encode(`code ${n % 7}`))
  const columns = [
    new Float64Column(numbers),
    Utf8Column.from(Array.from(numbers, n => `text ${n}`)),
    new DictionaryColumn(codes, dictionary),
    new Int64Column(BigInt64Array.from(numbers, n => BigInt(n) - 5n)),
  ]
  return new Batch({ schema, columns, rowCount, timestamps: numbers.map(n => n * 2), watermarks: numbers })
}

const step = fc.record({
  rows: fc.constantFrom(1, 3, 40, 300, 900),
  /** One row in so many is added. */
  selects: fc.constantFrom(1, 2, 5),
  /** Of the rows that are kept, one in so many stays; 0: all do. */
  keeps: fc.constantFrom(0, 0, 0, 2, 10, 1000),
  begins: fc.boolean(),
})

describe('rows that stand where they came', () => {
  it('read back by their slot, however batches are joined, thinned out and dropped', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 40, maxLength: 160 }), fc.boolean(), (steps, keepsWatermarks) => {
        const store = new RowStore(schema.fields, undefined, { keepsWatermarks })
        let kept: { slot: number; n: number; arrival: number }[] = []
        let dictionary = new Dictionary()
        let next = 0
        let arrival = 0
        for (const { rows, selects, keeps, begins } of steps) {
          if (begins) dictionary = new Dictionary()
          const all = batchOf(next, rows, dictionary)
          const chosen = Uint32Array.from({ length: Math.ceil(rows / selects) }, (_, at) => at * selects)
          const slots = store.add(selects === 1 ? all : all.select(chosen))
          for (const [at, slot] of slots.entries()) kept.push({ slot, n: next + at * selects, arrival: arrival++ })
          next += rows
          if (keeps === 0) continue
          const stays = (_: unknown, at: number) => at % keeps === 0
          store.release(Uint32Array.from(kept.filter((row, at) => !stays(row, at)).map(({ slot }) => slot)))
          kept = kept.filter(stays)
        }
        const slots = Uint32Array.from(kept, ({ slot }) => slot)
        expect(new Set(slots).size).toBe(kept.length)
        expect(store.length).toBe(kept.length)
        expect(store.batch(slots).toRows()).toEqual(
          kept.map(({ n }) => ({ n, text: `text ${n}`, code: `code ${n % 7}`, id: BigInt(n) - 5n })),
        )
        expect([...store.timesOf(slots)]).toEqual(kept.map(({ n }) => n * 2))
        expect([...store.arrivalsOf(slots)]).toEqual(kept.map(row => row.arrival))
        if (keepsWatermarks) expect([...store.watermarksOf(slots)]).toEqual(kept.map(({ n }) => n))
      }),
      { numRuns: 40 },
    )
  })

  it('keep few batches alive, whatever is left of each', () => {
    const held = new HeldRows(schema.fields)
    held.open(0)
    const marks = (rows: number) => {
      return { times: new Float64Array(rows), arrivals: new Float64Array(rows), watermarks: undefined }
    }
    const dictionary = new Dictionary()
    for (let round = 0; round < 400; round++) {
      const slots = Uint32Array.from({ length: 300 }, (_, row) => (row === 0 ? round : CHUNK_ROWS - row))
      held.hold(batchOf(round * 300, 300, dictionary).columns, marks(300), slots, 300)
      held.release(slots.subarray(1))
    }
    for (let round = 400; round < 800; round++) {
      held.hold(batchOf(round * 300, 1, dictionary).columns, marks(1), Uint32Array.of(round), 1)
    }
    const slots = Uint32Array.from({ length: 800 }, (_, round) => round)
    const places = held.locate(slots)
    expect(held.gather(0, places, false)).toEqual(new Float64Column(Float64Array.from(slots, slot => slot * 300)))
    expect(held.batchCount).toBeLessThan(90)
    held.release(slots)
    expect(held.batchCount).toBe(0)
  })

  it('are as many as a snapshot has', () => {
    const rows = 70_000
    const store = new RowStore(schema.fields)
    const slots = store.add(
      batchOf(0, rows, new Dictionary()),
      Float64Array.from({ length: rows }, (_, row) => row * 3),
    )
    const some = slots.filter((_, row) => row % 997 === 3)
    store.release(slots.filter((_, row) => row % 997 !== 3))
    const numbers = Array.from(some, (_, at) => at * 997 + 3)
    expect(store.batch(some).toRows()).toEqual(
      numbers.map(n => ({ n, text: `text ${n}`, code: `code ${n % 7}`, id: BigInt(n) - 5n })),
    )
    expect([...store.arrivalsOf(some)]).toEqual(numbers.map(n => n * 3))
    expect([...store.timesOf(some)]).toEqual(numbers.map(n => n * 2))
    expect([...store.arrivalsOf(store.add(batchOf(0, 1, new Dictionary())))]).toEqual([rows * 3 - 2])
  })

  it('do not hold on to a buffer of which they show a small part, whatever the type', () => {
    fc.assert(
      fc.property(fields(1), fc.array(fc.nat(), { minLength: 10, maxLength: 10 }), (list, seeds) => {
        const schema = new Schema(list)
        const builder = new BatchBuilder(schema)
        const samples = list.map(({ type }) => fc.sample(valueFor(type), { numRuns: 12, seed: seeds[0] ?? 0 }))
        for (let row = 0; row < 4000; row++) {
          const entries = list.map(({ name, nullable }, at): [string, unknown] => {
            const isNull = nullable && (row + (seeds[1] ?? 0)) % 5 === 0
            return [name, isNull ? null : samples[at]?.[(row * 7) % 12]]
          })
          const object: Record<string, unknown> = {}
          for (const [name, value] of entries) Object.defineProperty(object, name, { value, enumerable: true })
          builder.append(object)
        }
        const rows = Array.from({ length: 10 }, (_, row) => row)
        for (const column of builder.finish().columns) {
          const slice = column.slice(13, 23)
          const owned = ownedColumn(slice)
          expect(owned.type).toEqual(column.type)
          expect(rows.map(row => owned.value(row))).toEqual(rows.map(row => column.value(13 + row)))
          // Slices of bits may be copies already.
          if (column.type !== 'bool') expect(owned === slice).toBe(column.type === 'object')
        }
      }),
      { numRuns: 25 },
    )
  })
})
