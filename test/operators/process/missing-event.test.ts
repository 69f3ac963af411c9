import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Schema } from '../../../src/core/schema.js'
import { missingEventOperator } from '../../../src/operators/process/missing-event.js'
import {
  HARNESS_MODES,
  type HarnessMode,
  runOperator,
  type TestElement,
} from '../../../src/testing/operator-harness.js'
import { kernel, rowsOf } from './process-driver.js'

const schema = Schema.of({ key: 'utf8', kind: 'utf8', at: 'i32' })
const settings = {
  keys: ['key'],
  schema,
  start: (row: unknown) => (row as { kind: string }).kind !== 'end',
  expected: (row: unknown) => (row as { kind: string }).kind !== 'start',
  withinMs: 10,
}

interface Row {
  readonly key: string
  readonly kind: string
  readonly at: number
}

const row = (each: Row, watermark: number): TestElement => ({ kind: 'row', row: each, timestamp: each.at, watermark })

function run(elements: readonly TestElement[], mode: HarnessMode) {
  return runOperator(missingEventOperator(settings), kernel, [schema], elements, mode)
}

describe('missing events', () => {
  const records = fc.array(
    fc.record({
      key: fc.constantFrom('a', 'b'),
      kind: fc.constantFrom('start', 'end', 'both'),
      after: fc.nat({ max: 8 }),
      lag: fc.nat({ max: 9 }),
    }),
    { maxLength: 30 },
  )

  it('are those of the whole input, whatever the order within the bound and however rows are cut', () => {
    fc.assert(
      fc.property(records, fc.constantFrom(...HARNESS_MODES), (all, mode) => {
        let now = 0
        const rows = all.map(({ key, kind, after, lag }) => {
          now += after
          return { row: { key, kind, at: now - lag }, watermark: now - 10 }
        })
        const elements: TestElement[] = rows.map(each => row(each.row, each.watermark))
        elements.push({ kind: 'watermark', timestamp: Number.POSITIVE_INFINITY })
        const expected = rows
          .filter(({ row: { kind } }) => kind !== 'end')
          .filter(({ row: { key, at } }) => {
            return !rows.some(({ row: other }) => {
              return other.key === key && other.kind !== 'start' && other.at > at && other.at <= at + 10
            })
          })
          .map(({ row: each }) => ({ ...each, deadline: each.at + 10 }))
        const text = (each: object): string => JSON.stringify(each)
        expect(rowsOf(run(elements, mode)).map(text).sort()).toEqual(expected.map(text).sort())
      }),
      { numRuns: 100 },
    )
  })

  it.each(HARNESS_MODES)('come out at their deadline; late beginnings go aside: $name', mode => {
    const start = { key: 'a', kind: 'start', at: 5 }
    const late = { key: 'b', kind: 'start', at: 3 }
    const elements = [row(start, 0), row(late, 3), row({ key: 'c', kind: 'end', at: 16 }, 15)]
    const outputs = run(elements, mode)
    expect(outputs.filter(out => 'output' in out && out.output === 'main')).toEqual([
      { output: 'main', row: { ...start, deadline: 15 }, timestamp: 15, watermark: 3 },
    ])
    expect(rowsOf(outputs, 'side:late')).toEqual([late])
  })
})
