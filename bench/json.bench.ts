/* JSON bytes to columns, against JSON.parse into the same columns. */
import { readFileSync } from 'node:fs'
import { nullable, type Schema, schema } from '../src/core/index.js'
import { jsonDecoder } from '../src/formats/json.js'
import { instantiateKernel } from '../src/kernel/module.js'
import { cpuTimed } from './cpu-time.js'
import type { Benchmark, Contender } from './harness.js'

/** Records that are made, and how often a run goes through them: what has just arrived is in the cache. */
const DISTINCT = 50_000
const TIMES = 8
const RECORDS = DISTINCT * TIMES
const CHUNK_BYTES = 65_536
const BATCH_ROWS = 8192

const EVENT = schema({ time: 'timestamp', user: 'utf8', page: 'utf8', country: 'utf8', amount: 'f64', status: 'i32' })

/** A sequence of whole numbers below 2^31 (Lehmer, MINSTD), the same in every run. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state
  }
}

const COUNTRIES = ['DE', 'FR', 'US', 'BR', 'IN', 'JP', 'KE', 'AU']

/** Values of one record as JSON texts, by key. */
function event(next: () => number, index: number): [string, string][] {
  return [
    ['time', String(1_700_000_000_000 + index * 7)],
    ['user', `"user-${String(next() % 10_000).padStart(5, '0')}"`],
    ['page', `"/products/${next() % 1000}/view"`],
    ['country', `"${COUNTRIES[next() % COUNTRIES.length]}"`],
    ['amount', ((next() % 100_000) / 100).toFixed(2)],
    ['status', String(200 + (next() % 300))],
  ]
}

function lines(order: (fields: [string, string][], next: () => number) => void): Uint8Array {
  const next = numbers(42)
  let text = ''
  for (let index = 0; index < DISTINCT; index++) {
    const fields = event(next, index)
    order(fields, next)
    text += `{${fields.map(([key, value]) => `"${key}":${value}`).join(',')}}\n`
  }
  return new TextEncoder().encode(text)
}

function shuffle(fields: [string, string][], next: () => number): void {
  for (let left = fields.length; left > 1; left--) {
    const picked = next() % left
    const [last, other] = [fields[left - 1], fields[picked]]
    if (last && other) {
      fields[left - 1] = other
      fields[picked] = last
    }
  }
}

function* chunks(bytes: Uint8Array): Generator<Uint8Array> {
  for (let time = 0; time < TIMES; time++) {
    for (let from = 0; from < bytes.length; from += CHUNK_BYTES) yield bytes.subarray(from, from + CHUNK_BYTES)
  }
}

function kernelContender(bytes: Uint8Array, rowType: Schema, file = 'sabot.wasm'): Contender {
  const module = new WebAssembly.Module(readFileSync(new URL(`../build/${file}`, import.meta.url)))
  return cpuTimed({
    unit: 'Mrows/s',
    rows: RECORDS,
    run: () => {
      const decoder = jsonDecoder(instantiateKernel(module), rowType, { batchRows: BATCH_ROWS })
      let rows = 0
      for (const chunk of chunks(bytes)) for (const { batch } of decoder.push(chunk)) rows += batch.rowCount
      for (const { batch } of decoder.finish()) rows += batch.rowCount
      decoder.destroy()
      if (rows !== RECORDS) throw new Error(`${rows} rows decoded of ${RECORDS}`)
    },
  })
}

interface Event {
  readonly time: number
  readonly user: string
  readonly page: string
  readonly country: string
  readonly amount: number
  readonly status: number
}

/** What one would write without a kernel: text, lines, JSON.parse, typed arrays, a Map to code each string column. */
function parseContender(bytes: Uint8Array): Contender {
  return cpuTimed({
    unit: 'Mrows/s',
    rows: RECORDS,
    run: () => {
      const decoder = new TextDecoder()
      const codes = [new Map<string, number>(), new Map<string, number>(), new Map<string, number>()] as const
      const code = (column: 0 | 1 | 2, text: string): number => {
        const map = codes[column]
        const known = map.get(text)
        if (known !== undefined) return known
        map.set(text, map.size)
        return map.size - 1
      }
      const columns = () => ({
        time: new Float64Array(BATCH_ROWS),
        amount: new Float64Array(BATCH_ROWS),
        status: new Int32Array(BATCH_ROWS),
        user: new Int32Array(BATCH_ROWS),
        page: new Int32Array(BATCH_ROWS),
        country: new Int32Array(BATCH_ROWS),
      })
      let batch = columns()
      let row = 0
      let rows = 0
      let rest = ''
      const take = (line: string): void => {
        if (line === '') return
        const record = JSON.parse(line) as Event
        batch.time[row] = record.time
        batch.amount[row] = record.amount
        batch.status[row] = record.status
        batch.user[row] = code(0, record.user)
        batch.page[row] = code(1, record.page)
        batch.country[row] = code(2, record.country)
        rows++
        if (++row === BATCH_ROWS) {
          batch = columns()
          row = 0
        }
      }
      for (const chunk of chunks(bytes)) {
        const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n')
        rest = parts.pop() ?? ''
        for (const line of parts) take(line)
      }
      take(rest)
      if (rows !== RECORDS) throw new Error(`${rows} rows decoded of ${RECORDS}`)
    },
  })
}

function benchmark(name: string, workload: string, make: () => Uint8Array, rowType: Schema): Benchmark {
  return {
    name: `json/${name}`,
    workload,
    unit: 'Mrows/s',
    rows: RECORDS,
    open: () => {
      const bytes = make()
      return {
        subject: kernelContender(bytes, rowType),
        peers: { 'JSON.parse': parseContender(bytes), scalar: kernelContender(bytes, rowType, 'sabot.scalar.wasm') },
      }
    },
  }
}

const inOrder = (): void => {}

export default [
  benchmark('decode', 'NDJSON of 6 fields, keys in one order, to coded columns', () => lines(inOrder), EVENT),
  benchmark('decode-shuffled', 'NDJSON of 6 fields, keys shuffled anew in each record', () => lines(shuffle), EVENT),
  benchmark(
    'decode-optional',
    'NDJSON of 6 fields, of which half the records lack one',
    () => lines((fields, next) => (next() % 2 === 0 ? fields.splice(3, 1) : fields)),
    schema({
      ...{ time: 'timestamp', user: 'utf8', page: 'utf8' },
      country: nullable('utf8'),
      amount: 'f64',
      status: 'i32',
    }),
  ),
] satisfies Benchmark[]
