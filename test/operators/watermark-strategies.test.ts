import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Schema } from '../../src/core/schema.js'
import { nullable } from '../../src/core/types.js'
import { bounded, customWatermarks, ingestionTime, monotone, punctuated, sourceTime } from '../../src/index.js'
import { type TimestampSettings, timestampsOperator } from '../../src/operators/timestamps.js'
import { HARNESS_MODES, runOperator, type TestElement, type TestOutput } from '../../src/testing/operator-harness.js'
import { builds } from '../kernel/builds.js'

const [build] = builds
if (build === undefined) throw new TypeError('no kernel is built')
const schema = Schema.of({ at: nullable('f64'), mark: nullable('f64') })
const NONE = Number.NEGATIVE_INFINITY
const [batched] = HARNESS_MODES

interface Row {
  readonly at: number | null
  readonly mark: number | null
}

const run = (elements: readonly TestElement[], settings: Partial<TimestampSettings>, mode = batched): TestOutput[] => {
  if (mode === undefined) throw new TypeError('no mode')
  const all: TimestampSettings = {
    timestamp: 'at',
    watermarks: monotone(),
    invalid: 'fail',
    maxAhead: undefined,
    ...settings,
  }
  return runOperator(timestampsOperator(all), () => build.create(), [schema], elements, mode)
}
const row = (at: number | null, mark: number | null = null, split?: number): TestElement => {
  return { kind: 'row', row: { at, mark }, ...(split === undefined ? {} : { split }) }
}
const timesOf = (outputs: readonly TestOutput[]) =>
  outputs.flatMap(out => ('row' in out && out.output === 'main' ? [[out.timestamp, out.watermark]] : []))
const lettersOf = (outputs: readonly TestOutput[]) =>
  outputs.flatMap(out => ('row' in out && out.output === 'deadLetters' ? [out.row] : []))
const watermarksOf = (outputs: readonly TestOutput[]) =>
  outputs.flatMap(out => ('watermark' in out && !('row' in out) ? [out.watermark] : []))

const rowArbitrary = fc.record({
  at: fc.integer({ min: -500, max: 500 }),
  mark: fc.option(fc.integer({ min: -500, max: 500 })),
})

/** The same rows in any cut, through every mode: what each carries is that of record-by-record processing. */
function expectInEveryMode(
  rows: readonly Row[],
  settings: Partial<TimestampSettings>,
  expected: (rows: readonly Row[]) => { watermarks: number[]; last: number },
): void {
  const { watermarks, last } = expected(rows)
  for (const mode of HARNESS_MODES) {
    const outputs = run(
      rows.map(({ at, mark }) => row(at, mark)),
      settings,
      mode,
    )
    expect(
      timesOf(outputs).map(([, watermark]) => watermark),
      mode.name,
    ).toEqual(watermarks)
    expect(watermarksOf(outputs).at(-1) ?? NONE, mode.name).toBe(last)
  }
}

describe('watermark strategies', () => {
  it('punctuated: the watermark is what the records before said, and never goes back', () => {
    fc.assert(
      fc.property(fc.array(rowArbitrary, { maxLength: 25 }), rows => {
        expectInEveryMode(rows, { watermarks: punctuated<unknown>(r => (r as Row).mark) }, all => {
          let last = NONE
          const watermarks = all.map(({ mark }) => {
            const before = last
            last = Math.max(last, mark ?? NONE)
            return before
          })
          return { watermarks, last }
        })
      }),
      { numRuns: 40 },
    )
  })

  it('custom: with a state of its own, bounded out-of-orderness is that of the kernel', () => {
    const byHand = customWatermarks<unknown, { highest: number | null }>({
      state: () => ({ highest: null }),
      onRecord(state, _row, timestamp) {
        state.highest = Math.max(state.highest ?? timestamp, timestamp)
        return state.highest - 11
      },
    })
    const splitRow = fc.tuple(rowArbitrary, fc.nat(2)).map(([{ at }, split]) => row(at, null, split))
    fc.assert(
      fc.property(fc.array(splitRow, { maxLength: 25 }), elements => {
        for (const mode of HARNESS_MODES) {
          expect(timesOf(run(elements, { watermarks: byHand }, mode)), mode.name).toEqual(
            timesOf(run(elements, { watermarks: bounded(10) })),
          )
        }
      }),
      { numRuns: 25 },
    )
  })

  it('custom: is called at intervals of processing time', () => {
    const calls: number[] = []
    const watermarks = customWatermarks<unknown, { last: number }>({
      state: () => ({ last: 0 }),
      onRecord(state, _row, timestamp) {
        state.last = timestamp
        return null
      },
      onPeriodic(state, nowMs) {
        calls.push(nowMs)
        return state.last - 1
      },
      every: 100,
    })
    const elements: TestElement[] = [
      row(50),
      { kind: 'processing-time', timestamp: 90 },
      row(70),
      { kind: 'processing-time', timestamp: 310 },
      row(60),
      { kind: 'processing-time', timestamp: 400 },
    ]
    const outputs = run(elements, { watermarks })
    expect(calls).toEqual([100, 200, 300, 400])
    expect(timesOf(outputs)).toEqual([
      [50, NONE],
      [70, NONE],
      [60, 69],
    ])
    expect(watermarksOf(outputs)).toEqual([69])
  })

  it('refuse what is no watermark, and say which function threw', () => {
    for (const mark of [Number.NaN, Number.POSITIVE_INFINITY, 8.64e15 + 1, 'noon']) {
      expect(() => run([row(1)], { watermarks: punctuated(() => mark as number) })).toThrow(
        expect.objectContaining({ code: 'USER_FUNCTION_RESULT' }),
      )
    }
    const throwing = punctuated(() => {
      throw new RangeError('no')
    })
    expect(() => run([row(1)], { watermarks: throwing })).toThrow(
      expect.objectContaining({
        code: 'USER_FUNCTION_FAILED',
        details: expect.objectContaining({ operator: 'tested' }),
      }),
    )
    const unkept = customWatermarks<unknown, { last: number }>({
      state: () => ({ last: Number.NEGATIVE_INFINITY }),
      onRecord: () => null,
    })
    expect(() => run([row(1)], { watermarks: unkept }, HARNESS_MODES[4])).toThrow(
      expect.objectContaining({ code: 'USER_FUNCTION_RESULT', details: { operator: 'tested', path: 'state.last' } }),
    )
    expect(() => customWatermarks({ onRecord: () => null, every: 0 })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    )
    expect(() => customWatermarks({ onRecord: 'f' as unknown as () => null })).toThrow(TypeError)
    expect(() => punctuated('f' as unknown as () => null)).toThrow(TypeError)
  })

  it('do not see rows that are set aside', () => {
    const seen: number[] = []
    const watermarks = punctuated<unknown>((_row, timestamp) => void seen.push(timestamp))
    const outputs = run([row(1), row(null), row(2), row(Number.NaN), row(3)], { watermarks, invalid: 'skip' })
    expect(seen).toEqual([1, 2, 3])
    expect(timesOf(outputs)).toHaveLength(3)
  })
})

describe('timestamps', () => {
  it('are those of the source where it gives some', () => {
    const elements: TestElement[] = [5, 9, 7].map(at => ({ kind: 'row', row: { at: null, mark: null }, timestamp: at }))
    for (const mode of HARNESS_MODES) {
      const outputs = run(elements, { timestamp: sourceTime(), watermarks: bounded(1) }, mode)
      expect(timesOf(outputs), mode.name).toEqual([
        [5, NONE],
        [9, 3],
        [7, 7],
      ])
    }
    expect(() => run([row(1)], { timestamp: sourceTime() })).toThrow(expect.objectContaining({ code: 'NO_TIMESTAMPS' }))
  })

  it('are the moment of ingestion, which does not go back', () => {
    const elements: TestElement[] = [
      { kind: 'processing-time', timestamp: 100 },
      row(1),
      row(2),
      { kind: 'processing-time', timestamp: 140 },
      row(3),
    ]
    for (const mode of HARNESS_MODES) {
      expect(timesOf(run(elements, { timestamp: ingestionTime() }, mode)), mode.name).toEqual([
        [100, NONE],
        [100, 99],
        [140, 99],
      ])
    }
  })
})

describe('a bound against timestamps from the future', () => {
  it('sets aside what is too far ahead of processing time, which moves no watermark', () => {
    const elements: TestElement[] = [
      { kind: 'processing-time', timestamp: 1_000 },
      row(900),
      row(1_101),
      row(1_100),
      row(9e15),
      row(950),
      { kind: 'processing-time', timestamp: 1_001 },
      row(1_101),
    ]
    for (const mode of HARNESS_MODES) {
      const maxAhead = { byMs: 100, of: 'processing-time' } as const
      const outputs = run(elements, { watermarks: bounded(10), invalid: 'skip', maxAhead }, mode)
      expect(timesOf(outputs), mode.name).toEqual([
        [900, NONE],
        [1_100, 889],
        [950, 1_089],
        [1_101, 1_089],
      ])
      // What is no timestamp at all follows the other rule.
      expect(lettersOf(outputs)).toEqual([{ at: 1_101, mark: null, reason: 'timestamp too far ahead' }])
    }
  })

  it('sets aside what is too far ahead of the other splits that are not idle', () => {
    const elements: TestElement[] = [
      row(5_000, null, 0),
      row(100, null, 1),
      row(5_200, null, 0),
      row(300, null, 1),
      row(5_201, null, 1),
      { kind: 'idle', input: 0, split: 0 },
      row(9_000, null, 1),
      row(9_150, null, 0),
    ]
    for (const mode of HARNESS_MODES) {
      const maxAhead = { byMs: 200, of: 'other-splits' } as const
      const outputs = run(elements, { maxAhead }, mode)
      // 5200 is 5101 ahead of split 1; 5201 is 202 ahead of split 0.
      expect(
        lettersOf(outputs).map(letter => (letter as Row).at),
        mode.name,
      ).toEqual([5_200, 5_201])
    }
  })
})
