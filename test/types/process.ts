/* What the compiler knows of process functions. */
import {
  aggregatingState,
  collect,
  job,
  listState,
  mapState,
  memory,
  nullable,
  reducingState,
  type Stream,
  valueState,
} from 'sabot'

/** Compiles only where the two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

function same<A, B>(..._equal: Same<A, B> extends true ? [] : [never]): void {}

function rowOf<Row>(_stream: Stream<Row>): Row {
  throw new TypeError('only its type is looked at')
}

job('types', j => {
  const clicks = j
    .from(memory([{ user: 'a', page: 'x', at: 1, price: 2.5 }]))
    .withTimestamps('at', { outOfOrderness: '2h' })
  const results = clicks.keyBy('user').process(
    {
      state: {
        last: valueState<number>(),
        pages: listState<string>(),
        byPage: mapState<string, bigint>({ ttl: { after: '1h', time: 'event' } }),
        total: reducingState<number>((a, b) => a + b),
        mean: aggregatingState({
          create: () => ({ sum: 0, count: 0 }),
          add: (kept, price: number) => ({ sum: kept.sum + price, count: kept.count + 1 }),
          result: ({ sum, count }) => sum / count,
        }),
      },
      side: { odd: { user: 'utf8', price: nullable('f64') } },
      onRecord: (row, { state, timers, emit, side, key, timestamp }) => {
        same<typeof key, string>()
        const last = state.last.get()
        same<typeof last, number | undefined>()
        const pages = state.pages.get()
        same<typeof pages, readonly string[]>()
        const seen = state.byPage.get(row.page)
        same<typeof seen, bigint | undefined>()
        const mean = state.mean.get()
        same<typeof mean, number | undefined>()
        state.mean.add(row.price)
        state.total.add(row.price)
        // @ts-expect-error: the state keeps numbers
        state.last.set('x')
        // @ts-expect-error: no such state
        state.first.get()
        timers.registerEventTime(timestamp + 1000)
        emit({ user: row.user, count: 1 })
        // @ts-expect-error: not of the declared shape
        emit({ user: row.user, count: 'one' })
        side('odd', { user: row.user, price: null })
        // @ts-expect-error: no such side output
        side('even', { user: row.user, price: null })
        // @ts-expect-error: not of its shape
        side('odd', { user: 1, price: null })
        // @ts-expect-error: the stream has no such field
        row.nothing
      },
      onTimer: (timer, { state, key }) => {
        same<typeof timer.domain, 'event' | 'processing'>()
        same<typeof key, string>()
        state.last.clear()
      },
    },
    { user: 'utf8', count: 'i32' },
  )
  const row = rowOf(results)
  same<typeof row, { readonly user: string; readonly count: number }>()
  const odd = rowOf(results.side('odd'))
  same<typeof odd, { readonly user: string; readonly price: number | null }>()
  // @ts-expect-error: no such side output
  results.side('even')
  const letter = rowOf(results.deadLetters)
  same<typeof letter.reason, string>()
  same<typeof letter.price, number>()
  results.to(collect())

  clicks.keyBy('user', 'page').process(
    {
      onRecord: (_row, { key, emit }) => {
        same<typeof key.user, string>()
        same<typeof key.page, string>()
        emit({ user: key.user })
      },
    },
    { user: 'utf8' },
  )
  clicks.process(
    {
      onRecord: (record, context) => {
        context.emit({ user: record.user })
        // @ts-expect-error: timers are by key
        context.timers
      },
    },
    { user: 'utf8' },
  )
})
