import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import * as arrowLibrary from 'apache-arrow'
import avsc from 'avsc'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FileInput } from '../../src/connectors/index.js'
import { arrow, avro, parquet } from '../../src/connectors/index.js'
import { type Batch, decimal, type Field, list, nullable, Schema, struct } from '../../src/core/index.js'
import type { SchemaShape } from '../../src/core/types.js'
import type { FileEncoding } from '../../src/formats/file-encoder.js'
import { arrowEncoding, avroEncoding, parquetEncoding } from '../../src/formats/table-encoders.js'
import type { Source } from '../../src/operators/source.js'
import { filesOf } from '../connectors/file-contents.js'
import { expectResumable, readAll } from '../connectors/reading.js'
import { batchOf, type RowsCase, rowsCase } from '../core/arbitraries.js'
import { encodeFile } from './encodings.js'

interface Format {
  readonly name: string
  readonly encoding: FileEncoding
  readonly source: (input: FileInput, shape?: SchemaShape) => Source
  /** Whether a column type comes back as itself. */
  readonly keeps: (field: Field) => boolean
}

const read =
  (source: { (input: FileInput, shape: SchemaShape): Source; (input: FileInput): Source }) =>
  (input: FileInput, shape?: SchemaShape): Source =>
    shape === undefined ? source(input) : source(input, shape)

const without = (kinds: (field: Field) => boolean) => {
  const keeps = ({ name, type, nullable: nulls }: Field): boolean => {
    if (!kinds({ name, type, nullable: nulls })) return false
    if (typeof type === 'string' || type.kind === 'decimal') return true
    if (type.kind === 'struct') return type.fields.every(keeps)
    const { element } = type
    const inner = typeof element === 'object' && element.kind === 'nullable' ? element.type : element
    return keeps({ name: 'element', type: inner as Field['type'], nullable: false })
  }
  return keeps
}

const AVRO_NAME = /^[A-Za-z_]\w*$/
const noObject = ({ type }: Field) => type !== 'object'

const FORMATS: readonly Format[] = [
  {
    name: 'parquet',
    encoding: parquetEncoding({ rowGroupRows: 7 }),
    source: read(parquet),
    // The library that writes makes objects of structs, in which such a name is no field.
    keeps: without(field => noObject(field) && field.name !== '__proto__'),
  },
  { name: 'arrow file', encoding: arrowEncoding(), source: read(arrow), keeps: without(noObject) },
  {
    name: 'arrow stream',
    encoding: arrowEncoding({ format: 'stream' }),
    source: read(arrow),
    keeps: without(noObject),
  },
  {
    name: 'avro',
    encoding: avroEncoding(),
    source: read(avro),
    keeps: without(field => noObject(field) && AVRO_NAME.test(field.name)),
  },
  {
    name: 'avro, not compressed',
    encoding: avroEncoding({ compression: 'none' }),
    source: read(avro),
    keeps: without(field => noObject(field) && AVRO_NAME.test(field.name)),
  },
]

/** The rows in batches of some size. */
function batchesOf({ schema, rows }: RowsCase, size: number): Batch[] {
  const batches: Batch[] = []
  for (let from = 0; from < rows.length; from += size)
    batches.push(batchOf({ schema, rows: rows.slice(from, from + size) }))
  return batches
}

const SHAPE = {
  n: 'i32',
  big: nullable('i64'),
  name: nullable('utf8'),
  at: 'timestamp',
  price: nullable(decimal(2)),
  ratio: 'f64',
  small: 'f32',
  flag: nullable('bool'),
  tags: list(nullable('utf8')),
  place: nullable(struct({ city: 'utf8', zip: nullable('i32') })),
} as const

const SAMPLE = Array.from({ length: 100 }, (_, n) => ({
  n: n - 50,
  big: n % 7 === 0 ? null : (BigInt(n) * 2n ** 57n * (n % 2 === 0 ? 1n : -1n)) % 2n ** 62n,
  name: n % 5 === 0 ? null : `name ${n % 9} ü😀`,
  at: 1_700_000_000_000 + n * 12_345,
  price: n % 4 === 0 ? null : `${n - 20}.${String(n % 100).padStart(2, '0')}`,
  ratio: n === 3 ? Number.NaN : n === 4 ? Number.POSITIVE_INFINITY : n === 5 ? -0 : n / 3,
  small: n / 4,
  flag: n % 3 === 0 ? null : n % 2 === 0,
  tags: Array.from({ length: n % 4 }, (_, tag) => (tag === 2 ? null : `t${tag}`)),
  place: n % 6 === 0 ? null : { city: `city ${n % 3}`, zip: n % 2 === 0 ? null : n },
}))

const sampleCase = (): RowsCase => ({ schema: Schema.of(SHAPE), rows: SAMPLE })

describe.each(FORMATS)('$name', ({ encoding, source, keeps }) => {
  it('gives back all types, with the schema of the file, from every position and over interruptions', async () => {
    await fc.assert(
      fc.asyncProperty(
        rowsCase(false, 25).filter(({ schema, rows }) => rows.length > 0 && schema.fields.every(keeps)),
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 }),
        async (written, size, resumeBehind) => {
          const bytes = await encodeFile(encoding, batchesOf(written, size), resumeBehind)
          const whole = await expectResumable(source('in'), { files: filesOf({ in: bytes }), batchRows: 5 })
          expect(whole.rows).toEqual(batchOf(written).toRows())
        },
      ),
      { numRuns: 30 },
    )
  })

  it('gives back exact values, and the declared types', async () => {
    const bytes = await encodeFile(encoding, batchesOf(sampleCase(), 30), [1])
    const files = filesOf({ in: bytes })
    for (const shape of [undefined, SHAPE]) {
      const { rows } = await readAll(source('in', shape), { files })
      expect(rows).toEqual(SAMPLE)
    }
    const batch = await (
      await source('in').open({ ...(await import('../connectors/reading.js')).contextOf({ files }) })
    ).read()
    expect(batch?.batch.schema.describe().replace(/list<utf8\?>\?/, 'list<utf8?>')).toBe(Schema.of(SHAPE).describe())
  })

  it('decodes the declared columns only, and wider or narrower numbers where they are exact', async () => {
    const files = filesOf({ in: await encodeFile(encoding, batchesOf(sampleCase(), 30)) })
    const { rows } = await readAll(source('in', { name: nullable('utf8'), n: 'i64' }), { files })
    expect(rows).toEqual(SAMPLE.map(({ name, n }) => ({ name, n: BigInt(n) })))
    const asDouble = await readAll(source('in', { n: 'f64' }), { files })
    expect(asDouble.rows).toEqual(SAMPLE.map(({ n }) => ({ n })))
    await expect(readAll(source('in', { big: nullable('i32') }), { files })).rejects.toMatchObject({
      code: 'OUT_OF_RANGE',
    })
    await expect(readAll(source('in', { name: 'utf8' }), { files })).rejects.toMatchObject({ code: 'NULL_VALUE' })
    await expect(readAll(source('in', { nam: 'utf8' }), { files })).rejects.toMatchObject({
      code: 'MISSING_COLUMN',
      details: { nearest: 'name', path: 'in' },
    })
    await expect(readAll(source('in', { name: 'bool' }), { files })).rejects.toMatchObject({ code: 'TYPE_MISMATCH' })
  })

  it('is an empty file without rows', async () => {
    expect(await encodeFile(encoding, [])).toHaveLength(0)
  })

  it('comes as a stream, too', async () => {
    const bytes = await encodeFile(encoding, batchesOf(sampleCase(), 30))
    const pieces = () =>
      (async function* () {
        for (let at = 0; at < bytes.length; at += 100) yield bytes.slice(at, at + 100)
      })()
    expect((await expectResumable(source(pieces), { batchRows: 40 })).rows).toEqual(SAMPLE)
    const once = await readAll(source(pieces()), { batchRows: 40 })
    expect(once.rows).toEqual(SAMPLE)
    await expect(readAll(source(pieces()), { position: once.batches[0]?.position })).rejects.toMatchObject({
      code: 'SOURCE_NOT_REPLAYABLE',
    })
  })

  it('is refused where it is cut or damaged, without a crash', async () => {
    const bytes = await encodeFile(encoding, batchesOf(sampleCase(), 30))
    const codes = new Set<string>()
    const attempt = async (damaged: Uint8Array) => {
      try {
        const { rows } = await readAll(source('in', SHAPE), { files: filesOf({ in: damaged }) })
        expect(rows.length).toBeLessThanOrEqual(1_000_000)
      } catch (error) {
        expect(error).toHaveProperty('name', 'SabotError')
        codes.add((error as { code: string }).code)
      }
    }
    for (let length = 0; length < bytes.length; length += Math.ceil(bytes.length / 60))
      await attempt(bytes.slice(0, length))
    let seed = 1
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      return Math.floor((seed / 2 ** 32) * below)
    }
    const mutations = Number(process.env.SABOT_TABLE_MUTATIONS ?? 250)
    for (let run = 0; run < mutations; run++) {
      const damaged = bytes.slice()
      for (let hit = 0; hit <= random(3); hit++) {
        const at = random(damaged.length)
        const kind = random(4)
        if (kind === 0) damaged[at] = random(256)
        else if (kind === 1) damaged.fill(0xff, at, at + 1 + random(8))
        else if (kind === 2) damaged.fill(0, at, at + 1 + random(8))
        else damaged.copyWithin(at, random(damaged.length), random(damaged.length))
      }
      await attempt(damaged)
    }
    expect(codes.size).toBeGreaterThan(0)
  })
})

describe('other readers and writers', () => {
  it('DuckDB reads Parquet files from here as they were written, and the other way round', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sabot-duckdb-'))
    const connection = await (await DuckDBInstance.create()).connect()
    try {
      const path = join(directory, 'here.parquet')
      await writeFile(
        path,
        await encodeFile(parquetEncoding({ rowGroupRows: 33 }), batchesOf(sampleCase(), 30), [0, 1]),
      )
      const rows = await connection.runAndReadAll(
        `SELECT n, big::VARCHAR, name, epoch_ms("at")::VARCHAR, price::VARCHAR, ratio, small, flag, tags::VARCHAR, place.city, place.zip
         FROM '${path}'`,
      )
      expect(rows.getRowsJson()).toEqual(
        SAMPLE.map(row => [
          row.n,
          row.big === null ? null : String(row.big),
          row.name,
          String(row.at),
          row.price,
          Number.isFinite(row.ratio) ? row.ratio : String(row.ratio).replace('NaN', 'NaN'),
          row.small,
          row.flag,
          `[${row.tags.map(tag => tag ?? 'NULL').join(', ')}]`,
          row.place?.city ?? null,
          row.place?.zip ?? null,
        ]),
      )
      const types = await connection.runAndReadAll(`DESCRIBE SELECT * FROM '${path}'`)
      expect(types.getRowsJson().map(row => row[1])).toEqual([
        'INTEGER',
        'BIGINT',
        'VARCHAR',
        'TIMESTAMP WITH TIME ZONE',
        'DECIMAL(19,2)',
        'DOUBLE',
        'FLOAT',
        'BOOLEAN',
        'VARCHAR[]',
        'STRUCT(city VARCHAR, zip INTEGER)',
      ])
      const there = join(directory, 'there.parquet')
      await connection.run(`COPY (SELECT * FROM '${path}') TO '${there}' (FORMAT parquet, COMPRESSION zstd)`)
      const back = await readAll(parquet('in', SHAPE), {
        files: filesOf({ in: new Uint8Array(await readFile(there)) }),
      })
      expect(back.rows).toEqual(SAMPLE)
    } finally {
      connection.closeSync()
      await rm(directory, { recursive: true })
    }
  })

  it('apache-arrow reads Arrow from here as it was written, and the other way round', async () => {
    for (const format of ['file', 'stream'] as const) {
      const bytes = await encodeFile(arrowEncoding({ format }), batchesOf(sampleCase(), 30), [0, 2])
      const table = arrowLibrary.tableFromIPC(bytes)
      expect(table.numRows).toBe(SAMPLE.length)
      expect([...(table.getChild('big') ?? [])]).toEqual(SAMPLE.map(({ big }) => big))
      expect([...(table.getChild('name') ?? [])]).toEqual(SAMPLE.map(({ name }) => name))
      expect([...(table.getChild('tags') ?? [])].map(tags => [...tags])).toEqual(SAMPLE.map(({ tags }) => tags))
      const back = await readAll(arrow('in', SHAPE), {
        files: filesOf({ in: arrowLibrary.tableToIPC(table, format) }),
      })
      expect(back.rows).toEqual(SAMPLE)
    }
    const coded = arrowLibrary.tableFromArrays({ word: ['a', 'b', 'a', 'c'], n: Int32Array.of(1, 2, 3, 4) })
    for (const format of ['file', 'stream'] as const) {
      const files = filesOf({ in: arrowLibrary.tableToIPC(coded, format) })
      expect((await expectResumable(arrow('in'), { files, batchRows: 1 })).rows).toEqual(
        ['a', 'b', 'a', 'c'].map((word, index) => ({ word, n: index + 1 })),
      )
    }
  })

  it('avsc reads Avro from here as it was written, and the other way round', async () => {
    for (const compression of ['deflate', 'none'] as const) {
      const bytes = await encodeFile(avroEncoding({ compression }), batchesOf(sampleCase(), 30), [0, 2])
      const found: { n: number; name: string | null; at: number; tags: (string | null)[]; ratio: number }[] = []
      const decoder = new avsc.streams.BlockDecoder({
        parseHook: schema => avsc.Type.forSchema(schema, { registry: {}, typeHook: longs }),
      })
      await new Promise((resolve, reject) => {
        decoder
          .on('data', (row: (typeof found)[number]) => found.push(row))
          .on('end', resolve)
          .on('error', reject)
        decoder.end(Buffer.from(bytes))
      })
      expect(found.map(({ n, name, ratio }) => ({ n, name, ratio }))).toEqual(
        SAMPLE.map(({ n, name, ratio }) => ({ n, name, ratio })),
      )
      expect(found.map(({ at }) => Number(at))).toEqual(SAMPLE.map(({ at }) => at))
    }
    const type = avsc.Type.forSchema({
      type: 'record',
      name: 'Event',
      fields: [
        { name: 'id', type: 'long' },
        { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['A', 'B'] } },
        { name: 'labels', type: { type: 'map', values: 'int' } },
        { name: 'either', type: ['null', 'string', 'int'] },
        { name: 'code', type: { type: 'fixed', name: 'Code', size: 3 } },
        { name: 'next', type: ['null', 'Event'], default: null },
      ],
    } as never)
    const events = Array.from({ length: 50 }, (_, n) => ({
      id: n,
      kind: n % 2 === 0 ? 'A' : 'B',
      labels: { a: n, constructor: 1 },
      either: n % 3 === 0 ? null : n % 3 === 1 ? `s${n}` : n,
      code: Buffer.from([n, 1, 2]),
      next: n === 0 ? null : { id: n, kind: 'B', labels: {}, either: null, code: Buffer.from('abc'), next: null },
    }))
    for (const codec of ['null', 'deflate'] as const) {
      const encoder = new avsc.streams.BlockEncoder(type, { codec, blockSize: 200 })
      const chunks: Buffer[] = []
      await new Promise((resolve, reject) => {
        encoder
          .on('data', (chunk: Buffer) => chunks.push(chunk))
          .on('end', resolve)
          .on('error', reject)
        for (const event of events) encoder.write(event)
        encoder.end()
      })
      const files = filesOf({ in: new Uint8Array(Buffer.concat(chunks)) })
      const { rows } = await expectResumable(avro('in'), { files, batchRows: 7 })
      expect(rows).toEqual(
        events.map(event => ({
          ...event,
          id: BigInt(event.id),
          either: event.either,
          code: new Uint8Array(event.code),
          next:
            event.next === null
              ? null
              : { ...event.next, id: BigInt(event.next.id), code: new Uint8Array(event.next.code) },
        })),
      )
      const some = await readAll(avro('in', { kind: 'utf8', id: 'f64' }), { files })
      expect(some.rows).toEqual(events.map(({ kind, id }) => ({ kind, id })))
    }
  })
})

/** Longs beyond 2^53 as texts, which avsc has no value for. */
function longs(schema: unknown): avsc.Type | undefined {
  const isLong =
    schema === 'long' || (typeof schema === 'object' && schema !== null && 'type' in schema && schema.type === 'long')
  if (!isLong) return undefined
  return avsc.types.LongType.__with({
    fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
    toBuffer: (value: bigint) => {
      const buffer = Buffer.alloc(8)
      buffer.writeBigInt64LE(value)
      return buffer
    },
    fromJSON: BigInt,
    toJSON: Number,
    isValid: (value: unknown) => typeof value === 'bigint',
    compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
  } as never)
}
