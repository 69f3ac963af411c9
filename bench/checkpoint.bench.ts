import { deserialize, serialize } from 'node:v8'
import { COLUMN_MIN_MAX, DEFAULT_MAX_PARALLELISM, KEY_32, RESULT_SIZE, TYPE_F64 } from '../assembly/abi.js'
import { tumbling } from '../src/core/window-geometry.js'
import { KeyIndex } from '../src/kernel/keys.js'
import { Region } from '../src/kernel/memory.js'
import type { Kernel } from '../src/kernel/module.js'
import { WindowState } from '../src/kernel/windows.js'
import { nodeEnvironment } from '../src/node/environment.js'
import { cpuTimed } from './cpu-time.js'
import type { Benchmark, Contender } from './harness.js'
import { BATCH_ROWS } from './keyed-rows.js'

const KEYS = 1_000_000
const STATE = '1,000,000 i32 keys with count, sum, min and max of an f64 column in one open window'
const GEOMETRY = tumbling(1_000_000_000)

const keyOf = (id: number): number => Math.imul(id, 0x9e3779b1) & 0x7fffffff

interface Windows {
  readonly index: KeyIndex
  readonly state: WindowState
}

function emptyWindows(kernel: Kernel): Windows {
  const index = new KeyIndex(kernel, { kind: 'i32' })
  return { index, state: new WindowState(kernel, index, GEOMETRY, [{ type: 'f64', minMax: true, nullable: false }]) }
}

function destroy({ index, state }: Windows): void {
  state.destroy()
  index.destroy()
}

function filledWindows(kernel: Kernel): Windows {
  const windows = emptyWindows(kernel)
  for (let from = 0; from < KEYS; from += BATCH_ROWS) {
    const rows = Math.min(BATCH_ROWS, KEYS - from)
    const timestamps = new Float64Array(rows).fill(1000)
    windows.index.codeInt32(Int32Array.from({ length: rows }, (_, row) => keyOf(from + row)))
    windows.state.add(timestamps, [{ values: Float64Array.from(timestamps, (_, row) => from + row) }])
  }
  return windows
}

/** Takes a snapshot inside the kernel alone, of windows restored from one. */
function serialiser(kernel: Kernel, snapshot: Uint8Array): () => void {
  const { exports } = kernel
  const keys = kernel.handle(exports.keysCreate(KEY_32, 0, 0, DEFAULT_MAX_PARALLELISM), 'creating keys')
  const columns = kernel.staging.write(Uint32Array.of(TYPE_F64 | COLUMN_MIN_MAX))
  const { sizeMs, slideMs, offsetMs } = GEOMETRY
  const windows = kernel.handle(exports.windowCreate(keys, sizeMs, slideMs, offsetMs, columns, 1), 'creating windows')
  const source = new Region(kernel)
  const outcome = exports.windowRestore(
    windows,
    source.write(snapshot),
    snapshot.length,
    0,
    DEFAULT_MAX_PARALLELISM - 1,
  )
  kernel.check(outcome, 'restoring')
  source.release()
  exports.keysSettle(keys)
  return () => {
    kernel.handle(exports.windowSnapshot(windows), 'taking a snapshot')
    if (kernel.resultWord(RESULT_SIZE) !== snapshot.length) throw new Error('the snapshot is of another size')
    exports.windowSnapshotRelease(windows)
  }
}

/** The same state as one keeps it in JavaScript. */
function mapOfObjects(): Map<number, object> {
  const entries = new Map<number, object>()
  for (let id = 0; id < KEYS; id++) entries.set(keyOf(id), { n: 1, sum: id + 0.5, min: id + 0.5, max: id + 0.5 })
  return entries
}

/** Copies as many bytes within the memory of a kernel: one memmove, which is what memory.copy is. */
function memoryCopy(kernel: Kernel, bytes: number): Contender {
  const source = new Region(kernel).write(new Uint8Array(bytes).fill(7))
  const target = new Region(kernel).write(new Uint8Array(bytes))
  return timed(() => void kernel.u8.copyWithin(target, source, source + bytes))
}

function timed(run: () => void, prepare: () => void = () => {}): Contender {
  return cpuTimed({ unit: 'ms', rows: KEYS, prepare, run })
}

const benchmarks: readonly Benchmark[] = [
  {
    name: 'checkpoint/serialise',
    workload: `the snapshot of ${STATE}, with its hashes, into memory of the kernel; CPU time`,
    unit: 'ms',
    rows: KEYS,
    open: () => {
      const kernel = nodeEnvironment().createKernel()
      const filled = filledWindows(kernel)
      const snapshot = filled.state.snapshot()
      destroy(filled)
      const seal = serialiser(kernel, snapshot)
      // Held by v8.serialize's run alone: a million live objects would make everybody's garbage collection slow.
      let entries = new Map<number, object>()
      const fill = (): void => {
        entries = mapOfObjects()
      }
      return {
        subject: timed(seal),
        peers: {
          'memory.copy': memoryCopy(kernel, snapshot.length),
          'v8.serialize': timed(() => {
            serialize(entries)
            entries = new Map()
          }, fill),
        },
      }
    },
  },
  {
    name: 'checkpoint/snapshot',
    workload: `the snapshot of ${STATE}, with its hashes, as an array of its own outside the kernel; CPU time`,
    unit: 'ms',
    rows: KEYS,
    open: () => {
      const kernel = nodeEnvironment().createKernel()
      const { state } = filledWindows(kernel)
      const bytes = new Uint8Array(state.snapshot().length).fill(7)
      return {
        subject: timed(() => void state.snapshot()),
        peers: { 'a copy as an array of its own': timed(() => void bytes.slice()) },
      }
    },
  },
  {
    name: 'checkpoint/restore',
    workload: `a snapshot of ${STATE} copied into the kernel, checked and restored into an empty operator; CPU time`,
    unit: 'ms',
    rows: KEYS,
    open: () => {
      const kernel = nodeEnvironment().createKernel()
      const filled = filledWindows(kernel)
      const snapshot = filled.state.snapshot()
      destroy(filled)
      const serialised = serialize(mapOfObjects())
      let windows = emptyWindows(kernel)
      const anew = (): void => {
        destroy(windows)
        windows = emptyWindows(kernel)
      }
      return {
        subject: timed(() => windows.state.restore(snapshot), anew),
        peers: {
          'memory.copy': memoryCopy(nodeEnvironment().createKernel(), snapshot.length),
          'v8.deserialize': timed(() => void deserialize(serialised)),
        },
      }
    },
  },
]
export default benchmarks
