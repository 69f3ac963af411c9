import { describe, expect, it } from 'vitest'
import {
  collect,
  count,
  explainGraph,
  hours,
  job,
  mean,
  memory,
  minutes,
  ndjson,
  parquet,
  type SabotError,
  type Stream,
  sliding,
  tumbling,
} from '../../src/index.js'

const flights = parquet('flights.parquet', { date: 'timestamp', delay: 'i32', origin: 'utf8' })

/** A job of one stream, planned. */
function plan(build: (stream: Stream<{ date: number; delay: number; origin: string }>) => void) {
  return job('test', j => build(j.from(flights))).plan()
}

function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    return (error as SabotError).code
  }
  return 'none'
}

const counted = (stream: Stream<{ date: number; delay: number; origin: string }>) =>
  stream
    .withTimestamps('date', { outOfOrderness: '2h' })
    .keyBy('origin')
    .window(tumbling('1h'))
    .aggregate({ flights: count(), meanDelay: mean('delay') })

describe('a job graph', () => {
  it('numbers operators by kind, unless they are named', () => {
    const graph = plan(stream => {
      const results = counted(stream.filter(f => f.delay > 0).filter(f => f.delay < 9)).as('hourly')
      results.to(collect())
      results.late.to(ndjson('late.ndjson'), { id: 'late-file' })
    })
    expect(graph.nodes.map(({ id, kind }) => [id, kind])).toEqual([
      ['source-1', 'source'],
      ['filter-1', 'filter'],
      ['filter-2', 'filter'],
      ['timestamps-1', 'timestamps'],
      ['hourly', 'window-aggregate'],
      ['sink-1', 'sink'],
      ['late-file', 'sink'],
    ])
    expect(graph.node('late-file').inputs).toEqual([{ from: 'hourly', output: 'late', partition: 'forward' }])
    expect(graph.node('hourly').inputs).toEqual([
      { from: 'timestamps-1', output: 'main', partition: { hashOf: ['origin'] } },
    ])
    expect(graph.node('hourly').schema?.describe()).toBe(
      'origin: utf8, windowStart: timestamp, windowEnd: timestamp, flights: f64, meanDelay: f64',
    )
    // A number that is taken is passed over.
    const named = plan(stream =>
      stream
        .filter(() => true)
        .as('filter-2')
        .filter(() => true)
        .filter(() => true)
        .to(collect()),
    )
    expect(named.nodes.map(({ id }) => id)).toEqual(['source-1', 'filter-2', 'filter-1', 'filter-3', 'sink-1'])
  })

  it('is told in words and in JSON', () => {
    const graph = plan(stream => counted(stream).to(ndjson('hourly.ndjson')))
    expect(explainGraph(graph)).toBe(`job test
  source-1            parquet flights.parquet
                        can be read again
                        date: timestamp, delay: i32, origin: utf8
  timestamps-1        event time from date, out of order by up to 2h
                        <- source-1
                        date: timestamp, delay: i32, origin: utf8
  window-aggregate-1  tumbling 1h by origin: flights = count(), meanDelay = mean(delay)
                        <- timestamps-1, by key (origin)
                        origin: utf8, windowStart: timestamp, windowEnd: timestamp, flights: f64, meanDelay: f64
  sink-1              ndjson hourly.ndjson
                        <- window-aggregate-1
                        exactly-once`)
    const json = JSON.parse(JSON.stringify(graph)) as { operators: { id: string }[] }
    expect(json.operators.map(({ id }) => id)).toEqual(graph.nodes.map(({ id }) => id))
    expect(
      JSON.parse(JSON.stringify(job('test', j => counted(j.from(flights)).to(ndjson('hourly.ndjson'))).plan())),
    ).toEqual(json)
  })

  it('takes parameters from outside, and durations among them', () => {
    const build = job('p', j => {
      const bound = j.duration('bound', '2h')
      const again = j.duration('bound', '2h')
      j.from(memory([{ at: bound - again + bound, file: j.parameter('file', 'in') }])).to(collect())
    })
    expect(build.plan().parameters.map(({ name, value }) => [name, value])).toEqual([
      ['bound', '2h'],
      ['file', 'in'],
    ])
    expect(build.plan({ bound: '90m', file: '' }).parameters.map(({ value }) => value)).toEqual(['90m', ''])
    expect(codeOf(() => build.plan({ bonud: '1h' }))).toBe('UNKNOWN_PARAMETER')
    expect(() => build.plan({ bonud: '1h' })).toThrow('Did you mean bound?')
    expect(codeOf(() => build.plan({ bound: 'soon' }))).toBe('INVALID_DURATION')
    expect(() => build.plan({ bound: 'soon' })).toThrow('Parameter bound')
    expect(codeOf(() => job('p', j => [j.parameter('a', '1'), j.parameter('a', '2')]).plan())).toBe(
      'DUPLICATE_PARAMETER',
    )
  })

  const faults: [string, string, () => unknown][] = [
    ['a job without a source', 'EMPTY_JOB', () => job('x', () => {}).plan()],
    ['a job without a sink', 'NO_SINK', () => plan(() => {})],
    ['a bad job name', 'INVALID_NAME', () => job('a/b', () => {})],
    [
      'a bad operator id',
      'INVALID_NAME',
      () =>
        plan(s =>
          s
            .filter(() => true)
            .as('../x')
            .to(collect()),
        ),
    ],
    [
      'an id twice',
      'DUPLICATE_ID',
      () =>
        plan(s =>
          s
            .filter(() => true)
            .as('x')
            .filter(() => true)
            .as('x')
            .to(collect()),
        ),
    ],
    ['an unknown field in keyBy', 'UNKNOWN_FIELD', () => plan(s => s.keyBy('orgin' as 'origin'))],
    ['a field twice in keyBy', 'DUPLICATE_FIELD', () => plan(s => s.keyBy('origin', 'origin'))],
    [
      'an unknown field of time',
      'UNKNOWN_FIELD',
      () => plan(s => s.withTimestamps('dat' as 'date', { outOfOrderness: 0 })),
    ],
    ['a negative bound', 'INVALID_DURATION', () => plan(s => s.withTimestamps('date', { outOfOrderness: -1 }))],
    [
      'a bad option',
      'INVALID_OPTION',
      () => plan(s => s.withTimestamps('date', { outOfOrderness: 0, invalid: 'skp' as 'skip' })),
    ],
    ['an unknown field in select', 'UNKNOWN_FIELD', () => plan(s => s.select('orgin' as 'origin'))],
    ['an empty select', 'EMPTY_SELECT', () => plan(s => s.select({}))],
    ['windows without event time', 'NO_TIMESTAMPS', () => plan(s => s.keyBy('origin').window(tumbling('1h')))],
    ['a window of size 0', 'INVALID_WINDOW', () => tumbling(0)],
    ['a window of negative size', 'INVALID_WINDOW', () => tumbling(-5)],
    ['a window of no duration', 'INVALID_DURATION', () => tumbling('an hour' as '1h')],
    ['a slide that divides nothing sensible', 'INVALID_WINDOW', () => sliding(hours(24), 7_001)],
    ['an offset as long as the slide', 'INVALID_WINDOW', () => sliding(hours(1), minutes(5), { offset: '5m' })],
    [
      'an unknown aggregated field',
      'UNKNOWN_FIELD',
      () => plan(s => windowed(s).aggregate({ m: mean('dely' as 'delay') })),
    ],
    ['the mean of a string', 'TYPE_MISMATCH', () => plan(s => windowed(s).aggregate({ m: mean('origin' as 'delay') }))],
    ['no aggregate', 'EMPTY_AGGREGATE', () => plan(s => windowed(s).aggregate({}))],
    ['an aggregate named like the key', 'DUPLICATE_FIELD', () => plan(s => windowed(s).aggregate({ origin: count() }))],
    [
      'an aggregate named like a bound',
      'DUPLICATE_FIELD',
      () => plan(s => windowed(s).aggregate({ windowEnd: count() })),
    ],
    [
      'a union of timed and untimed streams',
      'NO_TIMESTAMPS',
      () => plan(s => s.withTimestamps('date', { outOfOrderness: 0 }).union(s)),
    ],
  ]
  const windowed = (s: Stream<{ date: number; delay: number; origin: string }>) =>
    s.withTimestamps('date', { outOfOrderness: 0 }).keyBy('origin').window(tumbling('1h'))
  it.each(faults)('%s is refused: %s', (_what, code, action) => {
    expect(codeOf(action)).toBe(code)
  })

  it('cannot be added to once it is built, nor mixed with another', () => {
    let kept: Stream<{ date: number; delay: number; origin: string }> | undefined
    job('a', j => {
      kept = j.from(flights)
      kept.to(collect())
    }).plan()
    expect(() => kept?.filter(() => true)).toThrow(TypeError)
    let other: Stream<{ a: number }> | undefined
    job('b', j => {
      other = j.from(memory([{ a: 1 }]))
      other.to(collect())
    }).plan()
    expect(() =>
      job('c', j =>
        j
          .from(memory([{ a: 1 }]))
          .union(other as Stream<{ a: number }>)
          .to(collect()),
      ).plan(),
    ).toThrow(TypeError)
  })
})
