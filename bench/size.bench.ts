import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import type { Benchmark } from './harness.js'

const gzipBytes = (file: string): number => {
  return gzipSync(readFileSync(new URL(`../build/${file}`, import.meta.url)), { level: 9 }).length
}

const benchmarks: readonly Benchmark[] = [
  {
    name: 'size/module',
    workload: 'sabot.wasm (SIMD) compressed with gzip -9, in units of 1,000 bytes; beside the scalar build',
    unit: 'kB',
    rows: 1,
    runs: 1,
    open: () => ({
      subject: { measure: () => gzipBytes('sabot.wasm') / 1000 },
      peers: { scalar: { measure: () => gzipBytes('sabot.scalar.wasm') / 1000 } },
    }),
  },
]
export default benchmarks
