import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { filesBelow, matchPaths } from '../../src/connectors/glob.js'
import { csv, json, parquet } from '../../src/connectors/index.js'
import { ManualClock } from '../../src/testing/manual-clock.js'
import { filesOf, gzip, inPieces, utf8 } from './file-contents.js'
import { contextOf, expectResumable, readAll, throughJSON } from './reading.js'

const line = (n: number): string => `{"n":${n}}\n`
const numbers = (rows: readonly unknown[]): unknown[] => rows.map(row => (row as { n: number }).n)

const TREE = {
  'logs/b.ndjson': line(2),
  'logs/a.ndjson': line(1),
  'logs/c.ndjson.gz': gzip(utf8(line(3))),
  'logs/.hidden.ndjson': line(90),
  'logs/_temporary.ndjson': line(91),
  'logs/old/d.ndjson': line(4),
  'logs/old/e.txt': 'no record',
  'logs/.work/f.ndjson': line(92),
  'other.ndjson': line(93),
}

async function* pieces(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield utf8(text)
}

describe('patterns of paths', () => {
  const { directories } = filesOf(TREE)
  it.each([
    ['logs/*.ndjson', ['logs/_temporary.ndjson', 'logs/a.ndjson', 'logs/b.ndjson']],
    ['logs/[ab].ndjson', ['logs/a.ndjson', 'logs/b.ndjson']],
    ['logs/[!a_].ndjson', ['logs/b.ndjson']],
    ['logs/[a-b].n?json', ['logs/a.ndjson', 'logs/b.ndjson']],
    ['logs/{b,a}.ndjson', ['logs/a.ndjson', 'logs/b.ndjson']],
    ['{logs,logs/old}/{a,d}.{ndjson,txt}', ['logs/a.ndjson', 'logs/old/d.ndjson']],
    ['**/*.ndjson', ['logs/_temporary.ndjson', 'logs/a.ndjson', 'logs/b.ndjson', 'logs/old/d.ndjson', 'other.ndjson']],
    ['logs/**/d.ndjson', ['logs/old/d.ndjson']],
    ['logs/.h*', ['logs/.hidden.ndjson']],
    ['*/old/*', ['logs/old/d.ndjson', 'logs/old/e.txt']],
    ['logs/*.gz', ['logs/c.ndjson.gz']],
    ['*', ['other.ndjson']],
    ['nowhere/*', []],
    ['logs/{a', []],
  ])('%s', async (pattern, expected) => {
    expect(await matchPaths(directories, pattern)).toEqual(expected)
  })

  it('matches a name as a regular expression of the same meaning does', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '?'), maxLength: 8 })
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(text, name, async (pattern, file) => {
        const source = pattern.replace(/[.]/g, '\\.').replace(/\*/g, '.*').replace(/\?/g, '.')
        const hidden = file.startsWith('.') && !pattern.startsWith('.')
        const expected = new RegExp(`^${source}$`).test(file) && !hidden && !['.', ''].includes(pattern)
        expect(await matchPaths(filesOf({ [file]: '' }).directories, pattern)).toEqual(expected ? [file] : [])
      }),
    )
  })

  it('takes no long time for patterns that backtrack', async () => {
    const many = filesOf({ [`${'a'.repeat(200)}b`]: '' })
    expect(await matchPaths(many.directories, `${'*a'.repeat(80)}c`)).toEqual([])
  })

  it('finds the files below a directory, without hidden ones', async () => {
    expect(await filesBelow(directories, 'logs')).toEqual([
      'logs/a.ndjson',
      'logs/b.ndjson',
      'logs/c.ndjson.gz',
      'logs/old/d.ndjson',
      'logs/old/e.txt',
    ])
    expect(await filesBelow(directories, 'other.ndjson')).toBeUndefined()
  })
})

describe('a source of files', () => {
  it('reads what a pattern or a directory stands for, by name, each file once, from every position', async () => {
    const files = filesOf(TREE)
    const read = async (input: Parameters<typeof json>[0]) => {
      return numbers((await expectResumable(json(input, { n: 'i32' }), { files, batchRows: 1 })).rows)
    }
    expect(await read('logs/[abc].ndjson*')).toEqual([1, 2, 3])
    expect(await read(['logs/b*', 'logs/[ab]*', 'other.ndjson'])).toEqual([2, 1, 93])
    files.put('logs/old/e.txt', utf8(line(5)))
    expect(await read('logs')).toEqual([1, 2, 3, 4, 5])
    expect(await read('logs/')).toEqual([1, 2, 3, 4, 5])
    expect(await read(['other.ndjson', 'other.ndjson'])).toEqual([93, 93])
  })

  it('goes on with the files of the start, whatever came to the directory, and without those that are done', async () => {
    const files = filesOf({ 'in/b': line(2) + line(3), 'in/c': line(4) })
    const source = json('in/*', { n: 'i32' })
    const { batches } = await readAll(source, { files, batchRows: 1 })
    const position = batches[1]?.position ?? null
    files.put('in/a', utf8(line(0)))
    files.put('in/d', utf8(line(5)))
    expect(numbers((await readAll(source, { files, position })).rows)).toEqual([4])
    await files.directories.remove('in/c')
    await expect(readAll(source, { files, position })).rejects.toMatchObject({
      code: 'SOURCE_CHANGED',
      message: expect.stringContaining('in/c'),
    })
    const later = filesOf({ 'in/c': line(4) })
    const third = batches[2]?.position ?? null
    expect((await readAll(source, { files: later, position: third })).rows).toEqual([])
  })

  it('keeps the schema that it inferred, also when the file that told it is gone', async () => {
    const files = filesOf({ 'in/1': '{"a":1}\n', 'in/2': '{"a":2,"b":"x"}\n', 'in/0': '\n' })
    const whole = await expectResumable(json('in/*'), { files, batchRows: 1 })
    expect(whole.rows).toEqual([{ a: 1 }, { a: 2 }])
    const changed = filesOf({ 'in/1': '{"b":"x"}\n', 'in/2': '{"b":"x","a":2}\n' })
    const rest = await readAll(json('in/*'), { files: changed, position: whole.batches[0]?.position })
    expect(rest.rows).toEqual([{ a: 2 }])
  })

  it('says when a pattern or a directory has no file', async () => {
    const files = filesOf({ 'in/.hidden': line(1), 'a[1].ndjson': line(7) })
    for (const path of ['in', 'in/*', 'none/*.ndjson']) {
      await expect(readAll(json(path, { n: 'i32' }), { files }), path).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
    }
    expect(numbers((await readAll(json('a[1].ndjson', { n: 'i32' }), { files })).rows)).toEqual([7])
  })

  it('reads Blobs and Files, from every position', async () => {
    const blob = new Blob([line(1), line(2)])
    const file = new File([`n\n3\n4\n`], 'numbers.csv')
    expect(numbers((await expectResumable(json(blob, { n: 'i32' }), { batchRows: 1 })).rows)).toEqual([1, 2])
    const source = csv([file], { n: 'i32' })
    expect(source.description).toBe('numbers.csv')
    expect(numbers((await expectResumable(source, { batchRows: 1 })).rows)).toEqual([3, 4])
  })

  it('reads streams once, and refuses by name to go on in them', async () => {
    const make: readonly (() => Parameters<typeof json>[0])[] = [
      () => new Blob([line(1), line(2)]).stream() as never,
      () => new Response(line(1) + line(2)) as never,
      () => pieces('{"n":', '1}\n{"n":2', '}'),
      () => new Response(gzip(utf8(line(1) + line(2))) as never) as never,
    ]
    for (const [index, stream] of make.entries()) {
      const compression = index === 3 ? 'gzip' : 'none'
      const source = json(stream(), { n: 'i32' }, { compression })
      expect(source.replayable).toBe(false)
      const whole = await readAll(source, { batchRows: 1 })
      expect(numbers(whole.rows)).toEqual([1, 2])
      const again = json(stream(), { n: 'i32' }, { compression })
      const behind = readAll(again, { position: whole.batches[0]?.position })
      await expect(behind).rejects.toMatchObject({
        code: 'SOURCE_NOT_REPLAYABLE',
        message: expect.stringContaining('stream'),
      })
      const anew = json((() => stream()) as never, { n: 'i32' }, { compression })
      expect(numbers((await expectResumable(anew, { batchRows: 1 })).rows)).toEqual([1, 2])
    }
  })

  it('refuses what is no input, a Response that failed, and a stream of texts', async () => {
    expect(() => json([], { n: 'i32' })).toThrow(TypeError)
    expect(() => json(7 as never, { n: 'i32' })).toThrow(/paths, Blobs and streams/)
    expect(() => json({} as never, { n: 'i32' })).toThrow(/paths, Blobs and streams/)
    const failed = json(new Response('no', { status: 503 }) as never, { n: 'i32' })
    await expect(readAll(failed)).rejects.toMatchObject({ code: 'FILE_UNREADABLE', details: { status: 503 } })
    async function* texts(): AsyncGenerator<string> {
      yield line(1)
    }
    await expect(readAll(json(texts() as never, { n: 'i32' }))).rejects.toThrow(/not bytes/)
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield utf8(line(1))
      throw new Error('cut off')
    }
    await expect(readAll(json(broken(), { n: 'i32' }))).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      message: expect.stringContaining('cut off'),
    })
  })

  it('hands out the rows that have come while a stream is silent, and ends when it is closed meanwhile', async () => {
    const clock = new ManualClock()
    let more: (text: string) => void = () => {}
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield utf8(line(1))
      for (;;) yield utf8(await new Promise<string>(resolve => (more = resolve)))
    }
    const reader = await json(slow(), { n: 'i32' }).open(contextOf({ clock }))
    const turns = async () => {
      for (let turn = 0; turn < 50; turn++) await Promise.resolve()
      clock.advance(100)
      for (let turn = 0; turn < 50; turn++) await Promise.resolve()
    }
    const first = reader.read()
    await turns()
    await turns()
    expect(numbers((await first)?.batch.toRows() ?? [])).toEqual([1])
    const second = reader.read()
    await turns()
    more(line(2))
    await turns()
    await turns()
    expect(numbers((await second)?.batch.toRows() ?? [])).toEqual([2])
    const third = reader.read()
    await turns()
    await reader.close()
    expect(await third).toBeUndefined()
  })

  it('reads several Parquet files as one', async () => {
    await expect(readAll(parquet('none/*'), { files: filesOf({}) })).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
    const reader = json('in/*', { n: 'i32' }).open(contextOf({ files: inPieces(filesOf({ 'in/*': line(1) }), [3]) }))
    const batch = await (await reader).read()
    expect(throughJSON(batch?.position ?? null)).toMatchObject({ files: ['in/*'], at: 0, rejected: 0 })
  })
})
