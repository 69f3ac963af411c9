import { Batch } from '../src/core/batch.js'
import { Float64Column, Int32Column } from '../src/core/columns-fixed.js'
import { ALL_KEY_GROUPS } from '../src/core/key-groups.js'
import { RowReader } from '../src/core/row-view.js'
import { Schema } from '../src/core/schema.js'
import { nodeEnvironment } from '../src/node/environment.js'
import { processOperator } from '../src/operators/process/process-operator.js'
import { type ValueState, valueState } from '../src/operators/process/state-descriptors.js'
import { cpuTimed } from './cpu-time.js'
import type { Benchmark, Contender } from './harness.js'
import { BATCH_ROWS, makeRows } from './keyed-rows.js'

const ROWS = 1_048_576
const KEYS = 10_000
/** A result goes out for every so many rows of a key. */
const EVERY = 64

const schema: Schema = Schema.of({ key: 'i32', value: 'f64' })

interface Record {
  readonly key: number
  readonly value: number
}

interface Kept {
  readonly count: number
  readonly sum: number
}

function batches(): Batch[] {
  const { keys, timestamps, values } = makeRows(ROWS, KEYS, 'raw')
  return Array.from({ length: ROWS / BATCH_ROWS }, (_, number) => {
    const [from, to] = [number * BATCH_ROWS, (number + 1) * BATCH_ROWS]
    const times = timestamps.slice(from, to)
    return new Batch({
      schema,
      columns: [new Int32Column(keys.slice(from, to)), new Float64Column(values.slice(from, to))],
      rowCount: BATCH_ROWS,
      timestamps: times,
      watermarks: new Float64Array(BATCH_ROWS).fill(Number.NEGATIVE_INFINITY),
    })
  })
}

/** The process function with value state, through the whole operator. */
function withState(input: readonly Batch[]): Contender {
  let out = 0
  const operator = processOperator({
    inputs: [
      {
        keys: ['key'],
        handle: (
          row: unknown,
          { state, emit }: { state: { kept: ValueState<Kept> }; emit(row: object): void },
        ): undefined => {
          const { key, value } = row as Record
          const before = state.kept.get()
          const kept = { count: (before?.count ?? 0) + 1, sum: (before?.sum ?? 0) + value }
          state.kept.set(kept)
          if (kept.count % EVERY === 0) emit({ key, mean: kept.sum / kept.count })
        },
      },
    ],
    state: { kept: valueState<Kept>() },
    broadcastState: {},
    discard: [],
    onTimer: undefined,
    schema: Schema.of({ key: 'i32', mean: 'f64' }),
    sides: new Map(),
    errors: 'fail',
  })({
    id: 'bench',
    kernel: nodeEnvironment().createKernel(),
    output: {
      batch: batch => {
        out += batch.length
      },
      side: () => {},
      watermark: () => {},
      idle: () => {},
      active: () => {},
    },
    keyGroups: ALL_KEY_GROUPS,
    processingTime: { now: () => 0, wakeAt: () => {} },
    wake: () => {},
  })
  return cpuTimed({
    unit: 'Mrows/s',
    rows: ROWS,
    run: () => {
      out = 0
      for (const batch of input) {
        const steps = operator.onBatch(batch, 0)
        while (steps?.next().done === false) {
          // All of it.
        }
      }
      if (out === 0) throw new Error('nothing came out')
    },
  })
}

/** The same code over a bare Map; rows are read through the same views. */
function overMap(input: readonly Batch[]): Contender {
  const states = new Map<number, Kept>()
  const reader = new RowReader<unknown>(schema)
  return cpuTimed({
    unit: 'Mrows/s',
    rows: ROWS,
    run: () => {
      let out: object[] = []
      let count = 0
      for (const batch of input) {
        reader.bind(batch)
        for (let row = 0; row < batch.rowCount; row++) {
          const { key, value } = reader.at(row) as Record
          const before = states.get(key)
          const kept = { count: (before?.count ?? 0) + 1, sum: (before?.sum ?? 0) + value }
          states.set(key, kept)
          if (kept.count % EVERY === 0) out.push({ key, mean: kept.sum / kept.count })
        }
        count += out.length
        out = []
      }
      if (count === 0) throw new Error('nothing came out')
    },
  })
}

const benchmarks: readonly Benchmark[] = [
  {
    name: 'process/value-state',
    workload: `a process function counts and sums by key in value state, ${KEYS} keys, and emits every ${EVERY}th of a key`,
    unit: 'Mrows/s',
    rows: ROWS,
    runs: 5,
    open: () => {
      const input = batches()
      return { subject: withState(input), peers: { 'a bare Map': overMap(input) } }
    },
  },
]
export default benchmarks
