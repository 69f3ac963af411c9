/* A decoder that gets its batches back writes over their columns: what was read of them stays, what is held does not. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Float64Column, nullable, schema } from '../../src/core/index.js'
import { jsonDecoder } from '../../src/formats/json.js'
import { builds } from '../kernel/builds.js'

const TYPE = schema({
  text: nullable('utf8'),
  real: 'f64',
  whole: nullable('i64'),
  small: 'i32',
  narrow: 'f32',
  at: 'timestamp',
  flag: 'bool',
  list: { kind: 'list', element: 'f64' },
})

const record = fc.record({
  text: fc.option(fc.string({ maxLength: 20 })),
  real: fc.double({ noNaN: true, noDefaultInfinity: true }),
  whole: fc.option(fc.maxSafeInteger()),
  small: fc.integer(),
  narrow: fc.integer({ min: -1000, max: 1000 }),
  at: fc.integer({ min: 0, max: 4_000_000_000_000 }),
  flag: fc.boolean(),
  list: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 3 }),
})

describe.each(builds)('a JSON decoder that gets its batches back ($name)', build => {
  it('gives the same rows as one that does not', () => {
    fc.assert(
      fc.property(
        fc.array(record, { maxLength: 60 }),
        fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 5 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }),
        (records, cuts, flushes) => {
          const bytes = new TextEncoder().encode(records.map(row => `${JSON.stringify(row)}\n`).join(''))
          const rows = (givesBack: boolean): unknown[] => {
            const decoder = jsonDecoder(build.create(), TYPE, { batchRows: 16 })
            const all: unknown[] = []
            const take = ({ batch }: { batch: ReturnType<typeof decoder.push>[number]['batch'] }): void => {
              all.push(...batch.toRows())
              if (givesBack) decoder.giveBack(batch)
            }
            for (let from = 0, cut = 0; from < bytes.length; cut++) {
              const to = from + (cuts[cut % cuts.length] ?? 1)
              for (const decoded of decoder.push(bytes.subarray(from, to))) take(decoded)
              const flushed = flushes[cut % flushes.length] === true ? decoder.flush() : undefined
              if (flushed !== undefined) take(flushed)
              from = to
            }
            for (const decoded of decoder.finish()) take(decoded)
            decoder.destroy()
            return all
          }
          const expected = rows(false)
          expect(expected.length).toBe(records.length)
          expect(rows(true)).toEqual(expected)
        },
      ),
      { numRuns: 30 },
    )
  })

  it('puts the next batch where the last one was', () => {
    const decoder = jsonDecoder(build.create(), schema({ value: 'f64' }), { batchRows: 4 })
    const line = (value: number): Uint8Array => new TextEncoder().encode(`{"value":${value}}\n`.repeat(4))
    const bufferOf = (value: number): ArrayBufferLike => {
      const [decoded] = decoder.push(line(value))
      const column = decoded?.batch.column('value')
      if (!(column instanceof Float64Column)) throw new Error('four lines are a batch')
      expect([...column.values]).toEqual([value, value, value, value])
      if (decoded !== undefined && value !== 2) decoder.giveBack(decoded.batch)
      return column.values.buffer
    }
    const first = bufferOf(1)
    expect(bufferOf(2)).toBe(first)
    expect(bufferOf(3)).not.toBe(first)
    decoder.destroy()
  })
})
