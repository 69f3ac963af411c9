import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { execute, type JobHandle, type JobResult } from '../../src/index.js'
import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'
import { MemoryFiles } from '../../src/testing/index.js'
import { environment, inMemory, LATE, OUTPUT, observed, type Reading, readings, sensorJob, text } from './streams.js'

const outputs = (files: MemoryFiles): string[] => [text(files.get(OUTPUT)), text(files.get(LATE))]

async function undisturbed(inputs: Reading[][], batchRows: number): Promise<string[]> {
  const files = new MemoryFiles()
  const graph = sensorJob(inputs.map(inMemory)).plan()
  const { status, error } = await execute(graph, environment(files), { batchRows }).ended
  expect(error).toBeUndefined()
  expect(status).toBe('finished')
  return outputs(files)
}

interface Disturbance {
  /** Reads of the first source between two checkpoints. */
  readonly checkpointEvery: number
  /** The file operation at which each life but the last ends. */
  readonly crashAfter: readonly number[]
  readonly seed: number
}

/** Runs the job, crashing the files (and so the job) as told, and resuming each time. */
async function disturbed(
  [first = [], ...others]: Reading[][],
  batchRows: number,
  { checkpointEvery, crashAfter, seed }: Disturbance,
): Promise<{ files: MemoryFiles; resumed: number; last: JobResult }> {
  const files = new MemoryFiles()
  const storage = new MemoryCheckpointStorage()
  let resumed = 0
  for (let life = 0; ; life++) {
    let handle: JobHandle | undefined
    const checkpoint = (read: number): void => {
      // A checkpoint that the end of the job overtakes is no failure here.
      if (read % checkpointEvery === checkpointEvery - 1) handle?.checkpoint().catch(() => undefined)
    }
    const graph = sensorJob([observed(inMemory(first), checkpoint), ...others.map(inMemory)]).plan()
    const operations = crashAfter[life]
    if (operations !== undefined) files.crashAfter(operations, seed + life)
    handle = execute(graph, environment(files), { batchRows, resume: true, checkpoints: { storage, intervalMs: 0 } })
    const last = await handle.ended
    if (last.resumedFrom !== undefined) resumed += 1
    if (last.status === 'finished') return { files, resumed, last }
    if (operations === undefined) throw last.error
    // The crash is noticed at the next operation; what the job wrote after it is lost with it.
    if (files.crashCount <= life) files.crash(seed + life)
  }
}

const disturbance = fc.record({
  checkpointEvery: fc.integer({ min: 1, max: 4 }),
  crashAfter: fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 4 }),
  seed: fc.nat(),
})

const linesOf = (output: string | undefined): string[] => (output ?? '').split('\n').slice(0, -1)

describe('exactly-once', () => {
  it('the output of a job that crashes and resumes is that of an undisturbed run, byte for byte', async () => {
    let resumes = 0
    await fc.assert(
      fc.asyncProperty(fc.nat(1_000), disturbance, async (seed, disturbance) => {
        const inputs = [readings(400, seed)]
        const expected = await undisturbed(inputs, 16)
        const { files, resumed, last } = await disturbed(inputs, 16, disturbance)
        expect(outputs(files)).toEqual(expected)
        resumes += resumed
        // Counters go on where the checkpoint left them.
        const windows = last.metrics.operators.find(({ id }) => id === 'windows')
        const [results, late] = expected.map(output => linesOf(output).length)
        expect(windows?.rowsOut).toBe((results ?? 0) + (late ?? 0))
        expect(windows?.dropped.late ?? 0).toBe(late)
        expect(last.metrics.rowsIn).toBe(400)
        // When all windows are over nothing is left: no key, no state.
        expect(windows?.gauges).toEqual({ openWindows: 0, keys: 0, stateBytes: 0 })
      }),
      { numRuns: 60 },
    )
    expect(resumes).toBeGreaterThan(20)
  })

  it('holds over several sources, whose rows meet in any order: nothing is late, so the results are the same', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1_000), disturbance, async (seed, disturbance) => {
        const inputs = [readings(200, seed, 0), readings(150, seed + 1, 0), readings(20, seed + 2, 0)]
        const expected = await undisturbed(inputs, 16)
        const { files } = await disturbed(inputs, 16, disturbance)
        const [results, late] = outputs(files)
        expect(linesOf(results).sort()).toEqual(linesOf(expected[0]).sort())
        expect(late).toBe('')
      }),
      { numRuns: 40 },
    )
  })

  it('does not depend on how rows are cut into batches', async () => {
    const inputs = [readings(400, 5)]
    const expected = await undisturbed(inputs, 400)
    for (const batchRows of [1, 7, 64]) expect(await undisturbed(inputs, batchRows)).toEqual(expected)
    expect(expected).not.toContain('')
  })

  it('a job that was stopped goes on where it stopped', async () => {
    const input = readings(500, 3)
    const expected = await undisturbed([input], 8)
    const files = new MemoryFiles()
    const storage = new MemoryCheckpointStorage()
    let handle: JobHandle | undefined
    const stopEarly = (read: number): void => {
      if (read === 12) void handle?.stop()
    }
    const options = { batchRows: 8, checkpoints: { storage, intervalMs: 0 } }
    handle = execute(sensorJob([observed(inMemory(input), stopEarly)]).plan(), environment(files), options)
    const stopped = await handle.ended
    expect(stopped.status).toBe('stopped')
    expect(stopped.lastCheckpoint).toBe(1)
    expect(stopped.metrics.rowsIn).toBeLessThan(500)
    const graph = sensorJob([inMemory(input)]).plan()
    const resumed = await execute(graph, environment(files), { ...options, resume: true }).ended
    expect(resumed).toMatchObject({ status: 'finished', resumedFrom: 1 })
    expect(outputs(files)).toEqual(expected)
  })
})
