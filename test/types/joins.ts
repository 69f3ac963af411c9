/* What the compiler knows of joins. */
import { global, job, left, nullable, parquet, right, type Stream, tumbling } from 'sabot'

/** Compiles only where the two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

function same<A, B>(..._equal: Same<A, B> extends true ? [] : [never]): void {}

function rowOf<Row>(_stream: Stream<Row>): Row {
  throw new TypeError('only its type is looked at')
}

job('types', j => {
  const timed = { outOfOrderness: '1s' } as const
  const orders = j
    .from(parquet('x.parquet', { id: 'utf8', at: 'timestamp' }))
    .withTimestamps('at', timed)
    .keyBy('id')
  const payments = j
    .from(parquet('x.parquet', { orderId: 'utf8', amount: nullable('f64'), paidAt: 'timestamp' }))
    .withTimestamps('paidAt', timed)
    .keyBy('orderId')

  const inner = rowOf(
    orders.intervalJoin(payments, { from: '-5m', to: '1h30m' }).select({
      id: left('id'),
      amount: right('amount'),
      wait: (order, payment) => payment.paidAt - order.at,
    }),
  )
  same<typeof inner, { readonly id: string; readonly amount: number | null; readonly wait: number }>()

  const outer = orders.intervalJoin(payments, { from: 0, to: '1h', type: 'left' })
  const leftRow = rowOf(outer.select({ id: left('id'), paidAt: right('paidAt') }))
  same<typeof leftRow, { readonly id: string; readonly paidAt: number | null }>()
  const mapped = rowOf(outer.map((order, payment) => ({ at: order.at, amount: payment?.amount ?? 0 })))
  same<typeof mapped, { at: number; amount: number }>()
  // @ts-expect-error: the right row may be missing
  outer.map((_order, payment) => ({ amount: payment.amount }))
  // @ts-expect-error: no such field
  outer.select({ id: left('nope') })
  // @ts-expect-error: not a field of the right side
  outer.select({ id: right('id') })

  const full = rowOf(
    orders.intervalJoin(payments, { from: 0, to: 5, type: 'full' }).select({ id: left('id'), paidAt: right('paidAt') }),
  )
  same<typeof full, { readonly id: string | null; readonly paidAt: number | null }>()
  const late = rowOf(outer.select({ id: left('id') }).lateRight)
  same<typeof late, { readonly orderId: string; readonly amount: number | null; readonly paidAt: number }>()

  // @ts-expect-error: both bounds are needed
  orders.intervalJoin(payments, { from: 0 })
  // @ts-expect-error: not a duration
  orders.intervalJoin(payments, { from: '-5 parsecs', to: 0 })

  const inWindows = orders.windowJoin(payments, tumbling('1h'), { type: 'right' })
  const windowed = rowOf(inWindows.select({ id: left('id'), amount: right('amount') }))
  same<
    typeof windowed,
    {
      readonly id: string | null
      readonly amount: number | null
      readonly windowStart: number
      readonly windowEnd: number
    }
  >()
  const grouped = rowOf(
    orders.coGroup(payments, tumbling('1h'), (some, others, { end }) => [{ end, n: some.length + others.length }]),
  )
  same<typeof grouped, { end: number; n: number }>()
  // @ts-expect-error: windows of a join have bounds
  orders.windowJoin(payments, global())

  const asOf = rowOf(
    orders.asOfJoin(payments, { tolerance: '1h', type: 'left' }).select({ id: left('id'), paidAt: right('paidAt') }),
  )
  same<typeof asOf, { readonly id: string; readonly paidAt: number | null }>()
  // @ts-expect-error: a tolerance is needed
  orders.asOfJoin(payments, { type: 'left' })
  const versioned = rowOf(
    orders.temporalJoin(payments).map((order, payment) => ({ at: order.at, was: payment.paidAt })),
  )
  same<typeof versioned, { at: number; was: number }>()
  // @ts-expect-error: a temporal join has no right outer side
  orders.temporalJoin(payments, { type: 'full' })
  const kept = rowOf(orders.join(payments, { ttl: '1d', type: 'right' }).select({ id: left('id') }))
  same<typeof kept, { readonly id: string | null }>()
  // @ts-expect-error: a time to live is needed
  orders.join(payments, {})
})
