import { describe, expect, it } from 'vitest'
import { collect, job, memory } from '../../src/index.js'
import { run } from '../../src/node/index.js'

const rows = [
  { user: 'a', at: 0, price: 3 },
  { user: 'b', at: 1000, price: 5 },
  { user: 'a', at: 2000, price: 9 },
  { user: 'a', at: 9000, price: 4 },
]

type Builder = Parameters<Parameters<typeof job>[1]>[0]
const keyed = (j: Builder) => j.from(memory(rows)).withTimestamps('at', { outOfOrderness: 0 }).keyBy('user')

describe('ready operators in a job', () => {
  it('deduplicate, rank, and tell what is missing', async () => {
    const first = collect<object>()
    const last = collect<object>()
    const top = collect<object>()
    const missing = collect<object>()
    await run(
      job('ready', j => {
        keyed(j).deduplicate().to(first)
        keyed(j).deduplicate({ keep: 'last', ttl: 'none' }).changelog('op').select('user', 'price', 'op').to(last)
        keyed(j).topN(1, { by: 'price', ttl: 'none' }).changelog('op').select('user', 'price', 'op').to(top)
        keyed(j)
          .missingEvent({ start: row => row.price < 9, expected: row => row.price > 3, within: '3s' })
          .select('user', 'at', 'deadline')
          .to(missing)
      }),
    )
    expect(first.rows).toEqual(rows.slice(0, 2))
    expect(last.rows.map(row => Object.values(row).join(' '))).toEqual([
      'a 3 +I',
      'b 5 +I',
      'a 3 -U',
      'a 9 +U',
      'a 9 -U',
      'a 4 +U',
    ])
    expect(top.rows.map(row => Object.values(row).join(' '))).toEqual(['a 3 +I', 'b 5 +I', 'a 3 -D', 'a 9 +I'])
    expect(missing.rows).toEqual([
      { user: 'b', at: 1000, deadline: 4000 },
      { user: 'a', at: 9000, deadline: 12_000 },
    ])
  })

  it('show ranks, and the first record in event time', async () => {
    const ranked = collect<object>()
    const tied = collect<object>()
    const first = collect<object>()
    const late = [
      { user: 'a', at: 20, price: 3 },
      { user: 'a', at: 10, price: 9 },
      { user: 'a', at: 15, price: 3 },
    ]
    await run(
      job('ranks', j => {
        const users = j.from(memory(late)).withTimestamps('at', { outOfOrderness: 50 }).keyBy('user')
        const top = users.topN(2, { by: 'price', rank: 'place', ttl: 'none' })
        top.changelog('op').select('at', 'place', 'op').to(ranked)
        const equals = users.topN(2, { by: 'price', rank: 'place', ties: 'all', order: 'asc', ttl: '1h' })
        equals.changelog('op').select('at', 'place', 'op').to(tied)
        const earliest = users.deduplicate({ keep: 'first', by: 'eventTime', ttl: 'none' })
        earliest.changelog('op').select('at', 'op').to(first)
      }),
    )
    const texts = (rows: readonly object[]) => rows.map(row => Object.values(row).join(' '))
    expect(texts(ranked.rows)).toEqual(['20 1 +I', '20 1 -U', '10 1 +U', '20 2 +I'])
    expect(texts(tied.rows)).toEqual(['20 1 +I', '10 2 +I', '10 2 -D', '15 1 +I'])
    expect(texts(first.rows)).toEqual(['20 +I', '20 -U', '10 +U'])
  })

  it('refuse what makes no sense', () => {
    const wrong = (make: (j: Builder) => void) => () => job('wrong', make).plan()
    const invalid = expect.objectContaining({ code: 'INVALID_OPTION' })
    expect(wrong(j => keyed(j).topN(0, { by: 'price', ttl: 'none' }))).toThrow(invalid)
    expect(wrong(j => keyed(j).topN(1, { by: 'price', order: 'up' as 'asc', ttl: 'none' }))).toThrow(invalid)
    expect(wrong(j => keyed(j).topN(1, { by: 'prize' as 'price', ttl: 'none' }))).toThrow(/price/)
    expect(wrong(j => keyed(j).deduplicate({ keep: 'none' as 'last', ttl: 'none' }))).toThrow(invalid)
    expect(wrong(j => keyed(j).deduplicate({ keep: 'last' } as never))).toThrow(/ttl: '1d'.*ttl: 'none'/)
    expect(wrong(j => keyed(j).topN(1, { by: 'price' } as never))).toThrow(invalid)
    expect(wrong(j => keyed(j).topN(1, { by: 'price', ttl: 'none', ties: 'some' as 'all' }))).toThrow(invalid)
    expect(wrong(j => keyed(j).topN(1, { by: 'price', ttl: 'none', rank: 'user' }))).toThrow(
      expect.objectContaining({ code: 'DUPLICATE_FIELD' }),
    )
    const untimed = (j: Builder) => j.from(memory(rows)).keyBy('user')
    const timeless = expect.objectContaining({ code: 'NO_TIMESTAMPS' })
    expect(wrong(j => untimed(j).topN(1, { by: 'price', ttl: '1h' }))).toThrow(timeless)
    expect(wrong(j => untimed(j).deduplicate({ keep: 'first', by: 'eventTime', ttl: 'none' }))).toThrow(timeless)
    expect(
      wrong(j =>
        j
          .from(memory([{ user: 'a', what: {} }]))
          .keyBy('user')
          .topN(1, { by: 'what', ttl: 'none' }),
      ),
    ).toThrow(expect.objectContaining({ code: 'TYPE_MISMATCH' }))
    expect(wrong(j => j.from(memory(rows)).keyBy('user').deduplicate({ ttl: '1h' }))).toThrow(/event time/)
    expect(wrong(j => keyed(j).topN(1, { by: 'price', ttl: 'none' }).keyBy('user').deduplicate())).toThrow(
      expect.objectContaining({ code: 'CHANGELOG_INPUT' }),
    )
  })
})
