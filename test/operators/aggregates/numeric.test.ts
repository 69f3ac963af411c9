/* The laws of the contract, and that the host and the kernel compute the same. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Schema } from '../../../src/core/schema.js'
import { type ColumnType, decimal, nullable } from '../../../src/core/types.js'
import { tumbling } from '../../../src/core/window-geometry.js'
import type { HostAggregate } from '../../../src/operators/aggregates/accumulator.js'
import type { AggregateFunction } from '../../../src/operators/aggregates/aggregate.js'
import { hostAggregate } from '../../../src/operators/aggregates/host-aggregate.js'
import { windowAggregateOperator } from '../../../src/operators/window-aggregate.js'
import type { NamedAggregate } from '../../../src/operators/window-results.js'
import { HARNESS_MODES, runOperator, type TestElement } from '../../../src/testing/operator-harness.js'
import { builds } from '../../kernel/builds.js'

const FUNCTIONS: readonly AggregateFunction[] = ['count', 'sum', 'min', 'max', 'mean']

const awkward = fc.constantFrom(
  0,
  -0,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  1.5,
  -1e300,
  5e-324,
)
const VALUES: readonly { readonly type: ColumnType; readonly value: fc.Arbitrary<unknown> }[] = [
  { type: 'f64', value: fc.oneof(awkward, fc.double(), fc.integer()) },
  { type: 'f32', value: fc.oneof(awkward.map(Math.fround), fc.float()) },
  { type: 'i32', value: fc.oneof(fc.integer(), fc.constantFrom(2 ** 31 - 1, -(2 ** 31), 0)) },
  { type: 'i64', value: fc.oneof(fc.bigInt(-(2n ** 59n), 2n ** 59n), fc.bigInt(-100n, 100n)) },
  { type: 'timestamp', value: fc.integer({ min: -8.64e15, max: 8.64e15 }) },
  { type: 'bool', value: fc.boolean() },
  { type: decimal(2), value: fc.integer({ min: -1e9, max: 1e9 }).map(units => (units / 100).toFixed(2)) },
]

const inputs = fc.constantFrom(...VALUES).chain(({ type, value }) => {
  const record = fc.record({ value: fc.option(value, { freq: 5 }), picked: fc.boolean() })
  return fc.record({
    schema: fc.constant(Schema.of({ value: nullable(type), picked: 'bool' })),
    records: fc.array(record, { maxLength: 12 }),
  })
})

function bound(name: AggregateFunction, schema: Schema): HostAggregate {
  return hostAggregate({ function: name, field: 'value' }, schema)
}

function added(aggregate: HostAggregate, records: readonly object[], from = aggregate.create()): unknown {
  return records.reduce((accumulator: unknown, record) => aggregate.add(accumulator, record, 0), from)
}

function throughJson(aggregate: HostAggregate, accumulator: unknown): unknown {
  return aggregate.decode(JSON.parse(JSON.stringify(aggregate.encode(accumulator))))
}

const isPicked = (record: { readonly picked: boolean }): boolean => record.picked

/** Each function over all records, and over some. */
const CALLS: readonly NamedAggregate[] = [
  ...FUNCTIONS.map(name => ({ name, function: name, field: 'value' })),
  ...FUNCTIONS.map(name => ({ name: `${name} where`, function: name, field: 'value', predicate: isPicked })),
  { name: 'rows where', function: 'count', field: undefined, predicate: isPicked },
  { name: 'rows', function: 'count', field: undefined },
]

function kernelResults(records: readonly object[], schema: Schema): Record<string, unknown> {
  const elements: TestElement[] = records.map(record => ({
    kind: 'row',
    row: { ...record, key: 1 },
    timestamp: 0,
    watermark: Number.NEGATIVE_INFINITY,
  }))
  const [mode] = HARNESS_MODES
  if (mode === undefined) throw new TypeError('no mode')
  const operator = windowAggregateOperator({
    keys: ['key'],
    geometry: tumbling(10),
    aggregates: CALLS,
  })
  const input = new Schema([{ name: 'key', type: 'i32', nullable: false }, ...schema.fields])
  const kernel = () => (builds[0] as (typeof builds)[number]).create()
  const outputs = runOperator(
    operator,
    kernel,
    [input],
    [...elements, { kind: 'watermark', timestamp: Number.POSITIVE_INFINITY }],
    mode,
  )
  const [row] = outputs.flatMap(output => ('row' in output ? [output.row] : []))
  return { ...row }
}

describe('count, sum, min, max and mean on the host', () => {
  it('give what the kernel gives, and of the same type', () => {
    fc.assert(
      fc.property(inputs, ({ schema, records }) => {
        fc.pre(records.length > 0)
        const { key, windowStart, windowEnd, ...expected } = kernelResults(records, schema)
        const results = CALLS.map(call => {
          const aggregate = hostAggregate(call, schema)
          return [call.name, aggregate.result(added(aggregate, records))]
        })
        expect([key, windowStart, windowEnd]).toEqual([1, 0, 10])
        expect(Object.fromEntries(results)).toEqual(expected)
      }),
      { numRuns: 150 },
    )
  })

  it('keep the laws of merging, encoding and retracting', () => {
    fc.assert(
      fc.property(inputs, fc.constantFrom(...FUNCTIONS), fc.nat(12), ({ schema, records }, name, cut) => {
        // Rounded sums depend on the order of additions; what is exact does not.
        fc.pre(!((name === 'sum' || name === 'mean') && /^f/.test(String(schema.field('value').type))))
        const aggregate = bound(name, schema)
        const all = aggregate.result(added(aggregate, records))
        const first = (): unknown => added(aggregate, records.slice(0, cut))
        const second = (): unknown => added(aggregate, records.slice(cut))
        const from = second()
        expect(aggregate.result(aggregate.merge(first(), from))).toEqual(all)
        expect(aggregate.result(aggregate.merge(second(), first()))).toEqual(all)
        expect(aggregate.result(aggregate.merge(aggregate.create(), aggregate.merge(first(), from)))).toEqual(all)
        // What was merged in is as it was.
        expect(aggregate.encode(from)).toEqual(aggregate.encode(second()))
        expect(aggregate.result(added(aggregate, records.slice(cut), throughJson(aggregate, first())))).toEqual(all)
        if (aggregate.retract === undefined) return
        const taken = records
          .slice(cut)
          .reduce((rest: unknown, record) => aggregate.retract?.(rest, record, 0), added(aggregate, records))
        expect(aggregate.result(taken)).toEqual(aggregate.result(first()))
      }),
      { numRuns: 400 },
    )
  })

  it('add up beyond the integers of a number, and fail beyond 64 bits as the kernel does', () => {
    const schema = Schema.of({ value: 'timestamp', long: 'i64', price: decimal(0) })
    const sum = hostAggregate({ function: 'sum', field: 'value' }, schema)
    const record = { value: 8.64e15 - 1, long: 2n ** 62n, price: '9223372036854775807' }
    expect(
      sum.result(
        added(
          sum,
          Array.from({ length: 1000 }, () => record),
        ),
      ),
    ).toBe(Number((8640000000000000n - 1n) * 1000n))
    for (const [field, times] of [
      ['value', 1068],
      ['long', 2],
      ['price', 2],
    ] as const) {
      const aggregate = hostAggregate({ function: 'sum', field }, schema)
      const almost = added(
        aggregate,
        Array.from({ length: times - 1 }, () => record),
      )
      expect(() => aggregate.add(almost, record, 0)).toThrow(expect.objectContaining({ code: 'SUM_OVERFLOW' }))
      const halves = [
        added(aggregate, [record]),
        added(
          aggregate,
          Array.from({ length: times - 1 }, () => record),
        ),
      ]
      expect(() => aggregate.merge(halves[0], halves[1])).toThrow(expect.objectContaining({ code: 'SUM_OVERFLOW' }))
    }
  })

  it('survive JSON with NaN, infinities and minus zero', () => {
    const schema = Schema.of({ value: 'f64' })
    for (const name of FUNCTIONS) {
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -0, 2 ** 60]) {
        const aggregate = bound(name, schema)
        const before = added(aggregate, [{ value }])
        expect(aggregate.result(throughJson(aggregate, before))).toEqual(aggregate.result(before))
      }
    }
  })

  it('give null, and a count of 0, where nothing was added', () => {
    const schema = Schema.of({ value: nullable('f64') })
    for (const name of FUNCTIONS) {
      const aggregate = bound(name, schema)
      expect(aggregate.result(added(aggregate, [{ value: null }, {}]))).toBe(name === 'count' ? 0 : null)
    }
  })

  it('refuse fields that are not there or are not numbers', () => {
    const schema = Schema.of({ text: 'utf8' })
    expect(() => hostAggregate({ function: 'sum', field: 'tex' }, schema)).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_FIELD' }),
    )
    expect(() => hostAggregate({ function: 'max', field: 'text' }, schema)).toThrow(
      expect.objectContaining({ code: 'TYPE_MISMATCH' }),
    )
  })
})
