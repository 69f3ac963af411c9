import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Batch } from '../src/core/batch.js'
import { Float64Column, Int32Column, TimestampColumn } from '../src/core/columns-fixed.js'
import { tumbling as tumblingGeometry } from '../src/core/window-geometry.js'
import {
  callback,
  count,
  execute,
  type JobGraph,
  job,
  max,
  memory,
  type Source,
  schema,
  sum,
  tumbling,
} from '../src/index.js'
import { xxh64Hex } from '../src/kernel/hash.js'
import { KeyIndex } from '../src/kernel/keys.js'
import { WindowState } from '../src/kernel/windows.js'
import { DirectoryCheckpointStorage } from '../src/node/directory-storage.js'
import { nodeEnvironment } from '../src/node/environment.js'
import type { CheckpointSettings } from '../src/runtime/coordinator.js'
import type { CheckpointStorage } from '../src/state/checkpoint-storage.js'
import { CheckpointWriter } from '../src/state/checkpoint-writer.js'
import { MemoryCheckpointStorage } from '../src/state/memory-storage.js'
import { cpuTimed } from './cpu-time.js'
import type { Benchmark, Contender } from './harness.js'
import { BATCH_ROWS, makeRows } from './keyed-rows.js'

/** The issue asks for 10 million; that takes about 4 GB of memory. */
const KEYS = Number(process.env.SABOT_CHECKPOINT_KEYS ?? 1_000_000)
const CHANGED = Math.floor(KEYS / 100)
const ROW = schema({ key: 'i32', ts: 'timestamp', value: 'f64' })

const keyOf = (id: number): number => Math.imul(id, 0x9e3779b1) & 0x7fffffff

/** Windows of the kernel with every key; `change` adds a row to a hundredth of them, scattered over all. */
function windowsOfAllKeys(): { readonly snapshot: () => Uint8Array; readonly change: (round: number) => void } {
  const kernel = nodeEnvironment().createKernel()
  const index = new KeyIndex(kernel, { kind: 'i32' })
  const columns = [{ type: 'f64', minMax: true, nullable: false }] as const
  const state = new WindowState(kernel, index, tumblingGeometry(1_000_000_000), columns)
  const add = (ids: Int32Array): void => {
    for (let from = 0; from < ids.length; from += BATCH_ROWS) {
      const some = ids.subarray(from, from + BATCH_ROWS)
      index.codeInt32(Int32Array.from(some, keyOf))
      const values = Float64Array.from(some, id => (id * 7.7) % 1000)
      state.add(new Float64Array(some.length).fill(1000), [{ values }])
    }
  }
  add(Int32Array.from({ length: KEYS }, (_, id) => id))
  return {
    snapshot: () => state.snapshot(),
    change: round => add(Int32Array.from({ length: CHANGED }, (_, n) => n * 100 + ((n * 31 + round * 17) % 100))),
  }
}

/** A checkpoint of that state, in turn incremental and full: what the storage was given to keep. */
function writers(figure: (writer: CheckpointWriter, write: (id: number) => Promise<number>) => Promise<number>) {
  const { snapshot, change } = windowsOfAllKeys()
  const kernel = nodeEnvironment().createKernel()
  let round = 0
  const contender = (incremental: boolean): Contender => {
    const storage = new MemoryCheckpointStorage()
    const pause = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
    const writer = new CheckpointWriter({ storage, hash: bytes => xxh64Hex(kernel, bytes), incremental, pause })
    const head = { job: 'bench', createdAtMs: 0, environment: 'node', abiVersion: 1, parameters: {} }
    let id = 0
    const operator = { id: 'windows', kind: 'window', settings: null, state: null, rowsIn: 0, rowsOut: 0 }
    let bytes = snapshot()
    const write = async (): Promise<number> => {
      id += 1
      const snapshots = [{ ...operator, parts: [{ name: 'windows', bytes }] }]
      const { writtenBytes } = await writer.write({ ...head, checkpointId: id }, snapshots)
      if (!incremental) await storage.remove(id)
      return writtenBytes
    }
    return {
      measure: async () => {
        if (id === 0) await write()
        change(round++)
        bytes = snapshot()
        return figure(writer, write)
      },
    }
  }
  return { subject: contender(true), peers: { 'a full checkpoint': contender(false) } }
}

type Row = { readonly key: number; readonly ts: number; readonly value: number }

function batchesOf(rows: number, keyCount: number): Batch<Row>[] {
  const { keys, timestamps, values } = makeRows(rows, keyCount, 'raw')
  return Array.from({ length: Math.floor(rows / BATCH_ROWS) }, (_, number) => {
    const [from, to] = [number * BATCH_ROWS, (number + 1) * BATCH_ROWS]
    const columns = [
      new Int32Column(keys.slice(from, to)),
      TimestampColumn.fromMillis(timestamps.slice(from, to)),
      new Float64Column(values.slice(from, to)),
    ]
    return new Batch<Row>({ schema: ROW, columns, rowCount: BATCH_ROWS })
  })
}

function windowJob(source: Source<Row>, onBatch: (batch: Batch) => void = () => undefined): JobGraph {
  return job('windows', j => {
    j.from(source)
      .withTimestamps('ts', { outOfOrderness: '1s' })
      .keyBy('key')
      .window(tumbling('10d'))
      .aggregate({ n: count(), total: sum('value'), most: max('value') })
      .to(callback({ batch: onBatch }))
  }).plan()
}

async function inDirectory<T>(use: (storage: CheckpointStorage) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'sabot-bench-'))
  try {
    return await use(new DirectoryCheckpointStorage(directory))
  } finally {
    await rm(directory, { recursive: true })
  }
}

type Checkpoints = Pick<CheckpointSettings, 'storage' | 'intervalMs'>

/** `repeats` times the rows, as fast as they go, by the clock. */
async function throughput(batches: readonly Batch<Row>[], repeats: number, checkpoints?: Checkpoints): Promise<number> {
  const source = repeated(memory(batches), repeats)
  const start = performance.now()
  const { error, metrics } = await execute(windowJob(source), nodeEnvironment(), { checkpoints }).ended
  if (error !== undefined) throw error
  const elapsedMs = performance.now() - start
  if (checkpoints !== undefined && metrics.checkpoints.completed === 0) throw new Error('there was no checkpoint')
  return (repeats * batches.length * BATCH_ROWS) / elapsedMs / 1000
}

/** A source that gives its rows several times over. It is not resumed from. */
function repeated(source: Source<Row>, times: number): Source<Row> {
  const { kind, description, schema, replayable } = source
  return {
    kind,
    description,
    schema,
    replayable,
    async open(context) {
      let reader = await source.open(context)
      let left = times - 1
      return {
        rowCount: undefined,
        async read() {
          const item = await reader.read()
          if (item !== undefined || left-- <= 0) return item
          reader = await source.open(context)
          return reader.read()
        },
        close: () => reader.close(),
      }
    },
  }
}

/** So that a run takes some seconds. */
const REPEATS = 60
const PACED_ROWS = 100
const PACED_MS = 4_000

/** The 99th percentile of the time from a row's entry to its result, at 100 rows each ms, ms. */
async function latency(keyCount: number, checkpoints?: Checkpoints): Promise<number> {
  const { keys, values } = makeRows(1 << 19, keyCount, 'raw')
  const delays: number[] = []
  const start = performance.now()
  const source: Source<Row> = {
    kind: 'paced',
    description: 'rows by the clock',
    schema: ROW,
    replayable: false,
    async open() {
      let given = 0
      return {
        rowCount: undefined,
        async read() {
          const elapsedMs = performance.now() - start
          if (elapsedMs > PACED_MS) return undefined
          if (elapsedMs < given / PACED_ROWS) await sleep(1)
          const due = Math.min(BATCH_ROWS, Math.floor((performance.now() - start) * PACED_ROWS) - given)
          const from = given % (keys.length - BATCH_ROWS)
          const rowCount = Math.max(1, due)
          // A row's time is when it was due.
          const times = Float64Array.from({ length: rowCount }, (_, row) => (given + row) / PACED_ROWS)
          const columns = [
            new Int32Column(keys.slice(from, from + rowCount)),
            TimestampColumn.fromMillis(times),
            new Float64Column(values.slice(from, from + rowCount)),
          ]
          given += rowCount
          return { batch: new Batch<Row>({ schema: ROW, columns, rowCount }), position: given }
        },
        async close() {},
      }
    },
  }
  const graph = job('paced', j => {
    const rows = j.from(source).withTimestamps('ts', { outOfOrderness: '1s' })
    rows
      .keyBy('key')
      .window(tumbling('10d'))
      .aggregate({ n: count(), total: sum('value'), most: max('value') })
      .to(callback({ batch: () => undefined }))
    // What goes through the same task beside the windows waits while these are sealed.
    rows.to(
      callback({
        batch: ({ timestamps }) => {
          const now = performance.now() - start
          for (const due of timestamps ?? []) delays.push(now - due)
        },
      }),
    )
  }).plan()
  const { error } = await execute(graph, nodeEnvironment(), { checkpoints }).ended
  if (error !== undefined) throw error
  const sorted = Float64Array.from(delays.slice(delays.length >> 2)).sort()
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN
}

/** From the call to resume until the job runs, with the state of a million keys: a base and a delta. */
async function recovery(storage: CheckpointStorage, graph: JobGraph): Promise<void> {
  const handle = execute(graph, nodeEnvironment(), { resume: true, checkpoints: { storage, intervalMs: 0 } })
  while (handle.status === 'starting') await new Promise(resolve => setImmediate(resolve))
  if (handle.status !== 'running') throw (await handle.ended).error
  await handle.cancel()
}

const STATE = `${KEYS.toLocaleString('en-US')} i32 keys with count, sum, min and max in one open window`

const benchmarks: readonly Benchmark[] = [
  {
    name: 'checkpoint/incremental',
    workload: `bytes written for a checkpoint of ${STATE}, of which 1 %, scattered, have changed since the one before`,
    unit: 'MB',
    rows: KEYS,
    runs: 5,
    warmUpRuns: 1,
    open: () => writers(async (_, write) => (await write(1)) / 1e6),
  },
  {
    name: 'checkpoint/every-second',
    workload: 'rows of 100,000 keys into windows, with a checkpoint to a directory every second; by the clock',
    unit: 'Mrows/s',
    rows: REPEATS * 2_097_152,
    runs: 3,
    warmUpRuns: 1,
    open: () => {
      const batches = batchesOf(2_097_152, 100_000)
      return {
        subject: {
          measure: () => inDirectory(storage => throughput(batches, REPEATS, { storage, intervalMs: 1000 })),
        },
        peers: { 'without checkpoints': { measure: () => throughput(batches, REPEATS) } },
      }
    },
  },
  {
    name: 'checkpoint/latency',
    workload:
      '99th percentile from the time at which a row is due to its result, 100,000 rows/s through a task with windows ' +
      'of 100,000 keys, with a checkpoint to a directory every second',
    unit: 'ms',
    rows: PACED_ROWS * PACED_MS,
    runs: 3,
    warmUpRuns: 1,
    open: () => ({
      subject: { measure: () => inDirectory(storage => latency(100_000, { storage, intervalMs: 1000 })) },
      peers: { 'without checkpoints': { measure: () => latency(100_000) } },
    }),
  },
  {
    name: 'checkpoint/recovery-1m',
    workload: 'from the call to resume until the job runs: windows with 1,000,000 keys from a directory; CPU time',
    unit: 'ms',
    rows: 1_000_000,
    runs: 5,
    warmUpRuns: 1,
    open: async () => {
      const directory = await mkdtemp(join(tmpdir(), 'sabot-bench-'))
      const storage = new DirectoryCheckpointStorage(directory)
      const batches = Array.from({ length: Math.ceil(1_000_000 / BATCH_ROWS) }, (_, number) => {
        const ids = Int32Array.from({ length: BATCH_ROWS }, (_, row) => keyOf(number * BATCH_ROWS + row))
        const columns = [
          new Int32Column(ids),
          TimestampColumn.fromMillis(new Float64Array(BATCH_ROWS).fill(1000)),
          new Float64Column(Float64Array.from(ids, id => id % 1000)),
        ]
        return new Batch<Row>({ schema: ROW, columns, rowCount: BATCH_ROWS })
      })
      const graph = windowJob(memory([...batches, ...batches.slice(0, 2)]))
      let taken = 0
      const handle = execute(graph, nodeEnvironment(), { checkpoints: { storage, intervalMs: 50 } })
      while (handle.status === 'starting' || (handle.status === 'running' && handle.metrics().rowsIn < 1_000_000)) {
        taken = handle.metrics().checkpoints.completed
        await new Promise(resolve => setImmediate(resolve))
      }
      if (handle.status === 'running') await handle.stop()
      if (taken === 0) throw new Error('there was no checkpoint before the last')
      return {
        subject: cpuTimed({ unit: 'ms', rows: 1_000_000, run: () => recovery(storage, graph) }),
        close: () => rm(directory, { recursive: true }),
      }
    },
  },
]
export default benchmarks
