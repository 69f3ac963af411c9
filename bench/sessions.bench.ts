import { KeyIndex } from '../src/kernel/keys.js'
import { SessionState } from '../src/kernel/sessions.js'
import { nodeEnvironment } from '../src/node/environment.js'
import { cpuTimed } from './cpu-time.js'
import type { Benchmark } from './harness.js'
import { BATCH_ROWS, makeRows } from './keyed-rows.js'
import { mapOfSessions, type SessionRows } from './peers/js-sessions.js'

const ROWS = 2_097_152
/** Of 100 rows so many are older than those around them, by up to the bound. */
const OUT_OF_ORDER = 5
/** Gaps between the rows of a key, on the average, that end a session: one has about 20 rows. */
const GAP_IN_ROWS_OF_KEY = 3

/** One ms a row; each key comes every `keyCount` ms on the average. */
function sessionRows(keyCount: number): SessionRows {
  const { keys, values } = makeRows(ROWS, keyCount, 'coded')
  const timestamps = Float64Array.from(values, (value, row) => {
    const isOld = (row * 2654435761) % 100 < OUT_OF_ORDER
    return row - (isOld ? Math.floor((value / 1000) * keyCount) : 0)
  })
  return { keys, values, timestamps }
}

/** Sessions over ids that are dense already, a watermark a row; passes follow one another in event time. */
class SessionLoop {
  checksum = 0
  private readonly kernel = nodeEnvironment().createKernel()
  private readonly index = new KeyIndex(this.kernel, { kind: 'i32' })
  private readonly state: SessionState
  private readonly rows: SessionRows
  private readonly watermarks: Float64Array

  constructor(rows: SessionRows, keyCount: number, gapMs: number) {
    this.rows = { ...rows, timestamps: rows.timestamps.slice() }
    this.watermarks = Float64Array.from(rows.keys, (_, row) => row - keyCount - 1)
    this.state = new SessionState(this.kernel, this.index, gapMs, [{ type: 'f64', minMax: true, nullable: false }])
    for (let first = 0; first < keyCount; first += BATCH_ROWS) {
      this.index.codeInt32(Int32Array.from({ length: BATCH_ROWS }, (_, row) => (first + row) % keyCount))
    }
    for (let id = 0; id < keyCount; id++) this.index.retain(id)
  }

  nextPass(): void {
    const { timestamps } = this.rows
    for (let row = 0; row < ROWS; row++) {
      timestamps[row] = (timestamps[row] ?? 0) + ROWS
      this.watermarks[row] = (this.watermarks[row] ?? 0) + ROWS
    }
  }

  run(): void {
    const { state, index, kernel, watermarks } = this
    const { keys, timestamps, values } = this.rows
    for (let first = 0; first < ROWS; first += BATCH_ROWS) {
      const end = first + BATCH_ROWS
      state.load({
        timestamps: timestamps.subarray(first, end),
        watermarks: watermarks.subarray(first, end),
        columns: [{ values: values.subarray(first, end) }],
      })
      for (let from = 0; from < BATCH_ROWS; ) {
        kernel.i32.set(keys.subarray(first + from, end), index.idsPointer >> 2)
        from = state.add(from)
        for (let fired = state.fire(); fired !== undefined; fired = state.fire()) {
          for (let row = 0; row < fired.count; row += 64) this.checksum += fired.columns[0]?.sum[row] as number
        }
        if (from < BATCH_ROWS) state.settle()
      }
    }
  }
}

const benchmarks: readonly Benchmark[] = [[100, '100'] as const, [10_000, '10k'] as const].map(([keyCount, label]) => ({
  name: `sessions/coded-${label}`,
  workload:
    `count, sum, min and max of an f64 column by session of ${keyCount} keys (ids that are dense already), ` +
    `${OUT_OF_ORDER} % of the rows out of order, a watermark a row; batches of 8,192 rows copied in; CPU time`,
  unit: 'Mrows/s',
  rows: ROWS,
  runs: 5,
  open: () => {
    const rows = sessionRows(keyCount)
    const gapMs = GAP_IN_ROWS_OF_KEY * keyCount
    const loop = new SessionLoop(rows, keyCount, gapMs)
    const timed = { unit: 'Mrows/s', rows: ROWS } as const
    return {
      subject: cpuTimed({ ...timed, prepare: () => loop.nextPass(), run: () => loop.run() }),
      peers: {
        'JavaScript Map': cpuTimed({ ...timed, run: () => void mapOfSessions(rows, gapMs, keyCount, BATCH_ROWS) }),
      },
    }
  },
}))
export default benchmarks
