import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ascendingOrder } from '../../src/connectors/arrival-order.js'
import { concatColumns } from '../../src/connectors/concat-columns.js'
import { iterable } from '../../src/connectors/iterable.js'
import { memory } from '../../src/connectors/memory.js'
import { replay } from '../../src/connectors/replay.js'
import { BatchBuilder } from '../../src/core/batch-builder.js'
import { DictionaryColumn, Utf8Column } from '../../src/core/columns-text.js'
import { Dictionary } from '../../src/core/dictionary.js'
import { schema } from '../../src/core/schema.js'
import { decimal, list, nullable, struct } from '../../src/core/types.js'
import { contextOf, readAll } from './reading.js'

const wide = fc.double({ noNaN: true })
const minutes = fc.integer({ min: 16_000_000, max: 17_000_000 }).map(minute => minute * 60_000)
const few = fc.integer({ min: -3, max: 3 })
const special = fc.constantFrom(
  0,
  -0,
  5e-324,
  -5e-324,
  1.7e308,
  -1.7e308,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
)

describe('ascendingOrder', () => {
  it('is a stable sort', () => {
    for (const key of [wide, minutes, few, special, fc.oneof(wide, minutes, few, special)]) {
      fc.assert(
        fc.property(fc.array(key, { maxLength: 200 }), keys => {
          const expected = keys
            .map((_, index) => index)
            .sort((a, b) => {
              const [x = 0, y = 0] = [keys[a], keys[b]]
              return x < y ? -1 : x > y ? 1 : a - b
            })
          expect([...ascendingOrder(Float64Array.from(keys))]).toEqual(expected)
        }),
        { numRuns: 60 },
      )
    }
  })

  it('takes keys from the middle of a buffer and leaves the rest of it', () => {
    const buffer = Float64Array.of(7, 3, 1, 2, 9)
    expect([...ascendingOrder(buffer.subarray(1, 4))]).toEqual([1, 2, 0])
    expect([buffer[0], buffer[4]]).toEqual([7, 9])
  })

  it('orders as many rows as have every digit', () => {
    const keys = Float64Array.from({ length: 100_000 }, (_, index) => Math.imul(index, 0x9e3779b1) * 1.000000001)
    const order = ascendingOrder(keys.slice())
    let ascending = true
    for (let at = 1; at < order.length; at++)
      ascending &&= (keys[order[at - 1] ?? 0] ?? 0) <= (keys[order[at] ?? 0] ?? 0)
    expect(ascending).toBe(true)
    expect(new Set(order).size).toBe(keys.length)
  })
})

const SHAPE = schema({
  flag: nullable('bool'),
  small: nullable('i32'),
  large: 'i64',
  half: nullable('f32'),
  x: 'f64',
  text: nullable('utf8'),
  at: nullable('timestamp'),
  price: nullable(decimal(2)),
  tags: nullable(list('utf8')),
  place: nullable(struct({ name: 'utf8', floor: nullable('i32') })),
  any: 'object',
})
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { freq: 3 })
const row = fc.record({
  flag: maybe(fc.boolean()),
  small: maybe(fc.integer()),
  large: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  half: maybe(fc.float({ noNaN: true })),
  x: fc.double(),
  text: maybe(fc.constantFrom('', 'a', 'äöü', 'b', '\u{1f600}')),
  at: maybe(fc.integer()),
  price: maybe(
    fc
      .integer()
      .map(
        cents =>
          (cents < 0 ? '-' : '') +
          `${Math.floor(Math.abs(cents) / 100)}.${String(Math.abs(cents) % 100).padStart(2, '0')}`.replace(
            /^-0\.00$/,
            '0.00',
          ),
      ),
  ),
  tags: maybe(fc.array(fc.constantFrom('p', 'q', 'ß'), { maxLength: 3 })),
  place: maybe(fc.record({ name: fc.constantFrom('u', 'v'), floor: maybe(fc.integer({ min: -2, max: 9 })) })),
  any: maybe(fc.constantFrom<unknown>('s', 1, true)),
})

describe('concatColumns', () => {
  it('has the rows of all columns of any type, in order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(row, { maxLength: 12 }), { minLength: 1, maxLength: 5 }),
        fc.nat(3),
        (chunks, cut) => {
          // Some chunks are slices whose bitmaps and offsets begin in the middle.
          const batches = chunks.map(rows => {
            const builder = new BatchBuilder(SHAPE)
            for (const one of rows) builder.append(one)
            const batch = builder.finish()
            return batch.slice(Math.min(cut, batch.length), batch.length)
          })
          for (const [index, { name }] of SHAPE.fields.entries()) {
            const column = concatColumns(batches.map(batch => batch.columnAt(index)))
            const expected = batches.flatMap(batch =>
              Array.from({ length: batch.length }, (_, at) => batch.columnAt(index).value(at)),
            )
            expect(
              Array.from({ length: column.length }, (_, at) => column.value(at)),
              name,
            ).toEqual(expected)
          }
        },
      ),
      { numRuns: 80 },
    )
  })

  it('merges dictionaries into one, of the strings that rows have', () => {
    const a = new DictionaryColumn(Int32Array.of(1, 0, 1), Dictionary.of(['x', 'y', 'unused']))
    const b = new DictionaryColumn(Int32Array.of(0, 1), Dictionary.of(['y', 'z']))
    const column = concatColumns([a, b, a])
    expect(column).toBeInstanceOf(DictionaryColumn)
    if (!(column instanceof DictionaryColumn)) return
    expect(column.dictionary.size).toBe(3)
    expect(Array.from({ length: 8 }, (_, at) => column.value(at))).toEqual(['y', 'x', 'y', 'y', 'z', 'y', 'x', 'y'])
  })

  it('follows a dictionary that grew between two batches', () => {
    const dictionary = Dictionary.of(['x'])
    const a = new DictionaryColumn(Int32Array.of(0), dictionary)
    dictionary.encode('y')
    const column = concatColumns([a, new DictionaryColumn(Int32Array.of(1), dictionary)])
    expect([column.value(0), column.value(1)]).toEqual(['x', 'y'])
  })

  it('makes plain strings of too many distinct ones, and of mixed columns', () => {
    const strings = (from: number) => Array.from({ length: 40_000 }, (_, index) => `s${from + index}`)
    const dictionaries = [0, 40_000].map(from => {
      const values = strings(from)
      return new DictionaryColumn(Int32Array.from(values.keys()), Dictionary.of(values))
    })
    const column = concatColumns([...dictionaries, Utf8Column.from(['end'])])
    expect(column).toBeInstanceOf(Utf8Column)
    expect(concatColumns(dictionaries)).toBeInstanceOf(Utf8Column)
    expect([column.value(0), column.value(39_999), column.value(79_999), column.value(80_000)]).toEqual([
      's0',
      's39999',
      's79999',
      'end',
    ])
  })
})

describe('replay', () => {
  it('gives all rows in order of arrival, as a plain stable sort does', async () => {
    const rows = fc.array(
      fc.record({ id: fc.nat(), key: fc.oneof(few, minutes), text: maybe(fc.constantFrom('a', 'b')) }),
      { maxLength: 80 },
    )
    await fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 1, max: 9 }), async (input, chunk) => {
        const shape = schema({ id: 'i32', key: 'f64', text: nullable('utf8') })
        const batches = []
        for (let at = 0; at < input.length; at += chunk) {
          batches.push(...BatchBuilder.batches(shape, input.slice(at, at + chunk)))
        }
        const source = replay(memory(batches), { by: ({ key }) => key })
        const { rows: read, rowCount } = await readAll(source, { batchRows: 7 })
        expect(read).toEqual(input.toSorted((a, b) => a.key - b.key))
        expect(rowCount).toBe(input.length)
      }),
      { numRuns: 60 },
    )
  })

  it('reads a selection of rows, and a source that does not know its count', async () => {
    const [batch] = BatchBuilder.batches(
      schema({ n: 'i32' }),
      [5, 4, 3, 2, 1].map(n => ({ n })),
    )
    if (batch === undefined) throw new Error('no batch')
    const selected = memory([batch.select(Uint32Array.of(0, 2, 4))])
    expect((await readAll(replay(selected, { by: row => row.n }))).rows).toEqual([{ n: 1 }, { n: 3 }, { n: 5 }])
    const unknown = iterable(() => [{ n: 3 }, { n: 1 }, { n: 2 }])
    expect((await readAll(replay(unknown, { by: row => row.n }))).rows).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
    expect((await readAll(replay(memory([]), { by: () => 0 }))).rows).toEqual([])
  })

  it('has one dictionary for all batches', async () => {
    const shape = schema({ key: 'f64', text: 'utf8' })
    const chunk = (from: number) => [
      ...BatchBuilder.batches(shape, [
        { key: -from, text: 'a' },
        { key: from, text: `t${from}` },
      ]),
    ]
    const reader = await replay(memory([...chunk(1), ...chunk(2)]), { by: row => row.key }).open(
      contextOf({ batchRows: 2 }),
    )
    const columns = [await reader.read(), await reader.read()].map(next => next?.batch.column('text'))
    const [first, second] = columns
    expect(first).toBeInstanceOf(DictionaryColumn)
    if (first instanceof DictionaryColumn && second instanceof DictionaryColumn) {
      expect(first.dictionary).toBe(second.dictionary)
      expect(first.dictionary.size).toBe(3)
    }
  })

  it('names the row whose arrival is no finite number', async () => {
    for (const [bad, shown] of [
      [Number.NaN, 'NaN'],
      [null, 'null'],
      [Number.POSITIVE_INFINITY, 'Infinity'],
    ] as const) {
      const source = replay(memory([{ at: 1 }, { at: 2 }, { at: 3 }]), {
        by: row => (row.at === 3 ? (bad as number) : row.at),
      })
      const opened = source.open(contextOf())
      await expect(opened).rejects.toMatchObject({ code: 'ARRIVAL_INVALID', details: { row: 2 } })
      await expect(opened).rejects.toThrow(shown)
    }
  })

  it('closes the source that it reads, also after a failure', async () => {
    let closed = 0
    const inner = memory([{ at: 1 }])
    const source = {
      ...inner,
      schema: inner.schema,
      open: async (context: Parameters<typeof inner.open>[0]) => {
        const reader = await inner.open(context)
        const close = async () => {
          closed += 1
        }
        return { rowCount: reader.rowCount, read: () => reader.read(), close }
      },
    }
    await readAll(replay(source, { by: row => row.at }))
    await expect(replay(source, { by: () => Number.NaN }).open(contextOf())).rejects.toThrow('row 0')
    expect(closed).toBe(2)
  })

  it('refuses sources that are read once, and inputs that changed since the checkpoint', async () => {
    expect(() => replay(iterable([{ n: 1 }]), { by: row => row.n })).toThrow(TypeError)
    expect(() => replay(memory([{ n: 1 }]), { by: 'n' as never })).toThrow(/by is a function of a row/)
    const position = { row: 1, rowCount: 2 }
    const source = replay(memory([{ n: 1 }, { n: 2 }, { n: 3 }]), { by: row => row.n })
    await expect(source.open(contextOf({ position }))).rejects.toMatchObject({ code: 'SOURCE_CHANGED' })
    await expect(source.open(contextOf({ position: { row: 4, rowCount: 3 } }))).rejects.toMatchObject({
      code: 'SOURCE_CHANGED',
    })
    await expect(source.open(contextOf({ position: 1 }))).rejects.toMatchObject({ code: 'POSITION_INVALID' })
  })
})
