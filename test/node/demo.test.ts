/* The demo on three million real flights, against DuckDB and against an oracle in plain TypeScript. */
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { asyncBufferFromFile, parquetRead } from 'hyparquet'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadZstd } from '../../src/formats/zstd.js'
import type { Flights } from './flight-data.js'
import { flightsOracle, type OracleResult } from './flights-oracle.js'
import { compilePackage, root } from './package-under-test.js'
import { demo } from './processes.js'

const INPUT = join(root, 'node_modules/vega-datasets/data/flights-3m.parquet')
const ROWS = 3_000_000

interface DemoJson {
  readonly rows: number
  readonly onTime: number
  readonly late: number
  readonly windows: number
  readonly results: readonly OracleResult[]
}

let directory = ''

beforeAll(async () => {
  await compilePackage()
  directory = await mkdtemp(join(tmpdir(), 'sabot-demo-'))
}, 180_000)

afterAll(() => rm(directory, { recursive: true }))

async function demoJson(...args: string[]): Promise<DemoJson> {
  const output = join(directory, `hourly-${args.join('-').replaceAll(/[^a-z0-9]/g, '')}.ndjson`)
  const { code, stdout, stderr } = await demo(['--json', '--output', output, ...args])
  expect(code, stderr).toBe(0)
  expect(stderr).toBe('')
  return JSON.parse(stdout) as DemoJson
}

/** One text a result: comparing four hundred thousand objects one by one is slow. */
const asLines = (results: readonly OracleResult[]): string[] =>
  results.map(({ origin, windowStart, flights, meanDelay, worstDelay, delayedShare }) =>
    [windowStart, origin, flights, meanDelay, worstDelay, delayedShare].join(' '),
  )

function expectEqual(actual: readonly OracleResult[], expected: readonly OracleResult[]): void {
  const [left, right] = [asLines(actual), asLines(expected)]
  const difference = right.findIndex((line, index) => line !== left[index])
  expect({ difference, line: left[difference] }).toEqual({ difference: -1, line: undefined })
  expect(left.length).toBe(right.length)
}

describe('the demo', () => {
  it('equals GROUP BY in DuckDB when nothing is late', async () => {
    const { rows, onTime, late, windows, results } = await demoJson('--bound', '48h')
    expect({ rows, onTime, late }).toEqual({ rows: ROWS, onTime: ROWS, late: 0 })
    expect(windows).toBe(results.length)
    expectEqual(results, await groupBy())
  }, 120_000)

  it('equals a record-by-record oracle at a bound of two hours', async () => {
    const { rows, onTime, late, windows, results } = await demoJson('--bound', '2h')
    const oracle = flightsOracle(await readFlights(), 2 * 3_600_000)
    expect({ rows, onTime, late }).toEqual({ rows: ROWS, onTime: oracle.onTime, late: oracle.late })
    expect(late).toBeGreaterThan(10_000)
    expect(onTime + late).toBe(rows)
    expect(windows).toBe(oracle.results.length)
    expectEqual(results, oracle.results)
  }, 120_000)

  it('has a bound of two hours when it is told none, and ends with totals', async () => {
    const output = join(directory, 'told-none.ndjson')
    const { code, stdout, stderr } = await demo(['--output', output])
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(/finished in .*: 3,000,000 rows read/)
    expect(stdout).toMatch(/3,000,000 flights = [\d,]+ on time \+ [\d,]+ late/)
    expect(stdout).toContain(output)
    const file = await open(output)
    expect((await file.stat()).size).toBeGreaterThan(1_000_000)
    await file.close()
  }, 120_000)

  it.each([
    ['a missing input', ['--input', 'nowhere.parquet'], /NO_INPUT.*nowhere\.parquet/],
    ['a bad bound', ['--bound', 'long'], /"long" is not a duration/],
    ['an unknown option', ['--frob'], /unknown option '--frob'/],
  ])('ends with 2 for %s', async (_what, args, message) => {
    const { code, stdout, stderr } = await demo(args)
    expect(stderr).toMatch(message)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })
})

async function groupBy(): Promise<OracleResult[]> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const reader = await connection.runAndReadAll(`
    SELECT origin, epoch_ms(date_trunc('hour', date)) AS start, count(*) AS flights, avg(delay) AS mean,
           max(delay) AS worst, avg(CASE WHEN delay >= 15 THEN 1 ELSE 0 END) AS delayed
    FROM read_parquet('${INPUT.replaceAll("'", "''")}') GROUP BY origin, start ORDER BY start, origin`)
  const columns = reader.getColumnsObject()
  connection.closeSync()
  const column = (name: string): readonly unknown[] => columns[name] ?? []
  return column('origin').map((origin, row) => ({
    origin: String(origin),
    windowStart: new Date(Number(column('start')[row])).toISOString(),
    flights: Number(column('flights')[row]),
    meanDelay: Number(column('mean')[row]),
    worstDelay: Number(column('worst')[row]),
    delayedShare: Number(column('delayed')[row]),
  }))
}

async function readFlights(): Promise<Flights> {
  const date = new Float64Array(ROWS)
  const delay = new Int32Array(ROWS)
  const origin: string[] = new Array(ROWS)
  const zstd = await loadZstd()
  await parquetRead({
    file: await asyncBufferFromFile(INPUT),
    columns: ['date', 'delay', 'origin'],
    compressors: { ZSTD: (bytes, size) => zstd.decompress(bytes, size) },
    onChunk: ({ columnName, columnData, rowStart }) => {
      for (let index = 0; index < columnData.length; index++) {
        const value: unknown = columnData[index]
        const row = rowStart + index
        if (columnName === 'date' && value instanceof Date) date[row] = value.getTime()
        else if (columnName === 'delay') delay[row] = Number(value)
        else origin[row] = String(value)
      }
    },
  })
  return { date, delay, origin }
}
