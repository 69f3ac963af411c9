import { sliding } from '../src/core/window-geometry.js'
import { KeyIndex } from '../src/kernel/keys.js'
import { WindowState } from '../src/kernel/windows.js'
import { nodeEnvironment } from '../src/node/environment.js'
import { cpuTimed } from './cpu-time.js'
import type { Benchmark, Contender } from './harness.js'
import { BATCH_ROWS, makeRows } from './keyed-rows.js'

const ROWS = 1_048_576
const KEYS = 1000
/** Rows between two firings, each of which puts out every key. */
const SLIDE_ROWS = 16_384
/** Of 100 rows so many are older than those around them, by up to a slide. */
const OUT_OF_ORDER = 5

/** The kernel over the same rows: a window of `overlap` slides fires once a slide. One ms a row. */
function slidingWindows(overlap: number): Contender {
  const kernel = nodeEnvironment().createKernel()
  const index = new KeyIndex(kernel, { kind: 'i32' })
  const { keys, values } = makeRows(ROWS, KEYS, 'coded')
  for (let first = 0; first < KEYS; first += BATCH_ROWS) {
    index.codeInt32(Int32Array.from({ length: BATCH_ROWS }, (_, row) => (first + row) % KEYS))
  }
  for (let id = 0; id < KEYS; id++) index.retain(id)
  const specs = [{ type: 'f64', minMax: true, nullable: false }] as const
  const state = new WindowState(kernel, index, sliding(SLIDE_ROWS * overlap, SLIDE_ROWS), specs)
  const timestamps = Float64Array.from(values, (value, row) => {
    const isOld = (row * 2654435761) % 100 < OUT_OF_ORDER
    return row - ROWS - (isOld ? Math.floor((value / 1000) * SLIDE_ROWS) : 0)
  })
  let start = 0
  let checksum = 0
  const pass = (): void => {
    for (let from = 0; from < ROWS; from += BATCH_ROWS) {
      const to = from + BATCH_ROWS
      kernel.i32.set(keys.subarray(from, to), index.idsPointer >> 2)
      state.add(timestamps.subarray(from, to), [{ values: values.subarray(from, to) }])
      // Out-of-orderness is bounded by a slide.
      state.advance(start + to - SLIDE_ROWS - 1)
      for (let fired = state.fire(); fired !== undefined; fired = state.fire()) checksum += fired.rowCounts[0] ?? 0
    }
    start += ROWS
  }
  const next = (): void => {
    for (let row = 0; row < ROWS; row++) timestamps[row] = (timestamps[row] ?? 0) + ROWS
  }
  // All windows are as long as they get, and all memory is there.
  for (let warmed = 0; warmed < overlap * SLIDE_ROWS; warmed += ROWS) {
    next()
    pass()
  }
  if (!(checksum >= 0)) throw new Error('no results')
  return cpuTimed({ unit: 'ns/row', rows: ROWS, prepare: next, run: pass })
}

const benchmarks: readonly Benchmark[] = [10, 60, 600].map(overlap => ({
  name: `sliding/overlap-${overlap}`,
  workload:
    `count, sum, min and max of an f64 column by ${KEYS} keys in windows of ${overlap} slides of ${SLIDE_ROWS} rows, ` +
    `${OUT_OF_ORDER} % of them out of order, adding and firing; beside windows of one slide`,
  unit: 'ns/row',
  rows: ROWS,
  runs: 5,
  open: () => ({ subject: slidingWindows(overlap), peers: { 'overlap 1': slidingWindows(1) } }),
}))
export default benchmarks
