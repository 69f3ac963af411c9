/* Bytes of JSON to windows that have fired, through the whole graph; and strings to codes. */
import { readFileSync } from 'node:fs'
import type { Float64Column } from '../src/core/columns-fixed.js'
import { Utf8Column } from '../src/core/columns-text.js'
import { Batch, callback, count, execute, job, json, schema, sum, tumbling } from '../src/index.js'
import { instantiateKernel } from '../src/kernel/module.js'
import { nodeEnvironment } from '../src/node/environment.js'
import { KeyCoder } from '../src/operators/key-coder.js'
import type { JobHandle } from '../src/runtime/job-handle.js'
import { cpuTimed } from './cpu-time.js'
import { FedBytes } from './fed-bytes.js'
import type { Benchmark, Contender, MeasuredContender } from './harness.js'
import { EVENT_FIELDS, lines, parsedRecords } from './json-events.js'

/** Of a pass: they fill 56 windows. */
const RECORDS = 480_000
const RECORD_MS = 7
const PASS_MS = RECORDS * RECORD_MS
const CHUNK_BYTES = 65_536
const WINDOW_MS = 60_000
const BOUND_MS = 1000
/** The end of a window. */
const FIRST_MS = 1_700_000_040_000
/** Before and behind the time in a line. */
const TIME_FROM = '{"time":'.length
const TIME_DIGITS = 13

interface Totals {
  windows: number
  amount: number
}

/** The records of a pass, and a last one, of the first one's page, that lets the last window fire. */
class PassBytes {
  readonly bytes: Uint8Array<ArrayBuffer>
  private readonly starts: readonly number[]

  constructor() {
    const records = lines(() => {}, RECORDS)
    const first = records.subarray(0, records.indexOf(LINE_FEED) + 1)
    this.bytes = new Uint8Array(records.length + first.length)
    this.bytes.set(records)
    this.bytes.set(first, records.length)
    const starts = []
    for (let at = 0; at < this.bytes.length; at = this.bytes.indexOf(LINE_FEED, at) + 1) starts.push(at)
    this.starts = starts
    this.moveTo(0)
  }

  /** The times are those of the pass of this number. */
  moveTo(pass: number): void {
    for (const [record, start] of this.starts.entries()) {
      const behind = record === RECORDS ? BOUND_MS : 0
      let rest = FIRST_MS + pass * PASS_MS + record * RECORD_MS + behind
      for (let at = start + TIME_FROM + TIME_DIGITS - 1; at >= start + TIME_FROM; at--) {
        this.bytes[at] = ZERO + (rest % 10)
        rest = Math.floor(rest / 10)
      }
    }
  }
}

const LINE_FEED = 0x0a
const ZERO = 0x30

/** A job that goes on: a window a minute and page, and a sink that counts. */
class WindowsJob {
  private readonly source = new FedBytes()
  private readonly seen: Totals
  private readonly handle: JobHandle
  private expected = 0
  private onFired: () => void = () => {}

  constructor(seen: Totals) {
    this.seen = seen
    const graph = job('to-windows', j => {
      j.from(json(this.source, EVENT_FIELDS))
        .withTimestamps('time', { outOfOrderness: BOUND_MS })
        .keyBy('page')
        .window(tumbling(WINDOW_MS))
        .aggregate({ visits: count(), amount: sum('amount') })
        .to(callback({ batch: fired => this.count(fired) }))
    }).plan()
    this.handle = execute(graph, nodeEnvironment())
  }

  /** Until a pass has given as many rows of results as it has. */
  async pass(bytes: Uint8Array, results: number): Promise<void> {
    this.seen.windows = 0
    this.seen.amount = 0
    this.expected = results
    const fired = new Promise<void>(resolve => {
      this.onFired = resolve
    })
    this.source.feed(chunksOf(bytes))
    const failed = this.handle.ended.then(({ error }) => Promise.reject(error ?? new Error('the job has ended')))
    await Promise.race([fired, failed])
  }

  async close(): Promise<void> {
    await this.handle.cancel()
  }

  private count(fired: Batch): void {
    const { seen } = this
    seen.windows += fired.length
    const { values } = fired.column('amount') as Float64Column
    for (const amount of values) seen.amount += amount
    if (seen.windows >= this.expected) this.onFired()
  }
}

function* chunksOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += CHUNK_BYTES) yield bytes.subarray(from, from + CHUNK_BYTES)
}

interface Visits {
  visits: number
  amount: number
}

/** What one would write without an engine: JSON.parse a line, a Map a window, which fires when the watermark is past. */
function mapContender(bytes: Uint8Array<ArrayBuffer>, seen: Totals): MeasuredContender {
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
    workload:
      `a job that goes on, in passes of ${RECORDS} records: bytes of NDJSON of 6 fields, in memory, in chunks of 64 KiB ` +
      `→ withTimestamps → keyBy page → count and sum by windows of ${WINDOW_MS} ms → a sink`,
    unit: 'Mrows/s',
    rows: RECORDS,
    // The whole path from source to sink is a lot of code.
    warmUpRuns: 5,
    open: async () => {
      const input = new PassBytes()
      const ours = { windows: 0, amount: 0 }
      const theirs = { windows: 0, amount: 0 }
      const peer = mapContender(input.bytes, theirs)
      await peer.measure()
      // All but the window that the last record begins.
      const results = theirs.windows - 1
      const running = new WindowsJob(ours)
      let pass = 0
      return {
        subject: cpuTimed({
          unit: 'Mrows/s',
          rows: RECORDS,
          prepare: () => input.moveTo(pass++),
          run: () => running.pass(input.bytes, results),
        }),
        peers: { 'JSON.parse and a Map': peer },
        close: async () => {
          await running.close()
          // Each pass but the first begins with the last record of the pass before, which is like its own last one.
          const same = ours.windows === results && Math.abs(ours.amount - theirs.amount) < 1
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
