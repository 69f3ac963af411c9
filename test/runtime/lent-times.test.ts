import { expect, it } from 'vitest'
import { type Batch, callback, execute, job, memory } from '../../src/index.js'
import { testEnvironment } from '../../src/testing/index.js'
import { builds } from '../kernel/builds.js'

const BATCH_ROWS = 4

it('gives sinks batches whose times stay, though within the task they are lent', async () => {
  const rows = Array.from({ length: 3 * BATCH_ROWS }, (_, row) => ({ at: row * 1000 }))
  const batches: Batch[] = []
  const graph = job('times', j => {
    const sink = callback<{ at: number }>({ batch: batch => void batches.push(batch) })
    j.from(memory(rows)).withTimestamps('at', { outOfOrderness: '1s' }).to(sink)
  }).plan()
  const [build] = builds
  if (build === undefined) throw new Error('there is no build')
  const { error } = await execute(
    graph,
    testEnvironment(() => build.create()),
    { batchRows: BATCH_ROWS },
  ).ended
  expect(error).toBeUndefined()
  const times = rows.map(({ at }) => at)
  expect(batches.map(({ timestamps }) => timestamps?.length)).toEqual([BATCH_ROWS, BATCH_ROWS, BATCH_ROWS])
  expect(batches.flatMap(({ timestamps }) => [...(timestamps ?? [])])).toEqual(times)
  // The watermark in force before a row is the time before it - bound - 1.
  const watermarks = times.map(time => (time === 0 ? Number.NEGATIVE_INFINITY : time - 1000 - 1001))
  expect(batches.flatMap(batch => [...(batch.watermarks ?? [])])).toEqual(watermarks)
})
