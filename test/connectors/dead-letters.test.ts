/* Records of files that became no row, as a stream beside the rows. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json } from '../../src/core/json.js'
import {
  collect,
  csv,
  execute,
  type JobHandle,
  job,
  json,
  memory,
  ndjson,
  nullable,
  replay,
  type Source,
  splits,
} from '../../src/index.js'
import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'
import { environment, observed, text } from '../runtime/streams.js'
import { filesOf, gzip, utf8 } from './file-contents.js'
import { contextOf, throughJSON } from './reading.js'

const SHAPE = { n: 'i32', word: nullable('utf8') } as const
const OPTIONS = { invalid: 'deadLetter' } as const

/** Every line is a record of its own; some are bad, whole stretches of them among these. */
const lines = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 999 }).map(n => `{"n":${n},"word":"w${n}"}`) },
    { weight: 2, arbitrary: fc.constantFrom('{"n":"x"}', '{"n":', 'nothing', '[1]', '{"n":99999999999}') },
    { weight: 1, arbitrary: fc.constant('{"n":true}\n{"n":1.5}\n}') },
  ),
  { maxLength: 60 },
)

interface Given {
  readonly rows: unknown[]
  readonly letters: unknown[]
}

/** What a source gives, and what it gave up to each position. */
async function read(source: Source, files: ReturnType<typeof filesOf>, batchRows: number, position?: Json) {
  const reader = await source.open(contextOf({ files, batchRows, position }))
  const given: Given = { rows: [], letters: [] }
  const places: { position: Json; rows: number; letters: number }[] = []
  for (let next = await reader.read(); next !== undefined; next = await reader.read()) {
    given.rows.push(...next.batch.toRows())
    for (const batch of next.deadLetters ?? []) {
      expect(batch.length).toBeGreaterThan(0)
      given.letters.push(...batch.toRows())
    }
    places.push({ position: throughJSON(next.position), rows: given.rows.length, letters: given.letters.length })
  }
  await reader.close()
  return { ...given, places, dropped: reader.dropped?.['invalid-record'] ?? 0 }
}

describe('dead letters of a source', () => {
  it('say where a record stands, why it is refused, and what it is', async () => {
    const content = utf8('{"n":1}\n{"n":"ü"}\n{"n":\n{"n":2}\n?')
    content[content.length - 1] = 0xff
    const { rows, letters } = await read(json('in', SHAPE, OPTIONS), filesOf({ in: content }), 10)
    expect(rows).toEqual([
      { n: 1, word: null },
      { n: 2, word: null },
    ])
    const base = { path: 'in', message: expect.stringContaining('ine') }
    expect(letters).toMatchObject([
      {
        ...base,
        position: 8,
        line: 2,
        reason: 'WRONG_TYPE',
        field: 'n',
        sizeBytes: 10,
        text: '{"n":"ü"}',
        base64: null,
      },
      { ...base, position: 19, line: 3, field: null, text: '{"n":', base64: null },
      { ...base, position: 33, line: 5, field: null, text: null, base64: '/w==' },
    ])
    const table = await read(csv('in', SHAPE, OPTIONS), filesOf({ in: 'n,word\n1,a\nx,b\n2\n' }), 10)
    expect(table.rows).toEqual([{ n: 1, word: 'a' }])
    expect(table.letters).toMatchObject([
      { line: 3, field: 'n', text: 'x,b' },
      { line: 4, text: '2' },
    ])
  })

  it('come once from every position, whatever the batches, as the rows do', async () => {
    let refused = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(lines, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        fc.boolean(),
        async (contents, size, other, isPacked) => {
          const name = (index: number) => `${index}${isPacked ? '.gz' : '.ndjson'}`
          const bytes = contents.map(part => utf8(part.join('\n')))
          const files = filesOf(
            Object.fromEntries(bytes.map((part, index) => [name(index), isPacked ? gzip(part) : part])),
          )
          const source = json(
            contents.map((_, index) => name(index)),
            SHAPE,
            OPTIONS,
          )
          const whole = await read(source, files, size)
          expect(whole.dropped).toBe(whole.letters.length)
          refused += whole.letters.length
          for (const { position, rows, letters } of whole.places) {
            const rest = await read(source, files, other, position)
            expect(rest.rows).toEqual(whole.rows.slice(rows))
            expect(rest.letters).toEqual(whole.letters.slice(letters))
            expect(rest.dropped).toBe(whole.dropped)
          }
        },
      ),
      { numRuns: 40 },
    )
    expect(refused).toBeGreaterThan(100)
  })

  it('are written exactly once by a job that crashes and resumes', async () => {
    const content = Array.from({ length: 400 }, (_, n) => (n % 7 < 2 ? `bad ${n}` : `{"n":${n}}`)).join('\n')
    const build = (source: Source<{ n: number; word: string | null }>) =>
      job('letters', j => {
        const rows = j.from(source, { idleness: 0 })
        rows.select('n').to(ndjson('rows.ndjson'))
        rows.deadLetters.select('line', 'text').to(ndjson('letters.ndjson'))
      }).plan()
    const outputs = (files: ReturnType<typeof filesOf>) =>
      ['rows.ndjson', 'letters.ndjson'].map(path => text(files.get(path)))
    const input = () => filesOf({ in: content })
    const calm = input()
    const { status, metrics } = await execute(build(json('in', SHAPE, OPTIONS)), environment(calm)).ended
    expect(status).toBe('finished')
    expect(metrics.operators[0]?.dropped).toEqual({ 'invalid-record': 115 })
    const expected = outputs(calm)
    expect(expected.map(output => output.split('\n').length - 1)).toEqual([285, 115])
    let resumes = 0
    for (let seed = 0; seed < 12; seed++) {
      const files = input()
      const storage = new MemoryCheckpointStorage()
      for (let life = 0; ; life++) {
        let handle: JobHandle | undefined
        const source = observed(json('in', SHAPE, OPTIONS), reads => {
          if (reads % 2 === 1) handle?.checkpoint().catch(() => undefined)
        })
        if (life < 3) files.crashAfter(3 + ((seed * 5 + life * 7) % 25), seed)
        const options = { batchRows: 8 + seed, resume: true, checkpoints: { storage, intervalMs: 0 } }
        handle = execute(build({ ...source, hasDeadLetters: true }), environment(files), options)
        const last = await handle.ended
        if (last.resumedFrom !== undefined) resumes += 1
        if (last.status === 'finished') break
        if (life >= 3) throw last.error
        if (files.crashCount <= life) files.crash(seed + life)
      }
      expect(outputs(files)).toEqual(expected)
    }
    expect(resumes).toBeGreaterThan(3)
  })

  it('come from every split and subtask', async () => {
    const files = filesOf({ a: '{"n":1}\nbad a\n', b: 'bad b\n{"n":2}\n', c: 'bad c' })
    const part = (path: string) => json(path, SHAPE, OPTIONS)
    const source = splits([part('a'), part('b'), part('c')])
    for (const parallelism of [1, 2]) {
      const letters = collect<{ path: string; text: string | null }>()
      const graph = job('parts', j => {
        const rows = j.from(source)
        rows.to(collect())
        rows.deadLetters.select('path', 'text').to(letters)
      }).plan()
      const { status, error } = await execute(graph, environment(files), { parallelism }).ended
      expect(error).toBeUndefined()
      expect(status).toBe('finished')
      expect(letters.rows.map(({ text }) => text).sort()).toEqual(['bad a', 'bad b', 'bad c'])
    }
  })

  it('are there where they are asked for only', () => {
    const plan = (source: Source) => job('none', j => j.from(source).deadLetters.to(collect())).plan()
    expect(() => plan(json('in', SHAPE))).toThrow(/in has no dead letters: give it the option invalid: 'deadLetter'/)
    expect(() => plan(memory([{ n: 1 }]))).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
    expect(() => replay(json('in', SHAPE, OPTIONS), { by: row => row.n })).toThrow(TypeError)
  })
})
