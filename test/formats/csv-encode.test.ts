import fc from 'fast-check'
import Papa from 'papaparse'
import { describe, expect, it } from 'vitest'
import { type Batch, decimal, nullable, Schema, schema } from '../../src/core/index.js'
import { csvDecoder } from '../../src/formats/csv.js'
import { type CsvEncoderOptions, createCsvEncoder } from '../../src/formats/csv-encode.js'
import type { Kernel } from '../../src/kernel/module.js'
import { batchOf, columnType, positions, rowOf } from '../core/arbitraries.js'
import { builds } from '../kernel/builds.js'

const decoder = new TextDecoder()

function encode(kernel: Kernel, batch: Batch, options: CsvEncoderOptions = {}): Uint8Array {
  const encoder = createCsvEncoder(kernel, options)
  const parts = [encoder.header(batch.schema), encoder.encode(batch)]
  encoder.destroy()
  return Uint8Array.from(parts.flatMap(part => [...part]))
}

/** -0 is written as 0, as JavaScript has it. */
const withoutNegativeZero = (rows: readonly unknown[]): unknown[] =>
  rows.map(row => Object.entries(row as object).map(([name, value]) => [name, Object.is(value, -0) ? 0 : value]))

const fields = fc.uniqueArray(
  fc.record(
    { name: fc.string({ maxLength: 6 }), type: columnType(0, false), nullable: fc.boolean() },
    { noNullPrototype: true },
  ),
  { selector: field => field.name, minLength: 1, maxLength: 5 },
)

describe.each(builds)('createCsvEncoder ($name)', ({ name, create }) => {
  const kernel = create()

  it('is read back by csvDecoder of the same dialect, whatever the values', () => {
    const cases = fields
      .chain(list => fc.record({ list: fc.constant(list), rows: fc.array(rowOf(list), { maxLength: 12 }) }))
      .chain(({ list, rows }) =>
        fc.record({ list: fc.constant(list), rows: fc.constant(rows), chosen: positions(rows.length) }),
      )
    const dialect = fc.record({
      delimiter: fc.constantFrom(',', '\t', ';', ' ', ':'),
      escape: fc.constantFrom('"', '\\'),
      nulls: fc.constantFrom([''], ['NULL', '']),
      lineEnd: fc.constantFrom('\n', '\r\n'),
    })
    fc.assert(
      fc.property(cases, dialect, fc.boolean(), ({ list, rows, chosen }, { lineEnd, ...given }, comments) => {
        const batch = batchOf({ schema: new Schema(list), rows }).select(chosen)
        const both = comments ? { ...given, comment: '#' } : given
        const csv = csvDecoder(kernel, batch.schema, both)
        const batches = [...csv.push(encode(kernel, batch, { ...both, lineEnd })), ...csv.finish()]
        csv.destroy()
        expect(batches.flatMap(({ rejected }) => rejected)).toEqual([])
        expect(withoutNegativeZero(batches.flatMap(one => one.batch.toRows()))).toEqual(
          withoutNegativeZero(batch.toRows()),
        )
      }),
      { numRuns: name === 'simd' ? 300 : 100, endOnFailure: true },
    )
  })

  it('is read by papaparse', () => {
    const unit = fc.constantFrom('a', 'b', ',', '"', '\n', '\r', ' ', 'é', '#')
    const row = fc.record({ a: fc.string({ unit, maxLength: 30 }), b: fc.string({ unit, maxLength: 30 }) })
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 10 }), rows => {
        const batch = batchOf({ schema: schema({ a: 'utf8', b: 'utf8' }), rows })
        const { data } = Papa.parse(decoder.decode(encode(kernel, batch)), {
          header: true,
          skipEmptyLines: true,
          newline: '\n',
          delimiter: ',',
        })
        expect(data).toEqual(rows.map(one => ({ ...one })))
      }),
    )
  })

  it('writes each type as documented', () => {
    const wanted = schema({
      'a b': 'bool',
      big: 'i64',
      price: decimal(2),
      at: 'timestamp',
      x: 'f64',
      s: nullable('utf8'),
      any: 'object',
    })
    const rows = [
      { 'a b': true, big: 2n ** 60n, price: '-0.05', at: 0, x: Number.NaN, s: null, any: { a: ['"'] } },
      { 'a b': false, big: -1n, price: '12.30', at: -1, x: Number.NEGATIVE_INFINITY, s: '', any: null },
      { 'a b': false, big: 0n, price: '0.00', at: 1, x: 1e-7, s: ' x', any: 1 },
    ]
    expect(decoder.decode(encode(kernel, batchOf({ schema: wanted, rows })))).toBe(
      '"a b",big,price,at,x,s,any\n' +
        'true,1152921504606846976,-0.05,1970-01-01T00:00:00.000Z,NaN,,"{""a"":[""\\""""]}"\n' +
        'false,-1,12.30,1969-12-31T23:59:59.999Z,-Infinity,"",\n' +
        'false,0,0.00,1970-01-01T00:00:00.001Z,1e-7," x",1\n',
    )
  })
})

describe('createCsvEncoder', () => {
  it('refuses a dialect that cannot write every text', () => {
    const [build] = builds
    const kernel = build?.create() as Kernel
    expect(() => createCsvEncoder(kernel, { quote: null })).toThrow(TypeError)
    expect(() => createCsvEncoder(kernel, { nulls: [] })).toThrow(TypeError)
    expect(() => createCsvEncoder(kernel, { delimiter: 'x' })).toThrow(TypeError)
  })
})
