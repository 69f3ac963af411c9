import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Batch } from '../../../src/core/batch.js'
import { BatchBuilder } from '../../../src/core/batch-builder.js'
import { Int32Column } from '../../../src/core/columns-fixed.js'
import { DictionaryColumn, Utf8Column } from '../../../src/core/columns-text.js'
import { Dictionary } from '../../../src/core/dictionary.js'
import { Schema } from '../../../src/core/schema.js'
import { NO_ROW } from '../../../src/kernel/interval-join.js'
import { CHUNK_ROWS } from '../../../src/operators/joins/row-slots.js'
import { RowStore } from '../../../src/operators/joins/row-store.js'
import { fields, valueFor } from '../../core/arbitraries.js'

const rowsOf = (store: RowStore, slots: Uint32Array, outer = false) => {
  const columns = store.fields.map((_, index) => store.gather(index, slots, outer))
  return Array.from(slots, (_, row) => columns.map(column => column.value(row)))
}

describe('the row store', () => {
  it('reads rows back by their slot, whatever comes and goes', () => {
    const stores = fields(1).chain(list => {
      const row = fc.tuple(...list.map(({ type, nullable }) => (nullable ? fc.option(valueFor(type)) : valueFor(type))))
      const step = fc.record({ add: fc.array(row, { maxLength: 5 }), release: fc.array(fc.nat(), { maxLength: 3 }) })
      return fc.tuple(fc.constant(list), fc.array(step, { maxLength: 8 }))
    })
    fc.assert(
      fc.property(stores, ([list, steps]) => {
        const schema = new Schema(list)
        const store = new RowStore(list)
        const kept = new Map<number, unknown[]>()
        for (const { add, release } of steps) {
          const builder = new BatchBuilder(schema)
          const usable = add.filter(values => list.every(({ nullable }, at) => nullable || values[at] !== null))
          for (const values of usable) {
            const row: Record<string, unknown> = {}
            for (const [at, { name }] of list.entries()) {
              Object.defineProperty(row, name, { value: values[at], enumerable: true })
            }
            builder.append(row)
          }
          const batch = builder.finish()
          const slots = store.add(batch)
          for (const [row, slot] of slots.entries()) {
            expect(kept.has(slot)).toBe(false)
            kept.set(
              slot,
              batch.columns.map(column => column.value(row)),
            )
          }
          const all = [...kept.keys()]
          const gone = new Set(release.flatMap(at => (all.length === 0 ? [] : [all[at % all.length] ?? 0])))
          store.release(Uint32Array.from(gone))
          for (const slot of gone) kept.delete(slot)
          expect(store.length).toBe(kept.size)
          expect(rowsOf(store, Uint32Array.from(kept.keys()))).toEqual([...kept.values()])
          const withNone = Uint32Array.from([NO_ROW, ...kept.keys()])
          expect(rowsOf(store, withNone, true)).toEqual([list.map(() => null), ...kept.values()])
        }
      }),
      { numRuns: 120 },
    )
  })

  it('keeps the event times of rows, few or many of a batch, in arrays or deferred', () => {
    const number = new Schema([{ name: 'number', type: 'i32', nullable: false }])
    const rowCount = 12
    const timestamps = Float64Array.from({ length: rowCount }, (_, row) => row * 10)
    const times = { rowCount, timestamps, watermarks: timestamps.map(time => time - 1) }
    const columns = [new Int32Column(Int32Array.from({ length: rowCount }, (_, row) => row))]
    const { watermarks } = times
    for (const marks of [{ times }, { timestamps, watermarks }]) {
      const batch = new Batch({ schema: number, columns, rowCount, ...marks })
      for (const rows of [[5], [1, 2, 4, 7, 8, 11], Array.from({ length: rowCount }, (_, row) => row)]) {
        const store = new RowStore(number.fields, { next: 0 }, { keepsWatermarks: true })
        const slots = store.add(batch.select(Uint32Array.from(rows)))
        expect([...store.timesOf(slots)]).toEqual(rows.map(row => row * 10))
        expect([...store.watermarksOf(slots)]).toEqual(rows.map(row => row * 10 - 1))
        expect(rowsOf(store, slots)).toEqual(rows.map(row => [row]))
      }
    }
  })

  const text = new Schema([{ name: 'text', type: 'utf8', nullable: false }])
  const codesOf = (dictionary: Dictionary, codes: readonly number[]) => {
    const column = new DictionaryColumn(Int32Array.from(codes), dictionary)
    return new Batch({ schema: text, columns: [column], rowCount: codes.length })
  }

  it('keeps codes as codes, and turns them to strings where dictionaries mix', () => {
    const store = new RowStore(text.fields)
    const first = Dictionary.of(['a', 'b'])
    const one = store.add(codesOf(first, [1, 0]))
    const gathered = store.gather(0, one, false)
    expect(gathered).toBeInstanceOf(DictionaryColumn)
    expect((gathered as DictionaryColumn).dictionary).toBe(first)
    expect(store.gather(0, Uint32Array.of(NO_ROW, one[0] ?? 0), true)).toBeInstanceOf(DictionaryColumn)
    const two = store.add(codesOf(Dictionary.of(['c']), [0]))
    const strings = new Batch({ schema: text, columns: [Utf8Column.from(['naïve'])], rowCount: 1 })
    const three = store.add(strings)
    expect(rowsOf(store, Uint32Array.from([...two, ...one, ...three]))).toEqual([['c'], ['b'], ['a'], ['naïve']])
    expect(store.gather(0, Uint32Array.from([...two, ...one]), false)).toBeInstanceOf(Utf8Column)
  })

  it('lets a dictionary go of which few entries are left, and keeps their strings', () => {
    const store = new RowStore(text.fields)
    const large = Dictionary.of(Array.from({ length: 3_000 }, (_, entry) => `entry ${entry}`))
    const slots = store.add(
      codesOf(
        large,
        Array.from({ length: 3_000 }, (_, entry) => entry),
      ),
    )
    store.add(codesOf(Dictionary.of(['next']), [0]))
    const isLeft = (_slot: number, at: number) => at % 100 === 0
    store.release(slots.filter((slot, at) => !isLeft(slot, at)))
    const left = slots.filter(isLeft)
    expect(store.gather(0, left, false)).toBeInstanceOf(Utf8Column)
    expect(rowsOf(store, left)).toEqual(Array.from(left, (_, at) => [`entry ${at * 100}`]))
  })

  it('writes strings over those that are gone', () => {
    const store = new RowStore(text.fields)
    let slots: Uint32Array = new Uint32Array(0)
    for (let round = 0; round < 60; round++) {
      const strings = Array.from({ length: 100 }, (_, row) => `round ${round}, row ${row}${'.'.repeat(row)}`)
      const next = store.add(new Batch({ schema: text, columns: [Utf8Column.from(strings)], rowCount: 100 }))
      expect(rowsOf(store, next)).toEqual(strings.map(string => [string]))
      store.release(slots)
      slots = next
    }
    expect(store.length).toBe(100)
  })

  it('gives chunks back when they run empty, and fills those in front first', () => {
    const numbers = new Schema([{ name: 'n', type: 'f64', nullable: false }])
    const store = new RowStore(numbers.fields)
    const builder = new BatchBuilder(numbers)
    for (let row = 0; row < CHUNK_ROWS; row++) builder.append({ n: row })
    const batch = builder.finish()
    const chunks = [0, 1, 2, 3].map(() => store.add(batch))
    expect(store.limit).toBe(CHUNK_ROWS * 4)
    for (const chunk of [1, 2, 3]) store.release(chunks[chunk] ?? new Uint32Array(0))
    // One empty chunk is kept for the next rows.
    expect(store.limit).toBe(CHUNK_ROWS * 2)
    store.release((chunks[0] ?? new Uint32Array(0)).subarray(0, 10))
    const again = store.add(batch.slice(0, 10))
    expect(Math.max(...again)).toBeLessThan(CHUNK_ROWS)
    expect(rowsOf(store, again)).toEqual(Array.from({ length: 10 }, (_, n) => [n]))
    expect(() => store.release(Uint32Array.of(CHUNK_ROWS * 9))).toThrow(TypeError)
  })
})
