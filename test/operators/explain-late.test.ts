import { describe, expect, it } from 'vitest'
import { Schema } from '../../src/core/schema.js'
import {
  collect,
  count,
  execute,
  job,
  memory,
  type Source,
  session,
  sliding,
  splits,
  tumbling,
  type WindowAssigner,
} from '../../src/index.js'
import { explainLateOperator } from '../../src/operators/time/explain-late.js'
import { HARNESS_MODES, runOperator, type TestElement } from '../../src/testing/operator-harness.js'
import { builds } from '../kernel/builds.js'
import { environment } from '../runtime/streams.js'

const [build] = builds
if (build === undefined) throw new TypeError('no kernel is built')

/** The late rows of a job and why they are late, sorted by time. */
async function explained(source: Source<{ at: number }>, assigner: WindowAssigner, lateness = 0, batchRows = 100) {
  const sink = collect<object>()
  const late = collect<{ at: number }>()
  const graph = job('late', j => {
    const windows = j
      .from(source)
      .withTimestamps('at', { outOfOrderness: 0 })
      .keyBy('at')
      .window(assigner)
      .allowedLateness(lateness)
      .aggregate({ n: count() })
    windows.explainLate().to(sink)
    windows.late.to(late)
    windows.to(collect())
  }).plan()
  const { error } = await execute(graph, environment(), { batchRows }).ended
  expect(error).toBeUndefined()
  expect(sink.rows.map(row => ({ at: (row as { at: number }).at }))).toEqual(late.rows)
  return sink.rows
}

describe('a late record', () => {
  const rows = memory([5, 12, 3, 40, 25, 31].map(at => ({ at })))
  const none = { movedBySplit: null }

  it('says which window it was late for, by which watermark, and by how much', async () => {
    for (const batchRows of [1, 2, 100]) {
      expect(await explained(rows, tumbling(10), 0, batchRows)).toEqual([
        { at: 3, windowEnd: 10, watermark: 11, lateBy: 2, ...none },
        { at: 25, windowEnd: 30, watermark: 39, lateBy: 10, ...none },
        { at: 31, windowEnd: 40, watermark: 39, lateBy: 0, ...none },
      ])
    }
    // Of several windows the last counts, and lateness that is allowed.
    expect(await explained(rows, sliding(20, 10))).toEqual([
      { at: 25, windowEnd: 40, watermark: 39, lateBy: 0, ...none },
    ])
    expect(await explained(rows, tumbling(10), 5)).toEqual([
      { at: 25, windowEnd: 30, watermark: 39, lateBy: 5, ...none },
    ])
    expect(await explained(rows, session(4))).toEqual([
      { at: 3, windowEnd: 7, watermark: 11, lateBy: 5, ...none },
      { at: 25, windowEnd: 29, watermark: 39, lateBy: 11, ...none },
      { at: 31, windowEnd: 35, watermark: 39, lateBy: 5, ...none },
    ])
  })

  it('says which split had moved the watermark', async () => {
    const parts = [
      [100, 20, 101],
      [50, 200, 150, 160],
    ].map(times => memory(times.map(at => ({ at }))))
    // By turns: 100, then 50, which moves the watermark to 49; 20 is late; 101 moves it to 100; 150 is not late.
    // The end of the first lets it go on to 199, before 160.
    expect(await explained(splits(parts), tumbling(10), 0, 1)).toEqual([
      { at: 20, windowEnd: 30, watermark: 49, lateBy: 20, movedBySplit: 1 },
      { at: 160, windowEnd: 170, watermark: 199, lateBy: 30, movedBySplit: 0 },
    ])
    const turned = [
      [300, 310],
      [250, 20, 330],
    ].map(times => memory(times.map(at => ({ at }))))
    // 250 moves it to 249; 20 comes behind 310, which does not move it.
    expect(await explained(splits(turned), tumbling(10), 0, 1)).toEqual([
      { at: 20, windowEnd: 30, watermark: 249, lateBy: 220, movedBySplit: 1 },
    ])
    const last = [[300], [250, 20]].map(times => memory(times.map(at => ({ at }))))
    // The first has ended, so that nothing holds the watermark back but the second itself.
    expect(await explained(splits(last), tumbling(10), 0, 1)).toEqual([
      { at: 20, windowEnd: 30, watermark: 249, lateBy: 220, movedBySplit: 1 },
    ])
  })

  it('is explained from the movers of its batch', () => {
    const schema = Schema.of({ at: 'f64' })
    const late: TestElement[] = [
      { kind: 'row', row: { at: 3 }, timestamp: 3, watermark: 11 },
      { kind: 'row', row: { at: 5 }, timestamp: 5, watermark: 20 },
    ]
    const settings = { assigner: tumbling(10).settings, allowedLatenessMs: 0 }
    for (const mode of HARNESS_MODES) {
      const outputs = runOperator(explainLateOperator(settings), () => build.create(), [schema], late, mode)
      expect(
        outputs.map(out => ('row' in out ? out.row : out)),
        mode.name,
      ).toEqual([
        { at: 3, windowEnd: 10, watermark: 11, lateBy: 2, movedBySplit: null },
        { at: 5, windowEnd: 10, watermark: 20, lateBy: 11, movedBySplit: null },
      ])
    }
  })

  it('may not have the fields of the explanation already', () => {
    const plan = () =>
      job('taken', j => {
        j.from(memory([{ at: 1, lateBy: 2 }]))
          .withTimestamps('at', { outOfOrderness: 0 })
          .keyBy('at')
          .window(tumbling(10))
          .aggregate({ n: count() })
          .explainLate()
          .to(collect())
      }).plan()
    expect(plan).toThrow(expect.objectContaining({ code: 'DUPLICATE_FIELD', details: { field: 'lateBy' } }))
  })
})
