import { cpuTimed } from './cpu-time.js'
import type { Benchmark } from './harness.js'
import { KernelLoop } from './kernel-loop.js'
import { type KeyForm, makeRows } from './keyed-rows.js'
import { duckTable } from './peers/duckdb.js'
import { mapOfObjects } from './peers/js-map.js'
import { nativeLoop } from './peers/native.js'

const ROWS = 8_388_608
const WINDOW_MS = 4_194_304

function tumbling(form: KeyForm, keyCount: number, label: string): Benchmark {
  const keys = form === 'coded' ? 'ids that are dense already' : 'raw u32 keys through the key index'
  return {
    name: `kernel/${form}-${label}`,
    workload:
      `count, sum, min and max of an f64 column by key in two tumbling windows of ${WINDOW_MS} rows, ` +
      `${keyCount} keys (${keys}), batches of 8,192 rows copied in, results looked at; one core, CPU time`,
    unit: 'Mrows/s',
    rows: ROWS,
    runs: 5,
    open: async () => {
      const rows = makeRows(ROWS, keyCount, form)
      const loop = new KernelLoop(rows, { form, keyCount, windowMs: WINDOW_MS, minMax: true })
      const table = await duckTable(rows)
      const timed = { unit: 'Mrows/s', rows: ROWS } as const
      return {
        subject: cpuTimed({ ...timed, prepare: () => loop.nextPass(), run: () => loop.run() }),
        peers: {
          // The loop in C has no key index: it is the yardstick of coded keys alone.
          ...(form === 'coded' ? { 'C (-O3)': nativeLoop(ROWS, keyCount, WINDOW_MS) } : {}),
          'JavaScript Map': cpuTimed({ ...timed, run: () => void mapOfObjects(rows, WINDOW_MS) }),
          'DuckDB, 1 thread': cpuTimed({ ...timed, run: () => table.group(WINDOW_MS) }),
        },
        close: () => table.close(),
      }
    },
  }
}

const SIZES = [
  [100, '100'],
  [10_000, '10k'],
  [1_000_000, '1m'],
] as const

const benchmarks: readonly Benchmark[] = (['coded', 'raw'] as const).flatMap(form =>
  SIZES.map(([keyCount, label]) => tumbling(form, keyCount, label)),
)
export default benchmarks
