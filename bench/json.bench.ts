/* JSON bytes to columns, against JSON.parse into the same columns and DuckDB's reader on one thread. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { type Batch, nullable, type Schema, schema } from '../src/core/index.js'
import { jsonDecoder } from '../src/formats/json.js'
import { instantiateKernel } from '../src/kernel/module.js'
import { cpuTimed } from './cpu-time.js'
import type { Benchmark, Contender } from './harness.js'
import { chunks, EVENT, type JsonEvent, lines, parsedRecords, RECORDS, shuffle } from './json-events.js'

const BATCH_ROWS = 8192

function kernelContender(bytes: Uint8Array, rowType: Schema, file = 'sabot.wasm'): Contender {
  const module = new WebAssembly.Module(readFileSync(new URL(`../build/${file}`, import.meta.url)))
  return cpuTimed({
    unit: 'Mrows/s',
    rows: RECORDS,
    run: () => {
      const decoder = jsonDecoder(instantiateKernel(module), rowType, { batchRows: BATCH_ROWS })
      let rows = 0
      // As the engine does with batches that nothing holds any more.
      const take = ({ batch }: { readonly batch: Batch }): void => {
        rows += batch.rowCount
        decoder.giveBack(batch)
      }
      for (const chunk of chunks(bytes)) for (const decoded of decoder.push(chunk)) take(decoded)
      for (const decoded of decoder.finish()) take(decoded)
      decoder.destroy()
      if (rows !== RECORDS) throw new Error(`${rows} rows decoded of ${RECORDS}`)
    },
  })
}

/** What one would write without a kernel: text, lines, JSON.parse, typed arrays, a Map to code each string column. */
function parseContender(bytes: Uint8Array): Contender {
  return cpuTimed({
    unit: 'Mrows/s',
    rows: RECORDS,
    run: () => {
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
      const take = (record: JsonEvent): void => {
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
      parsedRecords(chunks(bytes), take)
      if (rows !== RECORDS) throw new Error(`${rows} rows decoded of ${RECORDS}`)
    },
  })
}

/** DuckDB's reader of a file, which the system has in its cache, into a table in memory. */
async function duckContender(bytes: Uint8Array): Promise<{ contender: Contender; close: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), 'sabot-json-'))
  const file = join(folder, 'events.ndjson')
  writeFileSync(file, '')
  for (const chunk of chunks(bytes)) writeFileSync(file, chunk, { flag: 'a' })
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const duck = await instance.connect()
  await duck.run('SET threads = 1')
  const contender = cpuTimed({
    unit: 'Mrows/s',
    rows: RECORDS,
    run: async () => {
      await duck.run(
        `create or replace temp table events as select * from read_ndjson('${file}', columns = {'time': 'BIGINT', ` +
          `'user': 'VARCHAR', 'page': 'VARCHAR', 'country': 'VARCHAR', 'amount': 'DOUBLE', 'status': 'INTEGER'})`,
      )
    },
  })
  const close = (): void => {
    duck.closeSync()
    instance.closeSync()
    rmSync(folder, { recursive: true })
  }
  return { contender, close }
}

function benchmark(name: string, workload: string, make: () => Uint8Array, rowType: Schema): Benchmark {
  return {
    name: `json/${name}`,
    workload,
    unit: 'Mrows/s',
    rows: RECORDS,
    open: async () => {
      const bytes = make()
      const duckdb = await duckContender(bytes)
      return {
        subject: kernelContender(bytes, rowType),
        peers: {
          'JSON.parse': parseContender(bytes),
          'DuckDB read_ndjson': duckdb.contender,
          scalar: kernelContender(bytes, rowType, 'sabot.scalar.wasm'),
        },
        close: duckdb.close,
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
