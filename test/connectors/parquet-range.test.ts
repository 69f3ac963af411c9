import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parquet, type TimeRange } from '../../src/connectors/index.js'
import { nullable, Schema } from '../../src/core/index.js'
import { parquetEncoding } from '../../src/formats/table-encoders.js'
import { batchOf } from '../core/arbitraries.js'
import { encodeFile } from '../formats/encodings.js'
import { filesOf } from './memory-contents.js'
import { contextOf, expectResumable, readAll } from './reading.js'

const SHAPE = { at: nullable('timestamp'), n: 'i32', other: nullable('timestamp') } as const
const DAY = 86_400_000

interface Row {
  readonly at: number | null
  readonly n: number
  readonly other: number | null
}

async function fileOf(rows: readonly Row[], rowGroupRows: number): Promise<Uint8Array> {
  return encodeFile(parquetEncoding({ rowGroupRows }), [batchOf({ schema: Schema.of(SHAPE), rows: [...rows] })])
}

const rowsOver = (days: number): Row[] => {
  return Array.from({ length: days * 10 }, (_, n) => ({ at: n * (DAY / 10), n, other: -n * DAY }))
}

/** What is read of a file, and how often. */
async function readCounted(bytes: Uint8Array, timeRange: TimeRange, shape?: typeof SHAPE) {
  const files = filesOf({ in: bytes })
  let readBytes = 0
  const counting = {
    openAppend: files.openAppend.bind(files),
    openRead: async (path: string) => {
      const file = await files.openRead(path)
      return {
        sizeBytes: file.sizeBytes,
        read: async (offset: number, length: number) => {
          readBytes += length
          return file.read(offset, length)
        },
        close: () => file.close(),
      }
    },
  }
  const source = shape === undefined ? parquet('in', undefined, { timeRange }) : parquet('in', shape, { timeRange })
  const reader = await source.open(contextOf({ files: counting, batchRows: 7 }))
  const rows: unknown[] = []
  for (let next = await reader.read(); next !== undefined; next = await reader.read()) rows.push(...next.batch.toRows())
  await reader.close()
  return { rows, readBytes, gauges: reader.gauges, rowCount: reader.rowCount }
}

describe('timeRange', () => {
  it('gives the rows in the range, whatever the statistics tell, and resumes in them', async () => {
    const row = fc.record(
      {
        at: fc.option(fc.integer({ min: 0, max: 50 }), { freq: 8 }),
        n: fc.integer({ min: -5, max: 5 }),
        other: fc.option(fc.integer({ min: 0, max: 50 }), { freq: 2 }),
      },
      { noNullPrototype: true },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 60 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 20 }),
        fc.option(fc.integer({ min: -1, max: 51 }), { nil: undefined }),
        fc.option(fc.nat(30), { nil: undefined }),
        fc.constantFrom('at', 'other', undefined),
        async (unsorted, isSorted, rowGroupRows, from, length, column) => {
          const rows = isSorted ? unsorted.toSorted((a, b) => (a.at ?? 0) - (b.at ?? 0)) : unsorted
          const to = length === undefined ? undefined : (from ?? 0) + length
          const range = {
            ...(from === undefined ? {} : { from }),
            ...(to === undefined ? {} : { to }),
            ...(column === undefined ? {} : { column }),
          }
          const files = filesOf({ in: await fileOf(rows, rowGroupRows) })
          const expected = rows.filter(each => {
            const time = each[column ?? 'at']
            return time !== null && time >= (from ?? -Infinity) && time < (to ?? Infinity)
          })
          const whole = await expectResumable(parquet('in', SHAPE, { timeRange: range }), { files, batchRows: 4 })
          expect(whole.rows).toEqual(expected)
          // The column of times need not be among the declared ones.
          const narrow = await readAll(parquet('in', { n: 'i32' }, { timeRange: { column: 'at', ...range } }), {
            files,
          })
          expect(narrow.rows).toEqual(expected.map(({ n }) => ({ n })))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('does not read row groups outside it', async () => {
    const bytes = await fileOf(rowsOver(100), 10)
    const all = await readCounted(bytes, {})
    expect(all.rows).toHaveLength(1000)
    expect(all.gauges).toEqual({ rowGroupsRead: 100, rowGroupsSkipped: 0 })
    const some = await readCounted(bytes, { from: '1970-01-11', to: new Date(12.5 * DAY) })
    expect(some.rows).toHaveLength(25)
    expect(some.gauges).toEqual({ rowGroupsRead: 3, rowGroupsSkipped: 97 })
    const footer = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 8, true)
    expect(some.readBytes).toBeLessThan(footer + 16 + 0.05 * bytes.length)
    // By a column that runs the other way.
    const other = await readCounted(bytes, { column: 'other', from: -10 * DAY }, SHAPE)
    expect(other.gauges).toEqual({ rowGroupsRead: 2, rowGroupsSkipped: 98 })
    expect(other.rows).toHaveLength(11)
  })

  it('names a column that is not there or holds no times, and a range that is none', async () => {
    const files = filesOf({ in: await fileOf(rowsOver(1), 10) })
    const read = (timeRange: TimeRange) => readAll(parquet('in', undefined, { timeRange }), { files })
    await expect(read({ column: 'att', from: 0 })).rejects.toMatchObject({ code: 'MISSING_COLUMN' })
    await expect(read({ column: 'n', from: 0 })).rejects.toMatchObject({ code: 'TYPE_MISMATCH' })
    const declared = parquet('in', { n: 'i32' }, { timeRange: { from: 0 } })
    await expect(readAll(declared, { files })).rejects.toMatchObject({ code: 'MISSING_COLUMN' })
    expect(() => parquet('in', undefined, { timeRange: { from: 'yesterday' } })).toThrow(/timeRange.from/)
    expect(() => parquet('in', undefined, { timeRange: { from: 2, to: 1 } })).toThrow(TypeError)
    const range = { from: '2001-01-01T00:00:00+02:00', to: 1e12 }
    expect(parquet('in', undefined, { timeRange: range }).description).toBe(
      'in, time from 2000-12-31T22:00:00.000Z before 2001-09-09T01:46:40.000Z',
    )
  })
})
