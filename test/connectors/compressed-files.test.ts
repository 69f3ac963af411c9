/* Single files of lines that are compressed as they are written. */
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { csv, csvFile, execute, type JobHandle, job, json, ndjson, type Sink } from '../../src/index.js'
import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'
import { environment, inMemory, observed, type Reading, readings, text } from '../runtime/streams.js'
import { filesOf } from './file-contents.js'
import { readAll } from './reading.js'

const SHAPE = { sensor: 'utf8', at: 'timestamp', value: 'i32' } as const

const copy = (source: ReturnType<typeof inMemory>, ...sinks: readonly Sink<Reading>[]) =>
  job('copy', j => {
    const rows = j.from(source, { idleness: 0 })
    for (const sink of sinks) rows.to(sink)
  }).plan()

const unpacked = (bytes: Uint8Array | undefined): string => gunzipSync(bytes ?? new Uint8Array()).toString()

describe('ndjson() and csvFile() to a file that is compressed', () => {
  it('write once what plain files hold, over crashes, and sources read it back', async () => {
    let resumes = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 2, max: 40 }), { maxLength: 3 }),
        fc.nat(1000),
        async (crashAfter, seed) => {
          const rows = readings(200, seed)
          const sinks = () => [
            ndjson('a.ndjson.gz'),
            csvFile('b.csv', { compression: 'gzip' }),
            ndjson('plain.ndjson'),
            csvFile('plain.gz', { compression: 'none' }),
          ]
          const files = filesOf({})
          const storage = new MemoryCheckpointStorage()
          for (let life = 0; ; life++) {
            let handle: JobHandle | undefined
            const source = observed(inMemory(rows), reads => {
              if (reads % 2 === 1) handle?.checkpoint().catch(() => undefined)
            })
            const operations = crashAfter[life]
            if (operations !== undefined) files.crashAfter(operations, seed + life)
            const options = { batchRows: 16, resume: true, checkpoints: { storage, intervalMs: 0 } }
            handle = execute(copy(source, ...sinks()), environment(files), options)
            const last = await handle.ended
            if (last.resumedFrom !== undefined) resumes += 1
            if (last.status === 'finished') break
            if (operations === undefined) throw last.error
            if (files.crashCount <= life) files.crash(seed + life)
          }
          expect(unpacked(files.get('a.ndjson.gz'))).toBe(text(files.get('plain.ndjson')))
          expect(unpacked(files.get('b.csv'))).toBe(text(files.get('plain.gz')))
          const back = await readAll(json('a.ndjson.gz', SHAPE), { files })
          expect(back.rows).toEqual(rows)
          const table = await readAll(csv('b.csv', SHAPE, { compression: 'gzip' }), { files })
          expect(table.rows).toEqual(rows)
        },
      ),
      { numRuns: 15 },
    )
    expect(resumes).toBeGreaterThan(3)
  })

  it('is a whole member where there is no row, and refuses to go on in another form', async () => {
    const files = filesOf({})
    const storage = new MemoryCheckpointStorage()
    const options = { resume: true, checkpoints: { storage, intervalMs: 0 } }
    const run = (sink: Sink<unknown>) => execute(copy(inMemory([]), sink), environment(files), options).ended
    expect((await run(ndjson('a.gz'))).status).toBe('finished')
    expect(unpacked(files.get('a.gz'))).toBe('')
    let handle: JobHandle | undefined
    const cut = observed(inMemory(readings(10, 1)), async reads => {
      if (reads === 1) await handle?.checkpoint()
      if (reads === 2) throw new Error('cut')
    })
    const kept = new MemoryCheckpointStorage()
    const taken = { batchRows: 5, checkpoints: { storage: kept, intervalMs: 0 } }
    handle = execute(copy(cut, ndjson('b.gz')), environment(files), taken)
    await handle.ended
    const resumed = execute(
      copy(inMemory(readings(10, 1)), ndjson('b.gz', { compression: 'none' })),
      environment(files),
      {
        resume: true,
        checkpoints: { storage: kept, intervalMs: 0 },
      },
    )
    expect((await resumed.ended).error).toMatchObject({ code: 'SINK_CHANGED', details: { before: 'ndjson.gz' } })
    expect(() => ndjson('x', { compression: 'brotli' as 'gzip' })).toThrow(/compression is 'none', 'gzip' or 'zstd'/)
  })
})
