import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { json, type RejectedRecord } from '../../src/connectors/index.js'
import type { Files } from '../../src/core/files.js'
import { nullable } from '../../src/core/index.js'
import { filesOf, gzip, inPieces, pieceSizes, utf8, zstdFrames } from './file-contents.js'
import { contextOf, expectResumable, readAll } from './reading.js'

const SHAPE = { n: 'i32', name: 'utf8', at: nullable('timestamp') } as const

interface Row {
  readonly n: number
  readonly name: string
  readonly at: number | null
}

const row = fc.record({
  n: fc.integer({ min: -1_000_000, max: 1_000_000 }),
  name: fc.oneof(
    fc.constantFrom('', 'a', 'ÖÄ "quoted" \\ [1,2]', '{]},'),
    fc.string({ unit: 'grapheme', maxLength: 12 }),
  ),
  at: fc.option(fc.integer({ min: 0, max: 2e12 })),
})
const rows = fc.array(row, { maxLength: 60, size: 'max' })

const lines = (records: readonly unknown[], end = '\n'): string =>
  records.map(each => `${JSON.stringify(each)}${end}`).join('')
/** An array with space of all kinds around its elements. */
const array = (records: readonly unknown[], space: string): string =>
  `${space}[${space}${records.map(each => JSON.stringify(each)).join(`${space},${space}`)}${space}]${space}`

/** 500 lines of {"n":0,"name":"row 0"} to {"n":499,"name":"row 2"}: numbers, and numbers modulo 7. By zstd -19 --check. */
const ZSTD_LINES = [
  'KLUv/WRmLyUYAGpY4AkUsGk5pIFUUhiwbCmlTCklH9qd4EChAJMAlQCzV4/evPCqo2466d65a8duXXTFETeccOfMlSM3LrjaaJtNtm/eunHbFl',
  'vFKDYxiT3mWGOMLRaxKqopqZerxVpFFRENCZ1MJdIoqIZmRubj6XA2MSUkIyIXS4UyCanT5/Lf7/k9XiaPxbdd03O4Sp1KX7dl12iROBSeZkmO',
  'wRptJvu8jttiRSPy2y25ASwYIiDhAMFwMBAUDBgYBOJgMDAoBKRwwhDWSeeccv702ZPnzjjLJHNMMW/arElzZphVUjmllC9dtmS5MsoiiRxSyJ',
  'MmS5IcGWSNNM4o40ePHTlujLGCFJygBB90sEEGF4xg1ag2Nam95lprrK0WtaIRbWhCO8200kgbLWg1o9nMZPaZZ51xtlnMSkaykYnsMssqo2yy',
  'kNVH33zy/fPXj9+++Mojbzzx7qMGtaY0nalMP/W0U043jWlJSTpSkV5qaaWUThrSeumdV96/fvvy3RtvueSOK+5du3Xpzg23Wmqnlfat27Zs10',
  'ZbLLHDCnvWbFmyY4OtldZZZf3qtSvXrbFWlKITleijjjbK6KIRrSIVpyjFF11skcUVo1hEIg5RiCeaWCKJIwaxhjScoQw/9LAz3DCGJSThCEV4',
  'oYWVZSpPWcovu9wyyytHuchEHrKQTza5ZJJHDnKNaTxjGX/sccccbxzjEpN4xCK+2OKKKZ44xHXTPbfcv3335r077rLJHlvs27Zr054ddtVUT1',
  '2/dt2a9eqoiyZ6aKFPmy5NenTQNdM8s8yfPXfmvDnmClN4whJ+2OGGGV44wlWl6lSl+qqrrbK6alSLStShCvVUU0slNYH6qBEwMH7/DtGnajUR',
  'JAQJwQjBCMHeAaadcp3qDtU2y7bKdcp1qnWabZqRr9kKdrNsq2ynbKdpp+lm+cj+2If9r+/6Wp/128/vbe/39/b329t7+/3t/f3e/H5+v35/vz',
  'efXimr/qk/6vv0bfqXunUW6V3rYq11WWtd1lqXtdZlrXW91loBqgrc5ltL',
].join('')

describe('json()', () => {
  it('reads lines and arrays, whole and from every position, whatever pieces a file comes in', async () => {
    let positions = 0
    await fc.assert(
      fc.asyncProperty(
        rows,
        pieceSizes,
        fc.constantFrom('lines', 'crlf', 'blank', 'array', 'spaced'),
        fc.integer({ min: 1, max: 20 }),
        async (expected: Row[], sizes, form, batchRows) => {
          const text = {
            lines: lines(expected).trimEnd(),
            crlf: `\ufeff${lines(expected, '\r\n')}`,
            blank: `\n\n${lines(expected, '\n \t\n')}`,
            array: array(expected, ''),
            spaced: array(expected, ' \r\n\t'),
          }[form]
          const files = inPieces(filesOf({ in: text }), sizes)
          const whole = await expectResumable(json('in', SHAPE), { files, batchRows })
          expect(whole.rows).toEqual(expected)
          positions += whole.batches.length
        },
      ),
      { numRuns: 50 },
    )
    expect(positions).toBeGreaterThan(200)
  })

  it('reads several files one after the other, plain and compressed, from every position', async () => {
    const parts = [0, 1, 2, 3].map(part =>
      Array.from({ length: 30 }, (_, n) => ({ n: part * 30 + n, name: `row ${n}` })),
    )
    const [first = [], second = [], third = [], fourth = []] = parts
    const files = filesOf({
      'a.ndjson': lines(first),
      'empty.ndjson': '',
      'b.json.gz': gzip(utf8(array(second, '\n'))),
      'c.ndjson.zst': zstdFrames(utf8(lines(third.slice(0, 7))), utf8(lines(third.slice(7)))),
      'd.json': array(fourth, ''),
    })
    const source = json(files.paths(), { n: 'i32', name: 'utf8' })
    for (const batchRows of [1, 7, 8192]) {
      const whole = await expectResumable(source, { files: inPieces(files, [50, 3, 200]), batchRows })
      expect(whole.rows).toEqual(parts.flat())
    }
  })

  it('reads what zstd compressed in earnest, and gzip of several members', async () => {
    const expected = Array.from({ length: 500 }, (_, n) => ({ n, name: `row ${n % 7}` }))
    const packed = Uint8Array.from(atob(ZSTD_LINES), character => character.charCodeAt(0))
    const members = [expected.slice(0, 123), expected.slice(123)].map(part => gzip(utf8(lines(part))))
    const files = filesOf({ 'in.zst': packed, 'in.gz': Buffer.concat(members) })
    for (const path of files.paths()) {
      const source = json(path, { n: 'i32', name: 'utf8' })
      const whole = await expectResumable(source, { files: inPieces(files, [100]), batchRows: 90 })
      expect(whole.rows).toEqual(expected)
    }
  })

  it('closes what it opened, also when it is closed in the middle of a read', async () => {
    const plain = utf8(lines(Array.from({ length: 3000 }, (_, n) => ({ n, name: 'x', at: null }))))
    const stored = filesOf({ in: plain, 'in.gz': gzip(plain), 'in.zst': zstdFrames(plain) })
    let opened = 0
    const files: Files = {
      openAppend: path => stored.openAppend(path),
      openRead: async path => {
        const file = await stored.openRead(path)
        opened += 1
        return {
          sizeBytes: file.sizeBytes,
          read: (offset, length) => file.read(offset, Math.min(length, 1000)),
          close: async () => {
            opened -= 1
          },
        }
      },
    }
    const { kernel } = contextOf()
    await readAll(json('in', SHAPE), { files })
    const before = kernel.bytesInUse
    for (const path of stored.paths()) {
      for (let turns = 0; turns < 30; turns++) {
        const reader = await json(path, SHAPE).open(contextOf({ files, batchRows: 100 }))
        if (turns % 2 === 0) await reader.read()
        const read = reader.read()
        for (let turn = 0; turn < turns; turn++) await Promise.resolve()
        await reader.close()
        await read
        expect(opened).toBe(0)
        expect(kernel.bytesInUse).toBe(before)
      }
    }
  })

  it('infers a schema from a sample, in which every field may be null', async () => {
    const records = [
      { b: true, f: 1, big: 2 ** 60, t: '2024-05-01T10:00:00Z', s: 'x', mixed: 1, o: { a: [1] }, none: null },
      { b: null, f: 2.5, big: 7, t: '2024-05-01T10:00:00.250+02:00', s: '2024-05-01', mixed: 'y', late: 3, o: {} },
    ]
    for (const text of [lines(records), array(records, ' '), `${lines(records)}{"cut": `]) {
      const source = json('in', undefined, { invalid: 'skip' })
      expect(source.schema).toBeUndefined()
      const files = filesOf({ in: text })
      const reader = await source.open(contextOf({ files }))
      const batch = (await reader.read())?.batch
      await reader.close()
      expect(batch?.schema.describe()).toBe(
        'b: bool?, f: f64?, big: i64?, t: timestamp?, s: utf8?, mixed: object?, o: struct<a: list<f64?>?>?, none: object?, late: f64?',
      )
      const [first, second] = (batch?.toRows() ?? []) as [unknown, unknown]
      expect(first).toEqual({
        ...{
          b: true,
          f: 1,
          big: BigInt(String(2 ** 60)),
          t: Date.UTC(2024, 4, 1, 10),
          s: 'x',
          mixed: 1,
          o: { a: [1] },
        },
        ...{ none: null, late: null },
      })
      expect(second).toMatchObject({
        t: Date.UTC(2024, 4, 1, 8, 0, 0, 250),
        s: '2024-05-01',
        mixed: 'y',
        late: 3,
      })
      await expectResumable(source, { files, batchRows: 1 })
    }
  })

  it('gives no rows for files without records', async () => {
    for (const text of ['', '\n \r\n', '[]', ' [ ] ', '\ufeff']) {
      const files = filesOf({ in: text })
      expect((await readAll(json('in'), { files })).rows).toEqual([])
      expect((await readAll(json('in', SHAPE), { files })).rows).toEqual([])
    }
    expect((await readAll(json('in.gz', SHAPE), { files: filesOf({ 'in.gz': gzip(utf8('')) }) })).rows).toEqual([])
    expect((await readAll(json('in.zst', SHAPE), { files: filesOf({ 'in.zst': '' }) })).rows).toEqual([])
  })

  it('fails at a record that is invalid with its file, line, byte, reason and text, also when it was resumed', async () => {
    const files = filesOf({ in: '{"n":1}\n\n{"n":2}\n{"n":"three"}\n{"n":4}\n' })
    const source = json('in', { n: 'i32' })
    await expect(readAll(source, { files })).rejects.toMatchObject({
      code: 'RECORD_INVALID',
      message: expect.stringMatching(
        /^in: Line 4: field n .*\(WRONG_TYPE, record at byte 17\): "\{\\"n\\":\\"three\\"\}"/,
      ),
      details: { path: 'in', line: 4, position: 17, field: 'n', reason: 'WRONG_TYPE', text: '{"n":"three"}' },
    })
    const reader = await source.open(contextOf({ files: inPieces(files, [9]), batchRows: 1 }))
    const first = await reader.read()
    await reader.close()
    const error = { code: 'RECORD_INVALID', details: { line: 4, position: 17 } }
    await expect(readAll(source, { files, position: first?.position ?? null })).rejects.toMatchObject(error)
  })

  it('skips records that are invalid and counts each once, whatever position it goes on from', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(row, fc.constantFrom('{"n"!}', '7', '{"n":1.5,"name":""}')), { maxLength: 40 }),
        pieceSizes,
        fc.boolean(),
        async (records, sizes, isArray) => {
          const texts = records.map(each => (typeof each === 'string' ? each : JSON.stringify(each)))
          const files = inPieces(filesOf({ in: isArray ? `[${texts.join(' ,')}]` : texts.join('\n') }), sizes)
          const source = json('in', SHAPE, { invalid: 'skip' })
          const whole = await expectResumable(source, { files, batchRows: 3 })
          expect(whole.rows).toEqual(records.filter(each => typeof each !== 'string'))
          const bad = records.filter(each => typeof each === 'string').length
          for (const position of [undefined, ...whole.batches.map(batch => batch.position)]) {
            const reader = await source.open(contextOf({ files, position, batchRows: 5 }))
            while ((await reader.read()) !== undefined);
            await reader.close()
            expect(reader.dropped).toEqual(bad === 0 ? {} : { 'invalid-record': bad })
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it('hands invalid records to a function, and what stands behind an array counts as one', async () => {
    const found: RejectedRecord[] = []
    const options = { invalid: (record: RejectedRecord) => void found.push(record) }
    const files = filesOf({ a: '[{"n":1}, {"n":null}, {"n":3}] x [1]\n\n', b: '[{"n":4}, {"n"', c: '{"n":5}' })
    const { rows } = await readAll(json(['a', 'b', 'c'], { n: 'i32' }, options), {
      files: inPieces(files, [5]),
      batchRows: 1,
    })
    expect(rows).toEqual([1, 3, 4, 5].map(n => ({ n })))
    expect(found.map(({ path, line, position, reason }) => [path, line, position, reason])).toEqual([
      ['a', 2, 10, 'NULL'],
      ['a', expect.any(Number), 31, 'AFTER_END'],
      ['b', 2, 10, 'UNTERMINATED'],
    ])
    const failing = json('a', { n: 'i32' }, { invalid: () => Promise.reject(new Error('no')) })
    await expect(readAll(failing, { files })).rejects.toMatchObject({ code: 'USER_FUNCTION_FAILED' })
  })

  it('decodes declared fields only, by their paths and units', async () => {
    const files = filesOf({ in: '{"u":{"city":"Ulm"},"t":1,"other":[1,{"a":"b"}]}\n' })
    const source = json(
      'in',
      { city: 'utf8', t: 'timestamp' },
      { paths: { city: 'u.city' }, timestampUnits: { t: 's' } },
    )
    expect((await readAll(source, { files })).rows).toEqual([{ city: 'Ulm', t: 1000 }])
  })

  it('names the file in what is wrong with it', async () => {
    const files = filesOf({
      'a.gz': 'no gzip at all, but long enough',
      'b.zst': 'no zstd at all, but long enough',
      c: '{}',
    })
    const damaged = { code: 'COMPRESSION_INVALID' }
    await expect(readAll(json('a.gz', SHAPE), { files })).rejects.toMatchObject(damaged)
    await expect(readAll(json('b.zst', SHAPE), { files })).rejects.toMatchObject(damaged)
    await expect(readAll(json('a.gz', SHAPE, { compression: 'none' }), { files })).rejects.toMatchObject({
      code: 'RECORD_INVALID',
    })
    await expect(readAll(json('none', SHAPE), { files })).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
    await expect(readAll(json('c', SHAPE, { paths: { m: 'n' } }), { files })).rejects.toMatchObject({
      code: 'UNKNOWN_FIELD',
      details: { path: 'c' },
    })
    expect(() => json([], SHAPE)).toThrow(TypeError)
    expect(() => json('in', SHAPE, { invalid: 'ignore' as 'skip' })).toThrow(
      /'fail', 'skip', 'deadLetter' or a function/,
    )
    expect(() => json('in', SHAPE, { compression: 'lz4' as 'gzip' })).toThrow(/'gzip' or 'zstd'/)
  })

  it('refuses data that is cut, at every byte', async () => {
    const plain = utf8(lines(Array.from({ length: 40 }, (_, n) => ({ n, name: `${n * n}`, at: null }))))
    for (const [path, bytes] of Object.entries({ 'in.gz': gzip(plain), 'in.zst': zstdFrames(plain) })) {
      for (let length = 1; length < bytes.length; length += 7) {
        const files = filesOf({ [path]: bytes.subarray(0, length) })
        await expect(readAll(json(path, SHAPE), { files }), `${path} cut to ${length}`).rejects.toMatchObject({
          code: 'COMPRESSION_INVALID',
        })
      }
    }
  })

  it('refuses positions of others, and inputs that are shorter than at the position', async () => {
    const files = filesOf({ in: lines([{ n: 1 }, { n: 2 }]), 'in.gz': gzip(utf8(lines([{ n: 1 }]))) })
    const start = { offset: 0, line: 0, rows: 0, rejected: 0, ended: 'no' }
    const within = (changes: object, path = 'in') => {
      return { files: [path], at: 0, in: { ...start, ...changes }, schema: null, rejected: 0 }
    }
    const read = (position: object, path = 'in') =>
      readAll(json(path, { n: 'i32' }), { files, position: position as never })
    const wrong = [{ offset: -1 }, { ended: 'maybe' }, { rows: 1.5 }].map(changes => within(changes))
    for (const position of [7, {}, { at: 0, rejected: 0 }, { ...within({}), at: -1 }, { ...within({}), files: [1] }]) {
      wrong.push(position as never)
    }
    for (const position of wrong) {
      await expect(read(Object(position))).rejects.toMatchObject({ code: 'POSITION_INVALID' })
    }
    for (const gone of [{ ...within({}), at: 1 }, within({}, 'other'), within({ offset: 100 }), within({ rows: 3 })]) {
      await expect(read(gone)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' })
    }
    await expect(read(within({ offset: 100 }, 'in.gz'), 'in.gz')).rejects.toMatchObject({ code: 'SOURCE_CHANGED' })
    expect((await read(within({ rows: 1 }))).rows).toEqual([{ n: 2 }])
  })
})
