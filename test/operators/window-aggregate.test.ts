import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Schema } from '../../src/core/schema.js'
import { decimal, nullable } from '../../src/core/types.js'
import { sliding, tumbling, type WindowGeometry } from '../../src/core/window-geometry.js'
import { windowAggregateOperator } from '../../src/operators/window-aggregate.js'
import type { NamedAggregate } from '../../src/operators/window-results.js'
import { HARNESS_MODES, runOperator, type TestElement, type TestOutput } from '../../src/testing/operator-harness.js'
import { builds } from '../kernel/builds.js'
import { type OracleRow, windowOracle } from './window-oracle.js'

const ALL: readonly NamedAggregate[] = [
  { name: 'rows', function: 'count', field: undefined },
  { name: 'known', function: 'count', field: 'value' },
  { name: 'total', function: 'sum', field: 'value' },
  { name: 'least', function: 'min', field: 'value' },
  { name: 'most', function: 'max', field: 'value' },
  { name: 'average', function: 'mean', field: 'value' },
]

const schema = Schema.of({ key: nullable('utf8'), value: nullable('f64') })

const kernel = () => (builds[0] as (typeof builds)[number]).create()

/** The rows with the watermark in force before each, and the watermark behind them. */
function timed(rows: readonly { timestamp: number; row: object }[], boundMs: number): TestElement[] {
  let watermark = Number.NEGATIVE_INFINITY
  const elements: TestElement[] = rows.map(({ timestamp, row }) => {
    const element: TestElement = { kind: 'row', row, timestamp, watermark }
    watermark = Math.max(watermark, timestamp - boundMs - 1)
    return element
  })
  return [...elements, { kind: 'watermark', timestamp: Number.POSITIVE_INFINITY }]
}

function rowsOf(outputs: readonly TestOutput[], output: string): object[] {
  return outputs.flatMap(out => ('output' in out && out.output === output ? [out.row] : []))
}

const bySortKey = (a: object, b: object): number => {
  const [x, y] = [JSON.stringify(a), JSON.stringify(b)]
  return x < y ? -1 : x > y ? 1 : 0
}

function run(
  elements: readonly TestElement[],
  geometry: WindowGeometry,
  mode = HARNESS_MODES[0],
  settings = { keys: ['key'], aggregates: ALL },
  input: Schema = schema,
): TestOutput[] {
  if (mode === undefined) throw new TypeError('no mode')
  return runOperator(windowAggregateOperator({ ...settings, geometry }), kernel, [input], elements, mode)
}

describe('window aggregation', () => {
  const rows = fc.array(
    fc.record({
      key: fc.oneof(fc.constantFrom('a', 'b', 'c', '', '__proto__'), fc.constant(null)),
      value: fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: -50, max: 50 }) },
        { arbitrary: fc.constant(null), weight: 1 },
      ),
      timestamp: fc.integer({ min: -60, max: 200 }),
    }),
    { maxLength: 60 },
  )
  const geometry = fc.oneof(
    fc
      .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: -3, max: 3 }))
      .map(([size, offset]) => tumbling(size + 3, offset)),
    fc.constantFrom(sliding(20, 5), sliding(10, 4, 3), sliding(6, 10, -2), sliding(30, 10)),
  )

  it('equals record-by-record processing in every mode, whatever the cut', () => {
    fc.assert(
      fc.property(rows, geometry, fc.integer({ min: 0, max: 40 }), (input: OracleRow[], shape, boundMs) => {
        const oracle = windowOracle(input, shape, boundMs)
        const elements = timed(
          input.map(({ timestamp, ...row }) => ({ timestamp, row })),
          boundMs,
        )
        const outcomes = HARNESS_MODES.map(mode => run(elements, shape, mode))
        for (const [index, outputs] of outcomes.entries()) {
          const mode = HARNESS_MODES[index]?.name
          expect([...rowsOf(outputs, 'main')].sort(bySortKey), mode).toEqual([...oracle.results].sort(bySortKey))
          expect(rowsOf(outputs, 'late'), mode).toEqual(oracle.late.map(({ key, value }) => ({ key, value })))
          // The same order too, and the same event times.
          expect(outputs, mode).toEqual(outcomes[0])
        }
      }),
      { numRuns: 150 },
    )
  })

  it('puts out windows in the order of their ends, with the timestamp end - 1, never late for what follows', () => {
    const rows = [5, 1, 25, 12, 47].map(timestamp => ({ timestamp, row: { key: 'a', value: timestamp } }))
    const outputs = run(timed(rows, 5), tumbling(10))
    const fired = outputs.filter(out => 'output' in out && out.output === 'main')
    expect(fired.map(out => ('timestamp' in out ? out.timestamp : undefined))).toEqual([9, 29, 49])
    for (const out of fired) {
      if ('timestamp' in out) expect(out.timestamp).toBeGreaterThan(out.watermark ?? Number.NaN)
    }
  })

  it('counts rows that lie between windows', () => {
    const elements = timed(
      [0, 5, 9, 10].map(timestamp => ({ timestamp, row: { key: 'a', value: 1 } })),
      100,
    )
    const outputs = run(elements, sliding(5, 10))
    expect(rowsOf(outputs, 'main')).toMatchObject([{ rows: 1 }, { rows: 1 }])
    expect(rowsOf(outputs, 'late')).toEqual([])
  })

  it('keeps key and value types from end to end', () => {
    const input = Schema.of({
      b: 'bool',
      i: 'i32',
      l: 'i64',
      f: 'f32',
      d: 'f64',
      t: 'timestamp',
      m: decimal(2),
      s: 'utf8',
    })
    const row = { b: true, i: -7, l: 2n ** 60n, f: 0.5, d: -0, t: 1_000, m: '12.30', s: 'häuser' }
    const aggregates: NamedAggregate[] = ['b', 'i', 'l', 'f', 'd', 't', 'm'].flatMap(field => [
      { name: `sum_${field}`, function: 'sum', field },
      { name: `min_${field}`, function: 'min', field },
    ])
    const counted: NamedAggregate[] = [...aggregates, { name: 'n', function: 'count', field: 's' }]
    for (const keys of [
      ['b'],
      ['i'],
      ['l'],
      ['f'],
      ['d'],
      ['t'],
      ['m'],
      ['s'],
      ['s', 'i'],
      ['l', 'b', 'm', 'f', 't', 'd'],
    ]) {
      const elements = timed(
        [
          { timestamp: 3, row },
          { timestamp: 4, row },
        ],
        0,
      )
      const [result] = rowsOf(
        run(elements, tumbling(10), HARNESS_MODES[0], { keys, aggregates: counted }, input),
        'main',
      )
      expect(result).toEqual({
        ...Object.fromEntries(keys.map(key => [key, key === 'd' ? 0 : row[key as keyof typeof row]])),
        windowStart: 0,
        windowEnd: 10,
        ...{ sum_b: 2, min_b: 1, sum_i: -14, min_i: -7, sum_l: 2n ** 61n, min_l: 2n ** 60n, sum_f: 1, min_f: 0.5 },
        ...{ sum_d: 0, min_d: expect.closeTo(0), sum_t: 2_000, min_t: 1_000, sum_m: '24.60', min_m: '12.30', n: 2 },
      })
    }
  })

  it('reports a sum beyond 64 bits by name', () => {
    const input = Schema.of({ key: 'utf8', value: 'i64' })
    const row = { key: 'a', value: 2n ** 62n }
    const aggregates: NamedAggregate[] = [{ name: 's', function: 'sum', field: 'value' }]
    const elements = timed(
      [1, 2, 3].map(timestamp => ({ timestamp, row })),
      0,
    )
    expect(() => run(elements, tumbling(10), HARNESS_MODES[0], { keys: ['key'], aggregates }, input)).toThrow(
      expect.objectContaining({ code: 'SUM_OVERFLOW' }),
    )
  })

  it('refuses what cannot be a key or a number', () => {
    const input = Schema.of({ key: 'object', value: 'utf8' })
    const sum: NamedAggregate[] = [{ name: 's', function: 'sum', field: 'value' }]
    const elements = timed([{ timestamp: 1, row: { key: {}, value: 'x' } }], 0)
    for (const settings of [
      { keys: ['key'], aggregates: [{ name: 'n', function: 'count', field: undefined }] as NamedAggregate[] },
      { keys: ['value'], aggregates: sum },
    ]) {
      expect(() => run(elements, tumbling(10), HARNESS_MODES[0], settings, input)).toThrow(
        expect.objectContaining({ code: 'TYPE_MISMATCH' }),
      )
    }
  })
})
