import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Schema } from '../../src/core/index.js'
import { arrowEncoding, avroEncoding, parquetEncoding } from '../../src/formats/table-encoders.js'
import { csvEncoding, ndjsonEncoding } from '../../src/formats/text-encoders.js'
import { explainGraph } from '../../src/graph/explain.js'
import {
  arrow,
  avro,
  collect,
  count,
  csv,
  execute,
  type JobBuilder,
  job,
  json,
  limit,
  max,
  memory,
  nullable,
  parquet,
  type Source,
  type Stream,
  splits,
  sum,
  tumbling,
} from '../../src/index.js'
import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'
import { filesOf } from '../connectors/memory-contents.js'
import { contextOf, expectResumable, readAll } from '../connectors/reading.js'
import { batchOf } from '../core/arbitraries.js'
import { encodeFile } from '../formats/encodings.js'
import { environment } from '../runtime/streams.js'

const SHAPE = { key: 'utf8', at: 'timestamp', a: 'i32', b: 'f64', c: nullable('utf8') } as const
type Row = { key: string; at: number; a: number; b: number; c: string | null }

const ROWS: readonly Row[] = Array.from({ length: 200 }, (_, n) => ({
  key: `k${n % 3}`,
  at: 1_000_000 + n * 100 - (n % 7 === 0 ? 2_000 : 0),
  a: n,
  b: n / 2,
  c: n % 5 === 0 ? null : `c${n}`,
}))

async function inputs() {
  const batches = [batchOf({ schema: Schema.of(SHAPE), rows: [...ROWS] })]
  return filesOf({
    'in.ndjson': await encodeFile(ndjsonEncoding(), batches),
    'in.csv': await encodeFile(csvEncoding({}), batches),
    'bare.csv': await encodeFile(csvEncoding({ header: false }), batches),
    'in.parquet': await encodeFile(parquetEncoding({ rowGroupRows: 64 }), batches),
    'in.arrow': await encodeFile(arrowEncoding(), batches),
    'in.avro': await encodeFile(avroEncoding(), batches),
  })
}

const SOURCES: readonly (readonly [string, () => Source<Row>])[] = [
  ['json', () => json('in.ndjson', SHAPE)],
  ['csv', () => csv('in.csv', SHAPE)],
  ['csv without a header', () => csv('bare.csv', SHAPE, { header: false })],
  ['parquet', () => parquet('in.parquet', SHAPE)],
  ['arrow', () => arrow('in.arrow', SHAPE)],
  ['avro', () => avro('in.avro', SHAPE)],
  ['json without a declaration', () => json('in.ndjson') as Source<Row>],
  ['csv without a declaration', () => csv('in.csv') as Source<Row>],
  ['parquet without a declaration', () => parquet('in.parquet') as Source<Row>],
  ['avro without a declaration', () => avro('in.avro') as Source<Row>],
]

describe('sources', () => {
  it.each(SOURCES)('give the fields that are asked for, and resume with them: %s', async (_name, source) => {
    const files = await inputs()
    const whole = await readAll(source(), { files, batchRows: 16 })
    for (const fields of [['b'], ['c', 'key', 'none'], ['at', 'a', 'b', 'c', 'key'], ['none'], []]) {
      const projected = source().project?.(fields)
      if (projected === undefined) throw new Error('it cannot be projected')
      const has = (name: string) => fields.includes(name) || (name === 'key' && !fields.some(field => field in SHAPE))
      const expected = whole.rows.map(row => {
        return Object.fromEntries(Object.entries(row as object).filter(([name]) => has(name)))
      })
      const { rows } = await expectResumable(projected, { files, batchRows: 50 })
      expect(rows).toEqual(expected)
      // Positions are those of the whole source.
      const some = await readAll(projected, { files, batchRows: 50 })
      const rest = await readAll(source(), { files, position: some.batches[1]?.position })
      expect(rest.rows).toEqual(whole.rows.slice(some.batches[1]?.rowsSoFar))
    }
  })

  it('that are splits give them in each split', async () => {
    const files = await inputs()
    const source = splits([json('in.ndjson', SHAPE), json('in.ndjson', SHAPE)]).project?.(['a'])
    const { rows } = await readAll(source ?? memory([{ n: 1 }]), { files })
    expect(rows).toEqual([...ROWS, ...ROWS].map(({ a }) => ({ a })))
    expect(splits([memory(ROWS), memory(ROWS)]).project).toBeUndefined()
    const slow = limit(json('in.ndjson', SHAPE), { rowsPerSecond: 1e9 }).project?.(['b'])
    expect(slow?.schema?.names).toEqual(['b'])
    expect(slow?.description).toBe('in.ndjson, 1000000000 rows a second')
  })
})

/** The fields that each source of a job gives, by id; undefined: all that it has. */
function decoded(build: (j: JobBuilder) => void) {
  const { nodes } = job('projected', build).plan()
  return Object.fromEntries(
    nodes.flatMap(({ id, role }) => (role.kind === 'source' ? [[id, role.fields ?? 'all']] : [])),
  )
}

const input = () => json('in.ndjson', SHAPE)

describe('projectedSources', () => {
  it('takes from each source what its operators and sinks read', () => {
    expect(decoded(j => j.from(input()).to(collect()))).toEqual({ 'source-1': 'all' })
    expect(decoded(j => j.from(input()).select('b', 'a').to(collect()))).toEqual({ 'source-1': ['a', 'b'] })
    const windows = (rows: Stream<Row>) =>
      rows.withTimestamps('at', { outOfOrderness: 0 }).keyBy('key').window(tumbling(1000))
    expect(
      decoded(j =>
        windows(j.from(input()))
          .aggregate({ n: count(), m: max('b') })
          .to(collect()),
      ),
    ).toEqual({
      'source-1': ['key', 'at', 'b'],
    })
    const filtered = count().where<Row>(row => row.a > 1)
    expect(decoded(j => windows(j.from(input())).aggregate({ n: filtered }).to(collect()))).toEqual({
      'source-1': 'all',
    })
    expect(
      decoded(j => {
        const late = windows(j.from(input())).aggregate({ n: count() })
        late.to(collect())
        late.late.select('c').to(collect())
      }),
    ).toEqual({ 'source-1': ['key', 'at', 'c'] })
    expect(
      decoded(j => {
        const late = windows(j.from(input())).aggregate({ n: count() })
        late.to(collect())
        late.late.to(collect())
      }),
    ).toEqual({ 'source-1': 'all' })
    expect(
      decoded(j =>
        j
          .from(input())
          .filter(row => row.a > 1)
          .select('a')
          .to(collect()),
      ),
    ).toEqual({
      'source-1': 'all',
    })
    expect(decoded(j => j.from(input(), { projection: false }).select('a').to(collect()))).toEqual({
      'source-1': 'all',
    })
    expect(decoded(j => j.from(memory(ROWS)).select('a').to(collect()))).toEqual({ 'source-1': 'all' })
    const invalid = { outOfOrderness: 0, invalid: 'deadLetter' } as const
    expect(
      decoded(j => {
        const timed = j.from(input()).withTimestamps('at', invalid)
        timed.select('a').to(collect())
        timed.deadLetters.select('reason', 'b').to(collect())
      }),
    ).toEqual({ 'source-1': ['at', 'a', 'b'] })
    expect(
      decoded(j =>
        j
          .from(json('in.ndjson') as Source<Row>)
          .select('b', 'a')
          .to(collect()),
      ),
    ).toEqual({
      'source-1': ['a', 'b'],
    })
  })

  it('takes the same from sources whose rows meet', () => {
    const meeting = (other: (j: JobBuilder) => Stream<Row>) =>
      decoded(j => {
        const [first, second] = [j.from(input()), other(j)]
        first.union(second).select('a').to(collect())
        first.select('b').to(collect())
      })
    expect(meeting(j => j.from(input()))).toEqual({ 'source-1': ['a', 'b'], 'source-2': ['a', 'b'] })
    expect(meeting(j => j.from(memory(ROWS) as Source<Row>))).toEqual({ 'source-1': 'all', 'source-2': 'all' })
    expect(meeting(j => j.from(input()).filter(() => true))).toEqual({ 'source-1': 'all', 'source-2': 'all' })
    expect(
      decoded(j => {
        const [first, second, third] = [j.from(input()), j.from(input()), j.from(input())]
        first.union(second).select('a').to(collect())
        second.union(third).select('b').to(collect())
        third.select('c').to(collect())
      }),
    ).toEqual(Object.fromEntries([1, 2, 3].map(n => [`source-${n}`, ['a', 'b', 'c']])))
  })

  it('is told by explain', () => {
    const plan = job('told', j => {
      j.from(input()).withTimestamps('at', { outOfOrderness: 0 }).select('a').to(collect())
    }).plan()
    const text = explainGraph(plan)
    expect(text).toMatch(/decodes at, a only: nobody reads more\n +at: timestamp, a: i32\n/)
    expect(plan.node('timestamps-1').schema?.names).toEqual(['at', 'a'])
  })

  it('changes no result of any pipeline from any source', async () => {
    const files = await inputs()
    const steps = fc.array(
      fc.constantFrom('select', 'select', 'sum', 'sum', 'late', 'union', 'rebalance', 'filter', 'copy'),
      {
        maxLength: 4,
      },
    )
    let projected = 0
    await fc.assert(
      fc.asyncProperty(
        steps,
        fc.constantFrom(...SOURCES),
        fc.integer({ min: 5, max: 60 }),
        async (steps, [, source], batchRows) => {
          const run = async (projection: boolean) => {
            const sinks: { rows: readonly unknown[] }[] = []
            const out = <Out>(stream: Stream<Out>): void => {
              const sink = collect<Out>()
              sinks.push(sink)
              stream.to(sink)
            }
            const graph = job('any', j => {
              let rows: Stream<Row> = j.from(source(), { projection, idleness: 0 })
              // Which rows of a union are late depends on the order in which its inputs come.
              const outOfOrderness = steps.includes('union') ? '1h' : 0
              for (const step of steps) {
                if (step === 'filter') rows = rows.filter(row => row.a % 3 !== 0)
                else if (step === 'union') rows = rows.union(j.from(source(), { projection, idleness: 0 }))
                else if (step === 'rebalance') rows = rows.rebalance()
                else if (step === 'select') out(rows.select('c', 'a'))
                else if (step === 'copy') out(rows)
                else {
                  const windows = rows.withTimestamps('at', { outOfOrderness }).keyBy('key').window(tumbling(700))
                  const results = windows.aggregate({ n: count(), total: sum('a') })
                  out(results)
                  if (step === 'late') out(results.late.select('b'))
                }
              }
              out(rows.select('a'))
            }).plan()
            if (projection && graph.nodes.some(({ role }) => role.kind === 'source' && role.fields !== undefined))
              projected += 1
            const storage = new MemoryCheckpointStorage()
            const options = { batchRows, checkpoints: { storage, intervalMs: 0 } }
            const { status, error } = await execute(graph, environment(files), options).ended
            expect(error).toBeUndefined()
            expect(status).toBe('finished')
            return sinks.map(({ rows }) => rows.map(row => JSON.stringify(row)).sort())
          }
          expect(await run(true)).toEqual(await run(false))
        },
      ),
      { numRuns: 12 },
    )
    expect(projected).toBeGreaterThan(0)
  })

  it('leaves columns of a Parquet file unread', async () => {
    const files = await inputs()
    let readBytes = 0
    const counting = {
      openAppend: files.openAppend.bind(files),
      openRead: async (path: string) => {
        const file = await files.openRead(path)
        const read = async (offset: number, length: number) => {
          readBytes += length
          return file.read(offset, length)
        }
        return { sizeBytes: file.sizeBytes, read, close: () => file.close() }
      },
    }
    const bytesOf = async (source: Source) => {
      readBytes = 0
      const reader = await source.open(contextOf({ files: counting }))
      const opened = readBytes
      while ((await reader.read()) !== undefined);
      await reader.close()
      return readBytes - opened
    }
    const all = await bytesOf(parquet('in.parquet', SHAPE))
    const one = await bytesOf(parquet('in.parquet', SHAPE).project?.(['key']) ?? memory([{ n: 1 }]))
    expect(one).toBeLessThan(all / 4)
  })
})
