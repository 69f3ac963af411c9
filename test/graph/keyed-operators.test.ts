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
        keyed(j).deduplicate({ keep: 'last' }).changelog('op').select('user', 'price', 'op').to(last)
        keyed(j).topN(1, { by: 'price' }).changelog('op').select('user', 'price', 'op').to(top)
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

  it('refuse what makes no sense', () => {
    const wrong = (make: (j: Builder) => void) => () => job('wrong', make).plan()
    const invalid = expect.objectContaining({ code: 'INVALID_OPTION' })
    expect(wrong(j => keyed(j).topN(0, { by: 'price' }))).toThrow(invalid)
    expect(wrong(j => keyed(j).topN(1, { by: 'price', order: 'up' as 'asc' }))).toThrow(invalid)
    expect(wrong(j => keyed(j).topN(1, { by: 'prize' as 'price' }))).toThrow(/price/)
    expect(wrong(j => keyed(j).deduplicate({ keep: 'none' as 'last' }))).toThrow(invalid)
    expect(wrong(j => keyed(j).deduplicate({ keep: 'last', ttl: '1h' }))).toThrow(invalid)
    expect(wrong(j => j.from(memory(rows)).keyBy('user').deduplicate({ ttl: '1h' }))).toThrow(/event time/)
    expect(wrong(j => keyed(j).topN(1, { by: 'price' }).keyBy('user').deduplicate())).toThrow(
      expect.objectContaining({ code: 'CHANGELOG_INPUT' }),
    )
  })
})
