import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { csv } from '../../src/connectors/index.js'
import { nullable } from '../../src/core/index.js'
import { filesOf, gzip, inPieces, pieceSizes, utf8, zstdFrames } from './file-contents.js'
import { contextOf, expectResumable, readAll } from './reading.js'

const SHAPE = { n: 'i32', name: 'utf8', x: nullable('f64') } as const

interface Row {
  readonly n: number
  readonly name: string
  readonly x: number | null
}

const row = fc.record({
  n: fc.integer({ min: -1_000_000, max: 1_000_000 }),
  name: fc.oneof(fc.constantFrom('', 'a', 'two\nlines', 'say "Ö"', 'x,y'), fc.string({ maxLength: 12 })),
  x: fc.option(fc.integer({ min: -1000, max: 1000 }).map(value => value / 8)),
})
const rows = fc.array(row, { maxLength: 40, size: 'max' })

const field = (text: string): string => `"${text.replaceAll('"', '""')}"`
/** With columns that nobody asked for between those that are. */
const lines = (records: readonly Row[], end = '\n'): string =>
  records.map(({ n, name, x }) => `ab,${n},${field(name)},,${x ?? ''}${end}`).join('')
const HEADER = 'one,n,"name",two,x'

describe('csv()', () => {
  it('reads rows, whole and from every position, whatever pieces a file comes in', async () => {
    let positions = 0
    await fc.assert(
      fc.asyncProperty(
        rows,
        pieceSizes,
        fc.constantFrom('plain', 'crlf', 'bare', 'commented'),
        fc.integer({ min: 1, max: 20 }),
        async (expected: Row[], sizes, form, batchRows) => {
          const text = {
            plain: `${HEADER}\n${lines(expected)}`,
            crlf: `\ufeff${HEADER}\r\n${lines(expected, '\r\n')}`,
            bare: lines(expected),
            commented: `# before "the header\n\n${HEADER}\n${lines(expected, '\n\n#, or " within\n')}`,
          }[form]
          const bare = form === 'bare' ? { header: false, columns: ['one', 'n', 'name', 'two', 'x'] } : {}
          const files = inPieces(filesOf({ in: text }), sizes)
          const source = csv('in', SHAPE, { ...bare, comment: '#' })
          const whole = await expectResumable(source, { files, batchRows })
          expect(whole.rows).toEqual(expected)
          positions += whole.batches.length
        },
      ),
      { numRuns: 50 },
    )
    expect(positions).toBeGreaterThan(100)
  })

  it('reads files of one column, whose blank lines are records', async () => {
    const files = inPieces(filesOf({ in: 'only\na\n\nb\n\n' }), [3, 1])
    for (const batchRows of [1, 2, 100]) {
      const whole = await expectResumable(csv('in', { only: nullable('utf8') }), { files, batchRows })
      expect(whole.rows).toEqual(['a', null, 'b', null].map(only => ({ only })))
    }
  })

  it('reads several files, each by its own header, plain and compressed', async () => {
    const files = filesOf({
      'a.csv': 'n,m\n1,x\n2,y\n',
      'b.csv': '',
      'c.csv.gz': gzip(utf8('m,other,n\nz,,3\n')),
      'd.csv.zst': zstdFrames(utf8('n;m\n'), utf8('4;v')),
    })
    const rows = (source: Parameters<typeof readAll>[0]) => expectResumable(source, { files, batchRows: 1 })
    expect((await rows(csv(['a.csv', 'b.csv', 'c.csv.gz'], { m: 'utf8', n: 'i64' }))).rows).toEqual([
      { m: 'x', n: 1n },
      { m: 'y', n: 2n },
      { m: 'z', n: 3n },
    ])
    expect((await rows(csv('d.csv.zst', { n: 'i32' }, { delimiter: ';' }))).rows).toEqual([{ n: 4 }])
  })

  it('infers a schema from a sample', async () => {
    const describeSchema = async (text: string, options = {}): Promise<unknown> => {
      const files = filesOf({ in: text })
      const source = csv('in', undefined, options)
      expect(source.schema).toBeUndefined()
      await expectResumable(source, { files, batchRows: 1 })
      const reader = await source.open(contextOf({ files }))
      const next = await reader.read()
      await reader.close()
      return next?.batch.schema.describe()
    }
    const text = 'a,b,c,d\n1,2.5,2024-05-01T10:00:00Z,x\n2,,2024-05-02,\n'
    expect(await describeSchema(text)).toBe('a: i32?, b: f64?, c: timestamp?, d: utf8?')
    expect(await describeSchema('1\tx\n2\ty', { header: false, delimiter: '\t' })).toBe('column1: i32?, column2: utf8?')
    expect(await describeSchema('1\n2', { header: false, columns: ['n'] })).toBe('n: i32?')
    expect(await describeSchema('')).toBeUndefined()
    expect(await describeSchema('a,b\n')).toBeUndefined()
  })

  it('fails at a record that is invalid with its file, line, byte and reason, or skips and counts it', async () => {
    const files = inPieces(filesOf({ in: 'n,name\n1,"a\nb"\n2,b,c\n3,c\nx,d\n4,e\n' }), [7])
    await expect(readAll(csv('in', { n: 'i32' }), { files, batchRows: 1 })).rejects.toMatchObject({
      code: 'RECORD_INVALID',
      message: expect.stringContaining('in: Line 4 has too many fields (TOO_MANY_FIELDS, record at byte 15): "2,b,c"'),
      details: { line: 4, position: 15 },
    })
    const source = csv('in', { n: 'i32' }, { invalid: 'skip' })
    const whole = await expectResumable(source, { files, batchRows: 1 })
    expect(whole.rows).toEqual([1, 3, 4].map(n => ({ n })))
    for (const position of [undefined, ...whole.batches.map(batch => batch.position)]) {
      const reader = await source.open(contextOf({ files, position }))
      while ((await reader.read()) !== undefined);
      await reader.close()
      expect(reader.dropped).toEqual({ 'invalid-record': 2 })
    }
  })

  it('names the file in what is wrong with it', async () => {
    const files = filesOf({ in: 'n,name\n1,a\n', open: '"n,name\n1,a\n', 'in.gz': 'n,name\n1,a\n' })
    await expect(readAll(csv('in', { nama: 'utf8' }), { files })).rejects.toMatchObject({
      code: 'MISSING_COLUMN',
      message: expect.stringMatching(/^in: The file has no column "nama". Did you mean "name"/),
    })
    await expect(readAll(csv('in.gz', SHAPE), { files })).rejects.toMatchObject({ code: 'COMPRESSION_INVALID' })
    await expect(readAll(csv('open', { n: 'i32' }), { files })).rejects.toMatchObject({ details: { path: 'open' } })
    await expect(readAll(csv('none', SHAPE), { files })).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
    expect(() => csv('in', SHAPE, { delimiter: ';;' })).toThrow(TypeError)
  })
})
