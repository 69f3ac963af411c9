/* A file of JSON to windows that have fired, through the whole graph; and strings to codes. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Utf8Column } from '../src/core/columns-text.js'
import { Batch, callback, count, execute, job, json, schema, sum, tumbling } from '../src/index.js'
import { instantiateKernel } from '../src/kernel/module.js'
import { nodeEnvironment } from '../src/node/environment.js'
import { KeyCoder } from '../src/operators/key-coder.js'
import { cpuTimed } from './cpu-time.js'
import type { Benchmark, Contender } from './harness.js'
import { EVENT_FIELDS, lines, parsedRecords } from './json-events.js'

const RECORDS = 500_000
const CHUNK_BYTES = 65_536
const WINDOW_MS = 60_000
const BOUND_MS = 1000

interface Totals {
  windows: number
  amount: number
}

/** A file, a window a minute and page, and a sink that counts. */
function graphContender(file: string, seen: Totals): Contender {
  const environment = nodeEnvironment()
  return cpuTimed({
    unit: 'Mrows/s',
    rows: RECORDS,
    run: async () => {
      seen.windows = 0
      seen.amount = 0
      const graph = job('to-windows', j => {
        j.from(json(file, EVENT_FIELDS))
          .withTimestamps('time', { outOfOrderness: BOUND_MS })
          .keyBy('page')
          .window(tumbling(WINDOW_MS))
          .aggregate({ visits: count(), amount: sum('amount') })
          .to(
            callback({
              batch: batch => {
                seen.windows += batch.length
                const amounts = batch.column('amount')
                for (let row = 0; row < batch.length; row++) seen.amount += amounts.value(row) as number
              },
            }),
          )
      }).plan()
      const { error } = await execute(graph, environment).ended
      if (error !== undefined) throw error
    },
  })
}

function* chunksOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += CHUNK_BYTES) yield bytes.subarray(from, from + CHUNK_BYTES)
}

interface Visits {
  visits: number
  amount: number
}

/** What one would write without an engine: JSON.parse a line, a Map a window, which fires when the watermark is past. */
function mapContender(bytes: Uint8Array<ArrayBuffer>, seen: Totals): Contender {
  return cpuTimed({
    unit: 'Mrows/s',
    rows: RECORDS,
    run: () => {
      seen.windows = 0
      seen.amount = 0
      const windows = new Map<number, Map<string, Visits>>()
      let highest = Number.NEGATIVE_INFINITY
      const fire = (watermark: number): void => {
        for (const [start, pages] of windows) {
          if (start + WINDOW_MS - 1 > watermark) continue
          windows.delete(start)
          seen.windows += pages.size
          for (const { amount } of pages.values()) seen.amount += amount
        }
      }
      parsedRecords(chunksOf(bytes), ({ time, page, amount }) => {
        const start = time - (time % WINDOW_MS)
        if (start + WINDOW_MS - 1 <= highest - BOUND_MS - 1) return
        let pages = windows.get(start)
        if (pages === undefined) {
          pages = new Map()
          windows.set(start, pages)
        }
        const own = pages.get(page)
        if (own === undefined) pages.set(page, { visits: 1, amount })
        else {
          own.visits++
          own.amount += amount
        }
        if (time > highest) {
          highest = time
          if (windows.size > 1) fire(highest - BOUND_MS - 1)
        }
      })
      fire(Number.POSITIVE_INFINITY)
    },
  })
}

const ROWS = 8192
const BATCHES = 64
const STRINGS = 10_000

/** Batches of one column of strings, as bytes. */
function stringBatches(): Batch[] {
  const type = schema({ user: 'utf8' })
  let seed = 1
  return Array.from({ length: BATCHES }, () => {
    const texts = Array.from({ length: ROWS }, () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
      return `user-${String(seed % STRINGS).padStart(5, '0')}`
    })
    return new Batch({ schema: type, columns: [Utf8Column.from(texts)], rowCount: ROWS })
  })
}

function codeStrings(): { subject: Contender; peers: Record<string, Contender> } {
  const batches = stringBatches()
  const kernel = instantiateKernel(readFileSync(new URL('../build/sabot.wasm', import.meta.url)))
  const timed = (run: () => void): Contender => cpuTimed({ unit: 'Mrows/s', rows: ROWS * BATCHES, run })
  return {
    subject: timed(() => {
      const coder = new KeyCoder(kernel, schema({ user: 'utf8' }).fields)
      for (const batch of batches) coder.code(batch)
      coder.close()
    }),
    peers: {
      'a Map after decoding': timed(() => {
        const codes = new Map<string, number>()
        const decoder = new TextDecoder()
        for (const batch of batches) {
          const { offsets, bytes } = batch.column('user') as Utf8Column
          const ids = new Uint32Array(ROWS)
          for (let row = 0; row < ROWS; row++) {
            const text = decoder.decode(bytes.subarray(offsets[row], offsets[row + 1]))
            let code = codes.get(text)
            if (code === undefined) {
              code = codes.size
              codes.set(text, code)
            }
            ids[row] = code
          }
        }
      }),
    },
  }
}

export default [
  {
    name: 'json/to-windows',
    workload: `a file of NDJSON of 6 fields → withTimestamps → keyBy page → count and sum by windows of ${WINDOW_MS} ms → a sink`,
    unit: 'Mrows/s',
    rows: RECORDS,
    // The whole path from source to sink is a lot of code.
    warmUpRuns: 5,
    open: () => {
      const bytes = lines(() => {}, RECORDS)
      const folder = mkdtempSync(join(tmpdir(), 'sabot-json-'))
      const file = join(folder, 'events.ndjson')
      writeFileSync(file, bytes)
      const ours = { windows: 0, amount: 0 }
      const theirs = { windows: 0, amount: 0 }
      return {
        subject: graphContender(file, ours),
        peers: { 'JSON.parse and a Map': mapContender(bytes, theirs) },
        close: () => {
          rmSync(folder, { recursive: true })
          const same = ours.windows === theirs.windows && Math.abs(ours.amount - theirs.amount) < 1
          if (!same) throw new Error(`the graph found ${JSON.stringify(ours)}, the Map ${JSON.stringify(theirs)}`)
        },
      }
    },
  },
  {
    name: 'json/code-strings',
    workload: `${STRINGS} distinct strings of 10 bytes, from UTF-8 bytes to codes`,
    unit: 'Mrows/s',
    rows: ROWS * BATCHES,
    open: codeStrings,
  },
] satisfies Benchmark[]
