import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Schema } from '../../../src/core/schema.js'
import { nullable } from '../../../src/core/types.js'
import { sliding, tumbling, type WindowGeometry } from '../../../src/core/window-geometry.js'
import {
  collectList,
  count,
  countDistinct,
  last,
  max,
  maxBy,
  mean,
  min,
  sum,
  topN,
} from '../../../src/operators/aggregates/aggregate.js'
import { tumblingAggregateOperator } from '../../../src/operators/aggregates/tumbling-aggregate.js'
import type { Operator, OperatorFactory } from '../../../src/operators/operator.js'
import { windowAggregateOperator } from '../../../src/operators/window-aggregate.js'
import type { NamedAggregate } from '../../../src/operators/window-results.js'
import { TRIGGERED_PANES } from '../../../src/operators/windows/keyed-windows.js'
import { eventTime } from '../../../src/operators/windows/triggers.js'
import { windowOperator } from '../../../src/operators/windows/window-operator.js'
import { HARNESS_MODES, runOperator, type TestElement, type TestOutput } from '../../../src/testing/operator-harness.js'
import { builds } from '../../kernel/builds.js'

const schema = Schema.of({ key: nullable('utf8'), value: nullable('f64') })
const kernel = () => (builds[0] as (typeof builds)[number]).create()

interface Row {
  readonly key: string | null
  readonly value: number | null
  readonly timestamp: number
}

function timed(rows: readonly Row[], boundMs: number): TestElement[] {
  let watermark = Number.NEGATIVE_INFINITY
  const elements = rows.map(({ timestamp, ...row }): TestElement => {
    const element: TestElement = { kind: 'row', row, timestamp, watermark }
    watermark = Math.max(watermark, timestamp - boundMs - 1)
    return element
  })
  return [...elements, { kind: 'watermark', timestamp: Number.POSITIVE_INFINITY }]
}

function of(outputs: readonly TestOutput[], output: string): string[] {
  return outputs.flatMap(out => ('output' in out && out.output === output ? JSON.stringify(out) : []))
}

/** What came out, in an order that does not depend on that of the keys. */
function sorted(outputs: readonly TestOutput[], output: string): string[] {
  return of(outputs, output).sort()
}

const rows = fc.array(
  fc.record({
    key: fc.oneof(fc.constantFrom('a', 'b', '', '__proto__'), fc.constant(null)),
    value: fc.option(fc.integer({ min: -50, max: 50 }), { freq: 6 }),
    timestamp: fc.integer({ min: -60, max: 200 }),
  }),
  { maxLength: 50 },
)
const geometries = fc.constantFrom(tumbling(10), tumbling(7, 3), tumbling(60), sliding(6, 10, -2), sliding(5, 10))
const keysets = fc.constantFrom<readonly string[]>(['key'], [])

const KERNEL: readonly NamedAggregate[] = [
  { ...count(), name: 'rows' },
  { ...sum('value'), name: 'total' },
  { ...min('value'), name: 'least' },
  { ...max('value'), name: 'most' },
  { ...mean('value'), name: 'average' },
]
const isPositive = ({ value }: { readonly value: number | null }): boolean => (value ?? 0) > 0
const isEven = ({ value }: { readonly value: number | null }): boolean => (value ?? 0) % 2 === 0
const HOST: readonly NamedAggregate[] = [
  { ...count(), name: 'rows' },
  { ...count().where(isPositive), name: 'positive' },
  { ...countDistinct('value').where(isPositive), name: 'distinct' },
  { ...countDistinct('key').where(isEven), name: 'distinctKeysOfEven' },
  { ...countDistinct('value'), name: 'distinctOfAll' },
  { ...countDistinct('value').where(isEven), name: 'distinctOfEven' },
  { ...topN(2, 'value', { ties: true, field: 'key' }), name: 'top' },
  { ...maxBy('value', 'key'), name: 'best' },
  { ...last('value'), name: 'last' },
  { ...collectList('value'), name: 'all' },
]

function run(create: OperatorFactory, elements: readonly TestElement[], mode = HARNESS_MODES[0]): TestOutput[] {
  if (mode === undefined) throw new TypeError('no mode')
  return runOperator(create, kernel, [schema], elements, mode)
}

function general(keys: readonly string[], geometry: WindowGeometry, aggregates: readonly NamedAggregate[]) {
  return windowOperator({
    ...{ keys, trigger: eventTime(), evictor: undefined, allowedLatenessMs: 0, panes: TRIGGERED_PANES },
    assigner: { kind: 'slices', time: 'event', geometry },
    accumulation: 'accumulating',
    function: { kind: 'aggregate', fields: aggregates },
    schema: undefined,
  })
}

describe('aggregates of windows that do not overlap', () => {
  it('are those of the general operator, and the same in every mode', () => {
    fc.assert(
      fc.property(rows, geometries, keysets, fc.integer({ min: 0, max: 40 }), (input, geometry, keys, boundMs) => {
        const elements = timed(input, boundMs)
        const create = tumblingAggregateOperator({ keys, geometry, aggregates: HOST })
        const expected = run(general(keys, geometry, HOST), elements)
        const outcomes = HARNESS_MODES.map(mode => run(create, elements, mode))
        for (const [index, outputs] of outcomes.entries()) {
          const mode = HARNESS_MODES[index]?.name
          expect(sorted(outputs, 'main'), mode).toEqual(sorted(expected, 'main'))
          // To the general operator a record between windows is in none, and so never late.
          if (geometry.slideMs <= geometry.sizeMs) {
            expect(sorted(outputs, 'late'), mode).toEqual(sorted(expected, 'late'))
          }
          // The same order too, of each output by itself.
          for (const output of ['main', 'late']) {
            expect(of(outputs, output), mode).toEqual(of(outcomes[0] ?? [], output))
          }
        }
      }),
      { numRuns: 40 },
    )
  })

  it('are those of the kernel', () => {
    fc.assert(
      fc.property(rows, geometries, fc.integer({ min: 0, max: 40 }), (input, geometry, boundMs) => {
        const elements = timed(input, boundMs)
        const settings = { keys: ['key'], geometry, aggregates: KERNEL }
        const [host, expected] = [tumblingAggregateOperator(settings), windowAggregateOperator(settings)]
        for (const output of ['main', 'late']) {
          expect(sorted(run(host, elements), output)).toEqual(sorted(run(expected, elements), output))
        }
      }),
      { numRuns: 40 },
    )
  })

  it('leaves nothing behind when all windows are over', () => {
    let operator: Operator | undefined
    const create: OperatorFactory = context => {
      operator = tumblingAggregateOperator({ keys: ['key'], geometry: tumbling(20), aggregates: HOST })(context)
      return operator
    }
    const input = ['a', 'b', 'c'].map((key, index): Row => ({ key, value: 1, timestamp: index * 15 }))
    expect(sorted(run(create, timed(input, 0)), 'main')).toHaveLength(3)
    expect(operator?.gauges()).toEqual({ openWindows: 0, keys: 0 })
  })
})
