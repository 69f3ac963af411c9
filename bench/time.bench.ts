import { WatermarkCoalescer } from '../src/kernel/time.js'
import { nodeEnvironment } from '../src/node/environment.js'
import { cpuTimed } from './cpu-time.js'
import type { Benchmark, Contender } from './harness.js'

const UPDATES = 4_194_304
const SCANNED_UPDATES = 2048
const MANY = 65_536
const FEW = 8

/** Every input in turn, in an order that jumps through memory, moves a little beyond the others. */
function coalescer(inputs: number): Contender {
  const watermarks = new WatermarkCoalescer(nodeEnvironment().createKernel(), inputs)
  let next = 0
  return cpuTimed({
    unit: 'ns/row',
    rows: UPDATES,
    run: () => {
      for (let update = 0; update < UPDATES; update++) {
        watermarks.advance(Math.imul(next, 0x9e3779b1) & (inputs - 1), Math.floor(next / inputs))
        next++
      }
    },
  })
}

/** What one writes first: the minimum over all inputs after each update. */
function scan(inputs: number): Contender {
  const watermarks = new Float64Array(inputs)
  let next = 0
  let minimum = 0
  return cpuTimed({
    unit: 'ns/row',
    rows: SCANNED_UPDATES,
    run: () => {
      for (let update = 0; update < SCANNED_UPDATES; update++) {
        watermarks[Math.imul(next, 0x9e3779b1) & (inputs - 1)] = Math.floor(next / inputs)
        next++
        let lowest = Number.POSITIVE_INFINITY
        for (let input = 0; input < inputs; input++) lowest = Math.min(lowest, watermarks[input] ?? 0)
        minimum = lowest
      }
      if (Number.isNaN(minimum)) throw new Error('no minimum')
    },
  })
}

const benchmarks: readonly Benchmark[] = [
  {
    name: 'time/coalescer-65536',
    workload: `a watermark of one of ${MANY} inputs moves on, and the coalesced watermark with it; a row is an update, CPU time`,
    unit: 'ns/row',
    rows: UPDATES,
    open: () => ({
      subject: coalescer(MANY),
      peers: { [`${FEW} inputs`]: coalescer(FEW), 'JavaScript scan': scan(MANY) },
    }),
  },
]
export default benchmarks
