import { describe, expect, it } from 'vitest'
import {
  count,
  type ExecuteOptions,
  execute,
  type Job,
  type JobHandle,
  type JobResult,
  job,
  left,
  ndjson,
  right,
  type Source,
  sum,
  tumbling,
} from '../../src/index.js'
import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'
import { MemoryFiles } from '../../src/testing/index.js'
import { environment, inMemory, observed, type Reading, readings, text } from './streams.js'

const ROWS = readings(400, 5, 0)

/** Keyed state of every kind of keeper: a kernel's windows, slots of the host, a join's rows. */
function keyedJob(maxParallelism: number | undefined, source: Source<Reading> = inMemory(ROWS)): Job {
  return job('groups', j => {
    if (maxParallelism !== undefined) j.maxParallelism(maxParallelism)
    const timed = j.from(source, { idleness: 0 }).withTimestamps('at', { outOfOrderness: '500ms' })
    timed
      .keyBy('sensor')
      .window(tumbling('1s'))
      .aggregate({ n: count(), total: sum('value') })
      .to(ndjson('windows.ndjson'))
    timed.keyBy('value').deduplicate().to(ndjson('first.ndjson'))
    timed
      .filter(row => row.value > 300)
      .keyBy('sensor')
      .intervalJoin(timed.filter(row => row.value < -300).keyBy('sensor'), { from: -300, to: 300 })
      .select({ sensor: left('sensor'), high: left('value'), low: right('value') })
      .to(ndjson('pairs.ndjson'))
  })
}

const OUTPUTS = ['windows.ndjson', 'first.ndjson', 'pairs.ndjson']
const outputs = (files: MemoryFiles): string[][] =>
  OUTPUTS.map(path => text(files.get(path)).split('\n').slice(0, -1).sort())

async function run(given: Job, options: ExecuteOptions, files = new MemoryFiles()): Promise<[JobResult, string[][]]> {
  const result = await execute(given.plan(), environment(files), { batchRows: 16, ...options }).ended
  return [result, outputs(files)]
}

describe('maxParallelism', () => {
  it('changes where keys are, not what comes out', async () => {
    const [, expected] = await run(keyedJob(undefined), {})
    expect(expected.every(lines => lines.length > 5)).toBe(true)
    for (const [most, parallelism] of [
      [1, 1],
      [3, 3],
      [10, 4],
      [500, 2],
    ] as const) {
      const [result, got] = await run(keyedJob(most), { parallelism })
      expect(result.error).toBeUndefined()
      expect(got).toEqual(expected)
    }
  })

  it('goes on from its checkpoints with another parallelism, and refuses those of another number', async () => {
    const [, expected] = await run(keyedJob(undefined), {})
    const storage = new MemoryCheckpointStorage()
    const files = new MemoryFiles()
    const checkpoints = { storage, intervalMs: 0 }
    for (const parallelism of [2, 7, 3]) {
      let handle: JobHandle | undefined
      const source = observed(inMemory(ROWS), read => {
        if (read === 4) void handle?.stop()
      })
      const options = { parallelism, checkpoints, resume: true, batchRows: 16 }
      handle = execute(keyedJob(300, source).plan(), environment(files), options)
      expect(await handle.ended).toMatchObject({ status: 'stopped', error: undefined })
    }
    const [refused] = await run(keyedJob(undefined), { checkpoints, resume: true }, files)
    expect(refused.error).toMatchObject({ code: 'STATE_MISMATCH', message: expect.stringMatching(/128.*300/) })
    const [finished, got] = await run(keyedJob(300), { checkpoints, resume: true, parallelism: 5 }, files)
    expect(finished).toMatchObject({ status: 'finished', error: undefined })
    expect(got).toEqual(expected)
  })

  it('is a number that makes sense, and above every parallelism', () => {
    for (const most of [0, -1, 1.5, 32_769, Number.NaN]) {
      expect(() => keyedJob(most).plan()).toThrow(expect.objectContaining({ code: 'INVALID_PARALLELISM' }))
    }
    const graph = keyedJob(3).plan()
    expect(() => execute(graph, environment(), { parallelism: 4 })).toThrow(
      /parallelism 4 is more than its 3 key groups/,
    )
  })
})
