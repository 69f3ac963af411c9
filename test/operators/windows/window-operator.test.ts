import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { windowsOf } from '../../../src/core/window-geometry.js'
import { customWindows, session, sliding, tumbling, type WindowAssigner } from '../../../src/graph/windowing.js'
import { count, max, mean, min, sum } from '../../../src/operators/aggregates/aggregate.js'
import { pane } from '../../../src/operators/windows/pane-fields.js'
import { trigger } from '../../../src/operators/windows/trigger-names.js'
import { elementsOf, operatorOf, rowsOf, runInAllModes, runOnce, sorted, timedRows } from './harness.js'
import { type OracleWindows, oracle } from './oracle.js'

interface Case {
  readonly name: string
  readonly assigner: WindowAssigner<unknown, true>
  readonly windows: Omit<OracleWindows, 'latenessMs'>
}

const slices = (size: number, slide: number): Case => {
  const { geometry } = sliding(size, slide)
  const of = (timestamp: number) => windowsOf(geometry, timestamp).map(({ start, end }) => [start, end] as const)
  return { name: `sliding ${size}/${slide}`, assigner: sliding(size, slide), windows: { of, merge: 'no' } }
}

const CASES: readonly Case[] = [
  slices(20, 20),
  slices(30, 10),
  slices(10, 15),
  {
    name: 'sessions that merge when they touch',
    assigner: session(12),
    windows: { of: timestamp => [[timestamp, timestamp + 12]], merge: 'touching' },
  },
  {
    name: 'sessions that merge when they overlap',
    assigner: session(12, { touching: 'separate' }),
    windows: { of: timestamp => [[timestamp, timestamp + 12]], merge: 'overlapping' },
  },
  {
    name: 'custom windows',
    assigner: customWindows({ assign: timestamp => [{ start: timestamp - 3, end: timestamp + 5 }] }),
    windows: { of: timestamp => [[timestamp - 3, timestamp + 5]], merge: 'no' },
  },
]

describe('windows with the default trigger', () => {
  it.each(CASES)('$name equal record-by-record processing, in every mode', ({ assigner, windows }) => {
    fc.assert(
      fc.property(timedRows(), fc.constantFrom(0, 7, 50), (rows, latenessMs) => {
        const create = operatorOf(keyed => {
          // The general operator, also where the kernel would do.
          const windowed = keyed.window(assigner).trigger(trigger.eventTime()).allowedLateness(latenessMs)
          return windowed.aggregate({ rows: count(), total: sum('value') })
        })
        const { firings, late } = oracle(rows, { ...windows, latenessMs })
        const outcomes = runInAllModes(create, elementsOf(rows))
        for (const { mode, main, late: lateRows } of outcomes) {
          expect(sorted(rowsOf(main)), mode).toEqual(sorted(firings))
          expect(sorted(rowsOf(lateRows)), mode).toEqual(sorted(withoutGaps(late, rows, windows)))
          // The same order too, and the same event times.
          expect(main, mode).toEqual(outcomes[0]?.main)
          expect(lateRows, mode).toEqual(outcomes[0]?.late)
        }
      }),
      { numRuns: 12 },
    )
  })

  it('give what the kernel gives', () => {
    fc.assert(
      fc.property(
        timedRows(60),
        fc.constantFrom(tumbling(20), sliding(30, 10), sliding(10, 4, { offset: 3 })),
        (rows, shape) => {
          const aggregates = {
            ...{ n: count(), known: count('value'), total: sum('value') },
            ...{ least: min('value'), most: max('value'), average: mean('value') },
          }
          const kernels = operatorOf(keyed => keyed.window(shape).aggregate(aggregates))
          const general = operatorOf(keyed => keyed.window(shape).trigger(trigger.eventTime()).aggregate(aggregates))
          const expected = runOnce(kernels, elementsOf(rows))
          const got = runOnce(general, elementsOf(rows))
          expect(sorted(got.main)).toEqual(sorted(expected.main))
          expect(got.late).toEqual(expected.late)
        },
      ),
      { numRuns: 40 },
    )
  })

  it('give the same final results for any interleaving of records that are in time', () => {
    const rows = timedRows(25).chain(all => {
      const inTime = all.map(row => ({ ...row, watermark: Number.NEGATIVE_INFINITY }))
      return fc.tuple(fc.constant(inTime), fc.shuffledSubarray(inTime, { minLength: inTime.length }))
    })
    fc.assert(
      fc.property(rows, fc.constantFrom(...CASES), ([one, other], { assigner }) => {
        const create = operatorOf(keyed => {
          return keyed
            .window(assigner)
            .trigger(trigger.eventTime())
            .aggregate({ n: count(), total: sum('value') })
        })
        const first = runOnce(create, elementsOf(one))
        const second = runOnce(create, elementsOf(other))
        expect(sorted(rowsOf(first.main))).toEqual(sorted(rowsOf(second.main)))
      }),
      { numRuns: 30 },
    )
  })

  it('put each record out, or to the late output, once', () => {
    fc.assert(
      fc.property(timedRows(), rows => {
        const create = operatorOf(keyed => keyed.window(session(9)).aggregate({ n: count(), last: pane.isLast() }))
        const outcome = runOnce(create, elementsOf(rows))
        const counted = rowsOf(outcome.main).reduce((sum: number, row) => sum + Number(Reflect.get(row, 'n')), 0)
        expect(counted + outcome.late.length).toBe(rows.length)
      }),
      { numRuns: 30 },
    )
  })
})

/** Records between windows are in none of them, but not late. */
function withoutGaps(
  late: readonly { key: string; value: number }[],
  rows: readonly { readonly key: string; readonly value: number; readonly timestamp: number }[],
  { of }: Omit<OracleWindows, 'latenessMs'>,
): object[] {
  const between = rows.filter(({ timestamp }) => of(timestamp).length === 0)
  const left = [...late]
  for (const { key, value } of between)
    left.splice(
      left.findIndex(row => row.key === key && row.value === value),
      1,
    )
  return left
}
