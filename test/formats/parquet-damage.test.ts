/*
 * Damaged Parquet files of every encoding and codec: each ends in rows or in an error of ours, at once and within bounds.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import fc from 'fast-check'
import type { CompressionCodec, Encoding } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import { SabotError } from '../../src/core/index.js'
import { openParquet } from '../../src/formats/parquet.js'
import { readDeltas } from '../../src/formats/parquet-delta.js'
import { readHybrid } from '../../src/formats/parquet-hybrid.js'
import { checkThriftStruct } from '../../src/formats/parquet-thrift.js'
import { seededRandom } from '../../src/testing/seeded-random.js'
import { zstdFrames } from '../connectors/file-contents.js'
import { setting } from '../platform/setting.js'

/** Damaged files of each kind: SABOT_MUTATIONS in all. */
const MUTATIONS = Math.ceil(setting('SABOT_MUTATIONS', 1500) / 6)
const ROWS = 120

async function rowsOf(bytes: Uint8Array): Promise<unknown[]> {
  const file = {
    sizeBytes: bytes.length,
    read: async (offset: number, length: number) => bytes.slice(offset, offset + length),
  }
  const parquet = await openParquet(file)
  const rows: unknown[] = []
  for (const index of parquet.rowGroups.keys()) rows.push(...(await parquet.readRowGroup(index)).toRows())
  return rows
}

const INTEGERS = Array.from({ length: ROWS }, (_, n) => ((n * 7919) % 1009) - 500)
const TEXTS = Array.from({ length: ROWS }, (_, n) => `customer ${n % 17} of ${n}`)

type ColumnData = Parameters<typeof parquetWriteBuffer>[0]['columnData']

function written(columnData: ColumnData, codec: CompressionCodec = 'UNCOMPRESSED'): Uint8Array {
  const compressors = {
    GZIP: (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes)),
    ZSTD: zstdFrames,
    LZ4_RAW: literals,
  }
  return new Uint8Array(parquetWriteBuffer({ columnData, codec, compressors, rowGroupSize: 50 }))
}

/** An LZ4 block of literals only. */
function literals(bytes: Uint8Array): Uint8Array {
  const rest = bytes.length - 15
  const lengths = rest < 0 ? [bytes.length << 4] : [0xf0, ...new Array(Math.floor(rest / 255)).fill(255), rest % 255]
  return Uint8Array.from([...lengths, ...bytes])
}

const column = (encoding: Encoding, kind: 'INT32' | 'INT64' | 'DOUBLE' | 'STRING' | 'BOOLEAN', nullable = false) => {
  const values = INTEGERS.map((n, index) => {
    if (nullable && index % 4 === 1) return null
    if (kind === 'STRING') return TEXTS[index]
    return kind === 'INT64' ? BigInt(n) * 2n ** 40n : kind === 'BOOLEAN' ? n % 3 === 0 : kind === 'DOUBLE' ? n / 4 : n
  })
  return { name: `${kind}_${encoding}_${nullable}`, type: kind, encoding, nullable, data: values }
}

const encoded = (): ColumnData => [
  column('PLAIN', 'INT32', true),
  column('PLAIN', 'INT64'),
  column('PLAIN', 'STRING', true),
  column('PLAIN', 'BOOLEAN', true),
  column('RLE', 'BOOLEAN'),
  column('RLE_DICTIONARY', 'STRING', true),
  column('RLE_DICTIONARY', 'DOUBLE'),
  column('DELTA_BINARY_PACKED', 'INT32', true),
  column('DELTA_BINARY_PACKED', 'INT64'),
  column('DELTA_LENGTH_BYTE_ARRAY', 'STRING', true),
  column('DELTA_BYTE_ARRAY', 'STRING'),
  column('BYTE_STREAM_SPLIT', 'DOUBLE', true),
]

const expected = (data: ColumnData): unknown[] =>
  INTEGERS.map((_, row) => Object.fromEntries(data.map(({ name, data: values }) => [name, values[row]])))

async function fromDuckDB(options: string): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'sabot-'))
  try {
    const path = join(folder, 'x.parquet')
    const duck = await (await DuckDBInstance.create()).connect()
    await duck.run(`copy (select i::integer as n, (i * 7919 % 101) * 10000000000 as big, 'name ' || (i % 13) as name,
        case when i % 5 = 0 then null else [i, null, i + 1] end as items, {'a': i, 'b': [{'c': 'x' || i}]} as nested,
        (i * 0.25)::decimal(12, 2) as price, i % 3 = 0 as flag, i / 7 as ratio,
        timestamp '2001-01-01' + to_hours(i::integer) as at
      from range(${ROWS}) r(i)) to '${path}' (format parquet, ${options})`)
    duck.closeSync()
    return new Uint8Array(await readFile(path))
  } finally {
    await rm(folder, { recursive: true })
  }
}

const FILES: readonly (readonly [string, () => Uint8Array | Promise<Uint8Array>])[] = [
  ['every encoding', () => written(encoded())],
  ['snappy', () => written(encoded(), 'SNAPPY')],
  ['gzip', () => written(encoded(), 'GZIP')],
  ['lz4', () => written(encoded(), 'LZ4_RAW')],
  ['zstd of another writer, nested', () => fromDuckDB('codec zstd')],
  ['pages of the second version, nested', () => fromDuckDB('codec uncompressed, parquet_version v2')],
]

describe('Parquet files', () => {
  it('of every encoding and codec are read as they were written', async () => {
    const data = encoded()
    for (const codec of ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'LZ4_RAW', 'ZSTD'] as const) {
      expect(await rowsOf(written(data, codec)), codec).toEqual(expected(data))
    }
    const one = await rowsOf(await fromDuckDB('codec gzip'))
    expect(one).toEqual(await rowsOf(await fromDuckDB('codec lz4_raw, parquet_version v2')))
    expect(one[3]).toMatchObject({
      n: 3,
      name: 'name 3',
      nested: { a: 3n, b: [{ c: 'x3' }] },
      price: '0.75',
      flag: true,
    })
  })

  it.each(FILES)('that are damaged end in rows or in an error: %s', { timeout: 600_000 }, async (name, make) => {
    const bytes = await make()
    const random = seededRandom(name.length)
    const below = (limit: number): number => Math.floor(random() * limit)
    const codes = new Map<string, number>()
    for (let run = 0; run < MUTATIONS; run++) {
      const damaged = bytes.slice(0, below(8) === 0 ? below(bytes.length) : bytes.length)
      for (let hit = below(3); hit >= 0 && damaged.length > 0; hit--) {
        const at = below(damaged.length)
        const kind = below(5)
        if (kind === 0) damaged[at] = below(256)
        else if (kind === 1) damaged.fill(0xff, at, at + 1 + below(8))
        else if (kind === 2) damaged.fill(0, at, at + 1 + below(8))
        else if (kind === 3) damaged[at] = (damaged[at] ?? 0) ^ (1 << below(8))
        else damaged.copyWithin(at, below(damaged.length), below(damaged.length))
      }
      const outcome = await rowsOf(damaged).catch((error: unknown) => error)
      if (Array.isArray(outcome)) {
        expect(outcome.length).toBeLessThanOrEqual(ROWS)
        continue
      }
      expect(outcome).toBeInstanceOf(SabotError)
      const { code } = outcome as SabotError
      codes.set(code, (codes.get(code) ?? 0) + 1)
    }
    expect(codes.get('PARQUET_INVALID')).toBeGreaterThan(MUTATIONS / 20)
  })
})

describe('readHybrid', () => {
  const target = (count: number): Int32Array => new Int32Array(count)

  it('reads runs and packed values of every width', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 32 }),
        fc.array(fc.tuple(fc.boolean(), fc.array(fc.nat(), { minLength: 1, maxLength: 9 })), {
          minLength: 1,
          maxLength: 6,
        }),
        (width, runs) => {
          const bytes: number[] = []
          const values: number[] = []
          for (const [isPacked, sample] of runs) {
            const fitting = sample.map(value => value % 2 ** Math.min(width, 31))
            if (isPacked) {
              const padded = Array.from(
                { length: Math.ceil(fitting.length / 8) * 8 },
                (_, index) => fitting[index] ?? 1,
              )
              const bits = padded
                .map(value => value.toString(2).padStart(width, '0'))
                .reverse()
                .join('')
              bytes.push(((padded.length / 8) << 1) | 1)
              for (let at = bits.length; at > 0; at -= 8) bytes.push(Number.parseInt(bits.slice(at - 8, at), 2))
              values.push(...padded)
            } else {
              const value = fitting[0] ?? 0
              bytes.push(fitting.length << 1)
              for (let at = 0; at < width; at += 8) bytes.push(Math.floor(value / 2 ** at) % 256)
              values.push(...fitting.map(() => value))
            }
          }
          const read = target(values.length)
          readHybrid(Uint8Array.from(bytes), 0, width, read)
          expect([...read]).toEqual(values)
        },
      ),
    )
  })

  it('refuses runs that claim more than there is to come, and those that end too early', () => {
    for (const bytes of [
      [0x12, 1], // nine of eight
      [0xfe, 0xff, 0xff, 0xff, 0x0f, 1], // 2^31 - 1
      [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1], // a header without end
      [0x01], // a packed run of nothing
      [0x03], // a packed run without its bytes
      [0x10], // a run without its value
      [],
    ]) {
      expect(() => readHybrid(Uint8Array.from(bytes), 0, 1, target(8)), String(bytes)).toThrow(RangeError)
    }
    expect(() => readHybrid(new Uint8Array(99), 0, 33, target(8))).toThrow(RangeError)
  })
})

describe('readDeltas', () => {
  it('refuses layouts that cannot be', () => {
    const header = (...numbers: number[]) =>
      Uint8Array.from([
        ...numbers.flatMap(number => [(number & 0x7f) | 0x80, (number >> 7) & 0x7f]),
        ...new Array(99).fill(0),
      ])
    const values = new Int32Array(3)
    readDeltas(header(128, 4, 3, 14), 0, values)
    expect([...values]).toEqual([7, 7, 7])
    for (const [block, parts, count] of [
      [0, 4, 3],
      [128, 0, 3],
      [128, 3, 3],
      [8, 4, 3],
      [128, 4, 4],
    ] as const) {
      expect(() => readDeltas(header(block, parts, count, 14), 0, values), `${block} ${parts}`).toThrow(RangeError)
    }
    expect(() => readDeltas(new Uint8Array(1_000_000).fill(0x80), 0, values)).toThrow(RangeError)
  })
})

describe('checkThriftStruct', () => {
  it('refuses lists, texts and numbers that are longer than the bytes, and nesting without end', () => {
    const check = (...bytes: number[]) => checkThriftStruct(Uint8Array.from(bytes), 0)
    check(0x15, 0x80, 0x01, 0x18, 1, 65, 0x19, 0x25, 2, 4, 0)
    for (const bytes of [
      [0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x0f, 0], // a list of 2^32 structs
      [0x18, 0xff, 0xff, 0xff, 0x7f, 65, 0], // a text
      [0x16, ...new Array(11).fill(0x80), 0, 0], // a number of eleven bytes
      [0x15, 2], // no end
      [0x1b, 0], // a map
      new Array(100_000).fill(0x1c), // structs
      new Array(100_000).fill(0x19), // lists
    ]) {
      expect(() => check(...bytes), String(bytes.slice(0, 5))).toThrow(/ends|long|deep|type/)
    }
  })
})
