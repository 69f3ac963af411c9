import { describe, expect, it } from 'vitest'
import { DictionaryColumn, decimal, list, nullable, schema, struct, Utf8Column } from '../../src/core/index.js'
import { jsonDecoder } from '../../src/formats/json.js'
import { builds } from '../kernel/builds.js'
import { decodeJson, utf8 } from './json-running.js'

const ANY = schema({ x: nullable('object') })

// Facts about JSON's grammar (RFC 8259), each a value that stands in {"x":...}.
const ACCEPTED = [
  '[]',
  '[[]]',
  '[ ]',
  '{}',
  '{"":0}',
  '{"a":[]}',
  '[null, 1, "1", {}]',
  '[1\r\t ]',
  '"\\u0060\\u012a\\u12AB"',
  '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
  '"\\uD801\\udc37"',
  '"\\ud83d\\ude39\\ud83d\\udc8d"',
  '"\\u0000"',
  '"\\u2028"',
  '"\u2028\u2029"',
  '"\u007f"',
  '"\uFFFF"',
  '"\u{10FFFF}"',
  '"\\uFFFE"',
  '"€𝄞"',
  '" "',
  '123e65',
  '0e+1',
  '0e1',
  '20e1',
  '-0',
  '-123',
  '-1',
  '-0.5',
  '1E22',
  '1E-2',
  '1E+2',
  '123.456e78',
  '123.456789',
  '-0.000000000000000000000000000000000000000000000000000000000000000000000000000001',
  'false',
  'true',
  'null',
  '{"a":"b","a":"c"}',
  '{"min":-1.0e+28,"max":1.0e+28}',
  '{"a":[]}',
  '"\\uD800"',
  '"\\uDd1ea"',
  '"\\uD800\\uD800\\n"',
  '1e400',
  '123123e100000',
  '-1e+9999',
  '100000000000000000000',
  '0.4e00669999999999999999999999',
  '"\\u005Cn"',
  '"asd "',
  '[1,null,null,null,2]',
]
const REFUSED = [
  '[1 true]',
  '[1,]',
  '[1,,2]',
  '[,1]',
  '["x"',
  '[3[4]]',
  '[-]',
  '[a]',
  '["":1]',
  '["",]',
  '["a",',
  '[1',
  '["',
  ']',
  '}',
  '[1]]',
  '{"a":1}}',
  '-',
  '+1',
  '++1',
  '-01',
  '-1.0.',
  '-2.',
  '-NaN',
  '.-1',
  '.2e-3',
  '0.1.2',
  '0.3e+',
  '0.3e',
  '0.e1',
  '0E+',
  '0e',
  '0e+',
  '1.0e+',
  '1.0e-',
  '1.0e',
  '1 000',
  '1eE2',
  '2.e+3',
  '2.e-3',
  '2.e3',
  '9.e+',
  'Inf',
  'NaN',
  'Infinity',
  '0x1',
  '0x42',
  '-Infinity',
  '-foo',
  '- 1',
  '-012',
  '-.5',
  '1.',
  '1a',
  '.123',
  '1.2a',
  '1.8011670033376514H-308',
  '012',
  '1_000',
  '１',
  '["x", truth]',
  'nul',
  'fals',
  'tru',
  'True',
  'TRUE',
  'nullx',
  '{[: "x"}',
  '{"x", null}',
  '{"x"::"b"}',
  '{"a":"a" 123}',
  "{key: 'value'}",
  '{"a" b}',
  '{:"b"}',
  '{"a":}',
  '{"a"',
  '{1:1}',
  '{9999E9999:1}',
  '{null:null}',
  '{"id":0,,}',
  "{'a':0}",
  '{"id":0,}',
  '{"a":"b"}/**/',
  '{"a":/*x*/"b"}',
  '{"a":"b",,"c":"d"}',
  '{a: "b"}',
  '{"a":"a',
  '{"a":"b"}#',
  '"\\uD800\\"',
  '"\\uD800\\u"',
  '"\\uD800\\u1x"',
  '"\\u00A"',
  '"\\x00"',
  '"\\\\\\"',
  '"\\\t"',
  '"\\🌀"',
  '"\\"',
  '"\\uqqqq"',
  '"\\a"',
  "'x'",
  'abc',
  '"\\',
  '"\u0000"',
  '"a\u001fa"',
  '"\t"',
  '"\\UA66D"',
  '"x"y',
  '\\n',
  '',
  '<null>',
  '[\u000c]',
  'é',
  '"\\u12"',
  '[\u00a01]',
  '*',
  '[1:2]',
]

/** Byte sequences that are not UTF-8. */
const NOT_UTF8 = [
  [0x80],
  [0xc0, 0x80],
  [0xc1, 0xbf],
  [0xc3],
  [0xc3, 0x28],
  [0xe0, 0x80, 0x80],
  [0xe0, 0x9f, 0xbf],
  [0xe2, 0x82],
  [0xed, 0xa0, 0x80],
  [0xed, 0xbf, 0xbf],
  [0xf0, 0x80, 0x80, 0x80],
  [0xf0, 0x8f, 0xbf, 0xbf],
  [0xf4, 0x90, 0x80, 0x80],
  [0xf5, 0x80, 0x80, 0x80],
  [0xff],
  [0xfe],
  [0xf0, 0x9f, 0x98],
  [0xe2, 0x28, 0xa1],
]

describe.each(builds)('the grammar, $name build', build => {
  it('takes what is JSON, wanted or not', () => {
    const kernel = build.create()
    for (const text of ACCEPTED) {
      const { rows, rejected } = decodeJson(kernel, ANY, `{"x":${text},"unwanted":${text}}`)
      expect(rejected).toEqual([])
      expect(rows).toEqual([{ x: JSON.parse(text) }])
    }
  })

  it('refuses what is not, wanted or not, and goes on', () => {
    const kernel = build.create()
    for (const text of REFUSED) {
      expect(() => JSON.parse(text)).toThrow()
      for (const record of [`{"x":${text}}`, `{"unwanted":${text}}`, `{"x":1}${text === '' ? '{' : text}`]) {
        const { rows, rejected } = decodeJson(kernel, ANY, `${record}\n{"x":7}`)
        expect([record, rows]).toEqual([record, [{ x: 7 }]])
        expect(rejected.map(({ line, reason }) => [line, reason])).toEqual([[1, 'SYNTAX']])
      }
    }
  })

  it('refuses bytes that are not UTF-8, in values, in keys and where nobody looks', () => {
    const kernel = build.create()
    const type = schema({ x: nullable('utf8') })
    for (const wrong of NOT_UTF8) {
      for (const [before, behind] of [
        ['{"x":"', '"}'],
        ['{"y":"a long string of plain bytes', '"}'],
        ['{"', '":1}'],
        ['{"y":{"z":["', '"]}}'],
      ]) {
        const line = Uint8Array.from([...utf8(before ?? ''), ...wrong, ...utf8(`${behind}\n{"x":"ok"}`)])
        const { rows, rejected } = decodeJson(kernel, type, line)
        expect(rejected.map(({ reason }) => reason)).toEqual(['UTF8_INVALID'])
        expect(rows).toEqual([{ x: 'ok' }])
      }
    }
  })

  it('refuses what is no object', () => {
    const { rows, rejected } = decodeJson(build.create(), ANY, '1\n"x"\n[{"x":1}]\nnull\n{"x":2}\nx')
    expect(rows).toEqual([{ x: 2 }])
    expect(rejected.map(({ line, reason }) => [line, reason])).toEqual(
      [1, 2, 3, 4, 6].map(line => [line, 'NOT_AN_OBJECT']),
    )
  })

  it('skips nesting of 100,000 levels, and refuses what is deeper than it allows', () => {
    const kernel = build.create()
    const nested = (depth: number): string => `{"y":${'['.repeat(depth)}${']'.repeat(depth)},"x":1}`
    const objects = `{"y":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)},"x":2}`
    const open = `{"y":${'['.repeat(100_000)}`
    const { rows, rejected } = decodeJson(
      kernel,
      ANY,
      [nested(100_000), objects, nested(131_072), nested(131_073), open].join('\n'),
    )
    expect(rows).toEqual([{ x: 1 }, { x: 2 }, { x: 1 }])
    expect(rejected.map(({ reason }) => reason)).toEqual(['TOO_DEEP', 'SYNTAX'])
  })
})

describe.each(builds)('the rules, $name build', build => {
  it('null, missing, extra and duplicate fields', () => {
    const type = schema({ a: 'i32', b: nullable('utf8') })
    const lines = [
      '{"a":1,"b":"x"}',
      '{"b":null,"a":2}',
      '{"a":3}',
      '{"a":4,"c":{"a":9},"b":"y"}',
      '{"a":"no","a":5}',
      '{"a":6,"a":7,"b":"1","b":null}',
      '{"a":null}',
      '{"b":"x"}',
      '{}',
      '{"a":8,"a":null}',
      '{"a":"1"}',
      '{"a":1.5}',
      '{"a":2147483648}',
      '{"a":9,"b":5}',
    ]
    const { rows, rejected } = decodeJson(build.create(), type, lines.join('\n'))
    expect(rows).toEqual([
      { a: 1, b: 'x' },
      { a: 2, b: null },
      { a: 3, b: null },
      { a: 4, b: 'y' },
      { a: 5, b: null },
      { a: 7, b: null },
    ])
    expect(rejected.map(({ line, reason, field }) => [line, reason, field])).toEqual([
      [7, 'NULL', 'a'],
      [8, 'MISSING', 'a'],
      [9, 'MISSING', 'a'],
      [10, 'NULL', 'a'],
      [11, 'WRONG_TYPE', 'a'],
      [12, 'NOT_EXACT', 'a'],
      [13, 'OUT_OF_RANGE', 'a'],
      [14, 'WRONG_TYPE', 'b'],
    ])
    expect(rejected[0]?.message).toBe('Line 7: field a is null, but not nullable')
  })

  it('a later duplicate takes away what undecided numbers and lists of the first left', () => {
    // Half way between two doubles, so that the kernel leaves it to the host.
    const long = '1.00000000000000011102230246251565404236316680908203125'
    const type = schema({ a: nullable('f64'), l: nullable(list('f64')) })
    const lines = [
      `{"a":${long},"l":[${long}]}`,
      `{"a":${long},"a":2}`,
      `{"a":${long},"a":null}`,
      `{"l":[${long}],"l":[1,2]}`,
      '{"a":1}',
    ]
    const { rows } = decodeJson(build.create(), type, lines.join('\n'))
    expect(rows).toEqual([
      { a: Number(long), l: [Number(long)] },
      { a: 2, l: null },
      { a: null, l: null },
      { a: null, l: [1, 2] },
      { a: 1, l: null },
    ])
  })

  it('paths and structs: what is null on the way, what is of another type, what stands twice', () => {
    const type = schema({
      city: nullable('utf8'),
      zip: nullable('i32'),
      s: nullable(struct({ x: 'i32', t: nullable(struct({ y: 'bool' })) })),
    })
    const paths = { city: 'user.address.city', zip: ['user', 'address', 'zip.code'] }
    const lines = [
      '{"user":{"address":{"city":"Bern","zip.code":3000}},"s":{"x":1,"t":{"y":true}}}',
      '{"user":{"address":null},"s":null}',
      '{"user":null,"s":{"x":2}}',
      '{"user":{"address":{"city":"A","zip.code":1}},"user":{"address":{"city":"B"}}}',
      '{"user":{"address":{"city":"A"}},"user":null,"s":{"x":1},"s":null}',
      '{"user":5,"user":{}}',
      '{"user":5}',
      '{"user":{"address":[]}}',
      '{"s":{"t":{"y":true}}}',
      '{"s":{"x":1,"t":{}}}',
      '{"s":{"x":1,"t":4}}',
    ]
    const { rows, rejected } = decodeJson(build.create(), type, lines.join('\n'), { paths })
    expect(rows).toEqual([
      { city: 'Bern', zip: 3000, s: { x: 1, t: { y: true } } },
      { city: null, zip: null, s: null },
      { city: null, zip: null, s: { x: 2, t: null } },
      { city: 'B', zip: null, s: null },
      { city: null, zip: null, s: null },
      { city: null, zip: null, s: null },
    ])
    expect(rejected.map(({ reason, field }) => [reason, field])).toEqual([
      ['WRONG_TYPE', 'user'],
      ['WRONG_TYPE', 'user.address'],
      ['MISSING', 's.x'],
      ['MISSING', 's.t.y'],
      ['WRONG_TYPE', 's.t'],
    ])
  })

  it('fields named as what objects have anyway, and keys that are escaped or empty', () => {
    const type = schema({
      constructor: nullable('i32'),
      toString: nullable('i32'),
      '': nullable('i32'),
      é: nullable('i32'),
      '\uFFFD': nullable('i32'),
    })
    const { rows } = decodeJson(
      build.create(),
      type,
      '{"constructor":1,"toString":2,"":3,"\\u00e9":4,"\\ud800":5}\n{"constructo\\u0072":6,"é":7,"\\ufffd":8}',
    )
    expect(rows.map(row => Object.entries(row))).toEqual([
      [
        ['constructor', 1],
        ['toString', 2],
        ['', 3],
        ['é', 4],
        ['\uFFFD', null],
      ],
      [
        ['constructor', 6],
        ['toString', null],
        ['', null],
        ['é', 7],
        ['\uFFFD', 8],
      ],
    ])
  })

  it('lone surrogates become U+FFFD and are counted once', () => {
    const type = schema({ a: 'utf8', b: nullable('utf8') })
    const record = '{"a":"\\ud800","b":"x\\udc00\\ud83d\\ude00"}'
    const { rows, loneSurrogates } = decodeJson(
      build.create(),
      type,
      `${`${record}\n`.repeat(9)}{"a":"\\ud800","c":"\\ud800","b":5}`,
    )
    expect(rows).toEqual(Array.from({ length: 9 }, () => ({ a: '\uFFFD', b: 'x\uFFFD😀' })))
    expect(loneSurrogates).toBe(18)
  })

  it('a byte order mark, CRLF, blank lines, and a last line without end', () => {
    const bytes = utf8('\uFEFF\r\n{"x":1}\r\n\r\n \t\n{"x":2}\n\n{"x":3}')
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { rows, rejected, positionBytes } = decodeJson(build.create(), schema({ x: 'i32' }), bytes, { cuts: [cut] })
      expect([cut, rows]).toEqual([cut, [{ x: 1 }, { x: 2 }, { x: 3 }]])
      expect(rejected).toEqual([])
      expect(positionBytes).toBe(bytes.length)
    }
    expect(decodeJson(build.create(), ANY, '').rows).toEqual([])
    expect(decodeJson(build.create(), ANY, '\uFEFF').rejected).toEqual([])
    expect(decodeJson(build.create(), ANY, Uint8Array.of(0xef, 0xbb)).rejected.map(({ reason }) => reason)).toEqual([
      'NOT_AN_OBJECT',
    ])
  })

  it('arrays: empty, in odd form, cut off, followed by something', () => {
    const kernel = build.create()
    const told = (text: string): unknown[] => {
      const { rows, rejected } = decodeJson(kernel, ANY, text, { format: 'array' })
      return [rows.map(row => (row as { x: unknown }).x), rejected.map(({ reason, line }) => `${reason} ${line}`)]
    }
    expect(told(' [ ] ')).toEqual([[], []])
    expect(told('[{"x":1}]')).toEqual([[1], []])
    expect(told('\uFEFF[{"x":1} , {"x":"]"} ]\n')).toEqual([[1, ']'], []])
    expect(told('')).toEqual([[], ['NO_ARRAY 1']])
    expect(told('{"x":1}')).toEqual([[], ['NO_ARRAY 1']])
    expect(told('[{"x":1},')).toEqual([[1], ['UNTERMINATED 2']])
    expect(told('[{"x":1},{"x":')).toEqual([[1], ['UNTERMINATED 2']])
    expect(told('[{"x":1}')).toEqual([[], ['UNTERMINATED 1']])
    expect(told('[{"x":1}]]')).toEqual([[1], ['AFTER_END 2']])
    expect(told('[{"x":1},]')).toEqual([[1], ['NOT_AN_OBJECT 2']])
    expect(told('[{"x":1},,{"x":2}]')).toEqual([[1, 2], ['NOT_AN_OBJECT 2']])
    expect(told('[{"x":1]},{"x":2}]')).toEqual([[2], ['SYNTAX 1']])
    expect(told('[{"x":1} {"x":2},{"x":3}]')).toEqual([[3], ['SYNTAX 1']])
    expect(told('[5,"a,b",{"x":3}]')).toEqual([[3], ['NOT_AN_OBJECT 1', 'NOT_AN_OBJECT 2']])
  })

  it('timestamps in each unit, floored to the millisecond, and as ISO 8601', () => {
    const type = schema({
      s: nullable('timestamp'),
      ms: nullable('timestamp'),
      us: nullable('timestamp'),
      ns: nullable('timestamp'),
    })
    const timestampUnits = { s: 's', us: 'us', ns: 'ns' } as const
    const lines = [
      '{"s":1700000000,"ms":1700000000123,"us":1700000000123456,"ns":1700000000123456789}',
      '{"s":1700000000.1239,"ms":-0.5,"us":-1,"ns":-1000001}',
      '{"s":-1.0001,"ms":1e3,"us":1e3,"ns":999999}',
      '{"ms":8640000000000000}',
      '{"ms":8640000000000001}',
      '{"s":8640000000001}',
      '{"ms":true}',
    ]
    const { rows, rejected } = decodeJson(build.create(), type, lines.join('\n'), { timestampUnits })
    expect(rows).toEqual([
      { s: 1700000000000, ms: 1700000000123, us: 1700000000123, ns: 1700000000123 },
      { s: 1700000000123, ms: -1, us: -1, ns: -2 },
      { s: -1001, ms: 1000, us: 1, ns: 0 },
      { s: null, ms: 8640000000000000, us: null, ns: null },
    ])
    expect(rejected.map(({ reason }) => reason)).toEqual(['OUT_OF_RANGE', 'OUT_OF_RANGE', 'WRONG_TYPE'])
  })

  it('ISO 8601 texts as Date reads them; without a zone they are UTC', () => {
    const right: [string, number][] = [
      '1970-01-01',
      '2000-02-29',
      '2024-02-29T23:59:59.999Z',
      '1969-12-31T23:59:59.999Z',
      '0000-01-01T00:00:00Z',
      '9999-12-31T23:59:59Z',
      '2021-06-01T12:30+02:00',
      '2021-06-01T12:30:15-09:30',
      '2021-06-01T24:00:00Z',
      '-271821-04-20T00:00:00.000Z',
      '+275760-09-13T00:00:00.000Z',
      '+002021-06-01T00:00:00Z',
      '-000001-01-01T00:00:00Z',
    ].map(text => [text, Date.parse(text)])
    right.push(
      ['2021-06-01T12:30:15', Date.UTC(2021, 5, 1, 12, 30, 15)],
      ['2021-06-01 12:30:15Z', Date.UTC(2021, 5, 1, 12, 30, 15)],
      ['2021-06-01t12:30:15z', Date.UTC(2021, 5, 1, 12, 30, 15)],
      ['2021-06-01T12:30:15.1234567891Z', Date.UTC(2021, 5, 1, 12, 30, 15, 123)],
      ['2021-06-01T12:30:15.1Z', Date.UTC(2021, 5, 1, 12, 30, 15, 100)],
      ['2021-06-01T12:30:15+0530', Date.UTC(2021, 5, 1, 7, 0, 15)],
      ['2021-06-01T12:30:15+05', Date.UTC(2021, 5, 1, 7, 30, 15)],
      ['\\u0032021-06-01', Date.UTC(2021, 5, 1)],
    )
    const wrong = [
      '',
      '2021',
      '2021-06',
      '2021-13-01',
      '2021-00-01',
      '2021-02-29',
      '2021-04-31',
      '2021-06-00',
      '2021-06-01T',
      '2021-06-01T25:00',
      '2021-06-01T12',
      '2021-06-01T12:60',
      '2021-06-01T12:30:60',
      '2021-06-01T12:30:15.',
      '2021-06-01T12:30:15.Z',
      '2021-06-01T24:00:01Z',
      '2021-06-01T24:00:00.0001Z',
      '2021-06-01T12:30:15+24:00',
      '2021-06-01T12:30:15+05:60',
      '2021-06-01T12:30:15+5',
      '2021-06-01T12:30:15+05:',
      '2021-06-01T12:30:15ZZ',
      '21-06-01',
      '2021/06/01',
      ' 2021-06-01',
      '2021-06-01 ',
      '-000000-01-01',
      '2021-6-1',
      'yesterday',
      '2021-06-01X12:30',
    ]
    const lines = [...right.map(([text]) => text), ...wrong].map(text => `{"t":"${text}"}`)
    const { rows, rejected } = decodeJson(
      build.create(),
      schema({ t: 'timestamp' }),
      [...lines, '{"t":"+275760-09-13T00:00:00.001Z"}'].join('\n'),
    )
    expect(rows).toEqual(right.map(([, t]) => ({ t })))
    expect(rejected.map(({ reason }) => reason)).toEqual([...wrong.map(() => 'TIMESTAMP_TEXT'), 'OUT_OF_RANGE'])
  })
})

describe.each(builds)('limits, $name build', build => {
  it('a record that is too large is rejected with its head, however it arrives', () => {
    const big = `{"x":"${'y'.repeat(9000)}"}`
    const text = `{"x":1}\n${big}\n{"x":2}\n${big}`
    for (const step of [text.length, 4096, 1000, 7]) {
      const cuts = Array.from({ length: Math.floor(text.length / step) }, (_, index) => index * step)
      const { rows, rejected } = decodeJson(build.create(), ANY, text, { maxRecordBytes: 5000, cuts })
      expect(rows).toEqual([{ x: 1 }, { x: 2 }])
      const told = rejected.map(({ reason, line, position, sizeBytes, bytes }) => [
        reason,
        line,
        position,
        sizeBytes,
        bytes.length,
      ])
      expect(told).toEqual([
        ['TOO_LARGE', 2, 8, big.length, 4096],
        ['TOO_LARGE', 4, 8 + big.length + 9, big.length, 4096],
      ])
      const inArray = decodeJson(build.create(), ANY, `[${text.replaceAll('\n', ',')}]`, {
        format: 'array',
        maxRecordBytes: 5000,
        cuts,
      })
      expect(inArray.rows).toEqual(rows)
      expect(inArray.rejected.map(({ line, sizeBytes }) => [line, sizeBytes])).toEqual([
        [2, big.length],
        [4, big.length],
      ])
    }
    expect(decodeJson(build.create(), ANY, big, { maxRecordBytes: big.length }).rejected).toEqual([])
    expect(decodeJson(build.create(), ANY, big, { maxRecordBytes: big.length - 1 }).rejected.length).toBe(1)
  })

  it('memory stays bounded by the longest record that is allowed', () => {
    const kernel = build.create({ memoryLimitBytes: 4_000_000 })
    const decoder = jsonDecoder(kernel, ANY, { maxRecordBytes: 100_000 })
    const chunk = utf8('y'.repeat(65_536))
    for (let times = 0; times < 300; times++) expect(decoder.push(chunk)).toEqual([])
    const [last] = [...decoder.push(utf8('\n{"x":1}\n')), ...decoder.finish()]
    expect(last?.rejected.map(({ sizeBytes }) => sizeBytes)).toEqual([300 * 65_536])
    expect(last?.batch.toRows()).toEqual([{ x: 1 }])
  })

  it('a string of 64 MiB is an error of memory or a row, and never a crash', () => {
    const text = utf8(`{"x":"${'z'.repeat(67_108_864)}"}\n{"x":1}\n`)
    const refused = decodeJson(build.create(), ANY, text)
    expect(refused.rejected.map(({ reason, sizeBytes }) => [reason, sizeBytes])).toEqual([['TOO_LARGE', 67_108_872]])
    const small = build.create({ memoryLimitBytes: 50_000_000 })
    const decoder = jsonDecoder(small, ANY, { maxRecordBytes: 100_000_000 })
    expect(() => decoder.push(text)).toThrow(/memory ceiling/)
    decoder.destroy()
  })

  it('reaching the memory ceiling leaves a decoder that can be destroyed, and frees all', () => {
    const kernel = build.create({ memoryLimitBytes: 2_500_000 })
    decodeJson(kernel, ANY, '{"x":1}')
    const inUse = kernel.bytesInUse
    const decoder = jsonDecoder(kernel, schema({ a: 'utf8', b: 'utf8' }), { batchRows: 65_536 })
    let next = 0
    const chunk = (): Uint8Array =>
      utf8(Array.from({ length: 500 }, () => `{"a":"value ${next++}","b":"a longer value ${next}"}\n`).join(''))
    expect(() => {
      for (let times = 0; times < 200; times++) decoder.push(chunk())
    }).toThrow(/memory ceiling/)
    expect(decoder.flush()?.batch.rowCount).toBeGreaterThan(1000)
    decoder.destroy()
    expect(kernel.bytesInUse).toBe(inUse)
    expect(() => decoder.push(new Uint8Array())).toThrow(TypeError)
  })

  it('many rejected records end a batch', () => {
    const { batches, rejected } = decodeJson(build.create(), ANY, 'x\n'.repeat(5000))
    expect(rejected.length).toBe(5000)
    expect(batches.length).toBe(5)
    expect(rejected.at(-1)).toMatchObject({ line: 5000, position: 9998, at: 0 })
  })
})

let colliding: string[] | undefined

/** Strings of 16 letters that the kernel's table of strings cannot tell apart by their hash (intern.ts, hashWords). */
function collidingStrings(): string[] {
  if (colliding !== undefined) return colliding
  colliding = []
  const bytes = new Uint8Array(16)
  const words = new BigUint64Array(bytes.buffer)
  for (let number = 0n; colliding.length < 600; number++) {
    words[0] =
      0x3030303030303030n +
      (number & 0xfn) +
      ((number & 0xf0n) << 4n) +
      ((number & 0xf00n) << 8n) +
      ((number & 0xf000n) << 12n) +
      ((number & 0xf0000n) << 16n) +
      ((number & 0xf00000n) << 20n)
    const mixed = BigInt.asUintN(64, ((words[0] ?? 0n) ^ 16n) * 0x9e3779b97f4a7c15n)
    words[1] = mixed ^ (mixed >> 32n) ^ 0x5555555555555555n
    if (bytes.subarray(8).every(byte => byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c)) {
      colliding.push(new TextDecoder().decode(bytes))
    }
  }
  return colliding
}

describe.each(builds)('strings, $name build', build => {
  const type = schema({ s: 'utf8', n: 'i32' })

  it('are codes of one dictionary, batch after batch, and are not decoded until they are read', () => {
    const texts = [
      '',
      'a',
      'b',
      'eight by',
      'sixteen bytes ok',
      'seventeen bytes !',
      'x'.repeat(40),
      `${'x'.repeat(39)}y`,
      `x${'z'.repeat(38)}x`,
      'é',
    ]
    const lines = Array.from({ length: 3000 }, (_, row) => `{"s":"${texts[row % texts.length]}","n":${row}}\n`).join('')
    const { batches, rows } = decodeJson(build.create(), type, lines, { batchRows: 1000 })
    const columns = batches.map(({ batch }) => batch.column('s') as DictionaryColumn)
    expect(
      columns.every(column => column instanceof DictionaryColumn && column.dictionary === columns[0]?.dictionary),
    ).toBe(true)
    expect(columns[0]?.dictionary.size).toBe(texts.length)
    expect(rows).toEqual(Array.from({ length: 3000 }, (_, n) => ({ s: texts[n % texts.length], n })))
    expect(columns[2]?.dictionary.find('eight by')).toBe(3)
  })

  it('become plain when a dictionary does not repay itself', () => {
    const lines = Array.from({ length: 100_000 }, (_, row) => `{"s":"unique ${row}","n":${row}}\n`).join('')
    const { batches, rows } = decodeJson(build.create(), type, lines, { batchRows: 40_000 })
    const columns = batches.map(({ batch }) => batch.column('s'))
    expect(columns.map(column => [column.length, column instanceof Utf8Column])).toEqual([
      [40_000, false],
      [25_536, false],
      [34_464, true],
    ])
    expect(rows).toEqual(Array.from({ length: 100_000 }, (_, n) => ({ s: `unique ${n}`, n })))
  })

  it('get a new dictionary when one is full, and no batch has two', () => {
    const distinct = 70_000
    const line = (n: number): string => `{"s":"value number ${n % distinct}","n":${n}}\n`
    // Few distinct ones first, so that the dictionary repays itself.
    const before = Array.from({ length: 200_000 }, () => '{"s":"often","n":0}\n').join('')
    const text = before + Array.from({ length: distinct }, (_, n) => line(n)).join('')
    const { batches } = decodeJson(build.create(), type, text)
    const columns = batches.map(({ batch }) => batch.column('s') as DictionaryColumn)
    const sizes = new Map(columns.map(({ dictionary }) => [dictionary.id, dictionary.size]))
    expect([...sizes.values()]).toEqual([65_536, distinct + 1 - 65_536])
    let row = -200_000
    for (const column of columns) {
      for (let index = 0; index < column.length; index++, row++) {
        const wanted = row < 0 ? 'often' : `value number ${row}`
        if (column.value(index) !== wanted) expect(column.value(index)).toBe(wanted)
      }
    }
    expect(row).toBe(distinct)
  })

  it('of one record that fills a dictionary alone are plain', () => {
    const record = `{${Array.from({ length: 66_000 }, (_, index) => `"s":"v${index}"`).join(',')},"n":1}`
    const { rows, rejected } = decodeJson(build.create(), type, `{"s":"a","n":0}\n${record}\n{"s":"b","n":2}`)
    expect(rejected).toEqual([])
    expect(rows).toEqual([
      { s: 'a', n: 0 },
      { s: 'v65999', n: 1 },
      { s: 'b', n: 2 },
    ])
  })

  it('of one hash cost a bounded search: the dictionary counts as full', () => {
    const texts = collidingStrings()
    const lines = texts.map((s, n) => JSON.stringify({ s, n })).join('\n')
    const { batches, rows } = decodeJson(build.create(), type, lines)
    expect(rows).toEqual(texts.map((s, n) => ({ s, n })))
    expect(batches.map(({ batch }) => batch.rowCount)).toEqual([512, texts.length - 512])
  })

  it('that find no room in the middle of a batch leave the records before them as they are', () => {
    const texts = collidingStrings()
    // Each has what a record appends besides: escapes, lone surrogates, elements, numbers that the host decides.
    const lines = texts.map((s, n) => {
      const t = n % 3 === 0 ? 'null' : `"tab\\t\\ud800${n % 7}"`
      return `{"s":${JSON.stringify(s)},"t":${t},"l":[${n},9007199254740993.0000000000001],"n":${n}}\n`
    })
    const wide = schema({ s: 'utf8', t: nullable('utf8'), l: list('f64'), n: 'i32' })
    const decoder = jsonDecoder(build.create(), wide)
    const decoded = [...decoder.push(utf8(lines.join(''))), ...decoder.finish()]
    const rows = decoded.flatMap(({ batch }) => batch.toRows())
    expect(rows).toEqual(
      texts.map((s, n) => ({ s, t: n % 3 === 0 ? null : `tab\t\ufffd${n % 7}`, l: [n, 9007199254740994], n })),
    )
    expect(decoded.map(({ batch }) => batch.rowCount)).toEqual([512, texts.length - 512])
    const loneSurrogates = texts.filter((_, n) => n % 3 !== 0).length
    expect(decoder.progress).toMatchObject({
      positionBytes: lines.join('').length,
      lines: texts.length,
      loneSurrogates,
    })
    decoder.destroy()
  })
})

describe('a decoder of JSON', () => {
  const kernel = builds[0]?.create() ?? expect.fail('no build')

  it('refuses options that do not fit the schema', () => {
    const type = schema({ a: 'i32', b: nullable('i32') })
    const code = (make: () => unknown): unknown => {
      try {
        make()
        return undefined
      } catch (error) {
        return error instanceof TypeError ? 'TypeError' : (error as { code?: string }).code
      }
    }
    expect(code(() => jsonDecoder(kernel, type, { paths: { c: 'x' } }))).toBe('UNKNOWN_FIELD')
    expect(code(() => jsonDecoder(kernel, type, { timestampUnits: { c: 's' } }))).toBe('UNKNOWN_FIELD')
    expect(code(() => jsonDecoder(kernel, type, { paths: { a: 'x', b: 'x' } }))).toBe('SCHEMA_INVALID')
    expect(code(() => jsonDecoder(kernel, type, { paths: { a: 'x', b: 'x.y' } }))).toBe('SCHEMA_INVALID')
    expect(code(() => jsonDecoder(kernel, type, { paths: { a: 'x.y', b: 'x' } }))).toBe('SCHEMA_INVALID')
    expect(code(() => jsonDecoder(kernel, schema({ l: list(list('i32')) })))).toBe('UNSUPPORTED_TYPE')
    expect(code(() => jsonDecoder(kernel, type, { batchRows: 0 }))).toBe('TypeError')
    expect(code(() => jsonDecoder(kernel, type, { maxRecordBytes: 1e12 }))).toBe('TypeError')
    expect(code(() => jsonDecoder(kernel, type, { format: 'csv' as 'array' }))).toBe('TypeError')
    expect(code(() => jsonDecoder(kernel, type, { timestampUnits: { a: 'h' as 's' } }))).toBe('TypeError')
  })

  it('gives what is decoded so far on flush, and tells its position', () => {
    const decoder = jsonDecoder(kernel, schema({ p: nullable(decimal(1)) }))
    expect(decoder.push(utf8('{"p":1.5}\n{"p":'))).toEqual([])
    expect(decoder.flush()?.batch.toRows()).toEqual([{ p: '1.5' }])
    expect(decoder.flush()).toBeUndefined()
    expect(decoder.progress).toMatchObject({ positionBytes: 10, lines: 1 })
    expect(decoder.push(utf8('2}\n'))).toEqual([])
    expect(decoder.finish().map(({ batch }) => batch.toRows())).toEqual([[{ p: '2.0' }]])
    decoder.destroy()
  })
})
