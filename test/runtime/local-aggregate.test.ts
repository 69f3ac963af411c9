import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ExecutionGraph } from '../../src/graph/execution-graph.js'
import { explainExecution } from '../../src/graph/explain-execution.js'
import type { PreAggregation } from '../../src/graph/local-aggregates.js'
import {
  count,
  execute,
  type Job,
  type JobResult,
  job,
  max,
  mean,
  memory,
  ndjson,
  Schema,
  sliding,
  sum,
  tumbling,
} from '../../src/index.js'
import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'
import { MemoryFiles } from '../../src/testing/index.js'
import { environment, OUTPUT, observed, type Reading, readings, text } from './streams.js'

const shape = Schema.of({ sensor: 'utf8', at: 'f64', value: 'i32' })

interface Options {
  readonly preAggregate?: PreAggregation
  readonly readsLate?: boolean
  readonly onRead?: (read: number) => void
}

function windows(rows: readonly Reading[], { preAggregate, readsLate = false, onRead }: Options = {}): Job {
  return job('counts', j => {
    const source = memory(rows, { schema: shape })
    const windowed = j
      .from(onRead === undefined ? source : observed(source, onRead), { idleness: 0 })
      .withTimestamps('at', { outOfOrderness: '500ms' })
      .keyBy('sensor')
      .window(sliding('2s', '1s'))
    const results = (preAggregate === undefined ? windowed : windowed.preAggregate(preAggregate))
      .aggregate({ n: count(), total: sum('value'), most: max('value'), usual: mean('value') })
      .as('windows')
    results.to(ndjson(OUTPUT))
    if (readsLate) results.late.to(ndjson('late.ndjson'))
  })
}

const lines = (files: MemoryFiles): string[] => text(files.get(OUTPUT)).split('\n').sort()

async function finished(given: Job, parallelism: number): Promise<{ files: MemoryFiles; result: JobResult }> {
  const files = new MemoryFiles()
  const result = await execute(given.plan(), environment(files), { parallelism, batchRows: 16 }).ended
  expect(result.error).toBeUndefined()
  return { files, result }
}

function operator({ metrics }: JobResult): JobResult['metrics']['operators'][number] {
  const found = metrics.operators.find(({ id }) => id === 'windows')
  if (found === undefined) throw new TypeError('There are no windows')
  return found
}

describe('windows whose rows are aggregated before the exchange', () => {
  it('give what one task gives, and count the same rows as late', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1_000), fc.constantFrom(2, 3, 5), async (seed, parallelism) => {
        const rows = readings(300, seed)
        const one = await finished(windows(rows), 1)
        const several = await finished(windows(rows), parallelism)
        expect(lines(several.files)).toEqual(lines(one.files))
        expect(operator(several.result).dropped).toEqual(operator(one.result).dropped)
        expect(operator(one.result).dropped).toMatchObject({ late: expect.any(Number) })
        expect(operator(several.result).rowsIn).toBeLessThan(200)
      }),
      { numRuns: 8 },
    )
  })

  it('get all rows where somebody wants that, or reads the late ones', async () => {
    const rows = readings(300, 1)
    const { result: never } = await finished(windows(rows, { preAggregate: 'never' }), 2)
    expect(operator(never).rowsIn).toBe(300)
    const { result: late } = await finished(windows(rows, { readsLate: true }), 2)
    expect(operator(late).rowsIn).toBe(300)
  })

  it('resume with another parallelism, stopped and crashed', async () => {
    const rows = readings(400, 4)
    const expected = lines((await finished(windows(rows), 1)).files)
    const files = new MemoryFiles()
    const storage = new MemoryCheckpointStorage()
    for (const [life, [parallelism, stopAtRead, crashes]] of (
      [
        [2, 8, false],
        [3, 12, true],
        [1, 10, false],
        [2, Number.POSITIVE_INFINITY, false],
      ] as const
    ).entries()) {
      let handle: ReturnType<typeof execute> | undefined
      const onRead = (read: number): void => {
        if (read === Math.floor(stopAtRead / 2)) handle?.checkpoint().catch(() => undefined)
        if (read === stopAtRead) void (crashes ? handle?.cancel() : handle?.stop())
      }
      const options = { parallelism, batchRows: 8, resume: true, checkpoints: { storage, intervalMs: 0 } }
      handle = execute(windows(rows, { onRead }).plan(), environment(files), options)
      const { error } = await handle.ended
      expect(error).toBeUndefined()
      if (crashes) files.crash(life)
    }
    expect(lines(files)).toEqual(expected)
  })

  it('are explained as such', () => {
    const explained = (given: Job, parallelism: number) =>
      explainExecution(new ExecutionGraph(given.plan(), parallelism))
    expect(explained(windows([]), 2)).toContain('by key (sensor), aggregated before')
    expect(explained(windows([]), 1)).not.toContain('aggregated before')
    expect(explained(windows([], { preAggregate: 'never' }), 2)).not.toContain('aggregated before')
    expect(explained(windows([], { readsLate: true }), 2)).not.toContain('aggregated before')
  })
})

describe('sums of floats', () => {
  const floats = (preAggregate: PreAggregation): Job =>
    job('floats', j => {
      j.from(memory([], { schema: Schema.of({ sensor: 'utf8', at: 'f64', value: 'f64' }) }))
        .withTimestamps('at', { outOfOrderness: 0 })
        .keyBy('sensor')
        .window(tumbling('1s'))
        .preAggregate(preAggregate)
        .aggregate({ total: sum('value') })
        .to(ndjson(OUTPUT))
    })

  it('are added in the order of rows unless somebody says otherwise', () => {
    const explained = (given: Job) => explainExecution(new ExecutionGraph(given.plan(), 2))
    expect(explained(floats('exact'))).not.toContain('aggregated before')
    expect(explained(floats('always'))).toContain('aggregated before')
  })

  it('cannot be aggregated before where the schema is not known, or later rows change results', () => {
    const late = () =>
      job('late', j => {
        j.from(memory([], { schema: shape }))
          .withTimestamps('at', { outOfOrderness: 0 })
          .keyBy('sensor')
          .window(tumbling('1s'))
          .preAggregate('always')
          .allowedLateness('1s')
          .aggregate({ n: count() })
          .to(ndjson(OUTPUT))
      }).plan()
    expect(late).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
    const unknown = () => windows([]).plan() && floats('sometimes' as PreAggregation).plan()
    expect(unknown).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
  })
})
