/* sabot cat and sabot convert, as processes. */
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nullable, Schema } from '../../src/core/index.js'
import { fieldsOf, list, struct } from '../../src/core/types.js'
import { EventTimeStats } from '../../src/node/cli/event-time-stats.js'
import { shapeText } from '../../src/node/cli/shape-text.js'
import { makeFlights, writeFlights } from './flight-data.js'
import { compilePackage } from './package-under-test.js'
import { type Ended, sabot } from './processes.js'

const TRIPS = `id,start,fare
1,2024-05-01T10:00:00Z,2.5
2,2024-05-01T10:30:00Z,
3,2024-05-01T10:10:30Z,"4"
4,2024-05-01T11:00:00Z,7
`
const TRIP_ROWS = [
  { id: 1, start: '2024-05-01T10:00:00.000Z', fare: 2.5 },
  { id: 2, start: '2024-05-01T10:30:00.000Z', fare: null },
  { id: 3, start: '2024-05-01T10:10:30.000Z', fare: 4 },
  { id: 4, start: '2024-05-01T11:00:00.000Z', fare: 7 },
]
const BAD = '{"n":1}\n{"n":}\n{"n":3}\n'

let directory = ''
const path = (name: string): string => join(directory, name)
const text = (name: string): Promise<string> => readFile(path(name), 'utf8')
const run = (...args: string[]): Promise<Ended> => sabot(args, directory)
const lines = (output: string): unknown[] =>
  output
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))

beforeAll(async () => {
  await compilePackage()
  directory = await mkdtemp(join(tmpdir(), 'sabot-data-'))
  await writeFile(path('trips.csv'), TRIPS)
  await writeFile(path('trips.csv.gz'), gzipSync(TRIPS))
  await writeFile(path('trips.data'), TRIPS.replaceAll(',', ';'))
  await writeFile(path('bad.ndjson'), BAD)
  await writeFile(path('empty.json'), '')
  writeFlights(path('flights.parquet'), makeFlights(1000, 1))
}, 180_000)

afterAll(() => rm(directory, { recursive: true }))

describe.concurrent('sabot cat', () => {
  it('shows rows as JSON lines, from one file or several', async () => {
    const { code, stdout, stderr } = await run('cat', 'trips.csv.gz')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(lines(stdout)).toEqual(TRIP_ROWS)
    const several = await run('cat', 'trips.csv', 'empty.json', 'flights.parquet', '--head', '6')
    expect(several.code).toBe(0)
    expect(lines(several.stdout).slice(0, 4)).toEqual(TRIP_ROWS)
    expect(lines(several.stdout)).toHaveLength(6)
    expect(lines(several.stdout)[5]).toHaveProperty('origin')
  })

  it('shows a schema as a program declares it', async () => {
    const { code, stdout } = await run('cat', 'trips.csv', '--schema')
    expect(code).toBe(0)
    expect(stdout).toBe("{\n  id: nullable('i32'),\n  start: nullable('timestamp'),\n  fare: nullable('f64'),\n}\n")
    const several = await run('cat', 'empty.json', 'bad.ndjson', '--schema', '--skip-invalid')
    expect(several.stdout).toBe("empty.json: (no records)\nbad.ndjson: {\n  n: nullable('f64'),\n}\n")
  })

  it('shows time range, out-of-orderness and a bound', async () => {
    const { code, stdout } = await run('cat', 'trips.data', '--format', 'csv', '--delimiter', ';', '--stats')
    expect(code).toBe(0)
    expect(stdout.split('\n').map(line => line.replace(/ +/g, ' '))).toEqual([
      'rows 4',
      'event time column start',
      'from 2024-05-01 10:00:00 UTC',
      'to 2024-05-01 11:00:00 UTC',
      'out of order 1 row (25.0 %), by up to 19m30s',
      // 1,170 s, rounded up to two digits.
      "watermark outOfOrderness: '20m' no row is late",
      '',
    ])
    const { stdout: byFare } = await run('cat', 'trips.csv', '--stats', '--time', 'fare')
    expect(byFare).toMatch(/without a time +1 row/)
    const { stdout: untimed } = await run('cat', 'bad.ndjson', '--stats', '--skip-invalid')
    expect(untimed).toMatch(/rows +2\ninvalid records +1\nevent time +no column of timestamps/)
  })

  it('tells what is wrong, with 1 where a file is, and with 2 where the command line is', async () => {
    const bad = await run('cat', 'bad.ndjson')
    expect(bad.code).toBe(1)
    expect(bad.stderr).toMatch(/error RECORD_INVALID: bad\.ndjson: Line 2/)
    const skipped = await run('cat', 'bad.ndjson', '--skip-invalid')
    expect(skipped).toMatchObject({ code: 0, stdout: '{"n":1}\n{"n":3}\n', stderr: '1 invalid record left out\n' })
    const cases: [string[], RegExp][] = [
      [['cat'], /missing required argument 'files'/],
      [['cat', 'nowhere.csv'], /FILE_NOT_FOUND.*nowhere\.csv/],
      [['cat', 'trips.data'], /FORMAT_UNKNOWN.*trips\.data.*--format/s],
      [['cat', 'trips.csv', '--format', 'xml'], /Allowed choices are json, csv, parquet/],
      [['cat', 'trips.csv', '--head', 'few'], /whole number of rows/],
      [['cat', 'trips.csv', '--delimiter', 'x'], /one ASCII character/],
      [['cat', 'trips.csv', '--stats', '--time', 'end'], /NO_SUCH_COLUMN.*Its timestamps are start/s],
      [['cat', 'trips.csv', '--tail'], /unknown option '--tail'/],
    ]
    for (const [args, message] of cases) {
      const { code, stderr } = await run(...args)
      expect(stderr).toMatch(message)
      expect({ args, code }).toEqual({ args, code: 2 })
    }
  })

  it('teaches in its help', async () => {
    const { code, stdout } = await run('cat', '--help')
    expect(code).toBe(0)
    expect(stdout).toMatch(/Examples:.*--stats.*Files:.*\.ndjson.*Exit codes/s)
    expect((await run('--help')).stdout).toMatch(/cat .*files.*convert/s)
  })
})

describe.concurrent('sabot convert', () => {
  it('writes csv as JSON lines and back, and Parquet as either', async () => {
    const there = await run('convert', 'trips.csv', 'trips.ndjson')
    expect(there.code, there.stderr).toBe(0)
    expect(there.stderr).toMatch(/convert finished.*4 rows in, 4 out/)
    expect(lines(await text('trips.ndjson'))).toEqual(TRIP_ROWS)
    expect((await run('convert', 'trips.ndjson', 'again.tsv')).code).toBe(0)
    expect(await text('again.tsv')).toBe(
      `id\tstart\tfare\n${TRIP_ROWS.map(({ id, start, fare }) => `${id}\t${start}\t${fare ?? ''}\n`).join('')}`,
    )
    expect((await run('convert', 'flights.parquet', 'flights.out', '--to', 'csv')).code).toBe(0)
    expect((await text('flights.out')).split('\n')).toHaveLength(1002)
    expect((await run('convert', 'flights.parquet', 'flights.json')).code).toBe(0)
    expect(lines(await text('flights.json'))).toHaveLength(1000)
  })

  it('does not overwrite unless told to, and never the input', async () => {
    await writeFile(path('kept.csv'), 'kept')
    const refused = await run('convert', 'trips.csv', 'kept.csv')
    expect(refused.code).toBe(2)
    expect(refused.stderr).toMatch(/FILE_EXISTS.*kept\.csv.*--force/s)
    expect(await text('kept.csv')).toBe('kept')
    expect((await run('convert', 'trips.csv', 'kept.csv', '--force')).code).toBe(0)
    expect(await text('kept.csv')).toMatch(/^id,start,fare\n1,/)
    const itself = await run('convert', 'trips.csv', './trips.csv', '--force')
    expect(itself.code).toBe(2)
    expect(itself.stderr).toMatch(/FILE_EXISTS.*is the input itself/)
    expect(await text('trips.csv')).toBe(TRIPS)
  })

  it('leaves nothing behind when it fails, and goes on without invalid records when told to', async () => {
    const failed = await run('convert', 'bad.ndjson', 'bad.csv')
    expect(failed.code).toBe(1)
    expect(failed.stderr).toMatch(/RECORD_INVALID.*Line 2/s)
    expect(existsSync(path('bad.csv'))).toBe(false)
    const skipped = await run('convert', 'bad.ndjson', 'good.csv', '--skip-invalid')
    expect(skipped.code).toBe(0)
    expect(skipped.stderr).toMatch(/1 row invalid-record/)
    expect(await text('good.csv')).toBe('n\n1\n3\n')
  })

  it('refuses what it cannot do with 2', async () => {
    const cases: [string[], RegExp][] = [
      [['convert', 'trips.csv'], /missing required argument 'output'/],
      [['convert', 'nowhere.csv', 'x.json'], /NO_SUCH_FILE.*nowhere\.csv/],
      [['convert', 'trips.csv', 'x.parquet.gz'], /FORMAT_UNKNOWN.*x\.parquet\.gz/],
      [['convert', 'trips.csv', 'x.txt'], /FORMAT_UNKNOWN.*--to/s],
      [['convert', 'trips.data', 'x.csv'], /FORMAT_UNKNOWN.*--from/s],
      [['convert', 'trips.csv', 'x', '--to', 'xml'], /Allowed choices are json, csv/],
      [['convert', 'a.csv', 'b.csv', 'c.csv'], /too many arguments/],
    ]
    for (const [args, message] of cases) {
      const { code, stderr } = await run(...args)
      expect(stderr).toMatch(message)
      expect({ args, code }).toEqual({ args, code: 2 })
    }
  })
})

describe('the bounds of event times', () => {
  it('let no row, or one of a thousand, be late, and are at most a tenth too large', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1e9 }), { minLength: 1, maxLength: 200 }), times => {
        const stats = new EventTimeStats('at')
        for (const time of times) stats.addTime(time)
        const delays = times.map((time, index) => Math.max(...times.slice(0, index + 1)) - time)
        const longest = Math.max(...delays)
        const { all, most } = stats.bounds
        expect(all).toBeGreaterThanOrEqual(longest)
        expect(all).toBeLessThanOrEqual(longest * 1.1 + 1)
        expect(delays.filter(delay => delay > most).length).toBeLessThanOrEqual(times.length / 1000)
      }),
    )
    const stats = new EventTimeStats('at')
    for (let n = 0; n < 10_000; n++) stats.addTime(n % 2000 === 1000 ? 0 : n % 100 === 50 ? n - 30 : n)
    expect(stats.bounds).toEqual({ all: 9000, most: 29 })
  })
})

describe('a schema as text', () => {
  it('is what a program declares', () => {
    const shape = { a: 'utf8', 'b-c': nullable(list(nullable('f64'))), d: struct({ e: 'i64' }) } as const
    expect(shapeText(new Schema(fieldsOf(shape)))).toBe(
      `{\n  a: 'utf8',\n  "b-c": nullable(list(nullable('f64'))),\n  d: struct({ e: 'i64' }),\n}`,
    )
    expect(shapeText(new Schema([]))).toBe('{}')
  })
})
