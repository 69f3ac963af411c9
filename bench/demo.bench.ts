import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Benchmark, Unit } from './harness.js'

const INPUT = 'node_modules/vega-datasets/data/flights-3m.parquet'
const ROWS = 3_000_000

interface Figures {
  readonly afterReadMs: number
  readonly totalMs: number
  readonly peakMB: number
}

function runDemo(): Figures {
  const child = fileURLToPath(new URL('demo-child.js', import.meta.url))
  return JSON.parse(execFileSync(process.execPath, [child, INPUT], { encoding: 'utf8' })) as Figures
}

function benchmark(name: string, unit: Unit, workload: string, figure: (figures: Figures) => number): Benchmark {
  return {
    name,
    unit,
    workload: `examples/flights.ts over 3,000,000 flights in a process of its own: ${workload}`,
    rows: ROWS,
    runs: 3,
    open: () => {
      if (!existsSync(INPUT)) throw new Error(`${INPUT} is not there: run npm ci`)
      return { subject: { measure: () => figure(runDemo()) } }
    },
  }
}

const benchmarks: readonly Benchmark[] = [
  benchmark('demo/cpu', 'ms', 'CPU time after the Parquet file was read', ({ afterReadMs }) => afterReadMs),
  benchmark('demo/memory', 'MB', 'the most memory that the process had', ({ peakMB }) => peakMB),
]
export default benchmarks
