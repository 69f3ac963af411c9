import { describe, expect, it } from 'vitest'
import { collect, count, job, memory, tumbling } from '../../src/index.js'
import { run } from '../../src/node/index.js'

const rows = Array.from({ length: 300 }, (_, n) => ({ n, at: n * 10 }))

/** Answers later, and not in the order in which it was asked. */
async function asked(n: number): Promise<number> {
  for (let turn = 0; turn < (n * 7) % 5; turn++) await Promise.resolve()
  return n * 2
}

describe('an asynchronous map in a job', () => {
  it.each([true, false])('enriches every record before its windows fire, ordered: %s', async ordered => {
    const main = collect<object>()
    const done = await run(
      job('asked', j => {
        j.from(memory(rows))
          .withTimestamps('at', { outOfOrderness: 0 })
          .asyncMap(async row => ({ n: row.n, double: await asked(row.n) }), { n: 'i32', double: 'i32' }, { ordered })
          .keyBy('double')
          .window(tumbling('1s'))
          .aggregate({ rows: count() })
          .to(main)
      }),
    )
    expect(done.status).toBe('finished')
    expect(main.rows.length).toBe(300)
    expect(done.metrics.operators.flatMap(({ dropped }) => Object.keys(dropped))).toEqual([])
  })

  it('sends what fails to the dead letters', async () => {
    const main = collect<object>()
    const bad = collect<object>()
    await run(
      job('failing', j => {
        const results = j.from(memory(rows.slice(0, 4))).asyncMap(
          async ({ n }) => {
            if (n === 2) throw new Error('down')
            return n === 1 ? null : { n }
          },
          { n: 'i32' },
          { errors: 'deadLetter' },
        )
        results.to(main)
        results.deadLetters.to(bad)
      }),
    )
    expect(main.rows).toEqual([{ n: 0 }, { n: 3 }])
    expect(bad.rows).toEqual([{ n: 2, at: 20, reason: 'down' }])
  })

  it('refuses options that make no sense', () => {
    const wrong = (options: object) => () =>
      job('wrong', j => {
        j.from(memory(rows))
          .asyncMap(({ n }) => ({ n }), { n: 'i32' }, options)
          .to(collect())
      }).plan()
    for (const options of [{ capacity: 0 }, { capacity: 1.5 }, { retries: -1 }, { errors: 'ignore' }]) {
      expect(wrong(options)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
    }
    expect(wrong({ timeout: 'soon' })).toThrow(expect.objectContaining({ code: 'INVALID_DURATION' }))
  })
})
