import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Batch, callback, count, execute, job, memory, sum, tumbling } from '../../src/index.js'
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

const readings = fc.array(
  fc.record({ key: fc.integer({ min: 0, max: 3 }), aheadMs: fc.integer({ min: -40, max: 20 }), value: fc.nat(100) }),
  { minLength: 1, maxLength: 60 },
)

/** What windows fire, with the watermarks that the rows carry, and what came too late. */
async function fired(rows: readonly { key: number; at: number; value: number }[], batchRows: number) {
  const out: unknown[] = []
  const late: unknown[] = []
  const note = (list: unknown[]) => {
    return callback<object>({
      batch: batch => {
        const { timestamps, watermarks } = batch
        batch.forEachRow(at => {
          list.push({ row: batch.row(at), at: timestamps?.[at], before: watermarks?.[at] })
        })
      },
    })
  }
  const graph = job('windows', j => {
    const windows = j
      .from(memory(rows))
      .withTimestamps('at', { outOfOrderness: 10 })
      .keyBy('key')
      .window(tumbling(50))
      .aggregate({ total: sum('value'), rows: count() })
    windows.to(note(out))
    windows.late.to(note(late))
  }).plan()
  const [build] = builds
  if (build === undefined) throw new Error('there is no build')
  const { error } = await execute(
    graph,
    testEnvironment(() => build.create()),
    { batchRows },
  ).ended
  expect(error).toBeUndefined()
  return { out, late }
}

it('lets windows fire the same wherever the times stand, with the same watermarks', async () => {
  await fc.assert(
    fc.asyncProperty(readings, async given => {
      let now = 0
      const rows = given.map(({ key, aheadMs, value }) => {
        now += 7
        return { key, at: now + aheadMs, value }
      })
      const expected = await fired(rows, 1)
      for (const batchRows of [2, 5, 60]) expect(await fired(rows, batchRows)).toEqual(expected)
    }),
    { numRuns: 40 },
  )
})
