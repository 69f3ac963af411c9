import { Float64Column, Int32Column, TimestampColumn } from '../src/core/columns-fixed.js'
import { Batch, callback, execute, type JobGraph, job, memory, schema, sum, tumbling } from '../src/index.js'
import { nodeEnvironment } from '../src/node/environment.js'
import type { JobHandle } from '../src/runtime/job-handle.js'
import { MemoryCheckpointStorage } from '../src/state/memory-storage.js'
import { cpuTimed } from './cpu-time.js'
import type { Benchmark } from './harness.js'
import { KernelLoop } from './kernel-loop.js'
import { BATCH_ROWS, type KeyedRows, makeRows } from './keyed-rows.js'
import { type RowObject, rowObjects, rxjsSums } from './peers/rxjs.js'

const ROWS = 8_388_608
const WINDOW_MS = 2_097_152
/** RxJS gets one window: a run over all rows would take half a minute. */
const RXJS_ROWS = WINDOW_MS
/** A run lasts a fraction of a second; the "every second" would be no checkpoint at all. */
const CHECKPOINT_INTERVAL_MS = 50

const ROW = schema({ key: 'i32', ts: 'timestamp', value: 'f64' })

function batchesOf({ keys, timestamps, values }: KeyedRows): Batch<{ key: number; ts: number; value: number }>[] {
  const batches = []
  for (let from = 0; from < keys.length; from += BATCH_ROWS) {
    const to = from + BATCH_ROWS
    const columns = [
      new Int32Column(keys.slice(from, to)),
      TimestampColumn.fromMillis(timestamps.slice(from, to)),
      new Float64Column(values.slice(from, to)),
    ]
    batches.push(new Batch({ schema: ROW, columns, rowCount: BATCH_ROWS }))
  }
  return batches
}

/**
 * The last job, held until the next has run. A job that is gone before takes the shapes of its objects with it when
 * garbage is collected, which the harness does before each run: V8 then throws away what it has compiled and begins anew
 * (a third of the CPU time of such a run was compilation). A job that runs on keeps its code.
 */
const held: { job?: JobHandle } = {}

async function runGraph(graph: JobGraph): Promise<number> {
  const checkpoints = { storage: new MemoryCheckpointStorage(), intervalMs: CHECKPOINT_INTERVAL_MS }
  const handle = execute(graph, nodeEnvironment(), { checkpoints })
  const result = await handle.ended
  held.job = handle
  if (result.error !== undefined) throw result.error
  return result.metrics.checkpoints.completed
}

function tumblingSum(keyCount: number, label: string): Benchmark {
  return {
    name: `graph/tumbling-sum-${label}`,
    workload:
      `prepared column batches of 8,192 rows (i32 key, timestamp, f64 value) → withTimestamps → keyBy → sum in tumbling ` +
      `windows of ${WINDOW_MS} rows → a sink that counts; ${keyCount} keys; a checkpoint to memory every ` +
      `${CHECKPOINT_INTERVAL_MS} ms; one core, CPU time`,
    unit: 'Mrows/s',
    rows: ROWS,
    runs: 7,
    // The whole path from source to sink is a lot of code: it reaches its speed after some 50 million rows.
    warmUpRuns: 7,
    open: () => {
      const rows = makeRows(ROWS, keyCount, 'raw')
      const source = memory(batchesOf(rows))
      let counted = 0
      let checkpoints = 0
      const count = ({ length }: Batch): void => {
        counted += length
      }
      const graph = job('tumbling-sum', j => {
        j.from(source)
          .withTimestamps('ts', { outOfOrderness: '1s' })
          .keyBy('key')
          .window(tumbling(WINDOW_MS))
          .aggregate({ total: sum('value') })
          .to(callback({ batch: count }))
      }).plan()
      const loop = new KernelLoop(rows, { form: 'raw', keyCount, windowMs: WINDOW_MS, minMax: false })
      // Held by RxJS's run alone: two million live objects would make everybody's garbage collection slow.
      let objects: RowObject[] = []
      const unit = 'Mrows/s'
      return {
        subject: cpuTimed({
          unit,
          rows: ROWS,
          prepare: () => {
            counted = 0
          },
          run: async () => {
            checkpoints += await runGraph(graph)
            if (counted !== (keyCount * ROWS) / WINDOW_MS) throw new Error(`${counted} results are too many or too few`)
          },
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
        close: () => {
          if (checkpoints === 0) throw new Error('no checkpoint was taken')
        },
      }
    },
  }
}

const benchmarks: readonly Benchmark[] = [tumblingSum(1000, '1k'), tumblingSum(100_000, '100k')]
export default benchmarks
