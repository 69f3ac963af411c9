import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { arrow, avro, csv, type FileSinkOptions, fileSink, json, parquet } from '../../src/connectors/index.js'
import { type Batch, nullable, Schema } from '../../src/core/index.js'
import type { Json } from '../../src/core/json.js'
import type { SinkWriter } from '../../src/operators/sink.js'
import type { Source } from '../../src/operators/source.js'
import { ManualClock } from '../../src/testing/manual-clock.js'
import { MemoryFiles } from '../../src/testing/memory-files.js'
import { batchOf } from '../core/arbitraries.js'
import { readAll, throughJSON } from './reading.js'
import { sinkContext } from './writing.js'

const SHAPE = { n: 'i32', day: nullable('utf8'), at: 'timestamp' } as const
const schema = Schema.of(SHAPE)
const DAYS = ['2024-01-01', '2024-01-02', null, '../a/b', '', '.']

function rowsOf(from: number, to: number): { n: number; day: string | null; at: number }[] {
  return Array.from({ length: to - from }, (_, index) => {
    const n = from + index
    return { n, day: DAYS[n % DAYS.length] ?? null, at: n * 1000 }
  })
}

function batch(from: number, to: number): Batch {
  const timestamps = Float64Array.from({ length: to - from }, (_, index) => (from + index) * 1000)
  const watermarks = timestamps.map(time => time - 1)
  return batchOf({ schema, rows: rowsOf(from, to) }).with({ timestamps, watermarks })
}

const SOURCES = { ndjson: json, csv, parquet, avro, arrow }
const FORMATS = ['ndjson', 'csv', 'parquet', 'avro', 'arrow'] as const

async function numbersIn(files: MemoryFiles, format: (typeof FORMATS)[number], directory = 'out'): Promise<number[]> {
  const source: (input: string, shape: typeof SHAPE) => Source = SOURCES[format]
  const { rows } = await readAll(source(directory, SHAPE), { files })
  return (rows as { n: number }[]).map(({ n }) => n)
}

const ascending = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b)
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

async function write(
  options: FileSinkOptions,
  batches: readonly Batch[],
  files = new MemoryFiles(),
): Promise<MemoryFiles> {
  const writer = await fileSink('out', options).open(sinkContext(undefined, files))
  for (const each of batches) await writer.write(each)
  await writer.finish()
  await writer.close()
  return files
}

describe('fileSink()', () => {
  it.each(FORMATS)('rolls and partitions %s files, which are read again as a whole', async format => {
    const options = { format, partitionBy: 'day', roll: { rows: 4 } } as const
    const files = await write(options, [batch(0, 10), batch(10, 11), batch(11, 40)])
    expect(ascending(await numbersIn(files, format))).toEqual(upTo(40))
    const directories = new Set(files.paths().map(path => path.split('/')[1]))
    expect([...directories].sort()).toEqual(
      [
        'day=%2E',
        'day=%22%22',
        'day=%2E.%2Fa%2Fb',
        'day=2024-01-01',
        'day=2024-01-02',
        'day=__HIVE_DEFAULT_PARTITION__',
      ].sort(),
    )
    expect(files.paths().every(path => /\/part-\d+\.\w+$/.test(path) && path.split('/').length === 3)).toBe(true)
  })

  it('rolls by size, by rows and by time', async () => {
    const bySize = await write({ format: 'ndjson', roll: { sizeBytes: 300 } }, [
      batch(0, 5),
      batch(5, 10),
      batch(10, 15),
    ])
    expect(bySize.paths()).toEqual(['out/part-0.ndjson', 'out/part-1.ndjson'])
    const clock = new ManualClock()
    const files = new MemoryFiles()
    const sink = fileSink('out', { format: 'csv', roll: { interval: '10s' } })
    const writer = await sink.open(sinkContext(undefined, files, undefined, clock))
    await writer.write(batch(0, 5))
    clock.advance(9_999)
    await writer.prepare(1)
    await writer.commit(1)
    expect(files.paths()).toEqual(['out/.part-0.csv.inprogress'])
    clock.advance(1)
    await writer.prepare(2)
    expect(files.paths()).toEqual(['out/.part-0.csv.inprogress'])
    await writer.commit(2)
    expect(files.paths()).toEqual(['out/part-0.csv'])
    await writer.write(batch(5, 7))
    await writer.finish()
    await writer.close()
    expect(await numbersIn(files, 'csv')).toEqual(upTo(7))
  })

  it('ends the file of a window when the watermark has passed it', async () => {
    const files = new MemoryFiles()
    const writer = await fileSink('out', { format: 'ndjson', window: '10s' }).open(sinkContext(undefined, files))
    await writer.write(batch(0, 15))
    await writer.prepare(1)
    await writer.commit(1)
    expect(files.paths()).toEqual([
      'out/window=1970-01-01T00-00-00.000Z/part-0.ndjson',
      'out/window=1970-01-01T00-00-10.000Z/.part-1.ndjson.inprogress',
    ])
    await writer.finish()
    await writer.close()
    expect(await numbersIn(files, 'ndjson')).toEqual(upTo(15))
    const untimed = await fileSink('out', { format: 'ndjson', window: '10s' }).open(sinkContext())
    await expect(untimed.write(batchOf({ schema, rows: rowsOf(0, 1) }))).rejects.toMatchObject({
      code: 'NO_TIMESTAMPS',
    })
    await untimed.close()
  })

  it('compresses lines, so that each checkpoint ends a member', async () => {
    const files = new MemoryFiles()
    const options = { format: 'ndjson', compression: 'gzip' } as const
    const writer = await fileSink('out', options).open(sinkContext(undefined, files))
    await writer.write(batch(0, 100))
    await writer.prepare(1)
    await writer.commit(1)
    const half = gunzipSync(files.get('out/.part-0.ndjson.gz.inprogress') ?? new Uint8Array()).toString()
    expect(half.trim().split('\n')).toHaveLength(100)
    await writer.write(batch(100, 200))
    await writer.finish()
    await writer.close()
    expect(await numbersIn(files, 'ndjson')).toEqual(upTo(200))
    const zstd = fileSink('out', { format: 'csv', compression: 'zstd' })
    const canZstd = (() => {
      try {
        return new CompressionStream('zstd' as 'gzip') !== undefined
      } catch {
        return false
      }
    })()
    const attempt = await zstd.open(sinkContext())
    await attempt.write(batch(0, 2))
    if (canZstd) await expect(attempt.finish()).resolves.toBeUndefined()
    else
      await expect(attempt.finish()).rejects.toMatchObject({
        code: 'INVALID_OPTION',
        message: expect.stringContaining('zstd'),
      })
    await attempt.close()
  })

  it('has so many files open at most', async () => {
    const files = new MemoryFiles()
    const sink = fileSink('out', { format: 'ndjson', partitionBy: ['day'], maxOpenFiles: 2 })
    const writer = await sink.open(sinkContext(undefined, files))
    await writer.write(batch(0, 3))
    const state = await writer.prepare(1)
    expect(state).toMatchObject({ open: [{ number: 1 }, { number: 2 }], pending: [{ number: 0 }] })
    await writer.finish()
    await writer.close()
    expect(await numbersIn(files, 'ndjson')).toEqual(upTo(3))
  })

  it('removes the parts of an earlier run on a fresh start, and nothing else', async () => {
    const files = new MemoryFiles()
    for (const path of ['out/notes.txt', 'out/part-x.ndjson', 'out/part-1.csv', 'out/other/part-1.ndjson']) {
      files.put(path, new Uint8Array(1))
    }
    await write({ format: 'ndjson', partitionBy: 'day' }, [batch(0, 30)], files)
    await write({ format: 'ndjson' }, [batch(0, 2)], files)
    expect(files.paths()).toEqual([
      'out/notes.txt',
      'out/other/part-1.ndjson',
      'out/part-0.ndjson',
      'out/part-1.csv',
      'out/part-x.ndjson',
    ])
  })

  it('refuses options that contradict one another, and states of other sinks', async () => {
    expect(() => fileSink('out', { format: 'parquet', compression: 'gzip' })).toThrow(/compressed within/)
    expect(() => fileSink('out', { format: 'xml' as 'csv' })).toThrow(TypeError)
    expect(() => fileSink('out', { format: 'csv', maxOpenFiles: 0 })).toThrow(TypeError)
    expect(() => fileSink('out', { format: 'csv', roll: { rows: Number.NaN } })).toThrow(TypeError)
    const state = { directory: 'before', format: 'csv', nextPart: 0, open: [], pending: [] }
    await expect(fileSink('out', { format: 'csv' }).open(sinkContext(state))).rejects.toMatchObject({
      code: 'SINK_CHANGED',
    })
    const lost = { ...state, directory: 'out', pending: [{ partition: '', number: 3 }] }
    await expect(fileSink('out', { format: 'csv' }).open(sinkContext(lost))).rejects.toMatchObject({
      code: 'FILE_TRUNCATED',
    })
    const { openRead, openAppend } = new MemoryFiles()
    const flat = sinkContext(undefined, { openRead, openAppend })
    await expect(fileSink('out', { format: 'csv' }).open(flat)).rejects.toThrow(/no directories/)
  })

  it.each(FORMATS)(
    '%s: has each row once however often it crashes and resumes, and changes no committed file',
    async format => {
      const ROWS = 60
      const program = fc.record({
        batches: fc.array(fc.record({ rows: fc.integer({ min: 1, max: 25 }), checkpoint: fc.boolean() }), {
          minLength: 1,
          maxLength: 5,
        }),
        crashes: fc.array(fc.record({ after: fc.nat(20), seed: fc.integer() }), { maxLength: 6 }),
        rollRows: fc.integer({ min: 3, max: 30 }),
        partitioned: fc.boolean(),
        /** Resuming from the checkpoint before the newest: that one was damaged. */
        fallBack: fc.boolean(),
      })
      let crashes = 0
      await fc.assert(
        fc.asyncProperty(program, async ({ batches, crashes: plan, rollRows, partitioned, fallBack }) => {
          const files = new MemoryFiles()
          const compression = format === 'ndjson' && partitioned ? ({ compression: 'gzip' } as const) : {}
          const options: FileSinkOptions = {
            format,
            roll: { rows: rollRows },
            ...(partitioned ? { partitionBy: 'day' } : {}),
            ...compression,
          }
          const complete: { state: Json; row: number }[] = []
          const live = async (): Promise<void> => {
            if (fallBack && complete.length > 1) complete.pop()
            const from = complete.at(-1)
            const writer: SinkWriter = await fileSink('out', options).open(sinkContext(from?.state, files))
            try {
              for (let row = from?.row ?? 0, turn = complete.length; row < ROWS; turn++) {
                const { rows, checkpoint } = batches[turn % batches.length] ?? { rows: ROWS, checkpoint: false }
                const end = Math.min(row + rows, ROWS)
                await writer.write(batch(row, end))
                row = end
                if (!checkpoint) continue
                const state = throughJSON(await writer.prepare(turn))
                complete.push({ state, row })
                const before = committed(files)
                await writer.commit(turn)
                for (const [path, bytes] of before) expect(files.get(path)).toEqual(bytes)
              }
              await writer.finish()
            } finally {
              await writer.close()
            }
          }
          for (const { after, seed } of plan) {
            files.crashAfter(after, seed)
            const before = files.crashCount
            await live().catch(error => {
              if (files.crashCount === before) throw error
            })
            crashes += files.crashCount - before
            if (files.crashCount === before) files.crash(seed)
          }
          await live()
          expect(ascending(await numbersIn(files, format))).toEqual(upTo(ROWS))
          expect(files.paths().filter(path => path.includes('inprogress'))).toEqual([])
        }),
        { numRuns: 25 },
      )
      expect(crashes).toBeGreaterThan(8)
    },
  )
})

function committed(files: MemoryFiles): Map<string, Uint8Array | undefined> {
  return new Map(
    files
      .paths()
      .filter(path => /\/part-/.test(path))
      .map(path => [path, files.get(path)]),
  )
}
