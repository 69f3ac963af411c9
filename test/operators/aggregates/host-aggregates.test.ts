/* Every aggregate of the host against its definition, and the laws of the contract. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BatchBuilder } from '../../../src/core/batch-builder.js'
import { Schema } from '../../../src/core/schema.js'
import { nullable } from '../../../src/core/types.js'
import type { HostAggregate } from '../../../src/operators/aggregates/accumulator.js'
import {
  type AggregateCall,
  approxCountDistinct,
  collectList,
  collectSet,
  count,
  countDistinct,
  customAggregate,
  first,
  last,
  max,
  maxBy,
  minBy,
  quantile,
  quantiles,
  stddev,
  stringJoin,
  sum,
  topN,
  variance,
  weightedMean,
} from '../../../src/operators/aggregates/aggregate.js'
import { hostAggregate } from '../../../src/operators/aggregates/host-aggregate.js'

const schema = Schema.of({
  n: nullable('f64'),
  whole: 'i32',
  long: nullable('i64'),
  text: nullable('utf8'),
  // A name that objects have by themselves.
  constructor: 'bool',
})

interface Row {
  readonly n: number | null
  readonly whole: number
  readonly long: bigint | null
  readonly text: string | null
  readonly constructor: boolean
}

interface Timed {
  readonly row: Row
  readonly timestamp: number
}

const numbers = fc.oneof(
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0),
  fc.integer({ min: -9, max: 9 }),
)
const timed: fc.Arbitrary<Timed[]> = fc.array(
  fc.record({
    row: fc.record({
      n: fc.option(numbers, { freq: 6 }),
      whole: fc.integer({ min: -5, max: 5 }),
      long: fc.option(fc.bigInt(-3n, 2n ** 62n), { freq: 6 }),
      text: fc.option(fc.constantFrom('', 'a', 'b', 'é', '__proto__'), { freq: 6 }),
      constructor: fc.boolean(),
    }),
    timestamp: fc.integer({ min: 0, max: 4 }),
  }),
  { maxLength: 14 },
)

const known = <T>(values: readonly (T | null)[]): T[] => values.filter(value => value !== null)
const valuesOf = (rows: readonly Timed[]): number[] => known(rows.map(({ row }) => row.n))
const areFinite = (rows: readonly Timed[]): boolean => valuesOf(rows).every(Number.isFinite)
/** Ascending, NaN behind; sort keeps the order of equals. */
const byN = (a: Timed, b: Timed): number => {
  const [x, y] = [a.row.n ?? 0, b.row.n ?? 0]
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y))
  return x === y ? 0 : x < y ? -1 : 1
}
const byNDown = (a: Timed, b: Timed): number => {
  return Number.isNaN(a.row.n) || Number.isNaN(b.row.n) ? byN(a, b) : byN(b, a)
}
const placed = (rows: readonly Timed[]): Timed[] => rows.filter(({ row }) => row.n !== null)

function squares(rows: readonly Timed[]): number {
  const values = rows.map(({ row }) => row.whole)
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  return values.reduce((total, value) => total + (value - mean) ** 2, 0)
}

interface Case {
  readonly call: AggregateCall
  readonly oracle: (rows: readonly Timed[]) => unknown
  readonly commutes?: boolean
  readonly skips?: (rows: readonly Timed[]) => boolean
}

const CASES: readonly Case[] = [
  {
    call: variance('whole'),
    oracle: rows => (rows.length < 2 ? null : squares(rows) / (rows.length - 1)),
    commutes: true,
  },
  { call: variance('whole', 'population'), oracle: rows => (rows.length < 1 ? null : squares(rows) / rows.length) },
  { call: stddev('whole'), oracle: rows => (rows.length < 2 ? null : Math.sqrt(squares(rows) / (rows.length - 1))) },
  {
    call: weightedMean('n', 'whole'),
    skips: rows => !areFinite(rows),
    commutes: true,
    oracle: rows => {
      const weighed = placed(rows)
      const weights = weighed.reduce((total, { row }) => total + row.whole, 0)
      return weights === 0 ? null : weighed.reduce((total, { row }) => total + (row.n ?? 0) * row.whole, 0) / weights
    },
  },
  {
    call: first('text'),
    oracle: rows =>
      [...rows].sort((a, b) => a.timestamp - b.timestamp).find(({ row }) => row.text !== null)?.row.text ?? null,
  },
  {
    call: last('text'),
    oracle: rows =>
      [...rows].sort((a, b) => a.timestamp - b.timestamp).findLast(({ row }) => row.text !== null)?.row.text ?? null,
  },
  { call: first(), oracle: rows => [...rows].sort((a, b) => a.timestamp - b.timestamp)[0]?.row ?? null },
  { call: minBy('n'), oracle: rows => placed(rows).sort(byN)[0]?.row ?? null },
  { call: maxBy('n', 'text'), oracle: rows => placed(rows).sort(byNDown)[0]?.row.text ?? null },
  {
    call: maxBy('text', 'whole'),
    oracle: rows =>
      rows
        .filter(({ row }) => row.text !== null)
        .sort(({ row: { text: a } }, { row: { text: b } }) =>
          (a ?? '') === (b ?? '') ? 0 : (a ?? '') < (b ?? '') ? 1 : -1,
        )[0]?.row.whole ?? null,
  },
  {
    call: topN(3, 'n'),
    oracle: rows =>
      placed(rows)
        .sort(byNDown)
        .slice(0, 3)
        .map(({ row }) => row),
  },
  {
    call: topN(2, 'n', { field: 'text', order: 'ascending' }),
    oracle: rows =>
      placed(rows)
        .sort(byN)
        .slice(0, 2)
        .map(({ row }) => row.text),
  },
  {
    call: topN(2, 'n', { ties: true }),
    oracle: rows => {
      const sorted = placed(rows).sort(byNDown)
      return sorted.filter((row, index) => index < 2 || byNDown(row, sorted[1] as Timed) === 0).map(({ row }) => row)
    },
  },
  { call: countDistinct('n'), oracle: rows => new Set(valuesOf(rows)).size, commutes: true },
  { call: countDistinct('long'), oracle: rows => new Set(known(rows.map(({ row }) => row.long))).size, commutes: true },
  // As long as hardly any register is shared, the estimate is exact.
  { call: approxCountDistinct('n', { precision: 14 }), oracle: rows => new Set(valuesOf(rows)).size, commutes: true },
  {
    call: approxCountDistinct('text'),
    oracle: rows => new Set(known(rows.map(({ row }) => row.text))).size,
    commutes: true,
  },
  { call: collectList('text'), oracle: rows => known(rows.map(({ row }) => row.text)) },
  { call: collectList(), oracle: rows => rows.map(({ row }) => row) },
  { call: collectSet('n'), oracle: rows => [...new Set(valuesOf(rows))] },
  {
    call: stringJoin('text', '; '),
    oracle: rows => {
      const texts = known(rows.map(({ row }) => row.text))
      return texts.length === 0 ? null : texts.join('; ')
    },
  },
  {
    call: count().where((row: Row) => row.whole > 0),
    oracle: rows => rows.filter(({ row }) => row.whole > 0).length,
    commutes: true,
  },
  {
    call: sum('long').where((row: Row) => row.whole > 0),
    skips: rows => rows.filter(({ row }) => (row.long ?? 0n) > 2n ** 60n).length > 1,
    oracle: rows => {
      const longs = known(rows.filter(({ row }) => row.whole > 0).map(({ row }) => row.long))
      return longs.length === 0 ? null : longs.reduce((a, b) => a + b, 0n)
    },
    commutes: true,
  },
  {
    call: max('whole')
      .where((row: Row) => row.whole < 4)
      .where((row: Row) => row.constructor),
    oracle: rows =>
      rows
        .filter(({ row }) => row.whole < 4 && row.constructor)
        .reduce((most: number | null, { row }) => (most === null ? row.whole : Math.max(most, row.whole)), null),
    commutes: true,
  },
  {
    // The range, with accumulators that are objects with a bigint and a Set.
    call: customAggregate({
      type: nullable('utf8'),
      lift: (row: Row) => ({ texts: new Set([row.text]), rows: 1n }),
      combine: (a, b) => ({ texts: new Set([...a.texts, ...b.texts]), rows: a.rows + b.rows }),
      lower: ({ texts, rows }) => `${rows} ${[...texts].join()}`,
    }),
    oracle: rows =>
      rows.length === 0 ? null : `${rows.length} ${[...new Set(rows.map(({ row }) => row.text))].join()}`,
  },
  {
    call: customAggregate({
      type: 'f64',
      lift: (row: Row) => row.whole,
      combine: (a, b) => a + b,
      lower: total => total,
      invert: (a, b) => a - b,
    }),
    oracle: rows => (rows.length === 0 ? null : rows.reduce((total, { row }) => total + row.whole, 0)),
    commutes: true,
  },
]

function added(aggregate: HostAggregate, rows: readonly Timed[], from = aggregate.create()): unknown {
  return rows.reduce((accumulator: unknown, { row, timestamp }) => aggregate.add(accumulator, row, timestamp), from)
}

function throughJson(aggregate: HostAggregate, accumulator: unknown): unknown {
  return aggregate.decode(JSON.parse(JSON.stringify(aggregate.encode(accumulator))))
}

/** Numbers may be rounded in another order. */
function agree(actual: unknown, expected: unknown): void {
  if (typeof actual === 'number' && typeof expected === 'number' && Number.isFinite(expected)) {
    expect(actual).toBeCloseTo(expected, 9)
  } else {
    expect(actual).toEqual(expected)
  }
}

describe.each(CASES.map(one => ({ ...one, name: `${one.call.function}(${one.call.field ?? ''})` })))(
  'aggregate $name',
  ({ call, oracle, commutes = false, skips }) => {
    const aggregate = hostAggregate(call, schema)

    it('is what it is defined to be, in a column of its type', () => {
      fc.assert(
        fc.property(timed, rows => {
          fc.pre(skips?.(rows) !== true)
          const result = aggregate.result(added(aggregate, rows))
          agree(result, oracle(rows))
          const builder = new BatchBuilder(
            new Schema([{ name: 'r', type: aggregate.type, nullable: aggregate.nullable }]),
          )
          if (rows.length > 0) builder.append({ r: result })
          for (const { r } of builder.finish().toRows() as { r: unknown }[]) agree(r, result)
        }),
        { numRuns: 60 },
      )
    })

    it('keeps the laws of merging and encoding', () => {
      fc.assert(
        fc.property(timed, fc.nat(14), fc.nat(14), (rows, a, b) => {
          fc.pre(skips?.(rows) !== true)
          const [low, high] = a < b ? [a, b] : [b, a]
          const all = aggregate.result(added(aggregate, rows))
          const part = (from: number, to?: number) => added(aggregate, rows.slice(from, to))
          const third = part(high)
          agree(aggregate.result(aggregate.merge(aggregate.merge(part(0, low), part(low, high)), third)), all)
          agree(aggregate.result(aggregate.merge(part(0, low), aggregate.merge(part(low, high), third))), all)
          expect(aggregate.encode(third)).toEqual(aggregate.encode(part(high)))
          agree(aggregate.result(aggregate.merge(aggregate.create(), part(0))), all)
          agree(aggregate.result(aggregate.merge(part(0), aggregate.create())), all)
          if (commutes) agree(aggregate.result(aggregate.merge(third, part(0, high))), all)
          agree(aggregate.result(added(aggregate, rows.slice(low), throughJson(aggregate, part(0, low)))), all)
          if (aggregate.retract === undefined) return
          const rest = rows
            .slice(low)
            .reduce((left: unknown, { row, timestamp }) => aggregate.retract?.(left, row, timestamp), part(0))
          if (low > 0) agree(aggregate.result(rest), aggregate.result(part(0, low)))
        }),
        { numRuns: 60 },
      )
    })

    it('can be merged into a copy, and the original added to', () => {
      fc.assert(
        fc.property(timed, timed, (rows, more) => {
          fc.pre(skips?.([...rows, ...more]) !== true)
          const original = added(aggregate, rows)
          const copy = aggregate.merge(aggregate.create(), original)
          const before = aggregate.encode(original)
          added(aggregate, more, copy)
          expect(aggregate.encode(original)).toEqual(before)
        }),
        { numRuns: 30 },
      )
    })
  },
)

describe('quantiles', () => {
  it('are within the stated error, with infinities and without NaN', () => {
    const value = fc.oneof(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), numbers)
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 60 }),
        fc.nat(100),
        fc.constantFrom(0.01, 0.1),
        (values, percent, relativeError) => {
          const q = percent / 100
          const aggregate = hostAggregate(quantiles('n', [q, 1], { relativeError }), schema)
          const result = aggregate.result(
            values.reduce((sketch: unknown, n) => aggregate.add(sketch, { n }, 0), aggregate.create()),
          )
          // What is no normal number counts as 0.
          const normal = values.map(n => (Math.abs(n) < 2 ** -1022 ? 0 : n))
          const sorted = normal.filter(n => !Number.isNaN(n)).sort((a, b) => a - b)
          const exact = sorted[Math.floor(q * (sorted.length - 1))]
          const [actual = Number.NaN] = (result ?? []) as number[]
          if (exact === undefined) {
            expect(result).toBeNull()
          } else if (Number.isFinite(exact)) {
            expect(Math.abs(actual - exact)).toBeLessThanOrEqual(Math.abs(exact) * relativeError * (1 + 1e-9))
          } else {
            expect(actual).toBe(exact)
          }
        },
      ),
      { numRuns: 200 },
    )
  })

  it('merge exactly, and survive JSON', () => {
    fc.assert(
      fc.property(fc.array(fc.double(), { maxLength: 30 }), fc.array(fc.double(), { maxLength: 30 }), (a, b) => {
        const aggregate = hostAggregate(quantile('n', 0.5), schema)
        const sketch = (values: readonly number[]) =>
          values.reduce((of: unknown, n) => aggregate.add(of, { n }, 0), aggregate.create())
        const merged = aggregate.merge(throughJson(aggregate, sketch(a)), sketch(b))
        expect(aggregate.encode(merged)).toEqual(aggregate.encode(sketch([...b, ...a])))
        expect(aggregate.result(merged)).toEqual(aggregate.result(sketch([...a, ...b])))
      }),
      { numRuns: 100 },
    )
  })
})

describe('functions of the user', () => {
  it('are named with the operator and the record when they throw', () => {
    const fails = (): never => {
      throw new Error('no')
    }
    const functions = {
      type: 'f64',
      lift: () => 1,
      combine: (a: number, b: number) => a + b,
      lower: (a: number) => a,
    } as const
    const expected = expect.objectContaining({
      code: 'USER_FUNCTION_FAILED',
      message: expect.stringContaining('hourly'),
    })
    const bound = (call: AggregateCall) => hostAggregate(call, schema, 'hourly')
    const add = (call: AggregateCall, times = 1) =>
      added(
        bound(call),
        Array.from({ length: times }, () => ({ row: {} as Row, timestamp: 0 })),
      )
    expect(() => add(count().where(fails))).toThrow(expected)
    expect(() => add(customAggregate({ ...functions, lift: fails }))).toThrow(expected)
    expect(() => add(customAggregate({ ...functions, combine: fails }), 2)).toThrow(expected)
    const lower = customAggregate({ ...functions, lower: fails })
    expect(() => bound(lower).result(add(lower))).toThrow(expected)
  })

  it('must not be async, nor give what is not a boolean', () => {
    const wrong = expect.objectContaining({ code: 'USER_FUNCTION_RESULT' })
    const call = count().where((() => 1) as unknown as () => boolean)
    expect(() => hostAggregate(call, schema).add(0, {}, 0)).toThrow(wrong)
  })
})

describe('refusals', () => {
  it.each([
    [countDistinct('o'), 'TYPE_MISMATCH'],
    [minBy('o'), 'TYPE_MISMATCH'],
    [stringJoin('x'), 'TYPE_MISMATCH'],
    [weightedMean('x', 'o'), 'TYPE_MISMATCH'],
    [variance('o'), 'TYPE_MISMATCH'],
    [first('z'), 'UNKNOWN_FIELD'],
    [topN(1, 'z'), 'UNKNOWN_FIELD'],
  ])('%s', (call, code) => {
    expect(() => hostAggregate(call, Schema.of({ o: 'object', x: 'f64' }))).toThrow(expect.objectContaining({ code }))
  })

  it.each([
    () => topN(0, 'n'),
    () => quantile('n', 1.1),
    () => quantiles('n', []),
    () => quantile('n', 0.5, { relativeError: 1 }),
    () => approxCountDistinct('n', { precision: 17 }),
    () => approxCountDistinct('n', { seed: 0.5 }),
  ])('an option out of range: %s', make => {
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
  })
})
