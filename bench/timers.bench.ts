import { TimerQueue } from '../src/kernel/timers.js'
import { nodeEnvironment } from '../src/node/environment.js'
import { cpuTimed } from './cpu-time.js'
import type { Benchmark, Contender } from './harness.js'
import { TimerHeap } from './peers/timer-heap.js'

const TIMERS = 1_000_000
/** Timers are due within an hour. */
const SPAN_MS = 3_600_000

interface Timers {
  register(time: number, slot: number): void
  /** Fires all that are due; a sum over them. */
  fire(limit: number): number
}

/** One round: all timers of the next hour, in random order, are registered and fire. */
function contender(timers: Timers): Contender {
  const slots = Uint32Array.from({ length: TIMERS }, (_, number) => (Math.imul(number, 0x9e3779b1) % TIMERS) >>> 0)
  const offsets = Float64Array.from(slots, slot => Math.imul(slot, 0x85ebca6b) >>> 0).map(value => value % SPAN_MS)
  let now = 1_767_225_600_000
  timers.fire(now)
  return cpuTimed({
    unit: 'ns/row',
    rows: TIMERS,
    run: () => {
      for (let number = 0; number < TIMERS; number++) {
        timers.register(now + 1 + (offsets[number] as number), slots[number] as number)
      }
      now += SPAN_MS
      if (timers.fire(now) === 0) throw new Error('nothing fired')
    },
  })
}

function kernelTimers(): Timers {
  const queue = new TimerQueue(nodeEnvironment().createKernel())
  return {
    register: (time, slot) => queue.register(time, slot),
    fire: limit => {
      let sum = 0
      while (queue.poll(limit)) sum += queue.slot
      return sum
    },
  }
}

function heapTimers(): Timers {
  const heap = new TimerHeap()
  return {
    register: (time, slot) => heap.register(time, slot),
    fire: limit => {
      let sum = 0
      for (let timer = heap.poll(limit); timer !== undefined; timer = heap.poll(limit)) sum += timer.slot
      return sum
    },
  }
}

const benchmarks: readonly Benchmark[] = [
  {
    name: 'timers/register-and-fire-1m',
    workload: 'a million timers of a million keys, due within an hour, are registered one by one and fire in order',
    unit: 'ns/row',
    rows: TIMERS,
    runs: 3,
    open: () => ({ subject: contender(kernelTimers()), peers: { 'JavaScript heap': contender(heapTimers()) } }),
  },
]
export default benchmarks
