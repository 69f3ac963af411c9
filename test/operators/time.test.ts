import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Schema } from '../../src/core/schema.js'
import { nullable } from '../../src/core/types.js'
import { bounded } from '../../src/graph/watermark-strategies.js'
import { type TimestampSettings, timestampsOperator } from '../../src/operators/timestamps.js'
import { unionOperator } from '../../src/operators/union.js'
import { HARNESS_MODES, runOperator, type TestElement, type TestOutput } from '../../src/testing/operator-harness.js'
import { builds } from '../kernel/builds.js'

const kernel = () => (builds[0] as (typeof builds)[number]).create()
const schema = Schema.of({ at: nullable('f64') })
const SETTINGS: TimestampSettings = { timestamp: 'at', watermarks: bounded(0), invalid: 'fail', maxAhead: undefined }
const [batched] = HARNESS_MODES
if (batched === undefined) throw new TypeError('no mode')

const rowsOf = (outputs: readonly TestOutput[], output = 'main') =>
  outputs.flatMap(out => ('output' in out && out.output === output ? [out] : []))

const watermarksOf = (outputs: readonly TestOutput[]) =>
  outputs.flatMap(out => ('row' in out ? [] : 'watermark' in out ? [out.watermark] : []))

function assign(
  times: readonly (number | null)[],
  settings: Partial<TimestampSettings> = {},
  mode = batched,
): TestOutput[] {
  const elements: TestElement[] = [
    ...times.map((at): TestElement => ({ kind: 'row', row: { at } })),
    { kind: 'watermark', timestamp: 3 },
    { kind: 'watermark', timestamp: Number.POSITIVE_INFINITY },
  ]
  const create = timestampsOperator({ ...SETTINGS, watermarks: bounded(10), ...settings })
  if (mode === undefined) throw new TypeError('no mode')
  return runOperator(create, kernel, [schema], elements, mode)
}

describe('assigning event time', () => {
  it('puts to each row the watermark in force before it, in every mode (rule 1 of time)', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1_000, max: 1_000 }), { maxLength: 30 }), times => {
        let highest = Number.NEGATIVE_INFINITY
        const expected = times.map(at => {
          const watermark = highest - 11
          highest = Math.max(highest, at)
          return { output: 'main', row: { at }, timestamp: at, watermark }
        })
        for (const mode of HARNESS_MODES) {
          const outputs = assign(times, {}, mode)
          expect(rowsOf(outputs), mode.name).toEqual(expected)
          const watermarks = watermarksOf(outputs)
          expect(watermarks).toEqual([...watermarks].sort((a, b) => a - b))
          // The watermark of what comes from before is not ours; the end of input is.
          expect(watermarks.at(-1)).toBe(Number.POSITIVE_INFINITY)
          if (times.length > 0) expect(watermarks.at(-2)).toBe(highest - 11)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('takes a function of the row, and columns of other types', () => {
    const outputs = assign([5, 3], { timestamp: row => ((row as { at: number }).at ?? 0) * 1_000 })
    expect(rowsOf(outputs).map(({ timestamp }) => timestamp)).toEqual([5_000, 3_000])
    for (const type of ['timestamp', 'i32', 'f32', 'i64'] as const) {
      const at = type === 'i64' ? 12n : 12
      const elements: TestElement[] = [{ kind: 'row', row: { at } }]
      const create = timestampsOperator(SETTINGS)
      const [row] = rowsOf(runOperator(create, kernel, [Schema.of({ at: type })], elements, batched))
      expect(row?.timestamp, type).toBe(12)
    }
  })

  const bad = [null, Number.NaN, 8.64e15 + 1, Number.NEGATIVE_INFINITY]

  it.each(bad)('fails by default for %s, naming field, value and position', value => {
    expect(() => assign([1, 2, value, 4])).toThrow(
      expect.objectContaining({
        code: 'INVALID_TIMESTAMP',
        details: expect.objectContaining({ field: 'at', position: 2 }),
      }),
    )
    expect(() => assign([1, value], { timestamp: row => (row as { at: number }).at })).toThrow(
      expect.objectContaining({ code: 'INVALID_TIMESTAMP', details: expect.objectContaining({ position: 1 }) }),
    )
  })

  it('skips them or sends them aside, and loses no other row', () => {
    const times = [1, ...bad, 9, null, 30]
    for (const mode of HARNESS_MODES) {
      const skipped = assign(times, { invalid: 'skip' }, mode)
      expect(rowsOf(skipped).map(({ timestamp, watermark }) => [timestamp, watermark])).toEqual([
        [1, Number.NEGATIVE_INFINITY],
        [9, -10],
        [30, -2],
      ])
      const aside = assign(times, { invalid: 'deadLetter' }, mode)
      expect(rowsOf(aside)).toEqual(rowsOf(skipped))
      expect(rowsOf(aside, 'deadLetters').map(({ row }) => row)).toEqual([
        { at: null, reason: 'timestamp null' },
        { at: Number.NaN, reason: 'timestamp NaN' },
        { at: 8.64e15 + 1, reason: 'timestamp out of range' },
        { at: Number.NEGATIVE_INFINITY, reason: 'timestamp out of range' },
        { at: null, reason: 'timestamp null' },
      ])
    }
  })

  it('refuses a field that is no time, and a function that gives none', () => {
    const create = timestampsOperator(SETTINGS)
    const elements: TestElement[] = [{ kind: 'row', row: { at: 'noon' } }]
    expect(() => runOperator(create, kernel, [Schema.of({ at: 'utf8' })], elements, batched)).toThrow(
      expect.objectContaining({ code: 'TYPE_MISMATCH' }),
    )
    expect(() => assign([1], { timestamp: () => 'noon' as unknown as number })).toThrow(
      expect.objectContaining({ code: 'USER_FUNCTION_RESULT' }),
    )
    expect(() =>
      assign([1], {
        timestamp: () => {
          throw new RangeError('no')
        },
      }),
    ).toThrow(expect.objectContaining({ code: 'USER_FUNCTION_FAILED' }))
  })
})

describe('union', () => {
  const row = (input: number, timestamp: number, watermark: number): TestElement => {
    return { kind: 'row', row: { at: timestamp }, timestamp, watermark, input }
  }
  const run = (elements: readonly TestElement[], mode = batched, isTimed = true) => {
    if (mode === undefined) throw new TypeError('no mode')
    return runOperator(unionOperator(2, isTimed), kernel, [schema, schema], elements, mode)
  }

  it('has the minimum of the watermarks, row by row, in every mode', () => {
    const none = Number.NEGATIVE_INFINITY
    const elements: TestElement[] = [
      row(0, 10, none),
      row(0, 20, 9),
      { kind: 'watermark', timestamp: 19, input: 0 },
      row(1, 5, none),
      row(1, 7, 4),
      row(1, 40, 6),
      row(1, 41, 39),
      { kind: 'watermark', timestamp: 40, input: 1 },
      row(0, 50, 19),
    ]
    for (const mode of HARNESS_MODES) {
      const outputs = run(elements, mode)
      expect(
        rowsOf(outputs).map(({ timestamp, watermark }) => [timestamp, watermark]),
        mode.name,
      ).toEqual([
        [10, none],
        [20, none],
        [5, none],
        [7, 4],
        [40, 6],
        [41, 19],
        [50, 19],
      ])
      const watermarks = watermarksOf(outputs)
      expect(watermarks).toEqual([...new Set(watermarks)].sort((a, b) => a - b))
      expect(watermarks.at(-1)).toBe(19)
    }
  })

  it('does not wait for an idle input, and ends when all have ended', () => {
    const outputs = run([
      { kind: 'watermark', timestamp: 10, input: 0 },
      { kind: 'idle', input: 1 },
      { kind: 'watermark', timestamp: 12, input: 0 },
      { kind: 'idle', input: 0 },
      { kind: 'active', input: 1 },
      { kind: 'watermark', timestamp: Number.POSITIVE_INFINITY, input: 1 },
      { kind: 'active', input: 0 },
      { kind: 'watermark', timestamp: Number.POSITIVE_INFINITY, input: 0 },
    ])
    expect(outputs).toEqual([
      { watermark: 10 },
      { watermark: 12 },
      { status: 'idle' },
      { status: 'active' },
      { watermark: Number.POSITIVE_INFINITY },
    ])
  })

  it('keeps the inputs apart as splits where there is no event time yet', () => {
    const elements: TestElement[] = [
      { kind: 'row', row: { at: 1 }, input: 1 },
      { kind: 'idle', input: 0 },
      { kind: 'idle', input: 1, split: 0 },
      { kind: 'idle', input: 1, split: 1 },
      { kind: 'active', input: 0, split: 0 },
    ]
    expect(run(elements, batched, false)).toEqual([
      { output: 'main', row: { at: 1 } },
      { status: 'idle', split: 0 },
      { status: 'idle', split: 3 },
      { status: 'idle', split: 5 },
      { status: 'active', split: 2 },
    ])
  })
})
