import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  Batch,
  BatchBuilder,
  type ColumnType,
  decimal,
  type Field,
  list,
  nullable,
  schema,
  Utf8Column,
} from '../../src/core/index.js'
import { encodeNdjson } from '../../src/formats/ndjson.js'
import { batchOf, positions, rowsCase } from '../core/arbitraries.js'

const decoder = new TextDecoder()

/** The rules of the format, on row objects: i64 and decimal by their digits, timestamps as ISO texts. */
function jsonOf(value: unknown, type: ColumnType): string {
  if (value === null) return 'null'
  if (type === 'i64' || (typeof type === 'object' && type.kind === 'decimal')) return String(value)
  if (type === 'timestamp') return JSON.stringify(new Date(value as number))
  if (typeof type === 'string') return JSON.stringify(value)
  if (type.kind === 'list') {
    const { element } = type
    const inner = typeof element === 'object' && element.kind === 'nullable' ? element.type : (element as ColumnType)
    return `[${(value as unknown[]).map(entry => jsonOf(entry, inner)).join(',')}]`
  }
  return type.kind === 'struct' ? objectJson(value as object, type.fields) : 'unreachable'
}

function objectJson(row: object, fields: readonly Field[]): string {
  const entries = fields.map(({ name, type }) => {
    const value: unknown = Object.getOwnPropertyDescriptor(row, name)?.value
    return `${JSON.stringify(name)}:${jsonOf(value, type)}`
  })
  return `{${entries.join(',')}}`
}

describe('encodeNdjson', () => {
  it('is JSON.stringify of each selected row, by the rules of the types', () => {
    const cases = rowsCase().chain(given => positions(given.rows.length).map(chosen => ({ given, chosen })))
    fc.assert(
      fc.property(cases, ({ given, chosen }) => {
        const lines = given.rows.map(row => `${objectJson(row, given.schema.fields)}\n`)
        const batch = batchOf(given)
        expect(decoder.decode(encodeNdjson(batch))).toBe(lines.join(''))
        expect(decoder.decode(encodeNdjson(batch.select(chosen)))).toBe(Array.from(chosen, row => lines[row]).join(''))
      }),
    )
  })

  it('writes each type as documented', () => {
    const builder = new BatchBuilder(
      schema({
        flag: 'bool',
        big: 'i64',
        price: decimal(2),
        at: 'timestamp',
        x: 'f64',
        text: nullable('utf8'),
        tags: list('utf8'),
        any: 'object',
      }),
    )
    const at = Date.UTC(2001, 0, 2, 3, 4, 5, 6)
    builder.append({ flag: true, big: 2n ** 60n, price: '1.50', at, x: Number.NaN, tags: ['"'], any: { a: [1] } })
    builder.append({ flag: false, big: -1n, price: '-0.05', at: -1, x: -0, text: 'é\n', tags: [], any: () => 1 })
    expect(decoder.decode(encodeNdjson(builder.finish()))).toBe(
      '{"flag":true,"big":1152921504606846976,"price":1.50,"at":"2001-01-02T03:04:05.006Z","x":null,"text":null,"tags":["\\""],"any":{"a":[1]}}\n' +
        '{"flag":false,"big":-1,"price":-0.05,"at":"1969-12-31T23:59:59.999Z","x":0,"text":"é\\n","tags":[],"any":null}\n',
    )
  })

  it('writes years beyond four digits, and lone surrogates as U+FFFD in columns', () => {
    const batch = batchOf({ schema: schema({ at: 'timestamp', s: 'utf8' }), rows: [{ at: 8.64e15, s: '\udc00' }] })
    expect(decoder.decode(encodeNdjson(batch))).toBe('{"at":"+275760-09-13T00:00:00.000Z","s":"\ufffd"}\n')
  })

  it('joins many lines, and writes none for none', () => {
    const rows = Array.from({ length: 10_000 }, (_, row) => `r${row}`)
    const batch = new Batch({ schema: schema({ s: 'utf8' }), columns: [Utf8Column.from(rows)], rowCount: rows.length })
    expect(decoder.decode(encodeNdjson(batch))).toBe(rows.map(text => `{"s":"${text}"}\n`).join(''))
    expect(encodeNdjson(batch.slice(0, 0))).toHaveLength(0)
  })

  it('names field and row of what has no JSON form', () => {
    const batch = batchOf({ schema: schema({ x: 'object' }), rows: [{ x: 1 }, { x: { y: 1n } }] })
    expect(() => encodeNdjson(batch)).toThrow(
      expect.objectContaining({ code: 'TYPE_MISMATCH', details: expect.objectContaining({ field: 'x', position: 1 }) }),
    )
  })
})
