/* Columns that a source gets back are written over: whatever still held them would show it. */
import { expect, it } from 'vitest'
import { DictionaryColumn, Utf8Column } from '../../src/core/columns-text.js'
import { Dictionary } from '../../src/core/dictionary.js'
import {
  Batch,
  type CollectSink,
  collect,
  count,
  execute,
  Float64Column,
  type JobBuilder,
  job,
  memory,
  type Source,
  type Stream,
  schema,
  session,
  sum,
  TimestampColumn,
  tumbling,
} from '../../src/index.js'
import { testEnvironment } from '../../src/testing/index.js'
import { builds } from '../kernel/builds.js'
import { type Reading, readings } from './streams.js'

const READING = schema({ sensor: 'utf8', at: 'timestamp', value: 'f64' })
const ROWS = 400
const BATCH_ROWS = 32

/** Readings in columns of their own, coded and plain strings by turns; what comes back is destroyed. */
function lending(rows: readonly Reading[], onGivenBack: () => void): Source<Reading> {
  return {
    kind: 'lending',
    description: 'columns that are written over',
    schema: READING as Source<Reading>['schema'],
    replayable: false,
    open: async () => {
      const dictionary = new Dictionary()
      let at = 0
      const read = async () => {
        if (at === rows.length) return undefined
        const part = rows.slice(at, at + BATCH_ROWS)
        at += part.length
        const sensors = part.map(({ sensor }) => sensor)
        const coded = new DictionaryColumn(
          Int32Array.from(sensors, sensor => dictionary.encode(sensor)),
          dictionary,
        )
        const columns = [
          (at / BATCH_ROWS) % 2 === 0 ? coded : Utf8Column.from(sensors),
          TimestampColumn.fromMillis(Float64Array.from(part, row => row.at)),
          new Float64Column(Float64Array.from(part, row => row.value)),
        ]
        return { batch: new Batch({ schema: READING, columns, rowCount: part.length }), position: at }
      }
      const giveBack = ({ columns }: Batch): void => {
        onGivenBack()
        for (const column of columns) {
          if (column instanceof DictionaryColumn) column.codes.fill(0)
          if (column instanceof Utf8Column) column.bytes.fill(0x21)
          if (column instanceof TimestampColumn) column.values.fill(-1n)
          if (column instanceof Float64Column) column.values.fill(Number.NaN)
        }
      }
      return { rowCount: undefined, read, giveBack, close: async () => {} }
    },
  }
}

interface Shape {
  readonly build: (stream: Stream<Reading>, j: JobBuilder) => CollectSink<unknown>[]
  /** Whether nothing of it holds the columns of its source. */
  readonly letsGo: boolean
}

function into<Row>(stream: Stream<Row>): CollectSink<unknown> {
  const sink = collect<Row>()
  stream.to(sink)
  return sink as CollectSink<unknown>
}

const timed = (stream: Stream<Reading>) => stream.withTimestamps('at', { outOfOrderness: '500ms' })
const keyed = (stream: Stream<Reading>) => timed(stream).keyBy('sensor')
const totals = { n: count(), total: sum('value') }

const SHAPES: Readonly<Record<string, Shape>> = {
  'windows in the kernel': {
    build: s => [into(keyed(s).window(tumbling(1000)).aggregate(totals))],
    letsGo: true,
  },
  'sessions in the kernel': {
    build: s => [into(keyed(s).window(session(300)).aggregate(totals))],
    letsGo: true,
  },
  'two windows over one stream': {
    build: s => {
      const stream = keyed(s)
      const one = into(stream.window(tumbling(1000)).aggregate(totals))
      return [one, into(stream.window(tumbling(3000)).aggregate(totals))]
    },
    letsGo: true,
  },
  'windows whose late rows are kept': {
    build: s => {
      const windows = keyed(s).window(tumbling(1000)).aggregate(totals)
      return [into(windows), into(windows.late)]
    },
    letsGo: false,
  },
  'windows with a function that sees rows': {
    build: s => {
      const seen: Reading[] = []
      const high = count().where((row: Reading) => {
        seen.push(row)
        return row.value > (seen[seen.length - 2]?.value ?? 0)
      })
      return [into(keyed(s).window(tumbling(1000)).aggregate({ high }))]
    },
    letsGo: false,
  },
  'rows that go to a sink': { build: s => [into(timed(s))], letsGo: false },
  'rows that go to a sink and to windows': {
    build: s => {
      const stream = timed(s)
      return [into(stream), into(stream.keyBy('sensor').window(tumbling(1000)).aggregate(totals))]
    },
    letsGo: false,
  },
  'rows without event time': { build: s => [into(s)], letsGo: false },
  'rows in an operator that keeps them': {
    build: s => [into(keyed(s).deduplicate({ keep: 'last', ttl: 'none' }).changelog('op'))],
    letsGo: false,
  },
}

it.each(Object.entries(SHAPES))('gives the same with columns that are written over: %s', async (_, shape) => {
  const rows = readings(ROWS, 7, 0.2)
  const results = async (source: Source<Reading>): Promise<readonly (readonly unknown[])[]> => {
    let sinks: CollectSink<unknown>[] = []
    const graph = job('given-back', j => {
      sinks = shape.build(j.from(source), j)
    }).plan()
    const [build] = builds
    if (build === undefined) throw new Error('there is no build')
    const { error } = await execute(
      graph,
      testEnvironment(() => build.create()),
      { batchRows: BATCH_ROWS },
    ).ended
    expect(error).toBeUndefined()
    return sinks.map(sink => sink.rows)
  }
  const expected = await results(memory(rows))
  let givenBack = 0
  const given = await results(
    lending(rows, () => {
      givenBack += 1
    }),
  )
  expect(given).toEqual(expected)
  expect(given[0]?.length).toBeGreaterThan(0)
  expect(givenBack).toBe(shape.letsGo ? Math.ceil(ROWS / BATCH_ROWS) : 0)
})
