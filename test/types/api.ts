/* What the compiler knows of a pipeline: row types flow from the source's schema to the sink. */
import {
  approxCountDistinct,
  callback,
  collect,
  collectList,
  collectSet,
  column,
  count,
  countDistinct,
  customAggregate,
  first,
  job,
  last,
  max,
  maxBy,
  mean,
  memory,
  min,
  minBy,
  nullable,
  parquet,
  quantile,
  quantiles,
  type Stream,
  sliding,
  stddev,
  stringJoin,
  sum,
  topN,
  tumbling,
  weightedMean,
} from 'sabot'

/** Compiles only where the two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

function same<A, B>(..._equal: Same<A, B> extends true ? [] : [never]): void {}

function rowOf<Row>(_stream: Stream<Row>): Row {
  throw new TypeError('only its type is looked at')
}

job('types', j => {
  const flights = j.from(
    parquet('x.parquet', { date: 'timestamp', delay: nullable('i32'), miles: 'i64', origin: 'utf8' }),
  )
  const row = rowOf(flights)
  same<
    typeof row,
    { readonly date: number; readonly delay: number | null; readonly miles: bigint; readonly origin: string }
  >()

  const timed = flights.withTimestamps('date', { outOfOrderness: '2h' })
  // @ts-expect-error: no such field
  flights.withTimestamps('dat', { outOfOrderness: '2h' })
  // @ts-expect-error: not a duration
  flights.withTimestamps('date', { outOfOrderness: '2 parsecs' })

  const selected = timed.select({
    from: 'origin',
    late: f => (f.delay ?? 0) > 15,
    km: column('f64', f => f.date * 1.6),
  })
  const selectedRow = rowOf(selected)
  same<typeof selectedRow, { readonly from: string; readonly late: boolean; readonly km: number }>()
  const named = rowOf(timed.select('origin', 'delay'))
  same<typeof named, { readonly origin: string; readonly delay: number | null }>()
  // @ts-expect-error: no such field
  timed.select('destination')
  // @ts-expect-error: no such field
  timed.select({ to: 'destination' })

  const results = timed
    .keyBy('origin')
    .window(sliding('1h', '5m'))
    .aggregate({
      flights: count(),
      known: count('delay'),
      meanDelay: mean('delay'),
      worst: max('delay'),
      miles: sum('miles'),
      first: min('date'),
    })
  const result = rowOf(results)
  same<
    typeof result,
    {
      readonly origin: string
      readonly windowStart: number
      readonly windowEnd: number
      readonly flights: number
      readonly known: number
      readonly meanDelay: number | null
      readonly worst: number | null
      readonly miles: bigint
      readonly first: number
    }
  >()
  const late = rowOf(results.late)
  same<typeof late, typeof row>()

  // @ts-expect-error: no such field
  timed.keyBy('destination')
  const windows = timed.keyBy('origin').window(tumbling('1h'))
  // @ts-expect-error: a string has no mean
  windows.aggregate({ m: mean('origin') })
  // @ts-expect-error: no such field
  windows.aggregate({ m: max('nothing') })

  const more = rowOf(
    windows.aggregate({
      late: count().where(f => f.date > 5),
      lateMiles: sum('miles').where((f: { readonly delay: number | null }) => f.delay !== null),
      origins: countDistinct('origin'),
      about: approxCountDistinct('origin'),
      spread: stddev('delay'),
      median: quantile('delay', 0.5),
      quarters: quantiles('date', [0.25, 0.75]),
      firstOrigin: first('origin'),
      lastFlight: last(),
      worstOrigin: maxBy('delay', 'origin'),
      latest: minBy('date'),
      top: topN(3, 'date'),
      topOrigins: topN(3, 'date', { field: 'origin' }),
      delays: collectList('delay'),
      set: collectSet('origin'),
      joined: stringJoin('origin', '; '),
      weighted: weightedMean('delay', 'miles'),
      some: last('date').where(f => f.origin === 'SFO'),
      own: customAggregate({
        type: 'i64',
        lift: (f: typeof row) => f.miles,
        combine: (a, b) => a + b,
        lower: total => total,
      }),
    }),
  )
  same<
    typeof more,
    {
      readonly origin: string
      readonly windowStart: number
      readonly windowEnd: number
      readonly late: number
      readonly lateMiles: bigint | null
      readonly origins: number
      readonly about: number
      readonly spread: number | null
      readonly median: number | null
      readonly quarters: readonly number[] | null
      readonly firstOrigin: string
      readonly lastFlight: typeof row
      readonly worstOrigin: string | null
      readonly latest: typeof row
      readonly top: readonly (typeof row)[]
      readonly topOrigins: readonly string[]
      readonly delays: readonly number[]
      readonly set: readonly string[]
      readonly joined: string
      readonly weighted: number | null
      readonly some: number | null
      readonly own: bigint
    }
  >()
  // @ts-expect-error: no such field
  windows.aggregate({ m: count().where(f => f.nothing > 1) })
  // @ts-expect-error: a string has no weight
  windows.aggregate({ m: weightedMean('delay', 'origin') })
  // @ts-expect-error: a number is not joined
  windows.aggregate({ m: stringJoin('delay') })
  // @ts-expect-error: no such field
  windows.aggregate({ m: topN(3, 'nothing') })
  // @ts-expect-error: lower gives no bigint
  customAggregate({ type: 'i64', lift: (f: typeof row) => f.date, combine: (a, b) => a + b, lower: total => total })

  results.to(collect<{ readonly origin: string; readonly flights: number }>())
  // @ts-expect-error: the results have no such field
  results.to(collect<{ readonly destination: string }>())
  // @ts-expect-error: flights is a number
  results.to(callback((r: { readonly flights: string }) => r.flights))

  const mapped = timed.map(f => ({ origin: f.origin, hour: Math.floor(f.date / 3_600_000) }))
  const mappedRow = rowOf(mapped)
  same<typeof mappedRow, { origin: string; hour: number }>()
  const shaped = rowOf(timed.map(f => ({ hour: f.date }), { hour: 'f64' }))
  same<typeof shaped, { readonly hour: number }>()
  // @ts-expect-error: the function does not give what the shape declares
  timed.map(f => ({ hour: f.origin }), { hour: 'f64' })

  const words = rowOf(timed.flatMap(f => f.origin.split('').map(letter => ({ letter }))))
  same<typeof words, { letter: string }>()

  const others = j.from(memory([{ a: 1 }]))
  // @ts-expect-error: streams of two row types
  flights.union(others)
})
