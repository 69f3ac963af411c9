import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BatchBuilder,
  type DictionaryColumn,
  decimal,
  type FieldType,
  inferSchema,
  list,
  MAX_DICTIONARY_ENTRIES,
  nullable,
  SabotError,
  schema,
  struct,
} from '../../src/core/index.js'
import { rowsCase } from './arbitraries.js'

function failure(type: FieldType, value: unknown): SabotError {
  const builder = new BatchBuilder(schema({ ok: 'f64', x: type }))
  try {
    builder.append({ ok: 1, x: value }, 'line 7')
  } catch (error) {
    if (error instanceof SabotError) {
      expect(builder.length).toBe(0)
      return error
    }
    throw error
  }
  throw new Error('it was taken')
}

function stored(type: FieldType, value: unknown): unknown {
  const builder = new BatchBuilder(schema({ x: type }))
  builder.append({ x: value })
  return builder.finish().column('x').value(0)
}

describe('BatchBuilder', () => {
  it('gives rows back, batch after batch', () => {
    fc.assert(
      fc.property(rowsCase(), fc.nat(20), ({ schema, rows }, cut) => {
        const builder = new BatchBuilder(schema)
        for (const row of rows.slice(0, cut)) builder.append(row)
        const first = builder.finish()
        for (const row of rows.slice(cut)) builder.append(row)
        expect([...first.toRows(), ...builder.finish().toRows()]).toEqual(rows)
        expect(first.toRows()).toEqual(rows.slice(0, cut))
      }),
    )
  })

  it('a row that fails leaves no trace', () => {
    fc.assert(
      fc.property(rowsCase(), fc.array(fc.nat(20)), ({ schema: given, rows }, failures) => {
        // The last field fails after all others were taken, a nested one in its middle.
        const nested = struct({ list: list(struct({ deep: 'i32' })), late: 'i32' })
        const all = schema({
          ...Object.fromEntries(given.fields.map(field => [`f${field.name}`, toShape(field)])),
          nested,
        })
        const builder = new BatchBuilder(all)
        const expected: unknown[] = []
        for (const [index, row] of rows.entries()) {
          const renamed = Object.fromEntries(Object.entries(row).map(([name, value]) => [`f${name}`, value]))
          const bad = { list: [{ deep: 1 }, { deep: 2 }, { deep: 'x' }], late: 1 }
          const worse = { list: [{ deep: 1 }], late: null }
          if (failures.includes(index)) {
            expect(() => builder.append({ ...renamed, nested: index % 2 === 0 ? bad : worse })).toThrow(SabotError)
          }
          const good = { ...renamed, nested: { list: [{ deep: index }], late: index } }
          builder.append(good)
          expected.push(good)
        }
        expect(builder.finish().toRows()).toEqual(expected)
      }),
    )
  })

  it('names field, value and position in errors', () => {
    expect(failure('i32', 'abc')).toMatchObject({
      code: 'TYPE_MISMATCH',
      message: 'Row line 7: Field x takes a whole number, not the string "abc"',
      details: { field: 'x', value: 'abc', position: 'line 7' },
    })
    expect(failure('utf8', undefined)).toMatchObject({
      code: 'NULL_VALUE',
      details: { field: 'x', position: 'line 7' },
    })
    expect(failure(list('i32'), [1, null])).toMatchObject({ code: 'NULL_VALUE', details: { field: 'x[]' } })
    expect(failure(struct({ y: 'bool' }), { y: 1 })).toMatchObject({ code: 'TYPE_MISMATCH', details: { field: 'x.y' } })
  })

  it.each([
    ['i32', 2 ** 31],
    ['i32', Number.NaN],
    ['i32', Number.NEGATIVE_INFINITY],
    ['i64', 2n ** 63n],
    ['i64', 2 ** 53],
    ['timestamp', 8.64e15 + 1],
    ['timestamp', Number.NaN],
    ['timestamp', new Date(Number.NaN)],
    [decimal(2), '92233720368547758.08'],
  ] as const)('%j is beyond the range of %s', (type, value) => {
    expect(failure(type, value).code).toBe('OUT_OF_RANGE')
  })

  it.each([
    ['bool', 1],
    ['i32', 1.5],
    ['i32', 1n],
    ['i64', 1.5],
    ['i64', '1'],
    ['f64', 1n],
    ['f64', '1'],
    ['utf8', 1],
    ['timestamp', 0.5],
    ['timestamp', '2001-01-01'],
    [decimal(2), 0.1],
    [list('i32'), 'abc'],
    [struct({ a: 'i32' }), [1]],
  ] as const)('%s does not take %s', (type, value) => {
    expect(failure(type, value).code).toBe('TYPE_MISMATCH')
  })

  it.each([
    ['i64', 7, 7n],
    ['i64', -1, -1n],
    ['i64', Number.MIN_SAFE_INTEGER, BigInt(Number.MIN_SAFE_INTEGER)],
    ['i64', -(2n ** 63n), -(2n ** 63n)],
    ['timestamp', new Date(1_000_000_000_000), 1_000_000_000_000],
    ['timestamp', -8.64e15, -8.64e15],
    ['f32', 0.1, Math.fround(0.1)],
    [decimal(2), '12.3', '12.30'],
    [decimal(2), '-0.050', '-0.05'],
    [decimal(0), 5, '5'],
    [decimal(2), 5n, '5.00'],
    ['utf8', 'a\ud800b', 'a\ufffdb'],
    [nullable('i32'), undefined, null],
    ['object', undefined, null],
  ] as const)('%s stores %s', (type, value, expected) => {
    expect(stored(type, value)).toBe(expected)
  })

  it('a failed decimal keeps its cause', () => {
    expect(failure(decimal(1), '1.25')).toMatchObject({
      code: 'DECIMAL_INVALID',
      details: { field: 'x', value: '1.25' },
    })
  })

  it('ignores unknown fields, reads accessors of classes, and takes nothing from Object.prototype', () => {
    class Order {
      get total(): number {
        return 5
      }
    }
    const builder = new BatchBuilder(
      schema({ total: 'f64', constructor: nullable('object'), toString: nullable('object') }),
    )
    builder.append(new Order())
    builder.append({ total: 6, more: true })
    expect(builder.finish().toRows()).toEqual([
      { total: 5, constructor: null, toString: null },
      { total: 6, constructor: null, toString: null },
    ])
  })

  it('begins a new dictionary before one outgrows its limit, and loses no string', () => {
    const builder = new BatchBuilder(schema({ s: 'utf8' }))
    const text = (row: number): string => `value ${row}`
    for (let row = 0; row < MAX_DICTIONARY_ENTRIES - 10; row++) builder.append({ s: text(row) })
    const first = builder.finish().column('s') as DictionaryColumn
    for (let row = 0; row < 30; row++) builder.append({ s: text(MAX_DICTIONARY_ENTRIES - 20 + row) })
    const second = builder.finish().column('s') as DictionaryColumn
    // The second batch filled the first's dictionary before it began its own.
    expect(first.dictionary.size).toBe(MAX_DICTIONARY_ENTRIES)
    expect(second.dictionary).not.toBe(first.dictionary)
    expect(second.dictionary.size).toBe(30)
    expect(first.value(MAX_DICTIONARY_ENTRIES - 11)).toBe(text(MAX_DICTIONARY_ENTRIES - 11))
    for (let row = 0; row < 30; row++) expect(second.value(row)).toBe(text(MAX_DICTIONARY_ENTRIES - 20 + row))
  })

  it('keeps one dictionary from batch to batch', () => {
    const builder = new BatchBuilder(schema({ s: 'utf8' }))
    const column = (text: string): DictionaryColumn => {
      builder.append({ s: text })
      return builder.finish().column('s') as DictionaryColumn
    }
    const one = column('a')
    const two = column('b')
    expect(two.dictionary).toBe(one.dictionary)
    expect(column('a').codes[0]).toBe(one.codes[0])
  })
})

function toShape({ type, nullable: nulls }: { type: FieldType; nullable: boolean }): FieldType {
  return nulls ? nullable(type as 'i32') : type
}

describe('inferSchema', () => {
  it('takes types from values, in the order in which fields are seen', () => {
    const rows = [
      { n: 1, s: 'x', b: true, big: 1n, at: new Date(0), mixed: 1, none: null, list: [1] },
      { n: 1.5, s: null, b: false, big: 2n, at: new Date(1), mixed: 'a', none: undefined, list: [2], extra: 1 },
    ]
    expect(inferSchema(rows).describe()).toBe(
      'n: f64, s: utf8?, b: bool, big: i64, at: timestamp, mixed: object, none: object?, list: object, extra: f64?',
    )
  })

  it('gives a schema that takes the rows that it came from', () => {
    const values = fc.oneof(fc.double(), fc.string(), fc.boolean(), fc.bigInt(), fc.date(), fc.constant(null))
    fc.assert(
      fc.property(fc.array(fc.dictionary(fc.string(), values, { noNullPrototype: true })), rows => {
        const builder = new BatchBuilder(inferSchema(rows))
        for (const row of rows) builder.append(row)
        expect(builder.finish().length).toBe(rows.length)
      }),
    )
  })
})
