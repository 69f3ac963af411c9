/* Files that are dealt to splits, which are read side by side. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Schema } from '../../src/core/index.js'
import { arrowEncoding, avroEncoding, parquetEncoding } from '../../src/formats/table-encoders.js'
import { csvEncoding, ndjsonEncoding } from '../../src/formats/text-encoders.js'
import {
  arrow,
  avro,
  count,
  csv,
  execute,
  type JobHandle,
  job,
  json,
  ndjson,
  parquet,
  replay,
  type Source,
  sum,
  tumbling,
} from '../../src/index.js'
import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'
import { batchOf } from '../core/arbitraries.js'
import { encodeFile } from '../formats/encodings.js'
import { environment, observed, type Reading, readings, text } from '../runtime/streams.js'
import { filesOf } from './memory-contents.js'
import { expectResumable, readAll } from './reading.js'

const SHAPE = { sensor: 'utf8', at: 'timestamp', value: 'i32' } as const

const FORMATS = [
  {
    name: 'json',
    encoding: ndjsonEncoding(),
    source: (input: string | string[], splits: number) => json(input, SHAPE, { splits }),
  },
  {
    name: 'csv',
    encoding: csvEncoding(),
    source: (input: string | string[], splits: number) => csv(input, SHAPE, { splits }),
  },
  {
    name: 'avro',
    encoding: avroEncoding(),
    source: (input: string | string[], splits: number) => avro(input, SHAPE, { splits }),
  },
  {
    name: 'arrow',
    encoding: arrowEncoding(),
    source: (input: string | string[], splits: number) => arrow(input, SHAPE, { splits }),
  },
  {
    name: 'parquet',
    encoding: parquetEncoding({ rowGroupRows: 10 }),
    source: (input: string | string[], splits: number) => parquet(input, SHAPE, { splits }),
  },
] as const

type Format = (typeof FORMATS)[number]

/** The rows in files of a directory, all of one format. */
async function filled({ encoding }: Format, rows: readonly Reading[], fileCount: number) {
  const files = filesOf({})
  const each = Math.ceil(rows.length / fileCount)
  for (let index = 0; index < fileCount; index++) {
    const part = rows.slice(index * each, (index + 1) * each)
    if (part.length > 0)
      files.put(`in/${index}.data`, await encodeFile(encoding, [batchOf({ schema: Schema.of(SHAPE), rows: part })]))
  }
  return files
}

const sorted = (rows: readonly unknown[]): string[] => rows.map(row => JSON.stringify(row)).sort()

describe.each(FORMATS)('splits of $name files', format => {
  it('hold every row once, and resume from every position', async () => {
    const rows = readings(90, 3)
    const files = await filled(format, rows, 5)
    const list = [0, 1, 2, 3, 4].map(index => `in/${index}.data`)
    for (const [input, splits] of [
      [list, 3],
      ['in/*.data', 4],
      ['in', 1],
      ['in/1.data', 3],
    ] as const) {
      const source = format.source(typeof input === 'string' ? input : [...input], splits)
      const parts = await source.splits?.({ files })
      expect(parts?.map(({ id }) => id)).toEqual(Array.from({ length: splits }, (_, index) => `${index} of ${splits}`))
      const read: unknown[] = []
      let shares = 0
      for (const part of parts ?? []) {
        const whole = await expectResumable(part.source, { files, batchRows: 20 })
        if (whole.rows.length > 0) shares += 1
        read.push(...whole.rows)
      }
      const all = await readAll(format.source(typeof input === 'string' ? input : [...input], splits), { files })
      expect(sorted(read)).toEqual(sorted(all.rows))
      expect(all.rows).toHaveLength(input === 'in/1.data' ? 18 : 90)
      if (input === list) expect(shares).toBe(3)
      if (input === 'in/1.data') expect(shares).toBe(format.name === 'parquet' ? 2 : 1)
    }
  })
})

const windows = (source: Source<Reading>) =>
  job('windows', j => {
    const rows = j.from(source, { idleness: 0 })
    rows.to(ndjson('copy.ndjson'))
    const timed = rows.withTimestamps('at', { outOfOrderness: '1h' }).keyBy('sensor').window(tumbling(1_000))
    timed.aggregate({ n: count(), total: sum('value') }).to(ndjson('windows.ndjson'))
  }).plan()

const outputs = (files: ReturnType<typeof filesOf>) => {
  return ['copy.ndjson', 'windows.ndjson'].map(path => text(files.get(path)).split('\n').sort())
}

describe('jobs that read splits of files', () => {
  it('give the same results in any number of subtasks, also where that changes from life to life', async () => {
    let resumes = 0
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...FORMATS),
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.tuple(fc.integer({ min: 8, max: 40 }), fc.constantFrom(1, 2, 3)), { minLength: 1, maxLength: 3 }),
        fc.nat(1000),
        async (format, splits, lives, seed) => {
          const rows = readings(240, seed)
          const calm = await filled(format, rows, 4)
          const plain = format.source('in', 1)
          expect(
            (await execute(windows({ ...plain, splits: undefined as never }), environment(calm)).ended).error,
          ).toBeUndefined()
          const expected = outputs(calm)
          const files = await filled(format, rows, 4)
          const storage = new MemoryCheckpointStorage()
          for (let life = 0; ; life++) {
            const [operations, parallelism] = lives[life] ?? [undefined, 2]
            if (operations !== undefined) files.crashAfter(operations, seed + life)
            const options = {
              ...{ batchRows: 8, resume: true, parallelism },
              checkpoints: { storage, intervalMs: 0 },
            }
            let handle: JobHandle | undefined
            let reads = 0
            const dealt = format.source('in', splits)
            const seen = (part: Source<Reading>) => {
              return observed(part, () => {
                if (reads++ % 2 === 1) handle?.checkpoint().catch(() => undefined)
              })
            }
            const source: Source<Reading> = {
              ...dealt,
              splits: async context => {
                const parts = (await dealt.splits?.(context)) ?? []
                return parts.map(({ id, source: part }) => ({ id, source: seen(part as Source<Reading>) }))
              },
            }
            handle = execute(windows(source), environment(files), options)
            const last = await handle.ended
            if (last.resumedFrom !== undefined) resumes += 1
            if (last.status === 'finished') break
            if (operations === undefined) throw last.error
            if (files.crashCount <= life) files.crash(seed + life)
          }
          expect(outputs(files)).toEqual(expected)
        },
      ),
      { numRuns: 20 },
    )
    expect(resumes).toBeGreaterThan(0)
  })

  it('refuse to go on with other splits, and splits of what comes once', async () => {
    const files = filesOf({ in: '{"sensor":"a","at":1,"value":1}\n'.repeat(50) })
    const run = (source: Source<Reading>, storage: MemoryCheckpointStorage) => {
      return execute(windows(source), environment(files), {
        batchRows: 5,
        resume: true,
        checkpoints: { storage, intervalMs: 1 },
      }).ended
    }
    for (const [before, after] of [
      [json('in', SHAPE), json('in', SHAPE, { splits: 2 })],
      [json('in', SHAPE, { splits: 2 }), json('in', SHAPE, { splits: 3 })],
    ] as const) {
      const storage = new MemoryCheckpointStorage()
      let handle: JobHandle | undefined
      const parts = await before.splits?.({ files })
      let reads = 0
      const stopping = (source: Source<Reading>): Source<Reading> => ({
        ...source,
        open: async context => {
          const reader = await source.open(context)
          return {
            rowCount: undefined,
            read: async () => {
              reads += 1
              if (reads === 4) await handle?.checkpoint()
              if (reads === 6) throw new Error('cut')
              return reader.read()
            },
            close: () => reader.close(),
          }
        },
      })
      const source: Source<Reading> =
        parts === undefined
          ? stopping(before)
          : {
              ...before,
              splits: async () => parts.map(part => ({ ...part, source: stopping(part.source as Source<Reading>) })),
            }
      handle = execute(windows(source), environment(files), { batchRows: 5, checkpoints: { storage, intervalMs: 0 } })
      await handle.ended
      expect((await run(after, storage)).error).toMatchObject({ code: 'SOURCE_CHANGED' })
    }
    for (const splits of [0, 1.5, 2000]) expect(() => json('in', SHAPE, { splits })).toThrow(TypeError)
    expect(() => json('in', SHAPE, { splits: 2, follow: true })).toThrow(TypeError)
    expect(() => json('-', SHAPE, { splits: 2 })).toThrow(/comes once/)
    expect(() => json('in', undefined, { splits: 2 })).toThrow(/declared fields/)
    expect(parquet('in', undefined, { splits: 2 }).splits).toBeDefined()
    expect(replay(json('in', SHAPE, { splits: 2 }), { by: row => row.at }).splits).toBeUndefined()
  })
})
