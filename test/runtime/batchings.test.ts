import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Batch } from '../../src/core/batch.js'
import { BatchBuilder } from '../../src/core/batch-builder.js'
import {
  bounded,
  collect,
  count,
  customWatermarks,
  execute,
  job,
  memory,
  monotone,
  nullable,
  punctuated,
  Schema,
  type SliceWindows,
  sliding,
  sum,
  tumbling,
  type WatermarkStrategy,
} from '../../src/index.js'
import { environment } from './streams.js'

interface Row {
  readonly key: string
  readonly at: number
  readonly value: number
  readonly mark: number | null
}

const schema = Schema.of({ key: 'utf8', at: 'f64', value: 'f64', mark: nullable('f64') })

const strategies: readonly [string, () => WatermarkStrategy<Row>][] = [
  ['monotone', () => monotone()],
  ['bounded', () => bounded(20)],
  ['punctuated', () => punctuated<Row>(({ mark }) => mark)],
  [
    'custom',
    () =>
      customWatermarks<Row, { last: number | null; seen: number }>({
        state: () => ({ last: null, seen: 0 }),
        // Every third record says how far time has come.
        onRecord(state, _row, timestamp) {
          state.seen += 1
          state.last = Math.max(state.last ?? timestamp, timestamp)
          return state.seen % 3 === 0 ? state.last - 15 : null
        },
      }),
  ],
]

const rowArbitrary: fc.Arbitrary<Row> = fc.record({
  key: fc.constantFrom('a', 'b', '__proto__'),
  at: fc.integer({ min: -100, max: 300 }),
  value: fc.integer({ min: -9, max: 9 }),
  mark: fc.option(fc.integer({ min: -100, max: 300 })),
})

/** The rows in batches of the given sizes, the last size again and again. */
function cut(rows: readonly Row[], sizes: readonly number[]): Batch<Row>[] {
  const batches: Batch<Row>[] = []
  let from = 0
  for (let index = 0; from < rows.length; index++) {
    const size = sizes[index % sizes.length] ?? 1
    const builder = new BatchBuilder(schema)
    for (const row of rows.slice(from, from + size)) builder.append(row)
    batches.push(builder.finish() as Batch<Row>)
    from += size
  }
  return batches
}

/** Everything that a job puts out, in order: results, late records and why they are late, dead letters. */
async function outcome(
  batches: Batch<Row>[],
  batchRows: number,
  strategy: WatermarkStrategy<Row>,
  windows: SliceWindows,
) {
  const sinks = [collect<object>(), collect<object>(), collect<object>()] as const
  const graph = job('cut', j => {
    const stream = j.from(memory(batches)).withTimestamps('at', { watermarks: strategy, maxAhead: '1ms' })
    const results = stream
      .keyBy('key')
      .window(windows)
      .aggregate({ n: count(), total: sum('value') })
    results.to(sinks[0])
    results.explainLate().to(sinks[1])
    stream.deadLetters.to(sinks[2])
  }).plan()
  // Processing time stands at 250: what is later than 251 is too far ahead.
  const world = environment()
  world.clock.advance(250)
  const { error } = await execute(graph, world, { batchRows }).ended
  expect(error).toBeUndefined()
  return sinks.map(({ rows }) => rows)
}

describe('a job with a strategy per record', () => {
  it.each(strategies)(
    'gives the same results, late and set aside records however rows are cut: %s',
    async (_name, of) => {
      const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 })
      await fc.assert(
        fc.asyncProperty(
          fc.array(rowArbitrary, { minLength: 1, maxLength: 40 }),
          cuts,
          fc.integer({ min: 1, max: 12 }),
          fc.constantFrom(tumbling(30), sliding(40, 10)),
          async (rows, sizes, batchRows, windows) => {
            const whole = await outcome(cut(rows, [rows.length]), 100, of(), windows)
            expect(await outcome(cut(rows, sizes), batchRows, of(), windows)).toEqual(whole)
            expect(await outcome(cut(rows, [1]), 1, of(), windows)).toEqual(whole)
          },
        ),
        { numRuns: 7 },
      )
    },
  )
})
