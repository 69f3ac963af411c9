import { Float64Column, Int32Column, TimestampColumn } from '../src/core/columns-fixed.js'
import { writeWords } from '../src/core/int64.js'
import { Batch, callback, job, schema, sum, tumbling } from '../src/index.js'
import { cpuTimed } from './cpu-time.js'
import type { Benchmark } from './harness.js'
import { KernelLoop } from './kernel-loop.js'
import { BATCH_ROWS, type KeyedRows, makeRows } from './keyed-rows.js'
import { FedSource, LastingJob } from './lasting-job.js'
import { type RowObject, rowObjects, rxjsSums } from './peers/rxjs.js'

/** Of a pass. */
const ROWS = 8_388_608
const WINDOW_MS = 2_097_152
const OUT_OF_ORDERNESS_MS = 1000
/** The whole path from source to sink is a lot of code: it reaches its speed after some 50 million rows. */
const WARM_UP_PASSES = 6
/** RxJS gets one window: a run over all rows would take half a minute. */
const RXJS_ROWS = WINDOW_MS
/** The checkpoint of a pass begins here: within a window, when all of its keys are there. */
const CHECKPOINT_AT = (2.5 * WINDOW_MS) / BATCH_ROWS

const ROW = schema({ key: 'i32', ts: 'timestamp', value: 'f64' })

/** The rows as batches, and a last one that lets the last window fire. */
function batchesOf({ keys, values }: KeyedRows): Batch[] {
  const batches = []
  for (let from = 0; from < keys.length; from += BATCH_ROWS) {
    const to = from + BATCH_ROWS
    batches.push(batchOf(keys.subarray(from, to), values.subarray(from, to)))
  }
  batches.push(batchOf(keys.subarray(0, 1), values.subarray(0, 1)))
  return batches
}

function batchOf(keys: Int32Array, values: Float64Array): Batch {
  const rowCount = keys.length
  const timestamps = new TimestampColumn(new BigInt64Array(rowCount))
  return new Batch({ schema: ROW, columns: [new Int32Column(keys), timestamps, new Float64Column(values)], rowCount })
}

/**
 * Puts a pass in event time from `firstMs` on, one ms a row. It is done between passes, in the batches' own buffers:
 * new ones would be the job's to collect.
 */
function moveTo(firstMs: number, batches: readonly Batch[]): void {
  for (const [number, { columns, rowCount }] of batches.entries()) {
    const isLast = number === batches.length - 1
    const first = firstMs + number * BATCH_ROWS + (isLast ? OUT_OF_ORDERNESS_MS : 0)
    const { words } = columns[1] as TimestampColumn
    for (let row = 0; row < rowCount; row++) writeWords(words, row, first + row)
  }
}

function tumblingSum(keyCount: number, label: string, runs: number): Benchmark {
  return {
    name: `graph/tumbling-sum-${label}`,
    workload:
      `a job that goes on, in passes of ${ROWS} rows: prepared column batches of 8,192 rows (i32 key, timestamp, f64 ` +
      `value) → withTimestamps → keyBy → sum in tumbling windows of ${WINDOW_MS} rows → a sink that counts; ${keyCount} ` +
      `keys; a checkpoint to memory in each pass; one core, CPU time`,
    unit: 'Mrows/s',
    rows: ROWS,
    runs,
    warmUpRuns: 1,
    open: async () => {
      const rows = makeRows(ROWS, keyCount, 'raw')
      const source = new FedSource(ROW)
      const running = new LastingJob(source, count =>
        job('tumbling-sum', j => {
          j.from(source)
            .withTimestamps('ts', { outOfOrderness: OUT_OF_ORDERNESS_MS })
            .keyBy('key')
            .window(tumbling(WINDOW_MS))
            .aggregate({ total: sum('value') })
            .to(callback({ batch: count }))
        }).plan(),
      )
      const batches = batchesOf(rows)
      let firstMs = 0
      const prepare = (): void => {
        moveTo(firstMs, batches)
        firstMs += ROWS
      }
      const run = (): Promise<void> => running.pass(batches, CHECKPOINT_AT, (keyCount * ROWS) / WINDOW_MS)
      for (let pass = 0; pass < WARM_UP_PASSES; pass++) {
        prepare()
        await run()
      }
      const loop = new KernelLoop(rows, { form: 'raw', keyCount, windowMs: WINDOW_MS, minMax: false })
      // Held by RxJS's run alone: two million live objects would make everybody's garbage collection slow.
      let objects: RowObject[] = []
      const unit = 'Mrows/s'
      return {
        subject: cpuTimed({ unit, rows: ROWS, prepare, run }),
        peers: {
          'its kernel alone': cpuTimed({ unit, rows: ROWS, prepare: () => loop.nextPass(), run: () => loop.run() }),
          RxJS: cpuTimed({
            unit,
            rows: RXJS_ROWS,
            prepare: () => {
              objects = rowObjects(rows, RXJS_ROWS)
            },
            run: async () => {
              await rxjsSums(objects, WINDOW_MS)
              objects = []
            },
          }),
        },
        close: () => running.close(),
      }
    },
  }
}

// RxJS takes a quarter of a minute for each run over 100,000 keys.
const benchmarks: readonly Benchmark[] = [tumblingSum(1000, '1k', 9), tumblingSum(100_000, '100k', 4)]
export default benchmarks
