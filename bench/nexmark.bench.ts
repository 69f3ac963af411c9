import { register } from 'node:module'
import type { NexmarkStreams } from '../examples/nexmark/generator.js'
import type { NexmarkQuery } from '../examples/nexmark/query.js'
import { type Batch, callback, execute, type JobGraph, job, type Source } from '../src/index.js'
import { nodeEnvironment } from '../src/node/environment.js'
import { cpuTimed } from './cpu-time.js'
import type { Benchmark } from './harness.js'
import { type PlainEvents, type PlainQuery, plainQueries } from './peers/nexmark.js'

const EVENTS = Number(process.env.SABOT_NEXMARK_EVENTS ?? 500_000)
/** 50 s of event time, so that windows of 10 s open and close. */
const OPTIONS = { events: EVENTS, rate: EVENTS / 50 }

// The examples say `sabot`: that is to be the copy that is measured.
const hooks = new URL('../src/node/cli/module-hooks.js', import.meta.url)
register(hooks, { data: { ownFiles: { sabot: new URL('../src/index.js', import.meta.url).href } } })

const QUERIES = Array.from({ length: 23 }, (_, number) => `q${number}`)
/** What the queries read that read more than the bids. */
const STREAMS: Readonly<Record<string, readonly (keyof NexmarkStreams)[]>> = {
  q3: ['persons', 'auctions'],
  q4: ['auctions', 'bids'],
  q6: ['auctions', 'bids'],
  q8: ['persons', 'auctions'],
  q9: ['auctions', 'bids'],
  q20: ['auctions', 'bids'],
}
/** What a query of processing time puts out depends on the clock. */
const IS_OF_THE_CLOCK = new Set(['q12'])

let prepared: Promise<NexmarkStreams> | undefined

async function prepare(): Promise<NexmarkStreams> {
  const { preparedNexmark } = await import('../examples/nexmark/generator.js')
  return preparedNexmark(OPTIONS)
}

/**
 * The same events as objects. They are made anew for each run of a peer, and let go after it: half a million live objects
 * would make everybody else's garbage collection slow.
 */
async function plainEvents({ persons, auctions, bids }: NexmarkStreams, query: string): Promise<PlainEvents> {
  const streams = STREAMS[query] ?? ['bids']
  const of = <Row>(name: keyof NexmarkStreams, source: Source<Row>) => (streams.includes(name) ? objectsOf(source) : [])
  return {
    persons: await of('persons', persons),
    auctions: await of('auctions', auctions),
    bids: await of('bids', bids),
  } as PlainEvents
}

/** Rows as objects, bigints as numbers. */
async function objectsOf<Row>(source: Source<Row>): Promise<object[]> {
  const rows: object[] = []
  const sink = callback<Row>(row => {
    const entries = Object.entries(row as object).map(([name, value]) => [
      name,
      typeof value === 'bigint' ? Number(value) : value,
    ])
    rows.push(Object.fromEntries(entries) as object)
  })
  await finished(job('objects', j => j.from(source).to(sink)).plan())
  return rows
}

async function finished(graph: JobGraph): Promise<void> {
  const { error } = await execute(graph, nodeEnvironment()).ended
  if (error !== undefined) throw error
}

function benchmark(name: string): Benchmark {
  const plainQuery = plainQueries[name] as PlainQuery
  return {
    name: `nexmark/${name}`,
    workload:
      `examples/nexmark/${name}.ts over prepared column batches of ${EVENTS} events with all their strings, into a sink ` +
      'that counts; rows are events of all three kinds; one core, CPU time',
    unit: 'Mrows/s',
    rows: EVENTS,
    runs: 5,
    warmUpRuns: 3,
    open: async () => {
      prepared ??= prepare()
      const streams = await prepared
      const { default: query } = (await import(`../examples/nexmark/${name}.js`)) as { default: NexmarkQuery<object> }
      let counted = 0
      const sink = callback<object>({
        batch: ({ length }: Batch) => {
          counted += length
        },
      })
      const graph = query.over(streams, sink).plan()
      const unit = 'Mrows/s'
      let results = 0
      let plain: PlainEvents | undefined
      return {
        subject: cpuTimed({
          unit,
          rows: EVENTS,
          run: async () => {
            counted = 0
            await finished(graph)
          },
        }),
        peers: {
          'plain JavaScript': cpuTimed({
            unit,
            rows: EVENTS,
            prepare: async () => {
              plain = await plainEvents(streams, name)
            },
            run: () => {
              if (plain === undefined) throw new TypeError('there are no events')
              results = 0
              let last: object | undefined
              plainQuery(plain, result => {
                last = result
                results += 1
              })
              plain = undefined
              const isKnown = !IS_OF_THE_CLOCK.has(name)
              if (last === undefined || (isKnown && results !== counted)) {
                throw new Error(`${results} results, not ${counted}`)
              }
            },
          }),
        },
      }
    },
  }
}

const benchmarks: readonly Benchmark[] = QUERIES.map(benchmark)
export default benchmarks
