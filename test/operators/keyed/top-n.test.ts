import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DELETE, UPDATE_BEFORE } from '../../../src/core/row-kind.js'
import { Schema } from '../../../src/core/schema.js'
import { decimal, nullable } from '../../../src/core/types.js'
import { comparison } from '../../../src/operators/keyed/compare-values.js'
import { type TopNSettings, topNOperator } from '../../../src/operators/keyed/top-n.js'
import type { Operator, OperatorFactory } from '../../../src/operators/operator.js'
import {
  HARNESS_MODES,
  type HarnessMode,
  runOperator,
  type TestElement,
} from '../../../src/testing/operator-harness.js'
import { builds } from '../../kernel/builds.js'

const kernel = () => (builds[0] as (typeof builds)[number]).create()
const schema = Schema.of({ key: 'utf8', value: nullable('f64'), id: 'i32' })
const base: Omit<TopNSettings, 'n' | 'order'> = {
  ...{ keys: ['key'], by: { field: 'value' }, ties: 'earlier', updates: false, rankField: undefined },
  ttlMs: Number.POSITIVE_INFINITY,
}

interface Row {
  readonly key: string
  readonly value: number | null
  readonly id: number
}

function run(rows: readonly Row[], settings: TopNSettings, mode: HarnessMode) {
  const elements = rows.map((row): TestElement => {
    return { kind: 'row', row, timestamp: row.value ?? 0, watermark: Number.NEGATIVE_INFINITY }
  })
  return runOperator(topNOperator(settings), kernel, [schema], elements, mode).flatMap(out =>
    'row' in out ? [out] : [],
  )
}

/** What is left of a changelog. */
function settled(changes: ReturnType<typeof run>): unknown[] {
  const rows: object[] = []
  for (const { row, rowKind } of changes) {
    if (rowKind !== DELETE && rowKind !== UPDATE_BEFORE) rows.push(row)
    else {
      const at = rows.findIndex(other => (other as Row).id === (row as Row).id)
      expect(rows[at]).toEqual(row)
      rows.splice(at, 1)
    }
  }
  return rows.sort((a, b) => (a as Row).id - (b as Row).id)
}

const rowsOf = fc
  .array(
    fc.record({
      key: fc.constantFrom('a', 'b', '__proto__'),
      value: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom(null, Number.NaN, -0, Number.NEGATIVE_INFINITY)),
    }),
    { maxLength: 30 },
  )
  .map(rows => rows.map((row, id): Row => ({ ...row, id })))

describe('top n', () => {
  it('is what sorting gives, after every record, however rows are cut', () => {
    fc.assert(
      fc.property(
        rowsOf,
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom('asc' as const, 'desc' as const),
        fc.constantFrom(...HARNESS_MODES),
        (rows, n, order, mode) => {
          const compare = comparison('f64', order)
          const best = ['a', 'b', '__proto__'].flatMap(key =>
            rows
              .filter(row => row.key === key)
              .sort((a, b) => compare(a.value, b.value) || a.id - b.id)
              .slice(0, n),
          )
          const got = settled(run(rows, { ...base, n, order }, mode))
          expect(got).toEqual(best.sort((a, b) => a.id - b.id))
        },
      ),
      { numRuns: 100 },
    )
  })

  it.each(HARNESS_MODES)('tells what goes and what comes: $name', mode => {
    const rows = [1, 3, 2, 3, 9].map((value, id) => ({ key: 'a', value, id }))
    const changes = run(rows, { ...base, n: 2, order: 'desc' }, mode)
    expect(changes.map(({ row, rowKind = 0, timestamp }) => [(row as Row).id, rowKind, timestamp])).toEqual([
      [0, 0, 1],
      [1, 0, 3],
      [0, 3, 2],
      [2, 0, 2],
      [2, 3, 3],
      [3, 0, 3],
      [3, 3, 9],
      [4, 0, 9],
    ])
  })

  it.each(HARNESS_MODES)('keeps the last record of a key by event time, as updates: $name', mode => {
    const rows = [5, 7, 6, 7].map((value, id) => ({ key: 'a', value, id }))
    const changes = run(rows, { ...base, by: 'eventTime', n: 1, order: 'desc', ties: 'later', updates: true }, mode)
    expect(changes.map(({ row, rowKind = 0 }) => [(row as Row).id, rowKind])).toEqual([
      [0, 0],
      [0, 1],
      [1, 2],
      [1, 1],
      [3, 2],
    ])
  })

  it('is by rank what RANK and ROW_NUMBER give, and every change of the changelog is one of what is there', () => {
    const settings = fc.record({
      n: fc.integer({ min: 1, max: 4 }),
      order: fc.constantFrom('asc' as const, 'desc' as const),
      ties: fc.constantFrom('earlier' as const, 'all' as const),
      rankField: fc.constantFrom('rank', undefined),
    })
    fc.assert(
      fc.property(rowsOf, settings, fc.constantFrom(...HARNESS_MODES), (rows, chosen, mode) => {
        const compare = comparison('f64', chosen.order)
        const expected = ['a', 'b', '__proto__'].flatMap(key => {
          const own = rows.filter(row => row.key === key).sort((a, b) => compare(a.value, b.value) || a.id - b.id)
          const ranks = own.map((row, at) =>
            chosen.ties === 'all' ? 1 + own.findIndex(other => compare(other.value, row.value) === 0) : at + 1,
          )
          return own.flatMap((row, at) => {
            const rank = ranks[at] ?? 0
            if (rank > chosen.n) return []
            return [chosen.rankField === undefined ? row : { ...row, rank }]
          })
        })
        const got = settled(run(rows, { ...base, ...chosen }, mode))
        expect(got).toEqual(expected.sort((a, b) => a.id - b.id))
      }),
      { numRuns: 150 },
    )
  })

  it.each(HARNESS_MODES)('forgets a key when no record came for the time to live: $name', mode => {
    const row = (value: number, id: number, timestamp: number, watermark: number): TestElement => {
      return { kind: 'row', row: { key: 'a', value, id }, timestamp, watermark }
    }
    const elements: TestElement[] = [
      ...[row(5, 0, 0, -1), row(1, 1, 8, 7), row(4, 2, 12, 17), row(3, 3, 28, 27), row(2, 4, 5, 38)],
      row(9, 5, 6, 38),
    ]
    const outputs = runOperator(
      topNOperator({ ...base, n: 1, order: 'desc', ttlMs: 10 }),
      kernel,
      [schema],
      elements,
      mode,
    )
    // 1 keeps the key until 18, and 4 until 22: 3 is the first record of the key again. What comes behind is too old.
    expect(outputs.flatMap(out => ('row' in out ? [(out.row as Row).id] : []))).toEqual([0, 3, 4, 5])
  })

  it.each(HARNESS_MODES)('ranks whole numbers of any size exactly: $name', mode => {
    const wide = Schema.of({ key: 'utf8', value: nullable('i64'), id: 'i32' })
    const values = [2n ** 53n, 2n ** 53n + 1n, -(2n ** 60n), null, 5n, 2n ** 53n + 1n]
    const elements = values.map((value, id): TestElement => {
      return { kind: 'row', row: { key: 'a', value, id }, timestamp: 0, watermark: Number.NEGATIVE_INFINITY }
    })
    const out = runOperator(topNOperator({ ...base, n: 3, order: 'desc' }), kernel, [wide], elements, mode)
    const left = settled(out.flatMap(change => ('row' in change ? [change] : [])))
    expect(left).toEqual([0, 1, 5].map(id => ({ key: 'a', value: values[id], id })))
  })

  it('compares by the type of the column', () => {
    const sorted = (type: Parameters<typeof comparison>[0], values: unknown[]) => values.sort(comparison(type, 'asc'))
    expect(sorted(decimal(2), ['10.00', '9.00', '-1.50', null])).toEqual(['-1.50', '9.00', '10.00', null])
    expect(sorted('i64', [3n, -1n, 2n])).toEqual([-1n, 2n, 3n])
    expect(sorted('i64', [2n ** 53n + 1n, 3, 2n ** 53n])).toEqual([3, 2n ** 53n, 2n ** 53n + 1n])
    expect(sorted('utf8', ['b', 'a', 'B'])).toEqual(['B', 'a', 'b'])
    expect(sorted('bool', [true, false])).toEqual([false, true])
    expect([1, null, Number.NaN, 5].sort(comparison('f64', 'desc'))).toEqual([5, 1, null, Number.NaN])
    expect(comparison('f64', 'asc')(0, -0)).toBe(0)
  })

  it.each(HARNESS_MODES)('keeps the best rows only, and none of a key that is forgotten: $name', mode => {
    let operator: Operator | undefined
    const create: OperatorFactory = context => {
      operator = topNOperator({ ...base, n: 2, order: 'desc', ttlMs: 100 })(context)
      return operator
    }
    const rows = Array.from({ length: 60 }, (_, id): TestElement => {
      return { kind: 'row', row: { key: 'ab'[id % 2], value: (id * 7) % 20, id }, timestamp: id, watermark: id - 5 }
    })
    runOperator(create, kernel, [schema], rows, mode)
    expect(operator?.gauges()).toEqual({ keys: 2, rows: 4 })
    runOperator(create, kernel, [schema], [...rows, { kind: 'watermark', timestamp: 159 }], mode)
    expect(operator?.gauges()).toEqual({ keys: 0, rows: 0 })
  })

  it('refuses to rank by what has no order', () => {
    const odd = Schema.of({ key: 'utf8', value: 'object' })
    const element: TestElement = { kind: 'row', row: { key: 'a', value: {} } }
    const mode = HARNESS_MODES[0] as HarnessMode
    expect(() => runOperator(topNOperator({ ...base, n: 1, order: 'asc' }), kernel, [odd], [element], mode)).toThrow(
      expect.objectContaining({ code: 'TYPE_MISMATCH' }),
    )
  })
})
