/*
 * Three million flights in the order in which they became known: for each airport and hour of departure the number of
 * flights, the mean and the worst delay, and the share delayed by 15 minutes or more.
 *
 *   sabot run examples/flights.ts --set bound=48h
 */
import { count, job, max, mean, minutes, ndjson, parquet, replay, tumbling } from 'sabot'

export default job('flights', j => {
  const input = j.parameter('input', 'node_modules/vega-datasets/data/flights-3m.parquet')
  const scheduled = parquet(input, { date: 'timestamp', delay: 'i32', origin: 'utf8' })

  // A flight's delay is known when it has departed: that is when its record arrives.
  const flights = j.from(replay(scheduled, { by: flight => flight.date + minutes(flight.delay) }))

  const hourly = flights
    .withTimestamps('date', { outOfOrderness: j.duration('bound', '2h') })
    .select({ date: 'date', origin: 'origin', delay: 'delay', delayed: flight => (flight.delay >= 15 ? 1 : 0) })
    .keyBy('origin')
    .window(tumbling('1h'))
    .aggregate({
      flights: count(),
      meanDelay: mean('delay'),
      worstDelay: max('delay'),
      delayedShare: mean('delayed'),
    })

  hourly.to(ndjson(j.parameter('output', 'hourly.ndjson')))
  hourly.late.to(ndjson(j.parameter('late', 'late.ndjson')))
})
