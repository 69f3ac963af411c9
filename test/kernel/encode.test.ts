import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  Batch,
  BatchBuilder,
  type Column,
  Dictionary,
  DictionaryColumn,
  Schema,
  schema,
  TimestampColumn,
  Utf8Column,
} from '../../src/core/index.js'
import { createNdjsonEncoder, encodeNdjson } from '../../src/formats/ndjson.js'
import { batchOf, positions, rowsCase } from '../core/arbitraries.js'
import { builds } from './builds.js'

const decoder = new TextDecoder()
const text = (bytes: Uint8Array): string => decoder.decode(bytes)

/** The same rows, with strings plain instead of coded. */
function plain(batch: Batch): Batch {
  const columns = batch.columns.map((column): Column => {
    if (!(column instanceof DictionaryColumn)) return column
    const strings = Array.from(column.codes, (code, row) =>
      column.isValid(row) ? column.dictionary.string(code) : 'x',
    )
    const { offsets, bytes } = Utf8Column.from(strings)
    return new Utf8Column(offsets, bytes, column.validity)
  })
  return batch.with({ columns })
}

describe.each(builds)('createNdjsonEncoder ($name)', ({ name, create }) => {
  const kernel = create()
  const encoder = createNdjsonEncoder(kernel)

  it('gives the bytes of encodeNdjson for every batch: all types, nulls, selections, slices', () => {
    const cases = rowsCase().chain(given => {
      const { length } = given.rows
      return fc.record({ given: fc.constant(given), chosen: positions(length), from: fc.nat({ max: length }) })
    })
    fc.assert(
      fc.property(cases, ({ given, chosen, from }) => {
        const batch = batchOf(given)
        const { length } = batch
        for (const one of [
          batch,
          plain(batch),
          batch.select(chosen),
          plain(batch).slice(from, length),
          batch.slice(from, length),
        ]) {
          expect(text(encoder.encode(one))).toBe(text(encodeNdjson(one)))
        }
      }),
      { numRuns: name === 'simd' ? 300 : 150 },
    )
  })

  it('escapes what JSON.stringify escapes, wherever it stands in a string', () => {
    const unit = fc.constantFrom('a', '"', '\\', '\n', '\u0000', '\u001f', '\u007f', 'é', '\u{1f600}', '\u2028', ' ')
    const strings = fc.array(fc.string({ unit, maxLength: 70 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(strings, all => {
        const batch = new Batch({
          schema: schema({ s: 'utf8' }),
          columns: [Utf8Column.from(all)],
          rowCount: all.length,
        })
        const expected = all.map(s => `${JSON.stringify({ s })}\n`).join('')
        expect(text(encoder.encode(batch))).toBe(expected)
        const codes = Int32Array.from(all, (_, row) => row)
        const column = new DictionaryColumn(codes, Dictionary.of(all.map((s, row) => `${row}${s}`)))
        expect(text(encoder.encode(batch.with({ columns: [column] })))).toBe(
          all.map((s, row) => `${JSON.stringify({ s: `${row}${s}` })}\n`).join(''),
        )
      }),
    )
    const controls = Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code)).join('')
    const batch = new Batch({ schema: schema({ s: 'utf8' }), columns: [Utf8Column.from([controls])], rowCount: 1 })
    expect(text(encoder.encode(batch))).toBe(`${JSON.stringify({ s: controls })}\n`)
  })

  it('writes times as Date does', () => {
    const time = fc.oneof(
      fc.integer({ min: -8.64e15, max: 8.64e15 }),
      fc.integer({ min: -1e12, max: 2e12 }),
      fc.constantFrom(0, -1, 253402300799999, 253402300800000, -62167219200000, -62167219200001, 8.64e15, -8.64e15),
      fc.integer({ min: 0, max: 9999 }).map(year => new Date(0).setUTCFullYear(year, 1, 29)),
    )
    fc.assert(
      fc.property(fc.array(time, { minLength: 1, maxLength: 40 }), times => {
        const columns = [TimestampColumn.fromMillis(Float64Array.from(times))]
        const batch = new Batch({ schema: schema({ t: 'timestamp' }), columns, rowCount: times.length })
        expect(text(encoder.encode(batch))).toBe(times.map(t => `{"t":"${new Date(t).toISOString()}"}\n`).join(''))
      }),
    )
    const beyond = new TimestampColumn(BigInt64Array.of(0n, 8_640_000_000_000_001n))
    const batch = new Batch({ schema: schema({ t: 'timestamp' }), columns: [beyond], rowCount: 2 })
    expect(() => encoder.encode(batch)).toThrow(expect.objectContaining({ code: 'TIMESTAMP_INVALID' }))
  })

  it('follows a dictionary that grows, and changes to another one', () => {
    const wanted = schema({ s: 'utf8' })
    const first = new Dictionary()
    const second = Dictionary.of(['b"', 'a'])
    for (let turn = 0; turn < 12; turn++) {
      for (let entry = 0; entry < 2 ** turn; entry++) first.encode(`${turn}-"${entry}`)
      for (const dictionary of [first, second, first]) {
        const codes = Int32Array.from({ length: dictionary.size }, (_, code) => dictionary.size - 1 - code)
        const batch = new Batch({
          schema: wanted,
          columns: [new DictionaryColumn(codes, dictionary)],
          rowCount: codes.length,
        })
        expect(text(encoder.encode(batch))).toBe(text(encodeNdjson(batch)))
      }
    }
  })

  it('writes rows larger than its room, and many of them', () => {
    const rows = ['x'.repeat(700_000), '"'.repeat(300_000), ...Array.from({ length: 30_000 }, (_, row) => `row ${row}`)]
    const batch = new Batch({ schema: schema({ s: 'utf8' }), columns: [Utf8Column.from(rows)], rowCount: rows.length })
    expect(text(encoder.encode(batch)) === text(encodeNdjson(batch))).toBe(true)
    const column = new DictionaryColumn(Int32Array.of(1, 0, 1), Dictionary.of(['y'.repeat(500_000), 'short']))
    const coded = new Batch({ schema: schema({ s: 'utf8' }), columns: [column], rowCount: 3 })
    expect(text(encoder.encode(coded)) === text(encodeNdjson(coded))).toBe(true)
  })

  it('replaces what is not UTF-8, also where two rows together would be', () => {
    const bytes = Uint8Array.of(0x61, 0xff, 0xc3, 0xa9, 0xed, 0xa0, 0x80, 0x62)
    const column = new Utf8Column(Int32Array.of(0, 3, 4, 8), bytes)
    const batch = new Batch({ schema: schema({ s: 'utf8' }), columns: [column], rowCount: 3 })
    // As bytes: a decoder would replace them, too.
    expect(encoder.encode(batch)).toEqual(encodeNdjson(batch))
    expect(text(encoder.encode(batch))).toContain('a\ufffd\ufffd')
  })

  it('writes names that need escapes, no column, and no row', () => {
    const names = ['"', '\n', '', '__proto__', 'a long name that is more than sixteen bytes']
    const wide = new Schema(names.map(field => ({ name: field, type: 'i32', nullable: true })))
    const builder = new BatchBuilder(wide)
    builder.append({ '"': 1, __proto__: null })
    const batch = builder.finish()
    expect(text(encoder.encode(batch))).toBe(text(encodeNdjson(batch)))
    expect(encoder.encode(batch.slice(0, 0))).toHaveLength(0)
    const none = new Batch({ schema: new Schema([]), columns: [], rowCount: 2 })
    expect(text(encoder.encode(none))).toBe('{}\n{}\n')
  })

  it('leaves values alone that are not selected, and names what has no JSON form', () => {
    const batch = batchOf({ schema: schema({ x: 'object' }), rows: [{ x: 1n }, { x: 2 }] })
    expect(text(encoder.encode(batch.select(Uint32Array.of(1))))).toBe('{"x":2}\n')
    expect(() => encoder.encode(batch)).toThrow(
      expect.objectContaining({ code: 'TYPE_MISMATCH', details: expect.objectContaining({ field: 'x', position: 0 }) }),
    )
  })

  it('frees all it took', () => {
    const own = create()
    const warm = createNdjsonEncoder(own)
    const batch = batchOf({ schema: schema({ s: 'utf8', x: 'f64' }), rows: [{ s: 'a', x: 0.1 }] })
    warm.encode(batch)
    warm.destroy()
    const before = own.bytesInUse
    const next = createNdjsonEncoder(own)
    next.encode(batch)
    next.destroy()
    expect(own.bytesInUse).toBe(before)
    expect(() => next.encode(batch)).toThrow(TypeError)
  })
})
