import { describe, expect, it } from 'vitest'
import { callback, collect, execute, job, memory, type Source, splits, type TimestampOptions } from '../../src/index.js'
import { nextTurn } from '../platform/next-turn.js'
import { environment, observed } from './streams.js'

interface Row {
  readonly at: number
}

const rows = (count: number, step: number): Row[] => Array.from({ length: count }, (_, n) => ({ at: n * step }))

/** How far the quick source was ahead of the slow one at most, by rows that went through. */
async function drift(
  build: (source: 'quick' | 'slow') => Source<Row>,
  alignment: TimestampOptions['alignment'],
  isApart = false,
) {
  const highest = { quick: 0, slow: 0 }
  let most = 0
  const sink = collect<Row>()
  const graph = job('aligned', j => {
    const stream = (name: 'quick' | 'slow') =>
      j
        .from(build(name))
        .withTimestamps('at', { outOfOrderness: 0, ...(alignment === undefined ? {} : { alignment }) })
        .filter(({ at }) => {
          highest[name] = Math.max(highest[name], at)
          most = Math.max(most, highest.quick - highest.slow)
          return true
        })
    if (!isApart) stream('quick').union(stream('slow')).to(sink)
    else for (const name of ['quick', 'slow'] as const) stream(name).to(sink)
  }).plan()
  const { status, error } = await execute(graph, environment(), { batchRows: 10 }).ended
  expect(error).toBeUndefined()
  expect(status).toBe('finished')
  return { most, rows: sink.rows.length }
}

/** 1,000 rows 10 ms apart, and 100 rows 100 ms apart, of which each batch comes after some turns. */
const sources = (name: 'quick' | 'slow'): Source<Row> =>
  name === 'quick'
    ? memory(rows(1_000, 10))
    : (observed(memory(rows(100, 100)), async () => {
        for (let turn = 0; turn < 20; turn++) await nextTurn()
      }) as Source<Row>)

describe('aligned sources', () => {
  it('wait for one another within the drift and a batch', async () => {
    const apart = await drift(sources, undefined)
    expect(apart).toEqual({ most: 9_990, rows: 1_100 })
    const aligned = await drift(sources, { group: 'g', maxDrift: 500 })
    expect(aligned.rows).toBe(1_100)
    // A batch of 10 rows is taken as a whole.
    expect(aligned.most).toBeLessThanOrEqual(500 + 100)
    // In tasks of their own as well.
    const separate = await drift(sources, { group: 'g', maxDrift: 500 }, true)
    expect(separate.rows).toBe(1_100)
    expect(separate.most).toBeLessThanOrEqual(500 + 100)
  })

  it('may be splits of one source', async () => {
    const highest = [0, 0]
    let most = 0
    const whole = splits([sources('quick'), sources('slow')])
    const graph = job('splits', j => {
      j.from(whole)
        .withTimestamps('at', { outOfOrderness: 0, alignment: { group: 'g', maxDrift: 200 } })
        .to(
          callback<Row>({
            batch: ({ timestamps = new Float64Array(0) }) => {
              // Steps of 10 ms are the quick split's, of 100 ms the slow one's.
              const split = (timestamps[1] ?? 0) - (timestamps[0] ?? 0) === 10 ? 0 : 1
              highest[split] = timestamps.at(-1) ?? 0
              most = Math.max(most, (highest[0] ?? 0) - (highest[1] ?? 0))
            },
          }),
        )
    }).plan()
    expect((await execute(graph, environment(), { batchRows: 10 }).ended).status).toBe('finished')
    expect(highest).toEqual([9_990, 9_900])
    expect(most).toBeLessThanOrEqual(200 + 100)
  })

  it('do not wait for what is idle or has ended', async () => {
    const quickly = await drift(name => memory(rows(name === 'quick' ? 1_000 : 3, 10)), { group: 'g', maxDrift: 50 })
    expect(quickly).toEqual({ most: 9_970, rows: 1_003 })
  })

  it('must not meet before event time is assigned, nor be in two groups', async () => {
    const plan = (build: Parameters<typeof job>[1]) => () => job('refused', build).plan()
    const aligned = (group: string) => ({ outOfOrderness: 0, alignment: { group, maxDrift: 1 } }) as const
    expect(
      plan(j => {
        const one = j.from(memory<Row>([{ at: 1 }]))
        one
          .union(j.from(memory<Row>([{ at: 1 }])))
          .withTimestamps('at', aligned('g'))
          .to(collect())
      }),
    ).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
    expect(
      plan(j =>
        j
          .from(memory<Row>([{ at: 1 }]))
          .withTimestamps('at', aligned('a b'))
          .to(collect()),
      ),
    ).toThrow(expect.objectContaining({ details: expect.objectContaining({ option: 'alignment.group' }) }))
    const twice = job('twice', j => {
      const source = j.from(memory<Row>([{ at: 1 }]))
      for (const group of ['a', 'b']) source.withTimestamps('at', aligned(group)).to(collect())
    }).plan()
    const { error } = await execute(twice, environment()).ended
    expect(error?.code).toBe('INVALID_OPTION')
  })
})
