import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ndjson } from '../../src/connectors/ndjson.js'
import type { Files } from '../../src/core/files.js'
import type { Json } from '../../src/core/json.js'
import type { SinkWriter } from '../../src/operators/sink.js'
import { MemoryFiles } from '../../src/testing/memory-files.js'
import { throughJSON } from './reading.js'
import { batchOf, numbered, oddRows, sinkContext } from './writing.js'

const text = (files: MemoryFiles): string => new TextDecoder().decode(files.get('out'))
const lines = (from: number, to: number): string =>
  numbered(from, to)
    .map(row => `${JSON.stringify(row)}\n`)
    .join('')

/** Files that count what is asked of them. */
function counting(files: Files): { files: Files; appends: number[] } {
  const appends: number[] = []
  return {
    appends,
    files: {
      openRead: path => files.openRead(path),
      openAppend: async path => {
        const file = await files.openAppend(path)
        return {
          get sizeBytes() {
            return file.sizeBytes
          },
          append: bytes => {
            appends.push(bytes.length)
            return file.append(bytes)
          },
          flush: () => file.flush(),
          truncate: size => file.truncate(size),
          close: () => file.close(),
        }
      },
    },
  }
}

describe('ndjson', () => {
  it('writes a line for each selected row, and a fresh file on a fresh start', async () => {
    const files = new MemoryFiles()
    for (let run = 0; run < 2; run++) {
      const writer = await ndjson('out').open(sinkContext(undefined, files))
      await writer.write(batchOf(0, 3))
      await writer.write(oddRows(3, 8))
      await writer.finish()
      await writer.close()
      expect(text(files)).toBe(lines(0, 4) + lines(5, 6) + lines(7, 8))
    }
  })

  it('gathers lines to 64 KiB before it appends', async () => {
    const { files, appends } = counting(new MemoryFiles())
    const writer = await ndjson('out').open(sinkContext(undefined, files))
    for (let at = 0; at < 6000; at += 100) await writer.write(batchOf(at, at + 100))
    expect(appends.length).toBeGreaterThan(1)
    expect(Math.min(...appends)).toBeGreaterThanOrEqual(65_536)
    await writer.finish()
    await writer.close()
  })

  it('prepares the size of the file, and goes on from there', async () => {
    const files = new MemoryFiles()
    const writer = await ndjson('out').open(sinkContext(undefined, files))
    await writer.write(batchOf(0, 2))
    const state = await writer.prepare(1)
    expect(state).toEqual({ path: 'out', format: 'ndjson', sizeBytes: lines(0, 2).length })
    await writer.commit(1)
    await writer.write(batchOf(2, 9))
    await writer.finish()
    await writer.close()

    const again = await ndjson('out').open(sinkContext(state, files))
    await again.write(batchOf(2, 4))
    await again.finish()
    await again.close()
    expect(text(files)).toBe(lines(0, 4))
  })

  it('refuses a file that is shorter than at the checkpoint, and leaves it', async () => {
    const files = new MemoryFiles()
    files.put('out', new Uint8Array(10))
    const opened = ndjson('out').open(sinkContext({ path: 'out', sizeBytes: 11 }, files))
    await expect(opened).rejects.toMatchObject({ code: 'FILE_TRUNCATED', details: { sizeBytes: 10, wantedBytes: 11 } })
    await expect(opened).rejects.toThrow(/10 bytes, but had 11 at the checkpoint/)
    expect(files.get('out')).toHaveLength(10)
    await (await files.openAppend('out')).close()
  })

  it('refuses another path than at the checkpoint, and states of other sinks', async () => {
    const files = new MemoryFiles()
    files.put('out', new Uint8Array(10))
    const other = ndjson('out').open(sinkContext({ path: 'before', sizeBytes: 0 }, files))
    await expect(other).rejects.toMatchObject({ code: 'SINK_CHANGED', details: { path: 'out', before: 'before' } })
    for (const state of [
      null,
      7,
      {},
      { path: 'out' },
      { path: 'out', sizeBytes: -1 },
      { path: 'out', sizeBytes: '0' },
    ]) {
      await expect(ndjson('out').open(sinkContext(state, files))).rejects.toMatchObject({ code: 'SINK_CHANGED' })
    }
    expect(files.get('out')).toHaveLength(10)
  })

  it('writes nothing more after a failure', async () => {
    const files = new MemoryFiles({ capacityBytes: 100_000 })
    const writer = await ndjson('out').open(sinkContext(undefined, files))
    await writer.write(batchOf(0, 2500))
    await expect(writer.write(batchOf(2500, 6000))).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
    const left = files.get('out')?.length
    await expect(writer.prepare(1)).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
    await expect(writer.finish()).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
    expect(files.get('out')?.length).toBe(left)
    await writer.close()
  })

  it('ends with the same bytes however often it crashes and resumes', async () => {
    const ROWS = 120
    const program = fc.record({
      /** Rows a batch, and whether a checkpoint follows it, over and over. */
      batches: fc.array(fc.record({ rows: fc.integer({ min: 1, max: 40 }), checkpoint: fc.boolean() }), {
        minLength: 1,
        maxLength: 6,
      }),
      crashes: fc.array(fc.record({ after: fc.nat(8), seed: fc.integer() }), { maxLength: 6 }),
      /** Text long enough that appends happen between checkpoints too. */
      large: fc.boolean(),
    })
    let crashes = 0
    await fc.assert(
      fc.asyncProperty(program, async ({ batches, crashes: plan, large }) => {
        const files = new MemoryFiles()
        const scale = large ? 100 : 1
        let complete: { state: Json; row: number } | undefined
        /** One life of the process: from the last complete checkpoint to the end, or to a crash. */
        const live = async (): Promise<void> => {
          const writer: SinkWriter = await ndjson('out').open(sinkContext(complete?.state, files))
          try {
            for (let row = complete?.row ?? 0, turn = 0; row < ROWS; turn++) {
              const { rows, checkpoint } = batches[turn % batches.length] ?? { rows: ROWS, checkpoint: false }
              const end = Math.min(row + rows, ROWS)
              await writer.write(batchOf(row * scale, end * scale))
              row = end
              if (!checkpoint) continue
              const state = throughJSON(await writer.prepare(turn))
              complete = { state, row }
              await writer.commit(turn)
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
          // The process may also die when all is written.
          if (files.crashCount === before) files.crash(seed)
        }
        await live()
        expect(text(files)).toBe(lines(0, ROWS * scale))
      }),
      { numRuns: 120 },
    )
    expect(crashes).toBeGreaterThan(50)
  })
})
