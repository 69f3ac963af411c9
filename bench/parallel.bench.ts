import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { register } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { PreAggregation } from '../src/index.js'
import { start } from '../src/node/run.js'
import type { Benchmark, Contender } from './harness.js'
import { BATCH_ROWS } from './keyed-rows.js'
import type * as Jobs from './parallel-jobs.js'

// The jobs say `sabot`, as users' do: that is to be the copy that is measured.
const hooks = new URL('../src/node/cli/module-hooks.js', import.meta.url)
register(hooks, { data: { ownFiles: { sabot: new URL('../src/index.js', import.meta.url).href } } })
const jobs = (): Promise<typeof Jobs> => import('./parallel-jobs.js')

const SPLITS = 4
/** A worker compiles all code anew: it is fast after some ten million rows. */
const BATCHES = 3072
const FILE_ROWS = 500_000
const FILE_SPLITS = 64

interface Run {
  readonly exportName: 'columns' | 'lines'
  readonly rows: number
  readonly parameters?: Readonly<Record<string, string>>
  readonly baseDirectory?: string
}

/** Time by the clock, from when all workers are ready until all rows are worked off: parallel speed is about that. */
function inWorkers(count: number, { exportName, rows, ...options }: Run): Contender {
  return {
    measure: async () => {
      const module = new URL('./parallel-jobs.js', import.meta.url)
      const handle = await start((await jobs())[exportName], {
        ...options,
        parallelism: count,
        workers: { module, exportName, count },
      })
      while (handle.status === 'starting') await setTimeout(1)
      const from = performance.now()
      const { error, metrics } = await handle.ended
      if (error !== undefined) throw error
      if (metrics.rowsIn !== rows) throw new Error(`${metrics.rowsIn} rows were read, not ${rows}`)
      return rows / (performance.now() - from) / 1000
    },
  }
}

function preparedColumns(name: string, preAggregate: PreAggregation, how: string): Benchmark {
  return {
    name,
    workload: `column batches of ${BATCH_ROWS} rows, made in ${SPLITS} splits → withTimestamps → keyBy (100,000 keys) → count, sum and max in tumbling windows of 2,097,152 rows, ${how}, in two worker threads; time by the clock`,
    unit: 'Mrows/s',
    rows: BATCHES * SPLITS * BATCH_ROWS,
    runs: 3,
    warmUpRuns: 1,
    open: () => {
      const run = { exportName: 'columns' as const, rows: BATCHES * SPLITS * BATCH_ROWS }
      const parameters = { batches: String(BATCHES), preAggregate }
      return {
        subject: inWorkers(2, { ...run, parameters }),
        peers: { 'one worker': inWorkers(1, { ...run, parameters }) },
      }
    },
  }
}

const files: Benchmark = {
  name: 'parallel/two-workers-ndjson',
  workload: `the same from ${FILE_SPLITS} files of NDJSON with ${FILE_ROWS} records of about 70 bytes each; time by the clock`,
  unit: 'Mrows/s',
  rows: FILE_ROWS * FILE_SPLITS,
  runs: 3,
  warmUpRuns: 1,
  open: async () => {
    const baseDirectory = mkdtempSync(join(tmpdir(), 'sabot-bench-'))
    const { FILES, ndjsonFile } = await jobs()
    const text = ndjsonFile(FILE_ROWS)
    for (let n = 0; n < FILES; n++) writeFileSync(join(baseDirectory, `part-${n}.ndjson`), text)
    const run = { exportName: 'lines' as const, rows: FILE_ROWS * FILE_SPLITS, baseDirectory }
    return {
      subject: inWorkers(2, run),
      peers: { 'one worker': inWorkers(1, run) },
      close: () => rmSync(baseDirectory, { recursive: true, force: true }),
    }
  },
}

const benchmarks: readonly Benchmark[] = [
  preparedColumns('parallel/two-workers', 'always', 'aggregated before they are exchanged'),
  preparedColumns('parallel/two-workers-exchange', 'never', 'each row exchanged'),
  files,
]
export default benchmarks
