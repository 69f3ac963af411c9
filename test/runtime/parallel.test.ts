import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AppendableFile } from '../../src/core/files.js'
import { execute, type JobHandle, type JobResult, type Source } from '../../src/index.js'
import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'
import { MemoryFiles } from '../../src/testing/index.js'
import { environment, inMemory, LATE, OUTPUT, observed, type Reading, readings, sensorJob, text } from './streams.js'

const lines = (files: MemoryFiles, path: string): string[] => text(files.get(path)).split('\n').slice(0, -1)
const sorted = (files: MemoryFiles): string[][] => [lines(files, OUTPUT).sort(), lines(files, LATE).sort()]

/** The lines of each sensor, in their order. */
function bySensor(files: MemoryFiles): Map<string, string[]> {
  const keys = new Map<string, string[]>()
  for (const line of lines(files, OUTPUT)) {
    const { sensor } = JSON.parse(line) as { sensor: string }
    keys.set(sensor, [...(keys.get(sensor) ?? []), line])
  }
  return keys
}

async function finished(sources: readonly Source<Reading>[], parallelism: number): Promise<MemoryFiles> {
  const files = new MemoryFiles()
  const result = await execute(sensorJob(sources).plan(), environment(files), { parallelism, batchRows: 16 }).ended
  expect(result.error).toBeUndefined()
  expect(result.status).toBe('finished')
  return files
}

/** The same rows in parts that are read side by side. */
function inSplits(rows: readonly Reading[], parts: number): Source<Reading> {
  const source = inMemory(rows)
  const size = Math.ceil(rows.length / parts)
  return {
    ...source,
    open: context => source.open(context),
    splits: async () =>
      Array.from({ length: parts }, (_, n) => {
        return { id: `part-${n}`, source: inMemory(rows.slice(n * size, (n + 1) * size)) }
      }),
  }
}

/** Runs in lives that stop or crash, each with another parallelism. */
async function inLives(
  source: () => Source<Reading>,
  lives: readonly { readonly parallelism: number; readonly stopAtRead: number; readonly crashes: boolean }[],
): Promise<{ files: MemoryFiles; results: JobResult[] }> {
  const files = new MemoryFiles()
  const storage = new MemoryCheckpointStorage()
  const results: JobResult[] = []
  for (const { parallelism, stopAtRead, crashes } of [
    ...lives,
    { parallelism: 2, stopAtRead: Number.POSITIVE_INFINITY, crashes: false },
  ]) {
    let handle: JobHandle | undefined
    const onRead = (read: number): void => {
      if (read === Math.floor(stopAtRead / 2)) handle?.checkpoint().catch(() => undefined)
      if (read === stopAtRead) void (crashes ? handle?.cancel() : handle?.stop())
    }
    const options = { parallelism, batchRows: 8, resume: true, checkpoints: { storage, intervalMs: 0 } }
    handle = execute(sensorJob([observed(source(), onRead)]).plan(), environment(files), options)
    const result = await handle.ended
    expect(result.error).toBeUndefined()
    results.push(result)
    if (crashes) files.crash(results.length)
  }
  return { files, results }
}

describe('a parallel job', () => {
  it('writes what the one task writes: as a set, and in order for each key', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1_000), fc.constantFrom(2, 3, 5, 128), async (seed, parallelism) => {
        const rows = readings(300, seed)
        const expected = await finished([inMemory(rows)], 1)
        const files = await finished([inMemory(rows)], parallelism)
        expect(sorted(files)).toEqual(sorted(expected))
        expect(bySensor(files)).toEqual(bySensor(expected))
        expect(lines(files, LATE).length).toBeGreaterThan(0)
      }),
      { numRuns: 12 },
    )
  })

  it('over several sources, where nothing is late', async () => {
    const rows = [readings(200, 1, 0), readings(150, 2, 0), readings(3, 3, 0)]
    const expected = await finished(rows.map(inMemory), 1)
    const files = await finished(rows.map(inMemory), 3)
    expect(sorted(files)).toEqual(sorted(expected))
  })

  it('counts as the one task does', async () => {
    const rows = readings(300, 7)
    const graph = sensorJob([inMemory(rows)]).plan()
    const one = await execute(graph, environment()).ended
    const four = await execute(graph, environment(), { parallelism: 4 }).ended
    const counts = ({ metrics }: JobResult): unknown => ({
      ...metrics,
      elapsedMs: 0,
      operators: metrics.operators.map(({ id, rowsIn, rowsOut, dropped, gauges, watermark }) => {
        return { id, rowsIn, rowsOut, dropped, gauges, watermark }
      }),
    })
    expect(counts(four)).toEqual(counts(one))
  })

  it('resumes with another parallelism: 1, 2, 5, 3, stopped and crashed', async () => {
    let resumes = 0
    const life = fc.record({
      parallelism: fc.constantFrom(1, 2, 3, 5),
      stopAtRead: fc.integer({ min: 1, max: 25 }),
      crashes: fc.boolean(),
    })
    const fixed = [1, 2, 5, 3].map(parallelism => ({ parallelism, stopAtRead: 9, crashes: false }))
    await fc.assert(
      fc.asyncProperty(fc.nat(1_000), fc.array(life, { maxLength: 4 }), async (seed, lives) => {
        const rows = readings(300, seed)
        const expected = await finished([inMemory(rows)], 1)
        const { files, results } = await inLives(() => inMemory(rows), lives)
        expect(sorted(files)).toEqual(sorted(expected))
        const windows = results.at(-1)?.metrics.operators.find(({ id }) => id === 'windows')
        expect(windows?.dropped.late ?? 0).toBe(lines(files, LATE).length)
        expect(results.at(-1)?.metrics.rowsIn).toBe(300)
        expect(windows?.gauges).toEqual({ openWindows: 0, keys: 0, stateBytes: 0 })
        resumes += results.filter(({ resumedFrom }) => resumedFrom !== undefined).length
      }),
      { numRuns: 25, examples: [[3, fixed]] },
    )
    expect(resumes).toBeGreaterThan(20)
  })

  it('reads splits side by side, and shares them anew when it is rescaled', async () => {
    const rows = readings(300, 4, 0).map(reading => ({ ...reading, at: reading.at % 400 }))
    const expected = await finished([inMemory(rows)], 1)
    for (const parallelism of [1, 2, 7]) {
      const files = await finished([inSplits(rows, 5)], parallelism)
      expect(sorted(files)).toEqual(sorted(expected))
    }
    const { files } = await inLives(
      () => inSplits(rows, 5),
      [1, 3, 2].map(parallelism => ({ parallelism, stopAtRead: 4, crashes: false })),
    )
    expect(sorted(files)).toEqual(sorted(expected))
  })

  it('takes checkpoints while some of its subtasks have ended', async () => {
    let handle: JobHandle | undefined
    let taken = 0
    const long = observed(inMemory(readings(400, 1, 0)), async read => {
      if (read % 5 !== 4) return
      await handle?.checkpoint()
      taken += 1
    })
    const storage = new MemoryCheckpointStorage()
    const graph = sensorJob([inMemory(readings(10, 2, 0)), long]).plan()
    handle = execute(graph, environment(), { parallelism: 3, batchRows: 8, checkpoints: { storage, intervalMs: 0 } })
    const result = await handle.ended
    expect(result).toMatchObject({ status: 'finished', error: undefined })
    expect(result.metrics.checkpoints).toMatchObject({ completed: taken, failed: 0 })
    expect(taken).toBeGreaterThan(5)
  })

  it('keeps little between its tasks while a sink is slow', async () => {
    const rows = readings(40_000, 1, 0)
    let reads = 0
    let open: () => void = () => undefined
    const gate = new Promise<void>(resolve => {
      open = resolve
    })
    const job = sensorJob([
      observed(inMemory(rows), () => {
        reads += 1
      }),
    ])
    const files = new MemoryFiles()
    const slow = environment(files)
    const append = files.openAppend.bind(files)
    files.openAppend = async path => {
      const file = await append(path)
      const gated: AppendableFile = {
        get sizeBytes() {
          return file.sizeBytes
        },
        append: bytes => gate.then(() => file.append(bytes)),
        flush: () => gate.then(() => file.flush()),
        truncate: size => file.truncate(size),
        close: () => file.close(),
      }
      return gated
    }
    const handle = execute(job.plan(), slow, { parallelism: 3, batchRows: 16 })
    const turn = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 0))
    for (let before = -1; before !== reads || reads === 0; await turn()) {
      before = reads
      for (let turns = 0; turns < 30; turns++) await turn()
    }
    expect(reads).toBeLessThan(1_000)
    open()
    expect((await handle.ended).status).toBe('finished')
  })
})
