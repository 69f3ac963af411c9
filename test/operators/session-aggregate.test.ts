import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Schema } from '../../src/core/schema.js'
import { nullable } from '../../src/core/types.js'
import type { OperatorContext, OperatorState } from '../../src/operators/operator.js'
import { type SessionAggregateSettings, sessionAggregateOperator } from '../../src/operators/session-aggregate.js'
import type { NamedAggregate } from '../../src/operators/window-results.js'
import { HARNESS_MODES, runOperator, type TestElement, type TestOutput } from '../../src/testing/operator-harness.js'
import { builds } from '../kernel/builds.js'

const AGGREGATES: readonly NamedAggregate[] = [
  { name: 'rows', function: 'count', field: undefined },
  { name: 'total', function: 'sum', field: 'value' },
  { name: 'most', function: 'max', field: 'value' },
]
const schema = Schema.of({ key: nullable('utf8'), value: nullable('f64'), gap: 'f64' })
const kernel = () => (builds[0] as (typeof builds)[number]).create()

interface InputRow {
  readonly key: string | null
  readonly value: number | null
  readonly gap: number
  readonly timestamp: number
}

/** The rows with the watermark in force before each; every so often the watermark comes as an element too. */
function timed(rows: readonly InputRow[], boundMs: number): TestElement[] {
  let watermark = Number.NEGATIVE_INFINITY
  const elements = rows.flatMap(({ timestamp, ...row }, n): TestElement[] => {
    const element: TestElement = { kind: 'row', row, timestamp, watermark }
    watermark = Math.max(watermark, timestamp - boundMs - 1)
    return n % 9 === 8 ? [element, { kind: 'watermark', timestamp: watermark }] : [element]
  })
  return [...elements, { kind: 'watermark', timestamp: Number.POSITIVE_INFINITY }]
}

const rowsOf = (outputs: readonly TestOutput[], output: string): object[] =>
  outputs.flatMap(out => ('output' in out && out.output === output ? [out.row] : []))

interface Open {
  start: number
  end: number
  readonly key: string | null
  readonly values: (number | null)[]
}

/** Sessions in the order of their ends, and late rows. */
function oracle(rows: readonly InputRow[], boundMs: number): { results: object[]; late: object[] } {
  let open: Open[] = []
  const results: object[] = []
  const late: object[] = []
  let watermark = Number.NEGATIVE_INFINITY
  const fire = (): void => {
    for (const session of open.filter(({ end }) => end - 1 <= watermark).sort((a, b) => a.end - b.end)) {
      const known = session.values.filter(value => value !== null)
      results.push({
        key: session.key,
        windowStart: session.start,
        windowEnd: session.end,
        rows: session.values.length,
        total: known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0),
        most: known.length === 0 ? null : Math.max(...known),
      })
    }
    open = open.filter(({ end }) => end - 1 > watermark)
  }
  for (const { timestamp, ...row } of rows) {
    fire()
    const merged: Open = { key: row.key, start: timestamp, end: timestamp + row.gap, values: [] }
    const touching = open.filter(
      ({ key, start, end }) => key === row.key && start <= timestamp + row.gap && end >= timestamp,
    )
    for (const { start, end, values } of touching) {
      merged.start = Math.min(merged.start, start)
      merged.end = Math.max(merged.end, end)
      merged.values.push(...values)
    }
    merged.values.push(row.value)
    if (merged.end - 1 <= watermark) late.push(row)
    else open = [...open.filter(session => !touching.includes(session)), merged]
    watermark = Math.max(watermark, timestamp - boundMs - 1)
  }
  watermark = Number.POSITIVE_INFINITY
  fire()
  return { results, late }
}

const endOf = (row: object): number => ('windowEnd' in row ? Number(row.windowEnd) : Number.NaN)
const text = (rows: readonly object[]): string[] => rows.map(row => JSON.stringify(row)).sort()

const inputs = (gap: fc.Arbitrary<number>) =>
  fc.array(
    fc.record({
      key: fc.oneof(fc.constantFrom('a', 'b', '', '__proto__'), fc.constant(null)),
      value: fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: -50, max: 50 }).map(value => value + 0) },
        { weight: 1, arbitrary: fc.constant(null) },
      ),
      gap,
      timestamp: fc.integer({ min: -60, max: 200 }),
    }),
    { maxLength: 50 },
  )

describe('session aggregation', () => {
  it.each([
    ['a constant gap', 12, fc.constant(12)],
    ['a gap by row', (row: { gap: number }) => row.gap, fc.integer({ min: 1, max: 30 })],
  ] as const)('equals record-by-record processing in every mode, with %s', (_, gap, gaps) => {
    const settings: SessionAggregateSettings = { keys: ['key'], gap, aggregates: AGGREGATES }
    fc.assert(
      fc.property(inputs(gaps), fc.integer({ min: 0, max: 40 }), (rows, boundMs) => {
        const { results, late } = oracle(rows, boundMs)
        const outcomes = HARNESS_MODES.map(mode =>
          runOperator(sessionAggregateOperator(settings), kernel, [schema], timed(rows, boundMs), mode),
        )
        for (const [index, outputs] of outcomes.entries()) {
          const main = rowsOf(outputs, 'main')
          expect(text(main), HARNESS_MODES[index]?.name).toEqual(text(results))
          expect(main.map(endOf)).toEqual(results.map(endOf))
          expect(rowsOf(outputs, 'late')).toEqual(late)
          // The same order of all outputs too, and the same event times and watermarks.
          expect(outputs, HARNESS_MODES[index]?.name).toEqual(outcomes[0])
        }
      }),
      { numRuns: 40 },
    )
  })

  it('puts out the timestamp end - 1, with the watermark that was in force before', () => {
    const rows = [0, 5, 40].map((timestamp): InputRow => ({ key: 'a', value: 1, gap: 10, timestamp }))
    const settings: SessionAggregateSettings = { keys: ['key'], gap: 10, aggregates: AGGREGATES }
    for (const mode of HARNESS_MODES) {
      const outputs = runOperator(sessionAggregateOperator(settings), kernel, [schema], timed(rows, 0), mode)
      expect(outputs).toMatchObject([
        { output: 'main', row: { windowStart: 0, windowEnd: 15, rows: 2 }, timestamp: 14, watermark: 4 },
        { output: 'main', row: { windowStart: 40, windowEnd: 50, rows: 1 }, timestamp: 49, watermark: 4 },
        { watermark: Number.POSITIVE_INFINITY },
      ])
    }
  })

  it('names the record whose gap is none, or whose function throws', () => {
    const rows = [1, 2].map((timestamp): InputRow => ({ key: 'a', value: 1, gap: timestamp === 2 ? 0 : 5, timestamp }))
    const run = (gap: (row: { gap: number }) => number) => {
      const settings: SessionAggregateSettings = { keys: ['key'], gap, aggregates: AGGREGATES }
      const [mode] = HARNESS_MODES
      if (mode === undefined) throw new TypeError('no mode')
      runOperator(sessionAggregateOperator(settings), kernel, [schema], timed(rows, 0), mode)
    }
    expect(() => run(row => row.gap)).toThrow(
      expect.objectContaining({ code: 'USER_FUNCTION_RESULT', details: expect.objectContaining({ result: 0 }) }),
    )
    expect(() =>
      run(() => {
        throw new Error('no gap')
      }),
    ).toThrow(expect.objectContaining({ code: 'USER_FUNCTION_FAILED' }))
  })

  it('keeps the sessions and counters of its key groups from several former subtasks', () => {
    const settings: SessionAggregateSettings = { keys: ['key'], gap: 10, aggregates: AGGREGATES }
    const emitted: unknown[] = []
    const context = (first: number, last: number): OperatorContext => ({
      id: 'tested',
      kernel: kernel(),
      keyGroups: { start: first, end: last },
      processingTime: { now: () => 0, wakeAt: () => {} },
      wake: () => {},
      output: {
        batch: batch => batch.forEachRow(row => emitted.push(batch.row(row))),
        side: () => {},
        watermark: () => {},
        idle: () => {},
        active: () => {},
      },
    })
    const elements = Array.from({ length: 60 }, (_, n): InputRow => {
      return { key: `k${n % 23}`, value: n, gap: 10, timestamp: n % 40 }
    })
    const states: OperatorState[] = []
    const operator = sessionAggregateOperator(settings)(context(0, 127))
    runOperator(
      () => ({
        ...{ dropped: {}, gauges: () => ({}), restore: () => {}, snapshot: () => operator.snapshot() },
        onBatch: (batch, input) => operator.onBatch(batch, input),
        onWatermark: () => undefined,
        close: () => states.push(operator.snapshot()),
      }),
      kernel,
      [schema],
      timed(elements, 1000),
      { name: 'batched', batchRows: 64, restores: false, selects: false },
    )
    const split = [
      [0, 40],
      [41, 127],
    ].map(([first = 0, last = 0]) => {
      const part = sessionAggregateOperator(settings)(context(first, last))
      part.restore(states)
      return part
    })
    const merged = sessionAggregateOperator(settings)(context(0, 127))
    merged.restore(split.map(part => part.snapshot()))
    expect(merged.gauges().openWindows).toBe(operator.gauges().openWindows)
    const steps = merged.onWatermark(Number.POSITIVE_INFINITY, 0)
    while (steps?.next().done === false) {
      // To its end.
    }
    expect(text(emitted as object[])).toEqual(text(oracle(elements, 1000).results))
  })
})
