/* Whole jobs from files to files. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  count,
  csv,
  csvFile,
  execute,
  type JobHandle,
  job,
  json,
  ndjson,
  type Source,
  sum,
  tumbling,
} from '../../src/index.js'
import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'
import type { MemoryFiles } from '../../src/testing/index.js'
import { builds } from '../kernel/builds.js'
import { environment, observed, type Reading, readings, text } from '../runtime/streams.js'
import { filesOf, gzip, utf8 } from './file-contents.js'
import { contextOf } from './reading.js'

const SHAPE = { sensor: 'utf8', at: 'timestamp', value: 'i32' } as const

const lines = (rows: readonly Reading[]): string => rows.map(row => `${JSON.stringify(row)}\n`).join('')
const table = (rows: readonly Reading[]): string =>
  `sensor,value,at\n${rows.map(({ sensor, at, value }) => `${sensor},${value},${at}\n`).join('')}`

/** Copies the rows as they come, and writes what windows make of them. */
function copyJob(source: Source<Reading>): ReturnType<typeof job> {
  return job('copy', j => {
    const rows = j.from(source, { idleness: 0 })
    rows.to(ndjson('copy.ndjson'))
    rows.to(csvFile('copy.csv'))
    const windows = rows.withTimestamps('at', { outOfOrderness: '500ms' }).keyBy('sensor').window(tumbling(1_000))
    const sums = windows.aggregate({ n: count(), total: sum('value') }).as('windows')
    sums.to(csvFile('sums.csv'))
    sums.late.to(ndjson('late.ndjson'))
  })
}

const OUTPUTS = ['copy.ndjson', 'copy.csv', 'sums.csv', 'late.ndjson']
const outputs = (files: MemoryFiles): string[] => OUTPUTS.map(path => text(files.get(path)))

async function undisturbed(inputs: MemoryFiles, source: Source<Reading>, batchRows: number): Promise<string[]> {
  const { status, error } = await execute(copyJob(source).plan(), environment(inputs), { batchRows }).ended
  expect(error).toBeUndefined()
  expect(status).toBe('finished')
  return outputs(inputs)
}

describe('jobs from files of records', () => {
  it('write the same bytes when they crash and resume', async () => {
    let resumes = 0
    const disturbance = fc.record({
      checkpointEvery: fc.integer({ min: 1, max: 4 }),
      crashAfter: fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 4 }),
      seed: fc.nat(1_000),
    })
    await fc.assert(
      fc.asyncProperty(disturbance, fc.constantFrom('json', 'gz', 'csv'), async (disturbance, form) => {
        const { checkpointEvery, crashAfter, seed } = disturbance
        const rows = readings(400, seed)
        const inputs = (): MemoryFiles =>
          filesOf({
            ...{ a: lines(rows.slice(0, 150)), b: `[${rows.slice(150).map(row => JSON.stringify(row))}]` },
            ...{ 'all.gz': gzip(utf8(lines(rows))), 'all.csv': table(rows) },
          })
        const source = (): Source<Reading> => {
          if (form === 'csv') return csv('all.csv', SHAPE)
          return form === 'gz' ? json('all.gz', SHAPE) : json(['a', 'b'], SHAPE)
        }
        const expected = await undisturbed(inputs(), source(), 16)
        expect(expected[0]?.split('\n')).toHaveLength(401)
        const files = inputs()
        const storage = new MemoryCheckpointStorage()
        for (let life = 0; ; life++) {
          let handle: JobHandle | undefined
          const checkpoint = (read: number): void => {
            if (read % checkpointEvery === checkpointEvery - 1) handle?.checkpoint().catch(() => undefined)
          }
          const operations = crashAfter[life]
          if (operations !== undefined) files.crashAfter(operations, seed + life)
          const options = { batchRows: 16, resume: true, checkpoints: { storage, intervalMs: 0 } }
          handle = execute(copyJob(observed(source(), checkpoint)).plan(), environment(files), options)
          const last = await handle.ended
          if (last.resumedFrom !== undefined) resumes += 1
          if (last.status === 'finished') break
          if (operations === undefined) throw last.error
          if (files.crashCount <= life) files.crash(seed + life)
        }
        expect(outputs(files)).toEqual(expected)
      }),
      { numRuns: 40 },
    )
    expect(resumes).toBeGreaterThan(15)
  })

  it('counts the records that it went on without among what the source dropped', async () => {
    const files = filesOf({ in: `${lines(readings(10, 1))}not a record\n{"sensor":"s"}\n${lines(readings(10, 2))}` })
    const { metrics } = await execute(copyJob(json('in', SHAPE, { invalid: 'skip' })).plan(), environment(files)).ended
    expect(metrics.rowsIn).toBe(20)
    expect(metrics.operators[0]).toMatchObject({ rowsOut: 20, dropped: { 'invalid-record': 2 } })
  })
})

const FILE_BYTES = 50_000_000

/** A file of so many bytes that is nowhere: records of which only the number differs. */
function endless(record: (n: number) => string): Pick<ReturnType<typeof contextOf>, 'files'> {
  const width = record(0).length
  return {
    files: {
      openAppend: () => Promise.reject(new Error('read only')),
      openRead: async () => ({
        sizeBytes: Math.floor(FILE_BYTES / width) * width,
        read: async (offset, length) => {
          const first = Math.floor(offset / width)
          let part = ''
          for (let n = first; part.length < offset - first * width + length; n++) part += record(n)
          return utf8(part.slice(offset - first * width, offset - first * width + length))
        },
        close: async () => {},
      }),
    },
  }
}

describe('a large file', () => {
  const padded = (n: number): string => String(n).padStart(8, '1')
  const word = (n: number): string => `w${(n * 7919) % 1000}`.padEnd(5, '_')
  const sources = {
    json: [
      json('in', { n: 'i32', word: 'utf8' }),
      (n: number) => `{"n":${padded(n)},"word":"${word(n)}","rest":[1,2]}\n`,
    ],
    csv: [
      csv('in', { n: 'i32', word: 'utf8' }, { header: false, columns: ['n', 'word'] }),
      (n: number) => `${padded(n)},${word(n)}\n`,
    ],
  } as const

  for (const [name, [source, record]] of Object.entries(sources)) {
    it(`of ${name} is read in constant memory`, async () => {
      const [build] = builds
      if (build === undefined) throw new TypeError('no kernel is built')
      const kernel = build.create()
      const open = () => source.open(contextOf({ ...endless(record), kernel }))
      // What all decoders of a kernel share stays.
      const first = await open()
      await first.read()
      await first.close()
      const before = kernel.bytesInUse
      const reader = await open()
      let rows = 0
      let most = 0
      let early = 0
      for (let next = await reader.read(); next !== undefined; next = await reader.read()) {
        expect(next.batch.column('n').value(0)).toBe(Number(padded(rows)))
        rows += next.batch.length
        most = Math.max(most, kernel.bytesInUse)
        if (early === 0 && rows > 100_000) early = kernel.buffer.byteLength
      }
      await reader.close()
      expect(rows).toBe(Math.floor(FILE_BYTES / record(0).length))
      expect(most - before).toBeLessThan(4_000_000)
      expect(kernel.buffer.byteLength).toBe(early)
      expect(kernel.bytesInUse).toBe(before)
    })
  }
})
