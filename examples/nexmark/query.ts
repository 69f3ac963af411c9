/* What the queries share: streams with event time, and how each becomes a job. */
import { type Job, type JobBuilder, job, type Sink, type Stream, stdout, type TimestampedStream } from 'sabot'
import { type NexmarkStreams, nexmark } from './generator.js'
import type { Auction, Bid, Person } from './model.js'

/** Nexmark's streams within a job. One that a query does not ask for is not read. */
export interface EventStreams {
  readonly persons: TimestampedStream<Person>
  readonly auctions: TimestampedStream<Auction>
  readonly bids: TimestampedStream<Bid>
}

/**
 * What a query puts out. append: rows that stay as they are. update: rows that take earlier ones back; the result is what
 * is left.
 */
export type OutputKind = 'append' | 'update'

/** A query as a job: `sabot run examples/nexmark/q5.ts --set events=1000000 --set rate=10000`. */
export interface NexmarkQuery<Row> extends Job {
  readonly output: OutputKind
  /** The same query over other events, into a sink. Rows of updates have their kind in `op`. */
  over(events: NexmarkStreams, sink: Sink<Row>): Job
}

export function query<Row>(
  name: string,
  output: OutputKind,
  build: (events: EventStreams) => Stream<Row>,
): NexmarkQuery<Row> {
  const describe = (j: JobBuilder, events: NexmarkStreams, sink: Sink<Row>): void => {
    const rows = build(timed(j, events))
    if (output === 'append') rows.to(sink)
    else rows.changelog('op').to(sink)
  }
  const { kind, plan } = job(name, j => {
    const events = Number(j.parameter('events', '100000'))
    const rate = Number(j.parameter('rate', '1000'))
    describe(j, nexmark({ events, rate, seed: Number(j.parameter('seed', '1')) }), stdout())
  })
  return { kind, name, plan, output, over: (events, sink) => job(name, j => describe(j, events, sink)) }
}

/** The watermark is 4 s behind the newest event. */
function timed(j: JobBuilder, events: NexmarkStreams): EventStreams {
  const options = { outOfOrderness: '4s' } as const
  return {
    get persons() {
      return j.from(events.persons, { id: 'persons' }).withTimestamps('dateTime', options)
    },
    get auctions() {
      return j.from(events.auctions, { id: 'auctions' }).withTimestamps('dateTime', options)
    },
    get bids() {
      return j.from(events.bids, { id: 'bids' }).withTimestamps('dateTime', options)
    },
  }
}
