import { describe, expect, it } from 'vitest'
import {
  bounded,
  collect,
  explainGraph,
  ingestionTime,
  job,
  memory,
  monotone,
  punctuated,
  sourceTime,
  type TimestampedStream,
  type WatermarkStrategy,
} from '../../src/index.js'

interface Row {
  readonly at: number
  readonly mark: number
}

const plan = (build: (stream: ReturnType<typeof from>) => TimestampedStream<Row>) =>
  job('times', j => build(from(j)).to(collect())).plan()
const from = (j: Parameters<Parameters<typeof job>[1]>[0]) => j.from(memory<Row>([{ at: 1, mark: 1 }]))

describe('withTimestamps', () => {
  it('says in words how time is told', () => {
    const words = (build: Parameters<typeof plan>[0]) => plan(build).node('timestamps-1').description
    expect(words(s => s.withTimestamps('at', { watermarks: monotone() }))).toBe('event time from at, in order')
    expect(words(s => s.withTimestamps('at', { watermarks: bounded('5s') }))).toBe(
      words(s => s.withTimestamps('at', { outOfOrderness: '5s' })),
    )
    expect(words(s => s.withTimestamps(r => r.at, { watermarks: punctuated(r => r.mark) }))).toBe(
      'event time from a function of the row, watermarks from marked records',
    )
    expect(words(s => s.withTimestamps(sourceTime(), { outOfOrderness: '1s', maxAhead: '1d' }))).toBe(
      'event time from the source, out of order by up to 1s, at most 1d ahead of processing-time',
    )
    expect(words(s => s.withTimestamps(ingestionTime()))).toBe('event time from the moment of ingestion, in order')
    expect(explainGraph(plan(s => s.withTimestamps(ingestionTime())))).toContain('the moment of ingestion')
  })

  it('keeps the kind of strategy with the state, so that another one is not resumed in its place', () => {
    const settings = (build: Parameters<typeof plan>[0]) => plan(build).node('timestamps-1').settings
    expect(settings(s => s.withTimestamps('at', { outOfOrderness: '1s' }))).toEqual({ watermarks: 'bounded' })
    expect(settings(s => s.withTimestamps('at', { watermarks: punctuated(() => 1) }))).toEqual({
      watermarks: 'punctuated',
    })
  })

  const refused: [string, string, Parameters<typeof plan>[0]][] = [
    ['neither bound nor strategy', 'outOfOrderness', s => s.withTimestamps('at', {})],
    [
      'bound and strategy',
      'outOfOrderness',
      s => s.withTimestamps('at', { outOfOrderness: '1s', watermarks: monotone() }),
    ],
    [
      'an unknown strategy',
      'watermarks',
      s => s.withTimestamps('at', { watermarks: { kind: 'guessed' } as unknown as WatermarkStrategy<Row> }),
    ],
    [
      'an unknown bound ahead',
      'maxAhead.of',
      s => s.withTimestamps('at', { outOfOrderness: 0, maxAhead: { by: '1d', of: 'tomorrow' as 'other-splits' } }),
    ],
    ['an unknown origin', 'timestamp', s => s.withTimestamps({ kind: 'x' } as unknown as 'at', { outOfOrderness: 0 })],
  ]
  it.each(refused)('refuses %s', (_what, option, build) => {
    expect(() => plan(build)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', details: expect.objectContaining({ option }) }),
    )
  })

  it('takes only strategies for its rows', () => {
    // @ts-expect-error: there is no field `other`
    plan(s => s.withTimestamps('at', { watermarks: punctuated((r: { other: number }) => r.other) }))
    // @ts-expect-error: options are needed unless it is ingestion time
    expect(() => plan(s => s.withTimestamps('at'))).toThrow()
  })
})
