import { describe, expect, it } from 'vitest'
import {
  collect,
  count,
  execute,
  type JoinResults,
  job,
  type KeyedStream,
  left,
  memory,
  nullable,
  right,
  type SabotError,
  schema,
  session,
  sliding,
  tumbling,
} from '../../src/index.js'
import { testEnvironment } from '../../src/testing/index.js'
import { builds } from '../kernel/builds.js'

const environment = () => testEnvironment(() => (builds[0] as (typeof builds)[number]).create())

const orders = [
  { id: 'a', region: 'eu', at: 0 },
  { id: 'b', region: 'us', at: 10 },
  { id: '__proto__', region: 'eu', at: 20 },
]
const payments = [
  { orderId: 'b', area: 'us', amount: 5, paidAt: 12 },
  { orderId: '__proto__', area: 'eu', amount: 7, paidAt: 20 },
  { orderId: 'b', area: 'eu', amount: 9, paidAt: 25 },
]
const orderShape = { schema: schema({ id: 'utf8', region: 'utf8', at: 'f64' }) }
const paymentShape = { schema: schema({ orderId: 'utf8', area: 'utf8', amount: nullable('i32'), paidAt: 'f64' }) }

/** Runs a job that joins orders and payments; its results by their text, since two sources meet in no fixed order. */
async function joined<Row>(
  build: (j: Parameters<Parameters<typeof job>[1]>[0]) => { to(sink: ReturnType<typeof collect<Row>>): void },
): Promise<string[]> {
  const sink = collect<Row>()
  const graph = job('joins', j => build(j).to(sink)).plan()
  const { error } = await execute(graph, environment()).ended
  if (error !== undefined) throw error
  return sink.rows.map(row => JSON.stringify(row)).sort()
}

const codeOf = (action: () => unknown): string => {
  try {
    action()
  } catch (error) {
    return (error as SabotError).code
  }
  return 'none'
}

describe('interval join in a job', () => {
  it('selects fields of both sides', async () => {
    const results = await joined(j => {
      const left$ = j.from(memory(orders, orderShape)).withTimestamps('at', { outOfOrderness: 30 })
      const right$ = j.from(memory(payments, paymentShape)).withTimestamps('paidAt', { outOfOrderness: 30 })
      return left$
        .keyBy('id')
        .intervalJoin(right$.keyBy('orderId'), { from: -1, to: '1s', type: 'left' })
        .select({
          id: left('id'),
          amount: right('amount'),
          late: (order, payment) => (payment?.paidAt ?? 0) - order.at,
        })
    })
    expect(results).toEqual([
      '{"id":"__proto__","amount":7,"late":0}',
      '{"id":"a","amount":null,"late":0}',
      '{"id":"b","amount":5,"late":2}',
      '{"id":"b","amount":9,"late":15}',
    ])
  })

  it('maps both rows, by keys of several columns', async () => {
    const results = await joined(j => {
      const left$ = j.from(memory(orders, orderShape)).withTimestamps('at', { outOfOrderness: 30 })
      const right$ = j.from(memory(payments, paymentShape)).withTimestamps('paidAt', { outOfOrderness: 30 })
      return left$
        .keyBy('id', 'region')
        .intervalJoin(right$.keyBy('orderId', 'area'), { from: 0, to: 5, toInclusive: false })
        .map((order, payment) => ({ text: `${order.id} ${payment.amount}` }), { text: 'utf8' })
    })
    expect(results).toEqual(['{"text":"__proto__ 7"}', '{"text":"b 5"}'])
  })

  it('refuses what cannot work, and says why', () => {
    const plan = (build: Parameters<typeof joined>[0]) =>
      codeOf(() => job('refused', j => build(j).to(collect())).plan())
    const sides = (j: Parameters<Parameters<typeof job>[1]>[0]) => ({
      left$: j.from(memory(orders, orderShape)).withTimestamps('at', { outOfOrderness: 0 }),
      right$: j.from(memory(payments, paymentShape)).withTimestamps('paidAt', { outOfOrderness: 0 }),
    })
    const select = { id: left('id') }
    const refused = (options: object | undefined) =>
      plan(j => {
        const { left$, right$ } = sides(j)
        return left$
          .keyBy('id')
          .intervalJoin(right$.keyBy('orderId'), options as { from: 0; to: 0 })
          .select(select)
      })
    expect(refused({})).toBe('JOIN_UNBOUNDED')
    expect(refused(undefined)).toBe('JOIN_UNBOUNDED')
    expect(refused({ from: 0, to: Number.POSITIVE_INFINITY })).toBe('JOIN_UNBOUNDED')
    expect(refused({ from: 5, to: 4 })).toBe('INVALID_OPTION')
    expect(refused({ from: 5, to: 5, toInclusive: false })).toBe('INVALID_OPTION')
    expect(refused({ from: '-1x', to: 5 })).toBe('INVALID_DURATION')
    expect(refused({ from: 0, to: 1e15 })).toBe('INVALID_OPTION')
    expect(refused({ from: 0, to: 5, type: 'outer' })).toBe('INVALID_OPTION')
    expect(refused({ from: '-5m', to: '-1m' })).toBe('none')
    expect(refused({ from: '-5m', to: '-1m', time: 'streamTime' })).toBe('INVALID_OPTION')
    expect(refused({ from: '-5m', to: '1m', grace: '1m' })).toBe('INVALID_OPTION')
    expect(refused({ from: '-5m', to: '1m', time: 'wallClock' })).toBe('INVALID_OPTION')
    expect(refused({ from: '-5m', to: '1m', time: 'streamTime', grace: '1m' })).toBe('none')
    const by = (keys: ['id'] | ['id', 'region'] | ['at']) =>
      plan(j => {
        const { left$, right$ } = sides(j)
        return left$
          .keyBy(...(keys as ['id']))
          .intervalJoin(right$.keyBy('orderId'), { from: 0, to: 0 })
          .select(select)
      })
    expect(by(['id', 'region'])).toBe('JOIN_KEYS')
    expect(by(['at'])).toBe('TYPE_MISMATCH')
    const untimed = plan(j => {
      const { left$ } = sides(j)
      const right$ = j.from(memory(payments, paymentShape))
      return left$.keyBy('id').intervalJoin(right$.keyBy('orderId'), { from: 0, to: 0 }).select(select)
    })
    expect(untimed).toBe('NO_TIMESTAMPS')
    const unknown = plan(j => {
      const { left$, right$ } = sides(j)
      const mapped = right$.map(payment => ({ ...payment })).withTimestamps('paidAt', { outOfOrderness: 0 })
      return left$.keyBy('id').intervalJoin(mapped.keyBy('orderId'), { from: 0, to: 0, type: 'left' }).select(select)
    })
    expect(unknown).toBe('SCHEMA_UNKNOWN')
    const field = plan(j => {
      const { left$, right$ } = sides(j)
      const wrong = { id: left('nope' as 'id') }
      return left$.keyBy('id').intervalJoin(right$.keyBy('orderId'), { from: 0, to: 0 }).select(wrong)
    })
    expect(field).toBe('UNKNOWN_FIELD')
  })

  it('keeps in its settings what its state depends on', () => {
    const graph = job('settings', j => {
      const left$ = j.from(memory(orders, orderShape)).withTimestamps('at', { outOfOrderness: 0 })
      const joins = left$
        .keyBy('id')
        .intervalJoin(left$.keyBy('region'), { from: '-5m', to: '1h', fromInclusive: false })
      joins.select({ at: right('at') }).to(collect())
    }).plan()
    expect(graph.node('interval-join-1').settings).toEqual({
      left: ['id'],
      right: ['region'],
      type: 'inner',
      lowerMs: -299_999,
      upperMs: 3_600_000,
      kept: { left: ['id'], right: ['at', 'region'] },
    })
    expect(graph.node('interval-join-1').description).toBe(
      'inner join by id = region, right from -4m59s999ms to 1h after left: at',
    )
  })
})

describe('window join and co-group in a job', () => {
  const timed = { outOfOrderness: 30 } as const
  const sides = (j: Parameters<Parameters<typeof job>[1]>[0]) => ({
    orders$: j.from(memory(orders, orderShape)).withTimestamps('at', timed).keyBy('id'),
    payments$: j.from(memory(payments, paymentShape)).withTimestamps('paidAt', timed).keyBy('orderId'),
  })

  it('puts the bounds of the window behind what is selected', async () => {
    const results = await joined(j => {
      const { orders$, payments$ } = sides(j)
      const amounts = { id: left('id'), amount: right('amount') }
      return orders$.windowJoin(payments$, tumbling(20), { type: 'left' }).select(amounts)
    })
    expect(results).toEqual([
      '{"id":"__proto__","amount":7,"windowStart":20,"windowEnd":40}',
      '{"id":"a","amount":null,"windowStart":0,"windowEnd":20}',
      '{"id":"b","amount":5,"windowStart":0,"windowEnd":20}',
    ])
  })

  it('gives the window to functions', async () => {
    const results = await joined(j => {
      const { orders$, payments$ } = sides(j)
      return orders$.windowJoin(payments$, session(10)).map((order, payment, { start, end }) => {
        return { text: `${order.id} ${payment.amount} [${start}, ${end})` }
      })
    })
    expect(results).toEqual(['{"text":"__proto__ 7 [20, 30)"}', '{"text":"b 5 [10, 22)"}'])
    const groups = await joined(j => {
      const { orders$, payments$ } = sides(j)
      return orders$.coGroup(
        payments$,
        sliding(40, 20),
        (left, right, { start }) => [
          { start, orders: left.length, payments: right.map(({ amount }) => amount).join() },
        ],
        { start: 'i32', orders: 'i32', payments: 'utf8' },
      )
    })
    expect(groups).toEqual([
      '{"start":-20,"orders":1,"payments":""}',
      '{"start":-20,"orders":1,"payments":"5"}',
      '{"start":0,"orders":1,"payments":""}',
      '{"start":0,"orders":1,"payments":"5,9"}',
      '{"start":0,"orders":1,"payments":"7"}',
      '{"start":20,"orders":0,"payments":"9"}',
      '{"start":20,"orders":1,"payments":"7"}',
    ])
  })

  it('refuses windows that look at records, and fields that hide the bounds', () => {
    const plan = (build: Parameters<typeof joined>[0]) =>
      codeOf(() => job('refused', j => build(j).to(collect())).plan())
    const byRecord = plan(j => {
      const { orders$, payments$ } = sides(j)
      return orders$.windowJoin(payments$, session(() => 5) as never).select({ id: left('id') })
    })
    expect(byRecord).toBe('INVALID_OPTION')
    const hidden = plan(j => {
      const { orders$, payments$ } = sides(j)
      return orders$.windowJoin(payments$, tumbling('1h')).select({ windowEnd: left('id') })
    })
    expect(hidden).toBe('DUPLICATE_FIELD')
  })
})

describe('as-of, temporal and regular joins in a job', () => {
  const timed = { outOfOrderness: 30 } as const
  const rates = [
    { currency: 'EUR', rate: 1, since: 0 },
    { currency: 'EUR', rate: 2, since: 10 },
  ]
  const sales = [
    { currency: 'EUR', amount: 5, soldAt: 9 },
    { currency: 'EUR', amount: 7, soldAt: 14 },
    { currency: 'USD', amount: 1, soldAt: 20 },
  ]
  const sides = (j: Parameters<Parameters<typeof job>[1]>[0]) => ({
    rates$: j.from(memory(rates, { schema: schema({ currency: 'utf8', rate: 'i32', since: 'f64' }) })),
    sales$: j
      .from(memory(sales, { schema: schema({ currency: 'utf8', amount: 'i32', soldAt: 'f64' }) }))
      .withTimestamps('soldAt', timed)
      .keyBy('currency'),
  })

  it('finds the version that is valid', async () => {
    const results = await joined(j => {
      const { rates$, sales$ } = sides(j)
      const table = rates$.withTimestamps('since', timed).keyBy('currency')
      return sales$.temporalJoin(table, { type: 'left' }).select({ amount: left('amount'), rate: right('rate') })
    })
    expect(results).toEqual(['{"amount":1,"rate":null}', '{"amount":5,"rate":1}', '{"amount":7,"rate":2}'])
  })

  it('finds the nearest, within the tolerance', async () => {
    const results = await joined(j => {
      const { rates$, sales$ } = sides(j)
      const quotes = rates$.withTimestamps('since', timed).keyBy('currency')
      return sales$
        .asOfJoin(quotes, { direction: 'nearest', tolerance: 3 })
        .map((sale, quote) => ({ worth: sale.amount * quote.rate }), { worth: 'i32' })
    })
    expect(results).toEqual(['{"worth":10}'])
  })

  it('joins for good, as a changelog where rows are taken back', async () => {
    const results = await joined(j => {
      const { rates$, sales$ } = sides(j)
      const table = rates$.withTimestamps('since', timed).keyBy('currency')
      const amounts = { amount: left('amount'), rate: right('rate') }
      return sales$.join(table, { ttl: '1d' }).select(amounts)
    })
    expect(results).toEqual([
      '{"amount":5,"rate":1}',
      '{"amount":5,"rate":2}',
      '{"amount":7,"rate":1}',
      '{"amount":7,"rate":2}',
    ])
    const plan = (build: (sides: ReturnType<typeof sidesOf>) => { to(sink: ReturnType<typeof collect>): void }) =>
      codeOf(() => job('refused', j => build(sidesOf(j)).to(collect())).plan())
    const sidesOf = (j: Parameters<Parameters<typeof job>[1]>[0]) => {
      const { rates$, sales$ } = sides(j)
      return { sales$, table: rates$.withTimestamps('since', timed).keyBy('currency') }
    }
    const select = { currency: left('currency') }
    expect(plan(({ sales$, table }) => sales$.join(table, {} as { ttl: 1 }).select(select))).toBe('JOIN_UNBOUNDED')
    const nothing = undefined as unknown as { ttl: 1; tolerance: 1 }
    expect(plan(({ sales$, table }) => sales$.join(table, nothing).select(select))).toBe('JOIN_UNBOUNDED')
    expect(plan(({ sales$, table }) => sales$.asOfJoin(table, nothing).select(select))).toBe('JOIN_UNBOUNDED')
    const endless = { tolerance: Number.POSITIVE_INFINITY }
    expect(plan(({ sales$, table }) => sales$.asOfJoin(table, endless).select(select))).toBe('JOIN_UNBOUNDED')
    const direction = { tolerance: 1, direction: 'sideways' as 'nearest' }
    expect(plan(({ sales$, table }) => sales$.asOfJoin(table, direction).select(select))).toBe('INVALID_OPTION')
    const full = { type: 'full' as 'left' }
    expect(plan(({ sales$, table }) => sales$.temporalJoin(table, full).select(select))).toBe('INVALID_OPTION')
    // A left join is a changelog, which windows do not take.
    const windowed = plan(({ sales$, table }) =>
      sales$
        .join(table, { ttl: 5, type: 'left' })
        .select(select)
        .keyBy('currency')
        .window(tumbling('1h'))
        .aggregate({ n: count() }),
    )
    expect(windowed).toBe('CHANGELOG_INPUT')
  })
})

describe('late rows of joins', () => {
  const lefts = [100, 40, 99].map(at => ({ k: 'a', at }))
  const rights = [100, 71, 60].map(at => ({ k: 'a', at }))
  type Keyed = KeyedStream<{ k: string; at: number }, 'k'>
  type Results = JoinResults<unknown, { k: string; at: number }, { k: string; at: number }>

  it.each<[string, (a: Keyed, b: Keyed) => Results, (at: number) => number]>([
    ['interval join', (a, b) => a.intervalJoin(b, { from: 0, to: 5 }).select({ k: left('k') }), at => at + 1],
    ['as-of join', (a, b) => a.asOfJoin(b, { tolerance: 5 }).select({ k: left('k') }), at => at + 1],
    ['temporal join', (a, b) => a.temporalJoin(b).select({ k: left('k') }), at => at + 1],
    ['regular join', (a, b) => a.join(b, { ttl: 20 }).select({ k: left('k') }), at => at + 20],
    ['window join', (a, b) => a.windowJoin(b, tumbling(10)).select({ k: left('k') }), at => at - (at % 10) + 9],
    ['co-group', (a, b) => a.coGroup(b, session(20), () => [], { k: 'utf8' }), at => at + 19],
  ])('%s: each is told with the watermark from which on it is late', async (_name, define, lateFrom) => {
    const told = { left: collect<object>(), right: collect<object>() }
    const late = { left: collect<{ at: number }>(), right: collect<{ at: number }>() }
    const graph = job('late', j => {
      const keyed = (rows: typeof lefts) => j.from(memory(rows)).withTimestamps('at', { outOfOrderness: 0 }).keyBy('k')
      const results = define(keyed(lefts), keyed(rights))
      results.explainLateLeft().to(told.left)
      results.explainLateRight().to(told.right)
      results.lateLeft.to(late.left)
      results.lateRight.to(late.right)
      results.to(collect<unknown>())
    }).plan()
    const result = await execute(graph, environment(), { batchRows: 1 }).ended
    expect(result.error).toBeUndefined()
    for (const side of ['left', 'right'] as const) {
      const expected = late[side].rows.map(row => ({ ...row, lateFrom: lateFrom(row.at) }))
      expect(told[side].rows).toMatchObject(expected)
      for (const row of told[side].rows as readonly { lateFrom: number; watermark: number; lateBy: number }[]) {
        expect(row.watermark - row.lateFrom).toBe(row.lateBy)
        expect(row.lateBy).toBeGreaterThanOrEqual(0)
      }
    }
    expect(told.left.rows.length + told.right.rows.length).toBeGreaterThan(0)
  })
})
