import { Float64Column, Int32Column } from '../src/core/columns-fixed.js'
import { Batch, callback, job, schema, sum, tumbling } from '../src/index.js'
import { cpuTimed } from './cpu-time.js'
import type { Benchmark } from './harness.js'
import { KernelLoop } from './kernel-loop.js'
import { BATCH_ROWS, type KeyedRows, makeRows } from './keyed-rows.js'
import { ascendingTimes, FedSource, LastingJob } from './lasting-job.js'
import { type RowObject, rowObjects, rxjsSums } from './peers/rxjs.js'

/** Of a pass. */
const ROWS = 8_388_608
const WINDOW_MS = 2_097_152
const OUT_OF_ORDERNESS_MS = 1000
/** RxJS gets one window: a run over all rows would take half a minute. */
const RXJS_ROWS = WINDOW_MS
/** The checkpoint of a pass begins here: within a window, when all of its keys are there. */
const CHECKPOINT_AT = (2.5 * WINDOW_MS) / BATCH_ROWS

const ROW = schema({ key: 'i32', ts: 'timestamp', value: 'f64' })

/** The rows as batches, in event time from `firstMs` on, and a last one that lets the last window fire. */
function batchesOf({ keys, values }: KeyedRows, firstMs: number): Batch[] {
  const batches = []
  for (let from = 0; from < keys.length; from += BATCH_ROWS) {
    const rows = { keys: keys.subarray(from, from + BATCH_ROWS), values: values.subarray(from, from + BATCH_ROWS) }
    batches.push(batchOf(rows, firstMs + from))
  }
  const one = { keys: keys.subarray(0, 1), values: values.subarray(0, 1) }
  batches.push(batchOf(one, firstMs + keys.length + OUT_OF_ORDERNESS_MS))
  return batches
}

function batchOf({ keys, values }: Pick<KeyedRows, 'keys' | 'values'>, firstMs: number): Batch {
  const rowCount = keys.length
  const columns = [new Int32Column(keys), ascendingTimes(firstMs, rowCount), new Float64Column(values)]
  return new Batch({ schema: ROW, columns, rowCount })
}

function tumblingSum(keyCount: number, label: string): Benchmark {
  return {
    name: `graph/tumbling-sum-${label}`,
    workload:
      `a job that goes on, in passes of ${ROWS} rows: prepared column batches of 8,192 rows (i32 key, timestamp, f64 ` +
      `value) → withTimestamps → keyBy → sum in tumbling windows of ${WINDOW_MS} rows → a sink that counts; ${keyCount} ` +
      `keys; a checkpoint to memory in each pass; one core, CPU time`,
    unit: 'Mrows/s',
    rows: ROWS,
    runs: 7,
    // The whole path from source to sink is a lot of code: it reaches its speed after some 30 million rows.
    warmUpRuns: 4,
    open: () => {
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
      const results = (keyCount * ROWS) / WINDOW_MS
      let batches: Batch[] = []
      let firstMs = 0
      const loop = new KernelLoop(rows, { form: 'raw', keyCount, windowMs: WINDOW_MS, minMax: false })
      // Held by RxJS's run alone: two million live objects would make everybody's garbage collection slow.
      let objects: RowObject[] = []
      const unit = 'Mrows/s'
      return {
        subject: cpuTimed({
          unit,
          rows: ROWS,
          prepare: () => {
            batches = batchesOf(rows, firstMs)
            firstMs += ROWS
          },
          run: () => running.pass(batches, CHECKPOINT_AT, results),
        }),
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

const benchmarks: readonly Benchmark[] = [tumblingSum(1000, '1k'), tumblingSum(100_000, '100k')]
export default benchmarks
