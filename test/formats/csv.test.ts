import fc from 'fast-check'
import Papa from 'papaparse'
import { describe, expect, it } from 'vitest'
import { decimal, nullable, type Schema, schema } from '../../src/core/index.js'
import { type CsvBatch, type CsvDecoderOptions, csvDecoder } from '../../src/formats/csv.js'
import { resolveDialect } from '../../src/formats/csv-dialect.js'
import { csvRecords } from '../../src/formats/csv-text.js'
import type { Kernel } from '../../src/kernel/module.js'
import { builds } from '../kernel/builds.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

interface Outcome {
  readonly rows: readonly unknown[]
  readonly rejected: readonly {
    reason: string
    line: number
    position: number
    field?: string | undefined
    text: string
  }[]
}

function outcomeOf(batches: readonly CsvBatch[]): Outcome {
  return {
    rows: batches.flatMap(({ batch }) => batch.toRows()),
    rejected: batches.flatMap(({ rejected }) =>
      rejected.map(({ reason, line, position, field, bytes }) => ({
        reason,
        line,
        position,
        field,
        text: decoder.decode(bytes),
      })),
    ),
  }
}

/** Decodes bytes that come in chunks of the given sizes, over and over. */
function decode(
  kernel: Kernel,
  wanted: Schema,
  input: string | Uint8Array,
  options: CsvDecoderOptions = {},
  sizes: readonly number[] = [1 << 20],
): Outcome {
  const bytes = typeof input === 'string' ? encoder.encode(input) : input
  const csv = csvDecoder(kernel, wanted, options)
  const batches: CsvBatch[] = []
  for (let from = 0, turn = 0; from < bytes.length; turn++) {
    const to = from + (sizes[turn % sizes.length] ?? 1)
    batches.push(...csv.push(bytes.subarray(from, to)))
    from = to
  }
  batches.push(...csv.finish())
  csv.destroy()
  return outcomeOf(batches)
}

const texts = schema({ a: 'utf8', b: 'utf8', c: 'utf8' })
const asRow = ([a, b, c]: readonly string[]) => ({ a, b, c })
const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 })
const cell = fc.oneof(
  fc.string({
    maxLength: 40,
    unit: fc.constantFrom('a', 'B', '7', ' ', ',', ';', '"', '\n', '\r', 'é', '\u{1f600}', '\t', "'"),
  }),
  fc.string({ maxLength: 8 }),
  fc.constant(''),
)

describe.each(builds)('csvDecoder ($name)', ({ name, create }) => {
  const kernel = create()
  const runs = name === 'simd' ? 300 : 100

  it('decodes what papaparse writes, as papaparse reads it, however it is cut', () => {
    const table = fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 12 })
    const dialect = fc.record({
      delimiter: fc.constantFrom(',', ';', '\t', '|'),
      newline: fc.constantFrom('\n', '\r\n', '\r'),
      quotes: fc.boolean(),
      last: fc.boolean(),
      mark: fc.boolean(),
    })
    fc.assert(
      fc.property(table, dialect, cuts, (rows, { delimiter, newline, quotes, last, mark }, sizes) => {
        const text = Papa.unparse(rows, { delimiter, newline, quotes }) + (last ? newline : '')
        const read = Papa.parse<string[]>(text, { delimiter, newline }).data.slice(0, rows.length)
        expect(read).toEqual(rows)
        const input = encoder.encode((mark ? '\ufeff' : '') + text)
        const options = { header: false, delimiter, batchRows: 5 }
        expect(decode(kernel, texts, input, options, sizes)).toEqual({ rows: rows.map(asRow), rejected: [] })
      }),
      { numRuns: runs },
    )
  })

  it('agrees with the reader of texts on hostile records: rows, rejects and their lines', () => {
    const token = fc.constantFrom(
      'a',
      '"',
      '""',
      ',',
      '\n',
      '\r\n',
      '\r',
      ' ',
      '\\',
      '#',
      'b"c',
      '"x"',
      '"y,z"',
      'é',
      '1\n',
    )
    const options = fc.record({
      trim: fc.boolean(),
      escape: fc.constantFrom('"', '\\'),
      comment: fc.constantFrom('#', undefined),
    })
    fc.assert(
      fc.property(fc.array(token, { maxLength: 40 }), options, cuts, (tokens, { comment, ...others }, sizes) => {
        const text = tokens.join('')
        const given = { ...others, ...(comment === undefined ? {} : { comment }) }
        const all = [...csvRecords(text, { ...resolveDialect(given), comment }, 3)]
        const isOpen = all.some(({ fields, ended }) => fields === undefined && !ended)
        const found = decode(kernel, texts, text, { header: false, batchRows: 3, ...given }, sizes)
        expect(decode(kernel, texts, text, { header: false, batchRows: 3, ...given })).toEqual(found)
        for (const { line, position, text: record } of found.rejected) {
          const before = decoder.decode(encoder.encode(text).subarray(0, position))
          expect(line).toBe((before.match(/\r\n|\r|\n/g) ?? []).length + 1)
          expect(text.slice(before.length, before.length + record.length)).toBe(record)
        }
        if (isOpen) return
        const good = all.flatMap(({ fields }) => (fields?.length === 3 ? [asRow(fields.map(field => field.text))] : []))
        expect(found.rows).toEqual(good)
        expect(found.rejected).toHaveLength(all.length - good.length)
      }),
      { numRuns: runs * 3 },
    )
  })

  it('reads numbers as Number does, to the last bit', () => {
    const number = fc.oneof(
      fc.double(),
      fc.double({ noDefaultInfinity: true, noNaN: true }).map(value => value * 1e-290),
      fc.integer().map(value => value / 100),
    )
    const digits = fc
      .tuple(fc.bigInt(), fc.integer({ min: -340, max: 320 }))
      .map(([whole, power]) => `${whole}e${power}`)
    const long = fc.string({ minLength: 1, maxLength: 60, unit: fc.constantFrom(...'0123456789') })
    const loose = fc
      .tuple(fc.constantFrom('', '+', '-'), long, fc.constantFrom('', '.', '.5', '.0001', 'e3', '.e-2'))
      .map(parts => parts.join(''))
    const text = fc.oneof(number.map(String), digits, loose, fc.constantFrom('.5', '-.25', '-0', 'Infinity', '1e400'))
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 20 }), fc.boolean(), (all, quoted) => {
        const input = all.map(one => (quoted ? `"${one}",` : `${one},`)).join('\n')
        const { rows, rejected } = decode(kernel, schema({ x: 'f64', y: 'utf8' }), input, { header: false })
        expect(rejected).toEqual([])
        expect(rows.map(row => (row as { x: number }).x)).toEqual(all.map(Number))
      }),
      { numRuns: runs * 2 },
    )
    for (const text of [
      '+',
      '-',
      '.',
      '1..5',
      '+-5',
      '1.5.2',
      '0x10',
      '1e',
      'e5',
      '--1',
      '1 2',
      '١',
      'infinit',
      'in',
    ]) {
      const { rejected } = decode(kernel, schema({ x: 'f64', y: 'utf8' }), `${text},\n`, { header: false })
      expect(rejected).toEqual([expect.objectContaining({ reason: 'WRONG_TYPE', field: 'x' })])
    }
  })

  it('keeps integers and decimals exact, and refuses what they cannot hold', () => {
    const wanted = schema({ a: 'i32', b: 'i64', c: decimal(2) })
    const input = [
      'a,b,c',
      '2147483647,9223372036854775807,92233720368547758.07',
      '-2147483648,-9223372036854775808,-0.05',
      '1e3,12.0,1.500',
      '2147483648,0,0',
      '0,9223372036854775808,0',
      '0,0,0.001',
      '0,0.5,0',
      'x,0,0',
      ',0,0',
    ].join('\n')
    const { rows, rejected } = decode(kernel, wanted, input)
    expect(rows).toEqual([
      { a: 2147483647, b: 9223372036854775807n, c: '92233720368547758.07' },
      { a: -2147483648, b: -9223372036854775808n, c: '-0.05' },
      { a: 1000, b: 12n, c: '1.50' },
    ])
    expect(rejected.map(({ reason, field, line }) => [reason, field, line])).toEqual([
      ['OUT_OF_RANGE', 'a', 5],
      ['OUT_OF_RANGE', 'b', 6],
      ['NOT_EXACT', 'c', 7],
      ['NOT_EXACT', 'b', 8],
      ['WRONG_TYPE', 'a', 9],
      ['NULL', 'a', 10],
    ])
  })

  it('reads timestamps in units and as texts, and booleans', () => {
    const wanted = schema({ s: 'timestamp', us: 'timestamp', iso: 'timestamp', b: 'bool' })
    const input =
      's,us,iso,b\n1.5,1500,2001-02-03,TRUE\n-1,-1,"2001-02-03 04:05:06.789+01:00",f\n1,1,2001-02-30,1\n1,1,1,yes\n'
    const timestampUnits = { s: 's', us: 'us' } as const
    const { rows, rejected } = decode(kernel, wanted, input, { timestampUnits })
    expect(rows).toEqual([
      { s: 1500, us: 1, iso: Date.UTC(2001, 1, 3), b: true },
      { s: -1000, us: -1, iso: Date.UTC(2001, 1, 3, 3, 5, 6, 789), b: false },
    ])
    expect(rejected.map(({ reason, field }) => [reason, field])).toEqual([
      ['TIMESTAMP_TEXT', 'iso'],
      ['WRONG_TYPE', 'b'],
    ])
  })

  it('tells null from empty', () => {
    const wanted = schema({ n: nullable('i32'), t: nullable('utf8'), s: 'utf8' })
    expect(
      decode(kernel, wanted, 'n,t,s\n,,\n"","",""\n-1,-1,-1\n 2 , NA , NA \n', { nulls: ['', '-1', 'NA'], trim: true })
        .rows,
    ).toEqual([
      { n: null, t: null, s: '' },
      { n: null, t: '', s: '' },
      { n: null, t: null, s: '-1' },
      { n: 2, t: null, s: 'NA' },
    ])
  })

  it('maps a header by name, steps over other columns, and names what is missing', () => {
    const wanted = schema({ b: 'i32', a: 'utf8' })
    expect(decode(kernel, wanted, '# first\n\na,x,"b"\n"p,q","""",1\n', { comment: '#' }, [1]).rows).toEqual([
      { b: 1, a: 'p,q' },
    ])
    expect(() => decode(kernel, wanted, 'a,B\n1,2\n')).toThrow(
      expect.objectContaining({
        code: 'MISSING_COLUMN',
        details: expect.objectContaining({ field: 'b', nearest: 'B' }),
      }),
    )
    expect(() => decode(kernel, wanted, 'a,b,b\n')).toThrow(expect.objectContaining({ code: 'DUPLICATE_FIELD' }))
    expect(decode(kernel, wanted, 'a,b')).toEqual({ rows: [], rejected: [] })
    expect(decode(kernel, wanted, '')).toEqual({ rows: [], rejected: [] })
    expect(decode(kernel, wanted, '1,x,2\n', { header: false, columns: ['a', 'skip', 'b'] }).rows).toEqual([
      { b: 2, a: '1' },
    ])
  })

  it('goes on behind a bad record', () => {
    const input = 'a,b,c\n1,2,3\n1,2\n1,2,3,4\n"x"y,"\n",\n\xff,1,"open\n4,5,6\n'
    const bytes = Uint8Array.from(input, character => character.charCodeAt(0))
    for (const size of [1, 5, 100]) {
      const { rows, rejected } = decode(kernel, texts, bytes, {}, [size])
      expect(rows).toEqual([asRow(['1', '2', '3']), asRow(['4', '5', '6'])])
      expect(rejected.map(({ reason, line }) => [reason, line])).toEqual([
        ['TOO_FEW_FIELDS', 3],
        ['TOO_MANY_FIELDS', 4],
        ['AFTER_QUOTE', 5],
        ['UNTERMINATED', 7],
      ])
    }
    const latin = Uint8Array.from('a,b,c\n\xe9t\xe9,2,3\nx,y,z', character => character.charCodeAt(0))
    expect(decode(kernel, texts, latin)).toMatchObject({
      rows: [asRow(['x', 'y', 'z'])],
      rejected: [{ reason: 'UTF8_INVALID', field: 'a' }],
    })
  })

  it('gives up a line whose quotes do not close within the record limit, and a line that is too long', () => {
    const filler = Array.from({ length: 3000 }, (_, row) => `${row},x,y`)
    const input = ['a,b,c', '1,2,"open', ...filler, 'z'.repeat(20_000), '"long', ...filler].join('\n')
    for (const size of [777, 1 << 20]) {
      const { rows, rejected } = decode(kernel, texts, input, { maxRecordBytes: 8192 }, [size])
      expect(rows).toHaveLength(6000)
      expect(rejected.map(({ reason, line, text }) => [reason, line, text.length])).toEqual([
        ['UNTERMINATED', 2, 9],
        ['TOO_LARGE', 3003, 4096],
        ['UNTERMINATED', 3004, 5],
      ])
    }
  })

  it('is linear and bounded on quotes that never close', () => {
    const own = create()
    const csv = csvDecoder(own, texts, { header: false, maxRecordBytes: 100_000 })
    const hostile = encoder.encode('"",b"x,"\n'.repeat(20_000))
    let records = 0
    let peak = 0
    for (let turn = 0; turn < (name === 'checked' ? 3 : 30); turn++) {
      for (const { batch, rejected } of csv.push(hostile)) records += batch.length + rejected.length
      peak = Math.max(peak, own.bytesInUse)
    }
    for (const { batch, rejected } of csv.finish()) records += batch.length + rejected.length
    expect(records).toBeGreaterThan(0)
    expect(peak).toBeLessThan(8e6)
    csv.destroy()
  })

  it('gives plain strings where a dictionary does not pay, and frees all it took', () => {
    const own = create()
    const before = own.bytesInUse
    const csv = csvDecoder(own, schema({ a: 'utf8', b: 'i32' }), { header: false, batchRows: 4096 })
    const lines = Array.from({ length: 20_000 }, (_, row) => `string number ${row},${row}\n`)
    const batches = [...csv.push(encoder.encode(lines.join(''))), ...csv.finish()]
    const { rows } = outcomeOf(batches)
    expect(rows).toEqual(lines.map((_, row) => ({ a: `string number ${row}`, b: row })))
    csv.destroy()
    // The table of powers stays, and the staging region.
    expect(own.bytesInUse - before).toBeLessThan(20_000)
  })

  it('says clearly when memory is not enough', () => {
    const small = create({ memoryLimitBytes: 4_000_000 })
    expect(() => decode(small, texts, `"${'x'.repeat(8_000_000)}`, { header: false })).toThrow(
      expect.objectContaining({ code: 'MEMORY_LIMIT' }),
    )
  })
})

describe('csvDecoder', () => {
  const [build] = builds
  const kernel = build?.create() as Kernel

  it('refuses a dialect that contradicts itself, and types that CSV has not', () => {
    const bad: CsvDecoderOptions[] = [
      { delimiter: ',,' },
      { delimiter: 'é' },
      { delimiter: '\n' },
      { delimiter: '5' },
      { delimiter: '"' },
      { comment: ',' },
      { trim: true, delimiter: '\t' },
      { quote: null, escape: '\\' },
      { columns: ['a'] },
      { batchRows: 0 },
    ]
    for (const options of bad) expect(() => csvDecoder(kernel, texts, options)).toThrow(TypeError)
    expect(() => csvDecoder(kernel, schema({ x: 'object' }))).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED_TYPE' }),
    )
  })

  it('knows no quotes where there are none', () => {
    expect(decode(kernel, texts, 'a\tb\tc\n"x\ty"z\t"\n', { quote: null, delimiter: '\t' }).rows).toEqual([
      asRow(['"x', 'y"z', '"']),
    ])
  })

  it('takes blank lines for records where records have one field', () => {
    const { rows } = decode(kernel, schema({ x: nullable('i32') }), 'x\n1\n\n2\r\n\r\n', {}, [1])
    expect(rows).toEqual([{ x: 1 }, { x: null }, { x: 2 }, { x: null }])
  })

  it('says where it is', () => {
    const csv = csvDecoder(kernel, texts)
    csv.push(encoder.encode('a,b,c\n1,"2\n",3\n4,'))
    expect(csv.progress).toEqual({ positionBytes: 15, lines: 3 })
    expect(csv.flush()?.batch.length).toBe(1)
    expect(csv.flush()).toBeUndefined()
    csv.destroy()
  })
})
