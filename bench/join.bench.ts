import { Batch } from '../src/core/batch.js'
import { Float64Column, Int32Column } from '../src/core/columns-fixed.js'
import { ALL_KEY_GROUPS } from '../src/core/key-groups.js'
import { Schema } from '../src/core/schema.js'
import { nodeEnvironment } from '../src/node/environment.js'
import { intervalJoinOperator } from '../src/operators/joins/interval-join.js'
import type { Operator, Steps } from '../src/operators/operator.js'
import { cpuTimed } from './cpu-time.js'
import type { Benchmark, Contender } from './harness.js'
import { MapJoin } from './peers/map-join.js'

const BATCH_ROWS = 8192
const BATCHES = 128
const KEYS = 100_000
const ROWS_PER_MS = 100
/** Each key comes once a second on each side: one partner for each row. */
const REACH_MS = 500
const LAG_MS = 10
const schema = Schema.of({ key: 'i32', value: 'f64' })

interface Input {
  readonly side: 0 | 1
  readonly batch: Batch
}

/** Batches of the two sides in turn; each pass over them is in event time behind the one before. */
function inputs(): Input[] {
  let seed = 1
  return Array.from({ length: BATCHES }, (_, number): Input => {
    const key = new Int32Array(BATCH_ROWS)
    const value = new Float64Array(BATCH_ROWS)
    const timestamps = new Float64Array(BATCH_ROWS)
    for (let row = 0; row < BATCH_ROWS; row++) {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
      key[row] = Math.floor((seed / 2 ** 32) * KEYS)
      value[row] = row
      timestamps[row] = Math.floor(((number >> 1) * BATCH_ROWS + row) / ROWS_PER_MS)
    }
    const watermarks = timestamps.map(time => time - LAG_MS)
    const columns = [new Int32Column(key), new Float64Column(value)]
    return {
      side: (number & 1) as 0 | 1,
      batch: new Batch({ schema, columns, rowCount: BATCH_ROWS, timestamps, watermarks }),
    }
  })
}

/** The time that one pass covers. */
const PASS_MS = Math.ceil(((BATCHES >> 1) * BATCH_ROWS) / ROWS_PER_MS) + 2 * REACH_MS

function later({ side, batch }: Input, pass: number): Input {
  const shift = (times: Float64Array | undefined) => times?.map(time => time + pass * PASS_MS)
  return { side, batch: batch.with({ timestamps: shift(batch.timestamps), watermarks: shift(batch.watermarks) }) }
}

class Passes {
  rows = 0
  private readonly once = inputs()
  private pass = 0
  private readonly give: (input: Input) => void
  next: Input[] = []

  constructor(give: (input: Input) => void) {
    this.give = give
  }

  prepare(): void {
    this.next = this.once.map(input => later(input, this.pass))
    this.pass++
  }

  run(): void {
    for (const input of this.next) this.give(input)
  }
}

function finish(steps: Steps | undefined): void {
  while (steps?.next().done === false) {
    // Nothing else is to be done.
  }
}

function ours(counts: { ours: number }): Contender {
  const output = {
    batch: (batch: Batch) => {
      counts.ours += batch.rowCount
    },
    side: () => {},
    watermark: () => {},
    idle: () => {},
    active: () => {},
  }
  const side = { keys: ['key'], schema }
  const operator: Operator = intervalJoinOperator({
    left: side,
    right: side,
    type: 'inner',
    lowerMs: -REACH_MS,
    upperMs: REACH_MS,
    select: {
      kind: 'columns',
      columns: [
        { name: 'key', side: 'left', field: 'key' },
        { name: 'left', side: 'left', field: 'value' },
        { name: 'right', side: 'right', field: 'value' },
      ],
    },
  })({
    id: 'join',
    kernel: nodeEnvironment().createKernel(),
    output,
    keyGroups: ALL_KEY_GROUPS,
    processingTime: { now: () => 0, wakeAt: () => {} },
    wake: () => {},
  })
  const passes = new Passes(({ side: input, batch }) => finish(operator.onBatch(batch, input)))
  return cpuTimed({
    unit: 'Mrows/s',
    rows: BATCHES * BATCH_ROWS,
    prepare: () => passes.prepare(),
    run: () => passes.run(),
  })
}

function mapOfArrays(counts: { map: number }): Contender {
  const join = new MapJoin(REACH_MS)
  const passes = new Passes(({ side, batch }) => {
    const [key, value] = batch.columns as [Int32Column, Float64Column]
    const { timestamps, watermarks } = batch
    if (timestamps === undefined || watermarks === undefined) return
    counts.map += join.add(side, key.values, value.values, timestamps, watermarks)
  })
  return cpuTimed({
    unit: 'Mrows/s',
    rows: BATCHES * BATCH_ROWS,
    prepare: () => passes.prepare(),
    run: () => passes.run(),
  })
}

const benchmarks: readonly Benchmark[] = [
  {
    name: 'join/interval-100k-keys',
    workload: `rows of two sides, ${KEYS} keys, one partner a row within ${REACH_MS} ms before and after; rows of both sides counted`,
    unit: 'Mrows/s',
    rows: BATCHES * BATCH_ROWS,
    open: () => {
      const counts = { ours: 0, map: 0 }
      return {
        subject: ours(counts),
        peers: { 'Map of arrays': mapOfArrays(counts) },
        close: () => {
          if (counts.ours !== counts.map) throw new Error(`${counts.ours} pairs, the Map of arrays has ${counts.map}`)
        },
      }
    },
  },
]

export default benchmarks
