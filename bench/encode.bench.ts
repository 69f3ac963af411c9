/* Columns to bytes: NDJSON and CSV in the kernel, JSON.stringify of the rows, and the writer without a kernel. */
import { readFileSync } from 'node:fs'
import Papa from 'papaparse'
import { type Batch, BatchBuilder, schema } from '../src/core/index.js'
import { createCsvEncoder } from '../src/formats/csv-encode.js'
import { createNdjsonEncoder, encodeNdjson } from '../src/formats/ndjson.js'
import { instantiateKernel } from '../src/kernel/module.js'
import type { Benchmark } from './harness.js'

const ROWS = 8192
const BATCHES = 16

const events = schema({ at: 'timestamp', origin: 'utf8', user: 'utf8', delay: 'i32', amount: 'f64', delayed: 'bool' })
const ORIGINS = ['ABQ', 'ATL', 'BOS', 'DEN', 'JFK', 'LAX', 'ORD', 'SEA', 'SFO', 'TPA']

interface Row {
  readonly at: Date
  readonly origin: string
  readonly user: string
  readonly delay: number
  readonly amount: number
  readonly delayed: boolean
}

/** `digits` tells how many places the amounts have; undefined leaves them all. */
function rowsOf(digits: number | undefined): Row[] {
  let seed = 7
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
    return seed % below
  }
  return Array.from({ length: ROWS }, (_, row): Row => {
    const delay = random(200) - 30
    const amount = random(1_000_000) / 997
    return {
      at: new Date(Date.UTC(2001, 0, 1) + row * 250 + random(60_000)),
      origin: ORIGINS[random(ORIGINS.length)] ?? '',
      user: `user-${random(5000)}`,
      delay,
      amount: digits === undefined ? amount : Number(amount.toFixed(digits)),
      delayed: delay >= 15,
    }
  })
}

function batchOf(rows: readonly Row[]): Batch {
  const builder = new BatchBuilder(events)
  for (const row of rows) builder.append(row)
  return builder.finish()
}

function kernel() {
  return instantiateKernel(readFileSync(new URL('../build/sabot.wasm', import.meta.url)))
}

function times(action: () => { readonly length: number }): { run: () => void } {
  return {
    run() {
      let bytes = 0
      for (let turn = 0; turn < BATCHES; turn++) bytes += action().length
      if (bytes === 0) throw new Error('nothing was written')
    },
  }
}

function ndjson(digits: number | undefined) {
  const rows = rowsOf(digits)
  const batch = batchOf(rows)
  const encoder = createNdjsonEncoder(kernel())
  const utf8 = new TextEncoder()
  const stringify = (): Uint8Array => utf8.encode(`${rows.map(row => JSON.stringify(row)).join('\n')}\n`)
  if (Buffer.compare(encoder.encode(batch), stringify()) !== 0) throw new Error('the bytes differ')
  return {
    subject: times(() => encoder.encode(batch)),
    peers: {
      'JSON.stringify': times(stringify),
      'without a kernel': times(() => encodeNdjson(batch)),
    },
  }
}

export default [
  {
    name: 'encode/ndjson',
    workload: `${BATCHES} batches of ${ROWS} rows of 6 fields (about 110 bytes), amounts of 2 places`,
    unit: 'Mrows/s',
    rows: ROWS * BATCHES,
    open: () => ndjson(2),
  },
  {
    name: 'encode/ndjson-long-doubles',
    workload: 'the same, amounts of all places',
    unit: 'Mrows/s',
    rows: ROWS * BATCHES,
    open: () => ndjson(undefined),
  },
  {
    name: 'encode/csv',
    workload: 'the same rows as CSV',
    unit: 'Mrows/s',
    rows: ROWS * BATCHES,
    open() {
      const rows = rowsOf(2)
      const batch = batchOf(rows)
      const encoder = createCsvEncoder(kernel())
      const utf8 = new TextEncoder()
      return {
        subject: times(() => encoder.encode(batch)),
        peers: { 'papaparse unparse': times(() => utf8.encode(Papa.unparse(rows, { newline: '\n' }))) },
      }
    },
  },
] satisfies Benchmark[]
