import { describe, expect, it } from 'vitest'
import { Schema } from '../../../src/core/schema.js'
import { collect, job, mapState, memory, valueState } from '../../../src/index.js'
import { run } from '../../../src/node/index.js'
import { processOperator } from '../../../src/operators/process/process-operator.js'
import type { ProcessSettings } from '../../../src/operators/process/process-settings.js'
import { HARNESS_MODES, runOperator, type TestElement } from '../../../src/testing/operator-harness.js'
import { type Functions, kernel, rowsOf, settingsOf } from './process-driver.js'

const orders = Schema.of({ user: 'utf8', price: 'f64' })
const payments = Schema.of({ payer: 'utf8', paid: 'f64' })
const rules = Schema.of({ name: 'utf8', limit: 'f64' })

const left = (user: string, price: number, timestamp = 0, watermark = 0): TestElement => ({
  kind: 'row',
  row: { user, price },
  timestamp,
  watermark,
})
const right = (row: object, timestamp = 0, watermark = 0): TestElement => ({
  kind: 'row',
  row,
  timestamp,
  watermark,
  input: 1,
})

/** The settings of a function of two inputs. */
function twoInputs(
  functions: Functions,
  onSecond: Functions['onRecord'],
  more: Partial<ProcessSettings>,
): ProcessSettings {
  const settings = settingsOf({ keys: ['user'], ...functions }, { user: 'utf8', seen: 'utf8' })
  return { ...settings, inputs: [...settings.inputs, { keys: ['payer'], handle: onSecond }], ...more }
}

describe('a process function of two keyed streams', () => {
  it.each(HARNESS_MODES)('shares state and timers by key, at the smaller watermark: $name', mode => {
    const settings = twoInputs(
      {
        state: { price: valueState<number>() },
        onRecord: (order, { state, timers, timestamp }) => {
          state.price.set(order.price)
          timers.registerEventTime(timestamp + 10)
        },
        onTimer: (_, { key, state, emit, watermark }) => {
          if (state.price.get() !== undefined) emit({ user: key, seen: `unpaid at ${watermark}` })
        },
      },
      (payment, { key, state, emit }) => {
        emit({ user: key, seen: `${payment.paid} of ${state.price.get()}` })
        state.price.clear()
      },
      {},
    )
    const elements: TestElement[] = [
      left('a', 5, 1, 0),
      left('b', 7, 2, 0),
      right({ payer: 'a', paid: 5 }, 3, 0),
      // One side alone does not move the watermark.
      left('c', 9, 40, 30),
      right({ payer: 'b', paid: 6 }, 8, 6),
      right({ payer: 'd', paid: 1 }, 20, 15),
      { kind: 'watermark', timestamp: 60, input: 1 },
      { kind: 'watermark', timestamp: 45, input: 0 },
      { kind: 'watermark', timestamp: 70, input: 0 },
    ]
    const outputs = runOperator(processOperator(settings), kernel, [orders, payments], elements, mode)
    expect(rowsOf(outputs)).toEqual([
      { user: 'a', seen: '5 of 5' },
      { user: 'b', seen: '6 of 7' },
      { user: 'd', seen: '1 of undefined' },
      { user: 'c', seen: 'unpaid at 60' },
    ])
    const marks = outputs.flatMap(out => ('watermark' in out && !('row' in out) ? [out.watermark] : []))
    expect(marks.at(-1)).toBe(60)
    expect([...marks].sort((a, b) => a - b)).toEqual(marks)
  })
})

describe('broadcast state', () => {
  it.each(HARNESS_MODES)('is written by the broadcast input and read by all keys: $name', mode => {
    const settings = twoInputs(
      {
        state: { total: valueState<number>() },
        onRecord: (order, { key, state, broadcast, emit }) => {
          const total = (state.total.get() ?? 0) + order.price
          state.total.set(total)
          const broken = [...broadcast.limits.entries()].filter(([, limit]) => total > limit).map(([name]) => name)
          emit({ user: key, seen: `${total} over ${broken.join(' ')}` })
        },
      },
      (rule, { broadcast, emit, forEachKey }) => {
        broadcast.limits.set(rule.name, rule.limit)
        const over: string[] = []
        forEachKey((key: string, state: { total: { get(): number } }) => {
          if (state.total.get() > rule.limit) over.push(key)
        })
        emit({ user: 'all', seen: `${rule.name}: ${over.sort().join(' ')}` })
      },
      { broadcastState: { limits: mapState<string, number>() } },
    )
    const inputs = [settings.inputs[0] as (typeof settings.inputs)[number], { ...settings.inputs[1], keys: undefined }]
    const elements: TestElement[] = [
      right({ name: 'low', limit: 5 }),
      left('a', 4),
      left('b', 6),
      left('a', 4),
      right({ name: 'high', limit: 7 }),
      left('b', 3),
      right({ name: 'low', limit: 100 }),
      left('a', 1),
    ]
    const create = processOperator({ ...settings, inputs: inputs as ProcessSettings['inputs'] })
    expect(rowsOf(runOperator(create, kernel, [orders, rules], elements, mode))).toEqual([
      { user: 'all', seen: 'low: ' },
      { user: 'a', seen: '4 over ' },
      { user: 'b', seen: '6 over low' },
      { user: 'a', seen: '8 over low' },
      { user: 'all', seen: 'high: a' },
      { user: 'b', seen: '9 over low high' },
      { user: 'all', seen: 'low: ' },
      { user: 'a', seen: '9 over high' },
    ])
  })

  it('connects streams in a job', async () => {
    const sink = collect<object>()
    await run(
      job('connected', j => {
        const prices = j.from(memory([{ user: 'a', price: 3 }])).keyBy('user')
        prices
          .connect(j.from(memory([{ payer: 'a', paid: 1 }])).keyBy('payer'))
          .process(
            {
              state: { sum: valueState<number>() },
              onLeft: (row, { state }) => state.sum.set((state.sum.get() ?? 0) + row.price),
              onRight: (row, { state, key, emit }) => emit({ user: key, sum: (state.sum.get() ?? 0) + row.paid }),
            },
            { user: 'utf8', sum: 'f64' },
          )
          .select('user')
          .to(sink)
        prices
          .connect(j.from(memory([{ limit: 2 }])))
          .process(
            {
              broadcast: { limit: valueState<number>() },
              onRecord: (row, { broadcast, emit }) => {
                // @ts-expect-error: only the broadcast input writes it
                broadcast.limit.set
                emit({ user: `${row.user} ${typeof broadcast.limit.get()}` })
              },
              onBroadcast: (row, { broadcast }) => broadcast.limit.set(row.limit),
            },
            { user: 'utf8' },
          )
          .filter(() => false)
          .to(sink)
      }),
    )
    expect(sink.rows).toEqual([{ user: 'a' }])
  })

  it('is refused where it makes no sense', () => {
    const wrong = (make: (j: Parameters<Parameters<typeof job>[1]>[0]) => void) => () => job('wrong', make).plan()
    expect(
      wrong(j => {
        const stream = j.from(memory([{ a: 'x', b: 'y' }]))
        stream.keyBy('a').connect(stream.keyBy('a', 'b'))
      }),
    ).toThrow(expect.objectContaining({ code: 'CONNECT_KEYS' }))
    expect(
      wrong(j => {
        const stream = j.from(memory([{ a: 'x' }]))
        const ttl = { after: '1h', time: 'processing' } as const
        stream
          .keyBy('a')
          .connect(stream)
          .process(
            { broadcast: { rule: valueState({ ttl }) }, onRecord: () => {}, onBroadcast: () => {} },
            { a: 'utf8' },
          )
      }),
    ).toThrow(/Broadcast state rule has a ttl/)
  })
})
