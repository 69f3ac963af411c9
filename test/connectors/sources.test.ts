import { Int32, makeData, RecordBatch, Table, tableFromArrays } from 'apache-arrow'
import fc from 'fast-check'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import { arrow } from '../../src/connectors/arrow.js'
import { generator } from '../../src/connectors/generator.js'
import { iterable } from '../../src/connectors/iterable.js'
import { memory } from '../../src/connectors/memory.js'
import { parquet } from '../../src/connectors/parquet.js'
import { replay } from '../../src/connectors/replay.js'
import { BatchBuilder } from '../../src/core/batch-builder.js'
import { schema } from '../../src/core/schema.js'
import { nullable } from '../../src/core/types.js'
import { MemoryFiles } from '../../src/testing/memory-files.js'
import { contextOf, expectResumable, readAll } from './reading.js'

const SHAPE = { at: 'timestamp', n: 'i32', name: nullable('utf8') } as const
interface Sample {
  readonly at: number
  readonly n: number
  readonly name: string | null
}
const sample = fc.record({
  at: fc.integer({ min: -1e12, max: 1e12 }),
  n: fc.integer({ min: -5, max: 5 }),
  name: fc.oneof(fc.constant(null), fc.constantFrom('a', 'b', 'ä', '')),
})
const samples = fc.array(sample, { maxLength: 60 })
const sizes = fc.integer({ min: 1, max: 20 })

/** Batches of the given sizes, over and over. */
function batchesOf(rows: readonly Sample[], lengths: readonly number[]) {
  const batches = []
  for (let at = 0, index = 0; at < rows.length; index++) {
    const end = at + (lengths[index % lengths.length] ?? 1)
    batches.push(...BatchBuilder.batches(schema(SHAPE), rows.slice(at, end), 8192))
    at = end
  }
  return batches
}

function parquetFiles(rows: readonly Sample[], rowGroupSize: number): MemoryFiles {
  const files = new MemoryFiles()
  const buffer = parquetWriteBuffer({
    columnData: [
      { name: 'at', data: rows.map(({ at }) => new Date(at)), type: 'TIMESTAMP', nullable: false },
      { name: 'unused', data: rows.map(() => 1), type: 'INT32' },
      { name: 'n', data: rows.map(({ n }) => BigInt(n)), type: 'INT64', nullable: false },
      { name: 'name', data: rows.map(({ name }) => name), type: 'STRING', nullable: true },
    ],
    rowGroupSize,
  })
  files.put('in.parquet', new Uint8Array(buffer))
  return files
}

describe('every replayable source, resumed from any position, gives the rest of an undisturbed reading', () => {
  it('memory of objects', async () => {
    await fc.assert(
      fc.asyncProperty(samples, sizes, async (rows, batchRows) => {
        const whole = await expectResumable(memory(rows, { schema: schema(SHAPE) }), { batchRows })
        expect(whole.rows).toEqual(rows)
        expect(whole.rowCount).toBe(rows.length)
      }),
      { numRuns: 40 },
    )
  })

  it('memory of batches, some with a selection', async () => {
    await fc.assert(
      fc.asyncProperty(
        samples,
        fc.array(sizes, { minLength: 1, maxLength: 3 }),
        sizes,
        async (rows, lengths, batchRows) => {
          const even = batchesOf(rows, lengths).map((batch, index) =>
            index % 2 === 0
              ? batch
              : batch.select(Uint32Array.from({ length: batch.length >> 1 }, (_, row) => row * 2)),
          )
          const whole = await expectResumable(memory(even), { batchRows })
          expect(whole.rows).toEqual(even.flatMap(batch => batch.toRows()))
        },
      ),
      { numRuns: 40 },
    )
  })

  it('a generator', async () => {
    const source = generator(index => ({ index, square: index * index }), { count: 50 })
    const whole = await expectResumable(source, { batchRows: 7 })
    expect(whole.rows).toEqual(Array.from({ length: 50 }, (_, index) => ({ index, square: index * index })))
    expect(whole.batches.map(({ position }) => position)).toEqual([7, 14, 21, 28, 35, 42, 49, 50])
  })

  it('an iterable made by a function, with its schema inferred or given', async () => {
    await fc.assert(
      fc.asyncProperty(samples, sizes, fc.boolean(), async (rows, batchRows, isAsync) => {
        async function* later() {
          for (const row of rows) yield row
        }
        const make = isAsync ? later : () => rows
        const given = await expectResumable(iterable<Sample>(make, { schema: schema(SHAPE) }), { batchRows })
        expect(given.rows).toEqual(rows)
        // All rows of the first batch decide, so their values fit as long as names have one type.
        const inferred = await expectResumable(iterable(make), { batchRows })
        expect(inferred.rows).toEqual(rows)
      }),
      { numRuns: 25 },
    )
  })

  it('an Arrow table and record batches', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: -9, max: 9 }), { maxLength: 40 }),
        sizes,
        async (values, batchRows) => {
          const table = tableFromArrays({
            n: Int32Array.from(values),
            x: Float64Array.from(values, value => value / 2),
          })
          const rows = values.map(value => ({ n: value, x: value / 2 }))
          expect((await expectResumable(arrow(table), { batchRows })).rows).toEqual(rows)
          const twice = await expectResumable(arrow([...table.batches, ...table.batches]), { batchRows })
          expect(twice.rows).toEqual([...rows, ...rows])
        },
      ),
      { numRuns: 20 },
    )
  })

  it('a Parquet file, also from inside a row group', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(sample, { minLength: 1, maxLength: 60 }),
        sizes,
        sizes,
        async (rows, groupRows, batchRows) => {
          const files = parquetFiles(rows, groupRows)
          const whole = await expectResumable(parquet('in.parquet', SHAPE), { files, batchRows })
          expect(whole.rows).toEqual(rows)
          expect(whole.rowCount).toBe(rows.length)
        },
      ),
      { numRuns: 15 },
    )
  })

  it('a replay', async () => {
    await fc.assert(
      fc.asyncProperty(samples, sizes, async (rows, batchRows) => {
        const source = replay(memory(rows, { schema: schema(SHAPE) }), { by: row => row.n })
        const whole = await expectResumable(source, { batchRows })
        expect(whole.rows).toEqual(rows.toSorted((a, b) => a.n - b.n))
      }),
      { numRuns: 30 },
    )
  })
})

describe('memory', () => {
  it('infers a schema from all rows', async () => {
    const source = memory([
      { a: 1, b: 'x', d: new Date(5) },
      { a: null, b: 'y', d: new Date(6), c: true },
    ])
    expect(source.schema?.describe()).toBe('a: f64?, b: utf8, d: timestamp, c: bool?')
    expect((await readAll(source)).rows).toEqual([
      { a: 1, b: 'x', d: 5, c: null },
      { a: null, b: 'y', d: 6, c: true },
    ])
  })

  it('is empty without rows', async () => {
    expect(memory([]).schema).toBeUndefined()
    expect((await readAll(memory([]))).rows).toEqual([])
  })

  it('hands over the rows before a bad one, then names it', async () => {
    const reader = await memory([{ a: 1 }, { a: 2 }, { a: 1.5 }], { schema: schema({ a: 'i32' }) }).open(contextOf())
    expect((await reader.read())?.batch.toRows()).toEqual([{ a: 1 }, { a: 2 }])
    await expect(reader.read()).rejects.toMatchObject({
      code: 'TYPE_MISMATCH',
      details: { field: 'a', position: 2, value: 1.5 },
    })
  })

  it('refuses batches of two schemas, batches among objects, and positions of other inputs', async () => {
    const [a] = BatchBuilder.batches(schema({ a: 'i32' }), [{ a: 1 }])
    const [b] = BatchBuilder.batches(schema({ a: 'f64' }), [{ a: 1 }])
    if (a === undefined || b === undefined) throw new Error('no batch')
    expect(() => memory([a, b] as (typeof a)[])).toThrowError(expect.objectContaining({ code: 'SCHEMA_MISMATCH' }))
    expect(() => memory([a, { a: 1 }])).toThrow(TypeError)
    const source = memory([{ a: 1 }])
    await expect(source.open(contextOf({ position: 2 }))).rejects.toMatchObject({ code: 'SOURCE_CHANGED' })
    for (const position of [-1, 0.5, 'x', null, {}, [1]]) {
      await expect(source.open(contextOf({ position }))).rejects.toMatchObject({ code: 'POSITION_INVALID' })
    }
  })
})

describe('generator', () => {
  it('goes on without end, and infers a schema whose fields may be null', async () => {
    const source = generator(index => ({ even: index % 2 === 0 ? index : null }))
    expect(source.schema?.describe()).toBe('even: f64?')
    const reader = await source.open(contextOf({ batchRows: 3, position: 1_000_000 }))
    expect(reader.rowCount).toBeUndefined()
    expect((await reader.read())?.batch.toRows()).toEqual([{ even: 1_000_000 }, { even: null }, { even: 1_000_002 }])
    await reader.close()
  })

  it('names the index at which the function throws, behind the rows before it', async () => {
    const boom = new Error('boom')
    const source = generator(
      index => {
        if (index === 2) throw boom
        return { index }
      },
      { schema: schema({ index: 'i32' }) },
    )
    const reader = await source.open(contextOf())
    expect((await reader.read())?.batch.length).toBe(2)
    await expect(reader.read()).rejects.toMatchObject({ code: 'SOURCE_FAILED', details: { index: 2 }, cause: boom })
  })

  it('refuses counts that are none', () => {
    for (const count of [-1, 1.5, Number.NaN])
      expect(() => generator(index => ({ index }), { count })).toThrow(TypeError)
  })
})

describe('arrow', () => {
  it('shares the buffers of the table', async () => {
    const values = Int32Array.of(1, 2, 3)
    const data = makeData({ type: new Int32(), data: values })
    const reader = await arrow(new Table({ n: data })).open(contextOf())
    const column = (await reader.read())?.batch.column('n')
    expect(column).toHaveProperty('values')
    if (column !== undefined && 'values' in column) expect(column.values).toBe(values)
  })

  it('knows the schema of a table without rows', async () => {
    const empty = arrow(tableFromArrays({ n: new Int32Array() }))
    expect(empty.schema?.names).toEqual(['n'])
    expect((await readAll(empty)).rows).toEqual([])
    expect(arrow([]).schema).toBeUndefined()
  })

  it('takes one record batch', async () => {
    const batch = new RecordBatch({ n: makeData({ type: new Int32(), data: Int32Array.of(4) }) })
    expect((await readAll(arrow(batch))).rows).toEqual([{ n: 4 }])
  })
})

describe('parquet', () => {
  const rows = Array.from({ length: 10 }, (_, n) => ({ at: n * 1000, n, name: n % 3 === 0 ? null : `n${n}` }))

  it('knows its schema before it is opened where columns are declared', async () => {
    expect(parquet('in.parquet', SHAPE).schema?.describe()).toBe('at: timestamp, n: i32, name: utf8?')
    expect(parquet('in.parquet').schema).toBeUndefined()
    const all = await expectResumable(parquet('in.parquet'), { files: parquetFiles(rows, 4), batchRows: 3 })
    expect(all.rows[1]).toEqual({ at: 1000, unused: 1, n: 1n, name: 'n1' })
  })

  it('names the file in errors and closes it', async () => {
    const files = parquetFiles(rows, 4)
    files.put('foreign', new TextEncoder().encode('this is no parquet file at all'))
    let open = 0
    const counting = {
      openAppend: files.openAppend.bind(files),
      openRead: async (path: string) => {
        const file = await files.openRead(path)
        open += 1
        return {
          ...file,
          close: async () => {
            open -= 1
          },
        }
      },
    }
    const context = contextOf({ files: counting })
    await expect(parquet('foreign').open(context)).rejects.toMatchObject({
      code: 'PARQUET_INVALID',
      details: { path: 'foreign' },
    })
    await expect(parquet('foreign').open(context)).rejects.toThrow('foreign: ')
    const wrong = parquet('in.parquet', { nam: 'utf8' }).open(context)
    await expect(wrong).rejects.toMatchObject({
      code: 'MISSING_COLUMN',
      details: { path: 'in.parquet', nearest: 'name' },
    })
    await expect(parquet('missing').open(context)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
    await readAll(parquet('in.parquet', SHAPE), { files: counting })
    expect(open).toBe(0)
  })

  it('refuses to resume in a file with another number of rows', async () => {
    const source = parquet('in.parquet', SHAPE)
    const { batches } = await readAll(source, { files: parquetFiles(rows, 4) })
    const files = parquetFiles(rows.slice(1), 4)
    const position = batches[0]?.position
    await expect(source.open(contextOf({ files, position }))).rejects.toMatchObject({ code: 'SOURCE_CHANGED' })
    await expect(source.open(contextOf({ files, position: 3 }))).rejects.toMatchObject({ code: 'POSITION_INVALID' })
  })
})
