/* What the compiler knows of rows, from the source to the sink. Lines with @ts-expect-error must not compile. */
import { type Int32, type Table, tableFromArrays } from 'apache-arrow'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { arrow } from '../../src/connectors/arrow.js'
import { asyncIterable } from '../../src/connectors/async-iterable.js'
import { callback } from '../../src/connectors/callback.js'
import { collect } from '../../src/connectors/collect.js'
import { csv } from '../../src/connectors/csv-file.js'
import { csvFile } from '../../src/connectors/csv-sink.js'
import { generator } from '../../src/connectors/generator.js'
import { iterable } from '../../src/connectors/iterable.js'
import { json } from '../../src/connectors/json-file.js'
import { memory } from '../../src/connectors/memory.js'
import { ndjson } from '../../src/connectors/ndjson.js'
import { parquet } from '../../src/connectors/parquet.js'
import { replay } from '../../src/connectors/replay.js'
import { stdout } from '../../src/connectors/stdout.js'
import { toReadableStream, writable } from '../../src/connectors/web-streams.js'
import { schema } from '../../src/core/schema.js'
import { nullable } from '../../src/core/types.js'
import type { Sink } from '../../src/operators/sink.js'
import type { Source } from '../../src/operators/source.js'

/** A stream in short: its row type meets that of the sink, as Stream.to has it. */
declare class Rows<Row> {
  to(sink: Sink<Row>): void
}
declare function from<Row>(source: Source<Row>): Rows<Row>
const FLIGHT = schema({ origin: 'utf8', at: 'timestamp', delay: nullable('i32') })
interface Flight {
  readonly origin: string
  readonly at: number
  readonly delay: number | null
}

describe('row types', () => {
  it('of sources follow from schemas, columns and objects', () => {
    const flights = parquet('f', { origin: 'utf8', at: 'timestamp', delay: nullable('i32') })
    expectTypeOf(flights).toEqualTypeOf<Source<Flight>>()
    expectTypeOf(parquet('f')).toEqualTypeOf<Source>()
    const shape = { origin: 'utf8', at: 'timestamp', delay: nullable('i32') } as const
    expectTypeOf(json(['f', 'g'], shape)).toEqualTypeOf<Source<Flight>>()
    expectTypeOf(csv('f', shape, { header: false, delimiter: ';' })).toEqualTypeOf<Source<Flight>>()
    expectTypeOf(json('f')).toEqualTypeOf<Source>()
    expectTypeOf(csv('f', undefined, { invalid: 'skip' })).toEqualTypeOf<Source>()
    expectTypeOf(() => from(json('f', shape)).to(csvFile('out'))).toBeFunction()
    expectTypeOf(replay(flights, { by: row => row.at + (row.delay ?? 0) })).toEqualTypeOf<Source<Flight>>()
    // @ts-expect-error: there is no such column
    replay(flights, { by: row => row.date })
    // @ts-expect-error: a time is a number
    replay(flights, { by: row => row.origin })
    // @ts-expect-error: there is no such type
    expect(() => parquet('f', { origin: 'text' })).toThrow(TypeError)

    expectTypeOf(memory([{ a: 1, at: new Date() }])).toEqualTypeOf<
      Source<{ readonly a: number; readonly at: number }>
    >()
    const optional: { a?: string; b: bigint | null }[] = []
    expectTypeOf(memory(optional)).toEqualTypeOf<Source<{ readonly a: string | null; readonly b: bigint | null }>>()
    expectTypeOf(memory([{ origin: 'JFK', at: new Date() }], { schema: FLIGHT })).toEqualTypeOf<Source<Flight>>()
    // @ts-expect-error: a field that may not be null is missing
    memory([{ at: 1 }], { schema: FLIGHT })
    // @ts-expect-error: a value of another type
    memory([{ origin: 1, at: 1 }], { schema: FLIGHT })

    expectTypeOf(generator(n => ({ n }))).toEqualTypeOf<Source<{ readonly n: number }>>()
    expectTypeOf(generator(n => ({ origin: 'a', at: n }), { schema: FLIGHT, count: 3 })).toEqualTypeOf<Source<Flight>>()
    async function* rows() {
      yield { n: 1 }
    }
    expectTypeOf(iterable(rows)).toEqualTypeOf<Source<{ readonly n: number }>>()
    expectTypeOf(iterable(rows())).toEqualTypeOf<Source<{ readonly n: number }>>()
    expectTypeOf(iterable(() => [{ origin: 'a', at: 1 }], { schema: FLIGHT })).toEqualTypeOf<Source<Flight>>()
    const table: Table<{ n: Int32 }> = tableFromArrays({ n: Int32Array.of(1) })
    expectTypeOf(arrow(table)).toEqualTypeOf<Source<{ readonly n: number }>>()
    const unknownTable: Table = table
    expectTypeOf(arrow(unknownTable)).toExtend<Source>()
  })

  it('of sinks must fit the stream', () => {
    const unreached = (): void => {
      const flights = from(parquet('f', { origin: 'utf8', at: 'timestamp', delay: nullable('i32') }))
      flights.to(collect())
      flights.to(collect<Flight>())
      flights.to(collect<{ origin: string }>())
      flights.to(ndjson('out'))
      flights.to(stdout())
      flights.to(
        callback(row => {
          expectTypeOf(row).toEqualTypeOf<Flight>()
        }),
      )
      flights.to(asyncIterable<Flight>())
      flights.to(writable(new WritableStream<Flight>()))
      // @ts-expect-error: the stream has no field `carrier`
      flights.to(collect<{ carrier: string }>())
      // @ts-expect-error: delay may be null
      flights.to(collect<{ delay: number }>())
      // @ts-expect-error: origin is a string
      flights.to(callback((row: { origin: number }) => void row))
      // @ts-expect-error: the stream has no field `carrier`
      flights.to(asyncIterable<{ carrier: string }>())
      // @ts-expect-error: the stream has no field `carrier`
      flights.to(writable(new WritableStream<{ carrier: string }>()))
    }
    expect(unreached).toBeTypeOf('function')
    expectTypeOf(collect<Flight>().rows).toEqualTypeOf<Flight[]>()
    expectTypeOf(toReadableStream(asyncIterable<Flight>(), ReadableStream<Flight>)).toEqualTypeOf<
      ReadableStream<Flight>
    >()
  })
})
