/* CSV bytes to columns: the kernel, papaparse into the same columns, and DuckDB's reader on one thread. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import Papa from 'papaparse'
import { BatchBuilder, schema } from '../src/core/index.js'
import { csvDecoder } from '../src/formats/csv.js'
import { instantiateKernel } from '../src/kernel/module.js'
import type { Benchmark, Contest } from './harness.js'

const ROWS = 300_000
const CHUNK_BYTES = 1 << 20

const events = schema({
  at: 'timestamp',
  user: 'utf8',
  origin: 'utf8',
  delay: 'i32',
  amount: 'f64',
  delayed: 'bool',
})

const ORIGINS = ['ABQ', 'ATL', 'BOS', 'DEN', 'JFK', 'LAX', 'ORD', 'SEA', 'SFO', 'TPA']

function text(): string {
  const lines = ['at,user,origin,delay,amount,delayed']
  let seed = 1
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
    return seed % below
  }
  for (let row = 0; row < ROWS; row++) {
    const at = new Date(Date.UTC(2001, 0, 1) + row * 250 + random(60_000)).toISOString()
    const delay = random(200) - 30
    const amount = (random(100_000) / 100).toFixed(2)
    lines.push(`${at},user-${random(5000)},${ORIGINS[random(ORIGINS.length)]},${delay},${amount},${delay >= 15}`)
  }
  return `${lines.join('\n')}\n`
}

function kernel() {
  return instantiateKernel(readFileSync(new URL('../build/sabot.wasm', import.meta.url)))
}

async function open(): Promise<Contest> {
  const input = text()
  const bytes = new TextEncoder().encode(input)
  const own = kernel()
  const folder = mkdtempSync(join(tmpdir(), 'sabot-csv-'))
  const file = join(folder, 'events.csv')
  writeFileSync(file, bytes)
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const duck = await instance.connect()
  const expectRows = (rows: number): void => {
    if (rows !== ROWS) throw new Error(`${rows} rows instead of ${ROWS}`)
  }
  return {
    subject: {
      run() {
        const decoder = csvDecoder(own, events)
        let rows = 0
        for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
          for (const { batch } of decoder.push(bytes.subarray(from, from + CHUNK_BYTES))) rows += batch.length
        }
        for (const { batch } of decoder.finish()) rows += batch.length
        decoder.destroy()
        expectRows(rows)
      },
    },
    peers: {
      papaparse: {
        run() {
          const builder = new BatchBuilder(events)
          let rows = 0
          const decoder = new TextDecoder()
          Papa.parse<string[]>(decoder.decode(bytes), {
            skipEmptyLines: true,
            step({ data }) {
              if (rows++ === 0) return
              builder.append({
                at: Date.parse(data[0] ?? ''),
                user: data[1],
                origin: data[2],
                delay: Number(data[3]),
                amount: Number(data[4]),
                delayed: data[5] === 'true',
              })
              if (builder.length === 8192) builder.finish()
            },
          })
          builder.finish()
          expectRows(rows - 1)
        },
      },
      'papaparse, rows only': {
        run() {
          expectRows(Papa.parse(new TextDecoder().decode(bytes), { skipEmptyLines: true }).data.length - 1)
        },
      },
      'duckdb read_csv': {
        async run() {
          await duck.run(
            `create or replace temp table events as select * from read_csv('${file}', header = true, ` +
              `columns = {'at': 'TIMESTAMP', 'user': 'VARCHAR', 'origin': 'VARCHAR', 'delay': 'INTEGER', ` +
              `'amount': 'DOUBLE', 'delayed': 'BOOLEAN'})`,
          )
        },
      },
    },
    close() {
      duck.closeSync()
      rmSync(folder, { recursive: true })
    },
  }
}

export default [
  {
    name: 'csv/decode',
    workload: `${ROWS} records of 6 fields (about 55 bytes), bytes to columns`,
    unit: 'Mrows/s',
    rows: ROWS,
    runs: 5,
    open,
  },
] satisfies Benchmark[]
