import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Batch } from '../../src/core/batch.js'
import { Schema } from '../../src/core/schema.js'
import { type ColumnType, decimal, nullable } from '../../src/core/types.js'
import { sliding, tumbling, type WindowGeometry } from '../../src/core/window-geometry.js'
import { LocalAggregate } from '../../src/operators/local-aggregate.js'
import type { Operator, OperatorContext, OperatorFactory, Output, Steps } from '../../src/operators/operator.js'
import { WindowAggregateOperator } from '../../src/operators/window-aggregate.js'
import type { NamedAggregate } from '../../src/operators/window-results.js'
import { HARNESS_MODES, runOperator, type TestElement, type TestOutput } from '../../src/testing/operator-harness.js'
import { builds } from '../kernel/builds.js'
import { windowOracle } from './window-oracle.js'

const schema = Schema.of({ key: nullable('utf8'), value: nullable('f64') })

const ALL: readonly NamedAggregate[] = [
  { name: 'rows', function: 'count', field: undefined },
  { name: 'known', function: 'count', field: 'value' },
  { name: 'total', function: 'sum', field: 'value' },
  { name: 'least', function: 'min', field: 'value' },
  { name: 'most', function: 'max', field: 'value' },
  { name: 'average', function: 'mean', field: 'value' },
]

interface Settings {
  readonly keys: readonly string[]
  readonly geometry: WindowGeometry
  readonly aggregates: readonly NamedAggregate[]
  readonly input: Schema
}

function finish(steps: Steps | undefined): void {
  while (steps?.next().done === false) {
    // Nothing else is at work here.
  }
}

/** Local aggregation and the windows that it is for, as one operator: what is held leaves before a snapshot. */
class Both implements Operator {
  readonly dropped = {}
  readonly local: LocalAggregate
  private readonly windows: WindowAggregateOperator

  constructor(context: OperatorContext, { keys, geometry, aggregates, input }: Settings, crossed: Batch[]) {
    const windows = new WindowAggregateOperator(context, { keys, geometry, aggregates, partialsOf: input })
    const cross = (batch: Batch): void => {
      crossed.push(batch)
      finish(windows.onBatch(batch))
    }
    const output: Output = {
      ...context.output,
      batch: cross,
      side: (_output, batch) => cross(batch),
      watermark: timestamp => finish(windows.onWatermark(timestamp)),
    }
    this.windows = windows
    this.local = new LocalAggregate({ ...context, output }, { keys, geometry, aggregates, schema: input })
  }

  onBatch(batch: Batch): Steps {
    return this.local.onBatch(batch)
  }

  onWatermark(timestamp: number): Steps {
    return this.local.onWatermark(timestamp)
  }

  onIdle(): Steps {
    this.local.stop()
    return this.local.drain()
  }

  snapshot() {
    finish(this.local.drain())
    return this.windows.snapshot()
  }

  restore(states: Parameters<Operator['restore']>[0]): void {
    this.windows.restore(states)
  }

  gauges() {
    return this.windows.gauges()
  }

  close(): void {
    this.local.close()
    this.windows.close()
  }
}

const both =
  (settings: Settings, crossed: Batch[] = []): OperatorFactory =>
  context =>
    new Both(context, settings, crossed)

const plain =
  ({ input, ...settings }: Settings): OperatorFactory =>
  context =>
    new WindowAggregateOperator(context, settings)

/** The rows with the watermark in force before each, and the end. */
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

const inWords = (rows: readonly object[]): string[] =>
  rows.map(row => JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))).sort()

describe('windows over rows that were aggregated before', () => {
  const rows = fc.array(
    fc.record({
      key: fc.constantFrom('a', 'b', 'c', '__proto__', null),
      value: fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: -50, max: 50 }) },
        { weight: 1, arbitrary: fc.constant(null) },
      ),
      timestamp: fc.integer({ min: -60, max: 200 }),
    }),
    { maxLength: 60 },
  )
  const geometry = fc.constantFrom(tumbling(7, 3), tumbling(43, -3), sliding(20, 5), sliding(10, 4, 3), sliding(90, 6))

  it('equal those over the rows, in every mode and build', () => {
    fc.assert(
      fc.property(rows, geometry, fc.integer({ min: 0, max: 40 }), fc.nat(2), (input, shape, boundMs, number) => {
        const oracle = windowOracle(input, shape, boundMs)
        const elements = timed(
          input.map(({ timestamp, ...row }) => ({ timestamp, row })),
          boundMs,
        )
        const build = builds[number] as (typeof builds)[number]
        const settings = { keys: ['key'], geometry: shape, aggregates: ALL, input: schema }
        for (const mode of HARNESS_MODES) {
          const outputs = runOperator(both(settings), () => build.create(), [schema], elements, mode)
          expect(inWords(rowsOf(outputs, 'main')), mode.name).toEqual(inWords(oracle.results))
          expect(rowsOf(outputs, 'late'), mode.name).toEqual(oracle.late.map(({ key, value }) => ({ key, value })))
        }
      }),
      { numRuns: 60 },
    )
  })

  it('keep the types of keys and values, NaN and nulls', () => {
    const shape = {
      b: 'bool',
      i: 'i32',
      l: 'i64',
      f: 'f32',
      d: 'f64',
      t: 'timestamp',
      m: decimal(2),
      s: 'utf8',
    } as const
    const types: readonly (readonly [string, ColumnType])[] = Object.entries(shape)
    const input = new Schema(types.map(([name, type]) => ({ name, type, nullable: true })))
    const numeric = types.flatMap(([name]) => (name === 's' ? [] : [name]))
    const aggregates: NamedAggregate[] = [
      ...numeric.flatMap(field =>
        (['sum', 'min', 'max', 'mean'] as const).map(kind => ({ name: `${kind} of ${field}`, function: kind, field })),
      ),
      { name: 'n', function: 'count', field: 's' },
      { name: 'few', function: 'sum', field: 'i', predicate: row => (row as { i: number | null }).i !== -7 },
    ]
    const first = { b: true, i: -7, l: 2n ** 60n, f: 0.5, d: -0, t: 1_000, m: '12.30', s: 'häuser' }
    const second = { b: false, i: 9, l: -(2n ** 61n), f: Number.NaN, d: Number.NaN, t: -5, m: '-0.01', s: '' }
    const none = { b: null, i: null, l: null, f: null, d: null, t: null, m: null, s: null }
    const given = [first, second, none, { ...first, d: -1.5 }, { ...none, d: Number.NaN }, first].map((row, n) => {
      return { timestamp: n * 3, row }
    })
    for (const keys of [...types.map(([name]) => [name]), ['s', 'i', 'd']]) {
      for (const build of builds) {
        const settings = { keys, geometry: sliding(20, 10), aggregates, input }
        const [mode] = HARNESS_MODES
        if (mode === undefined) throw new TypeError('no mode')
        const run = (factory: OperatorFactory): string[] => {
          return inWords(
            rowsOf(
              runOperator(factory, () => build.create(), [input], timed(given, 8), mode),
              'main',
            ),
          )
        }
        expect(run(both(settings)), `${build.name} by ${keys}`).toEqual(run(plain(settings)))
      }
    }
  })
})

describe('local aggregation', () => {
  const ids = Schema.of({ key: 'i32', '#rows': 'i32' })
  const settings = { keys: ['key'], geometry: tumbling(1_000), aggregates: ALL.slice(0, 1), input: ids }

  function crossing(elements: readonly TestElement[], batchRows: number): { crossed: Batch[]; outputs: TestOutput[] } {
    const crossed: Batch[] = []
    const mode = { name: 'plain', batchRows, restores: false, selects: false }
    const create = (): ReturnType<(typeof builds)[number]['create']> => (builds[0] as (typeof builds)[number]).create()
    const outputs = runOperator(both(settings, crossed), create, [ids], elements, mode)
    return { crossed, outputs }
  }

  const rowsCrossed = (batches: readonly Batch[]): number => batches.reduce((sum, { length }) => sum + length, 0)
  const records = (count: number, keys: number): TestElement[] => {
    const rows = Array.from({ length: count }, (_, n) => ({ timestamp: n, row: { key: n % keys, '#rows': n } }))
    return timed(rows, 0)
  }

  it('sends one row a key and slice', () => {
    const { crossed, outputs } = crossing(records(4_000, 5), 100)
    expect(rowsCrossed(crossed)).toBe(4 * 5)
    expect(rowsOf(outputs, 'main')).toHaveLength(4 * 5)
    // A field of the user may have any name.
    expect(crossed[0]?.schema.names).toEqual(['key', '##rows'])
  })

  it('lets rows go as they are where that is not worth it, and tries again', () => {
    const { crossed, outputs } = crossing(records(10_000, 1_000_000), 500)
    expect(rowsOf(outputs, 'main')).toHaveLength(10_000)
    const asTheyCame = crossed.filter(batch => batch.schema.equals(ids))
    expect(rowsCrossed(asTheyCame)).toBeGreaterThan(3_000)
    expect(rowsCrossed(crossed)).toBe(10_000)
  })

  it('holds nothing back once its input was idle', () => {
    const before = records(1_500, 5).slice(0, -1)
    const elements: TestElement[] = [...before, { kind: 'idle', input: 0 }, { kind: 'active', input: 0 }, ...before]
    const { crossed } = crossing(elements, 100)
    const asTheyCame = crossed.filter(batch => batch.schema.equals(ids))
    expect(rowsCrossed(crossed) - rowsCrossed(asTheyCame)).toBe(2 * 5)
    expect(rowsCrossed(asTheyCame)).toBe(1_500)
  })
})
