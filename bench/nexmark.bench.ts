import { register } from 'node:module'
import type { NexmarkStreams } from '../examples/nexmark/generator.js'
import type { NexmarkQuery } from '../examples/nexmark/query.js'
import { type Batch, callback, execute, type JobGraph, job, type Source } from '../src/index.js'
import { nodeEnvironment } from '../src/node/environment.js'
import { cpuTimed } from './cpu-time.js'
import type { Benchmark } from './harness.js'
import { type PlainEvents, type PlainQuery, plainQueries } from './peers/nexmark.js'

const EVENTS = Number(process.env['SABOT_NEXMARK_EVENTS'] ?? 500_000)
/** 50 s of event time, so that windows of 10 s open and close. */
const OPTIONS = { events: EVENTS, rate: EVENTS / 50 }

// The examples say `sabot`: that is to be the copy that is measured.
const hooks = new URL('../src/node/cli/module-hooks.js', import.meta.url)
register(hooks, { data: { ownFiles: { sabot: new URL('../src/index.js', import.meta.url).href } } })

const QUERIES = ['q0', 'q1', 'q2', 'q14', 'q17', 'q21', 'q22']

interface Prepared {
  readonly streams: NexmarkStreams
  readonly plain: PlainEvents
}

let prepared: Promise<Prepared> | undefined

/** The same events as column batches and as objects, for all queries. */
async function prepare(): Promise<Prepared> {
  const { preparedNexmark } = await import('../examples/nexmark/generator.js')
  const streams = preparedNexmark(OPTIONS)
  return { streams, plain: { bids: await objectsOf(streams.bids) } }
}

/** Rows as objects, bigints as numbers. */
async function objectsOf<Row>(source: Source<object>): Promise<Row[]> {
  const rows: object[] = []
  const sink = callback<object>(row => {
    const entries = Object.entries(row).map(([name, value]) => [
      name,
      typeof value === 'bigint' ? Number(value) : value,
    ])
    rows.push(Object.fromEntries(entries) as object)
  })
  await finished(job('objects', j => j.from(source).to(sink)).plan())
  return rows as Row[]
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
      const { streams, plain } = await prepared
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
            run: () => {
              results = 0
              let last: object | undefined
              plainQuery(plain, result => {
                last = result
                results += 1
              })
              if (last === undefined || (query.output === 'append' && results !== counted))
                throw new Error(`${results} results, not ${counted}`)
            },
          }),
        },
      }
    },
  }
}

const benchmarks: readonly Benchmark[] = QUERIES.map(benchmark)
export default benchmarks
