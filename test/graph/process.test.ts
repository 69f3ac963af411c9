import { describe, expect, it } from 'vitest'
import { collect, job, memory, valueState } from '../../src/index.js'
import { run } from '../../src/node/index.js'

const rows = [
  { user: 'a', at: 1000, price: 1 },
  { user: 'b', at: 2000, price: 2 },
  { user: 'a', at: 3000, price: 3 },
  { user: 'a', at: 9000, price: -1 },
]

describe('process functions in a job', () => {
  it('go from source to sinks, with sides and dead letters', async () => {
    const main = collect<object>()
    const cheap = collect<object>()
    const bad = collect<object>()
    const done = await run(
      job('sums', j => {
        const results = j
          .from(memory(rows))
          .withTimestamps('at', { outOfOrderness: 0 })
          .keyBy('user')
          .process(
            {
              state: { total: valueState<number>() },
              side: { cheap: { user: 'utf8' } },
              errors: 'deadLetter',
              onRecord: (row, { state, timers, side }) => {
                if (row.price < 0) throw new RangeError('a price below 0')
                if (row.price < 2) side('cheap', { user: row.user })
                state.total.set((state.total.get() ?? 0) + row.price)
                timers.registerEventTime(5000)
              },
              onTimer: ({ time }, { key, state, emit }) => emit({ user: key, total: state.total.get() ?? 0, time }),
            },
            { user: 'utf8', total: 'f64', time: 'timestamp' },
          )
        results.to(main)
        results.side('cheap').to(cheap)
        results.deadLetters.to(bad)
      }),
    )
    expect(done.status).toBe('finished')
    expect(main.rows).toEqual([
      { user: 'a', total: 4, time: 5000 },
      { user: 'b', total: 2, time: 5000 },
    ])
    expect(cheap.rows).toEqual([{ user: 'a' }])
    expect(bad.rows).toEqual([{ user: 'a', at: 9000, price: -1, reason: 'a price below 0' }])
  })

  it('run without keys', async () => {
    const main = collect<object>()
    await run(
      job('plain', j => {
        j.from(memory(rows))
          .process({ onRecord: (row, { emit }) => emit({ user: row.user }) }, { user: 'utf8' })
          .to(main)
      }),
    )
    expect(main.rows).toEqual(rows.map(({ user }) => ({ user })))
  })

  it('are refused where they make no sense', () => {
    const build = (make: (j: Parameters<Parameters<typeof job>[1]>[0]) => void) => () =>
      job('wrong', j => {
        make(j)
        j.from(memory(rows)).to(collect())
      }).plan()
    const nothing = { onRecord: () => {} }
    expect(
      build(j => {
        const state = { last: valueState<number>({ ttl: { after: 1000, time: 'event' } }) }
        j.from(memory(rows))
          .keyBy('user')
          .process({ ...nothing, state }, { user: 'utf8' })
      }),
    ).toThrow(expect.objectContaining({ code: 'NO_TIMESTAMPS' }))
    expect(
      build(j => {
        j.from(memory(rows))
          .keyBy('user')
          .process({ ...nothing, errors: 'never' as 'skip' }, { user: 'utf8' })
      }),
    ).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
    expect(
      build(j => {
        const results = j.from(memory(rows)).keyBy('user').process(nothing, { user: 'utf8' })
        results.side('none' as never)
      }),
    ).toThrow(/no side output "none"/)
  })
})
