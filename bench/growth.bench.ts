import { nodeEnvironment } from '../src/node/environment.js'
import type { Benchmark } from './harness.js'
import { KeyChurn } from './key-churn.js'

/** 100 million are what the engine promises; they take a while. */
const ROWS = Number(process.env.SABOT_BENCH_GROWTH_ROWS ?? 20_000_000)

const benchmarks: readonly Benchmark[] = [
  {
    name: 'growth/keys-come-and-go',
    workload:
      `memory of the kernel after ${ROWS} rows, whose keys come and go with the windows (SABOT_BENCH_GROWTH_ROWS sets ` +
      'how many), and after a tenth of them',
    unit: 'MB',
    rows: ROWS,
    runs: 1,
    open: () => {
      let early = 0
      return {
        subject: {
          measure: () => {
            const churn = new KeyChurn(nodeEnvironment().createKernel())
            churn.run(ROWS / 10)
            early = churn.memoryBytes / 1e6
            churn.run(ROWS - ROWS / 10)
            return churn.memoryBytes / 1e6
          },
        },
        peers: { 'after a tenth': { measure: () => early } },
      }
    },
  },
]
export default benchmarks
