import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import fc from 'fast-check'
import type { SchemaElement } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import {
  type Batch,
  Dictionary,
  DictionaryColumn,
  decimal,
  list,
  MAX_DICTIONARY_ENTRIES,
  nullable,
  type SchemaShape,
  struct,
  Utf8Column,
} from '../../src/core/index.js'
import { openParquet } from '../../src/formats/parquet.js'

interface Bytes {
  readonly sizeBytes: number
  read(offset: number, length: number): Promise<Uint8Array>
}

function inMemory(bytes: Uint8Array): Bytes {
  return { sizeBytes: bytes.length, read: async (offset, length) => bytes.slice(offset, offset + length) }
}

type ColumnData = Parameters<typeof parquetWriteBuffer>[0]['columnData']

function written(
  columnData: ColumnData,
  options: { schema?: SchemaElement[]; rowGroupSize?: number; codec?: 'UNCOMPRESSED' } = {},
): Bytes {
  return inMemory(new Uint8Array(parquetWriteBuffer({ columnData, ...options })))
}

async function rowsOf(file: Bytes, columns?: SchemaShape): Promise<unknown[]> {
  const parquet = columns === undefined ? await openParquet(file) : await openParquet(file, { columns })
  const rows: unknown[] = []
  for (const index of parquet.rowGroups.keys()) rows.push(...(await parquet.readRowGroup(index)).toRows())
  return rows
}

async function failure(action: Promise<unknown>): Promise<unknown> {
  return action.then(
    () => new Error('it succeeded'),
    (error: unknown) => error,
  )
}

const one = (element: SchemaElement): SchemaElement[] => [{ name: 'root', num_children: 1 }, element]

describe('openParquet', () => {
  it('reads what was written, by group, with and without nulls', async () => {
    const values = fc.record(
      {
        flag: fc.boolean(),
        small: fc.integer(),
        big: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        x: fc.double({ noNaN: true }),
        text: fc.string({ unit: 'grapheme', maxLength: 6 }),
        at: fc.integer({ min: -8e12, max: 8e12 }),
      },
      { noNullPrototype: true },
    )
    const type = {
      flag: 'BOOLEAN',
      small: 'INT32',
      big: 'INT64',
      x: 'DOUBLE',
      text: 'STRING',
      at: 'TIMESTAMP',
    } as const
    const names = ['flag', 'small', 'big', 'x', 'text', 'at'] as const
    const shape = { flag: 'bool', small: 'i32', big: 'i64', x: 'f64', text: 'utf8', at: 'timestamp' } as const
    await fc.assert(
      fc.asyncProperty(
        fc.array(values, { minLength: 1, maxLength: 40 }),
        fc.boolean(),
        fc.nat(4),
        async (rows, nulls, hole) => {
          const expected = rows.map((row, index) => {
            const holed = (name: string, at: number): unknown =>
              nulls && index % 5 === (hole + at) % 5 ? null : Reflect.get(row, name)
            return Object.fromEntries(names.map((name, at) => [name, holed(name, at)]))
          })
          const columnData = names.map(name => ({
            name,
            type: type[name],
            nullable: nulls,
            data: expected.map(row => (name === 'at' && row.at !== null ? new Date(row.at as number) : row[name])),
          }))
          const file = written(columnData, { rowGroupSize: 16 })
          expect(await rowsOf(file)).toEqual(expected)
          const declared = nulls ? Object.fromEntries(names.map(name => [name, nullable(shape[name])])) : shape
          expect(await rowsOf(file, declared)).toEqual(expected)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('narrows and widens numbers, each value checked', async () => {
    const file = written([{ name: 'n', type: 'INT64', data: [1n, -5n, 2n ** 31n - 1n, 7n], nullable: false }])
    expect(await rowsOf(file, { n: 'i32' })).toEqual([{ n: 1 }, { n: -5 }, { n: 2 ** 31 - 1 }, { n: 7 }])
    expect(await rowsOf(file, { n: 'f64' })).toEqual([{ n: 1 }, { n: -5 }, { n: 2 ** 31 - 1 }, { n: 7 }])
    expect(await rowsOf(file, { n: 'i64' })).toEqual([{ n: 1n }, { n: -5n }, { n: 2n ** 31n - 1n }, { n: 7n }])
    const wide = written([{ name: 'n', type: 'INT64', data: [1n, 2n, 2n ** 31n, 2n ** 53n], nullable: true }], {
      rowGroupSize: 2,
    })
    expect(await failure(rowsOf(wide, { n: nullable('i32') }))).toMatchObject({
      code: 'OUT_OF_RANGE',
      details: { field: 'n', position: 2 },
    })
    expect(await failure(rowsOf(wide, { n: nullable('f64') }))).toMatchObject({
      code: 'OUT_OF_RANGE',
      details: { position: 3 },
    })
    const narrow = written([{ name: 'n', type: 'INT32', data: [3], nullable: false }])
    expect(await rowsOf(narrow, { n: 'i64' })).toEqual([{ n: 3n }])
  })

  it('reads all units of time as ms, cut towards −∞', async () => {
    const element = (unit: 'MILLIS' | 'MICROS' | 'NANOS'): SchemaElement => ({
      name: 't',
      type: 'INT64',
      repetition_type: 'REQUIRED',
      logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit },
    })
    const units = [
      ['MILLIS', [1n, -1n, 1n]],
      ['MICROS', [1999n, -1n, 1000n]],
      ['NANOS', [1_999_999n, -1n, 1_000_000n]],
    ] as const
    for (const [unit, data] of units) {
      const file = written([{ name: 't', data: [...data] }], { schema: one(element(unit)) })
      expect(await rowsOf(file), unit).toEqual([{ t: 1 }, { t: -1 }, { t: 1 }])
    }
    const day = one({ name: 't', type: 'INT32', converted_type: 'DATE', repetition_type: 'REQUIRED' })
    expect(await rowsOf(written([{ name: 't', data: [1, -1] }], { schema: day }))).toEqual([
      { t: 86_400_000 },
      { t: -86_400_000 },
    ])
  })

  it('keeps decimals exact, and rescales them', async () => {
    const element: SchemaElement = {
      name: 'd',
      type: 'INT64',
      converted_type: 'DECIMAL',
      scale: 2,
      precision: 18,
      repetition_type: 'OPTIONAL',
    }
    const file = written([{ name: 'd', data: [123_456_789_012_345_678n, -5n, null] }], { schema: one(element) })
    expect(await rowsOf(file)).toEqual([{ d: '1234567890123456.78' }, { d: '-0.05' }, { d: null }])
    expect(await rowsOf(file, { d: nullable(decimal(3)) })).toEqual([
      { d: '1234567890123456.780' },
      { d: '-0.050' },
      { d: null },
    ])
    expect(await failure(rowsOf(file, { d: nullable(decimal(4)) }))).toMatchObject({
      code: 'OUT_OF_RANGE',
      details: { position: 0 },
    })
    expect(await failure(rowsOf(file, { d: nullable(decimal(1)) }))).toMatchObject({ code: 'TYPE_MISMATCH' })
  })

  it('codes strings by a dictionary of the group, plain beyond its limit', async () => {
    const few = await openParquet(written([{ name: 's', type: 'STRING', data: ['a', 'b', 'a'], nullable: false }]))
    const column = (await few.readRowGroup(0)).column('s')
    expect(column).toBeInstanceOf(DictionaryColumn)
    expect((column as DictionaryColumn).dictionary).toBeInstanceOf(Dictionary)
    expect((column as DictionaryColumn).dictionary.size).toBe(2)
    const texts = Array.from({ length: MAX_DICTIONARY_ENTRIES + 500 }, (_, row) =>
      row % 7 === 3 ? null : `t${row % 65_000 === 0 ? 0 : row}`,
    )
    const many = await openParquet(
      written([{ name: 's', type: 'STRING', data: texts }], { rowGroupSize: texts.length }),
    )
    const plain = (await many.readRowGroup(0)).column('s')
    expect(plain).toBeInstanceOf(DictionaryColumn)
    const more = Array.from({ length: 80_000 }, (_, row) => (row % 7 === 3 ? null : `t${row === 79_999 ? 0 : row}`))
    const most = await openParquet(written([{ name: 's', type: 'STRING', data: more }], { rowGroupSize: more.length }))
    const text = (await most.readRowGroup(0)).column('s')
    expect(text).toBeInstanceOf(Utf8Column)
    expect(more.every((value, row) => text.value(row) === value)).toBe(true)
    expect(texts.every((value, row) => plain.value(row) === value)).toBe(true)
  })

  it('names missing columns, and types that do not fit', async () => {
    const file = written([
      { name: 'date', type: 'TIMESTAMP', data: [new Date(0)] },
      { name: 'delay', type: 'INT64', data: [1n] },
    ])
    expect(await failure(openParquet(file, { columns: { dleay: 'i32' } }))).toMatchObject({
      code: 'MISSING_COLUMN',
      message: 'The file has no column "dleay". Did you mean "delay"? It has date, delay.',
    })
    expect(await failure(openParquet(file, { columns: { delay: 'timestamp' } }))).toMatchObject({
      code: 'TYPE_MISMATCH',
      message: 'Column delay is declared timestamp, but is INT64 in the file: read it as i64',
    })
    for (const columns of [
      { date: 'i64' },
      { delay: 'utf8' },
      { date: list('i32') },
      { delay: struct({ a: 'i32' }) },
      { delay: decimal(2) },
    ] as const) {
      expect(await failure(openParquet(file, { columns }))).toMatchObject({ code: 'TYPE_MISMATCH' })
    }
  })

  it('names the row of a null that is not allowed', async () => {
    const file = written([{ name: 's', type: 'STRING', data: ['a', 'b', 'c', null] }], { rowGroupSize: 2 })
    const parquet = await openParquet(file, { columns: { s: 'utf8' } })
    expect((await parquet.readRowGroup(0)).toRows()).toEqual([{ s: 'a' }, { s: 'b' }])
    expect(await failure(parquet.readRowGroup(1))).toMatchObject({
      code: 'NULL_VALUE',
      details: { field: 's', position: 3 },
    })
    expect(await failure(parquet.readRowGroup(2))).toBeInstanceOf(RangeError)
  })

  it('refuses foreign, truncated and damaged files, with a position', async () => {
    const text = Array.from({ length: 500 }, (_, row) => `text ${row * 7919}`)
    const whole = written([{ name: 's', type: 'STRING', data: text, nullable: false }])
    const bytes = await whole.read(0, whole.sizeBytes)
    const invalid = expect.objectContaining({
      code: 'PARQUET_INVALID',
      details: expect.objectContaining({ position: expect.any(Number) }),
    })
    for (const size of [0, 3, 11, 12, bytes.length >> 1, bytes.length - 1]) {
      expect(await failure(rowsOf(inMemory(bytes.subarray(0, size)))), `${size} bytes`).toEqual(invalid)
    }
    expect(await failure(openParquet(inMemory(new TextEncoder().encode('{"not": "parquet"}'))))).toEqual(invalid)
    // The head of the file is gone, so that offsets of the footer lead outside.
    expect(await failure(rowsOf(inMemory(bytes.subarray(bytes.length >> 1))))).toMatchObject({
      code: 'PARQUET_INVALID',
    })
    // A file that shrinks after it was opened.
    const shrinking = {
      sizeBytes: bytes.length,
      read: async (offset: number, length: number) => bytes.slice(offset, offset + (length >> 1)),
    }
    expect(await failure(openParquet(shrinking))).toMatchObject({ code: 'PARQUET_INVALID' })
  })

  it('refuses page headers that lead backwards or outside, instead of running in circles', async () => {
    const data = Array.from({ length: 100 }, (_, row) => row * 3)
    const whole = written([{ name: 'n', type: 'INT32', data, nullable: false, encoding: 'PLAIN' }], {
      codec: 'UNCOMPRESSED',
    })
    const bytes = await whole.read(0, whole.sizeBytes)
    expect(await rowsOf(inMemory(bytes))).toHaveLength(100)
    // The first page's header: thrift fields 1 (type), 2 and 3 (sizes as zigzag varints).
    expect([...bytes.subarray(4, 7)]).toEqual([0x15, 0x06, 0x15])
    for (const at of [7, 8, 10, 11]) {
      for (let value = 0; value < 256; value++) {
        const damaged = bytes.slice()
        damaged[at] = value
        const outcome = await rowsOf(inMemory(damaged)).catch((error: unknown) => error)
        if (Array.isArray(outcome)) expect(outcome).toHaveLength(100)
        else
          expect(outcome).toMatchObject({
            code: 'PARQUET_INVALID',
            details: { field: 'n', position: expect.any(Number) },
          })
      }
    }
  })
})

describe('files of other writers', () => {
  it('reads what DuckDB writes: nested, unsigned, decimals, ZSTD', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sabot-'))
    try {
      const path = join(folder, 'x.parquet')
      const duck = await (await DuckDBInstance.create()).connect()
      await duck.run(`copy (select
          i::utinyint as u8, (4294967295 - i)::uinteger as u32, (i * 0.25)::decimal(12, 2) as price,
          (i::hugeint * 1000000007)::decimal(30, 4) as wide,
          timestamp '2001-01-01 00:00:00.123456' + to_hours(i) as at, make_timestamp_ns(i * 1000001) as ns, date '1970-01-03' as day,
          [i, null, i + 1] as items, {'a': i, 'b': [{'c': 'x' || i}], 'at': timestamp_ms '1970-01-01 00:00:01'} as nested,
          case when i = 1 then null else 'origin ' || (i % 2) end as origin, i::float as f, uuid '00000000-0000-0000-0000-000000000001' as id
        from range(3) r(i)) to '${path}' (format parquet, codec zstd)`)
      duck.closeSync()
      const rows = await rowsOf(inMemory(await readFile(path)))
      expect(rows[2]).toEqual({
        u8: 2,
        u32: 4_294_967_293n,
        price: '0.50',
        wide: '2000000014.0000',
        at: Date.UTC(2001, 0, 1, 2, 0, 0, 123),
        ns: 2,
        day: 2 * 86_400_000,
        items: [2n, null, 3n],
        nested: { a: 2n, b: [{ c: 'x2' }], at: 1000 },
        origin: 'origin 0',
        f: 2,
        id: '00000000-0000-0000-0000-000000000001',
      })
      expect(rows[1]).toMatchObject({ origin: null, items: [1n, null, 2n] })
      expect(
        await rowsOf(inMemory(await readFile(path)), {
          nested: struct({ a: 'i64', b: list(struct({ c: 'utf8' })), at: 'timestamp' }),
        }),
      ).toHaveLength(3)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('reads three million flights', async () => {
    const handle = await open('node_modules/vega-datasets/data/flights-3m.parquet')
    try {
      const { size: sizeBytes } = await handle.stat()
      let readBytes = 0
      const read = async (offset: number, length: number): Promise<Uint8Array> => {
        readBytes += length
        return (await handle.read(new Uint8Array(length), 0, length, offset)).buffer
      }
      const flights = await openParquet(
        { sizeBytes, read },
        { columns: { date: 'timestamp', delay: 'i32', origin: 'utf8' } },
      )
      expect(flights.rowCount).toBe(3_000_000)
      let delays = 0
      let rowCount = 0
      let last: Batch | undefined
      for (const index of flights.rowGroups.keys()) {
        const batch = await flights.readRowGroup(index)
        const column = batch.column('delay')
        for (let row = 0; row < batch.rowCount; row++) delays += column.value(row) as number
        rowCount += batch.rowCount
        last = batch
      }
      const duck = await (await DuckDBInstance.create()).connect()
      await duck.run(`create view flights as from 'node_modules/vega-datasets/data/flights-3m.parquet'`)
      const reader = await duck.runAndReadAll(`select
          (select sum(delay)::double from flights), (select count(*)::double from flights),
          epoch_ms(date)::double, origin from flights limit 1 offset 2999999`)
      duck.closeSync()
      const [row] = reader.getRows()
      const end = last?.row((last?.rowCount ?? 0) - 1)
      expect([delays, rowCount, Reflect.get(Object(end), 'date'), Reflect.get(Object(end), 'origin')]).toEqual(row)
      // The two other columns are left alone.
      expect(readBytes).toBeLessThan(sizeBytes * 0.6)
    } finally {
      await handle.close()
    }
  })
})
