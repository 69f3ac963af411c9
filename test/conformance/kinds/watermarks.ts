import { COALESCED_ACTIVE, COALESCED_IDLE, COALESCED_WATERMARK } from '../../../assembly/abi.js'
import { IdlenessTimer } from '../../../src/core/idleness.js'
import type { Kernel } from '../../../src/kernel/module.js'
import { WatermarkCoalescer, WatermarkGenerator } from '../../../src/kernel/time.js'
import { compareOnEachBuild } from '../kernels.js'
import type { Registry } from '../registry.js'
import { compare, fields, integer, type Json, list, NotUnderstood, skip } from '../vector.js'

type Emitted = { watermark: number } | { status: 'ACTIVE' | 'IDLE' }

/** What one call of the coalescer put out, in the order of its contract. */
function emitted(coalescer: WatermarkCoalescer, changed: number): Emitted[] {
  const out: Emitted[] = []
  if (changed & COALESCED_ACTIVE) out.push({ status: 'ACTIVE' })
  if (changed & COALESCED_WATERMARK) out.push({ watermark: coalescer.watermark })
  if (changed & COALESCED_IDLE) out.push({ status: 'IDLE' })
  return out
}

/** Flink's valve: channels send watermarks and turn idle and active. */
function valve(kernel: Kernel, channels: number, operations: readonly Json[]): Emitted[][] {
  const coalescer = new WatermarkCoalescer(kernel, channels)
  const output = operations.map(operation => {
    const { op, channel, ts, status } = fields('operation', operation, ['op', 'channel', 'ts', 'status'])
    const input = integer('channel', channel)
    if (op === 'watermark') return emitted(coalescer, coalescer.advance(input, integer('ts', ts)))
    if (op === 'status' && status === 'IDLE') return emitted(coalescer, coalescer.idle(input))
    if (op === 'status' && status === 'ACTIVE') return emitted(coalescer, coalescer.active(input))
    throw new NotUnderstood(`operation ${JSON.stringify(operation)}`)
  })
  coalescer.destroy()
  return output
}

/**
 * Hazelcast's coalescer in the terms of ours. A queue that is done is idle for good; a watermark from an idle queue
 * makes it active first. One call there returns one thing, so what our call puts out besides waits for the next.
 */
function queues(kernel: Kernel, count: number, operations: readonly Json[]): (number | 'idle' | 'none')[] {
  const coalescer = new WatermarkCoalescer(kernel, count)
  const done = new Set<number>()
  const waiting: Emitted[] = []
  const returns = operations.map(operation => {
    const { op, queue, ts } = fields('operation', operation, ['op', 'queue', 'ts'])
    if (op === 'watermark') {
      const input = integer('queue', queue)
      waiting.push(...emitted(coalescer, coalescer.active(input)))
      waiting.push(...emitted(coalescer, coalescer.advance(input, integer('ts', ts))))
    } else if (op === 'idle' || op === 'done') {
      const input = integer('queue', queue)
      if (op === 'done') done.add(input)
      const out = emitted(coalescer, coalescer.idle(input))
      // Nothing is said when the last queue is done: the end of input follows.
      if (done.size < count) waiting.push(...out)
    } else if (op !== 'check') {
      throw new NotUnderstood(`operation ${JSON.stringify(operation)}`)
    }
    const next = waiting.filter(out => !('status' in out && out.status === 'ACTIVE'))
    waiting.splice(0, waiting.length, ...next.slice(1))
    const [out] = next
    if (!out) return 'none'
    return 'watermark' in out ? out.watermark : 'idle'
  })
  coalescer.destroy()
  return returns
}

/** The last watermark of a generator that is asked now and then; null when it never had one. */
function boundedOutOfOrderness(kernel: Kernel, boundMs: number, operations: readonly Json[]): number | null {
  const generator = new WatermarkGenerator(kernel, boundMs)
  let last = Number.NEGATIVE_INFINITY
  for (const operation of operations) {
    const { op, ts } = fields('operation', operation, ['op', 'ts'])
    if (op === 'event') {
      generator.assign({ values: Float64Array.of(integer('ts', ts)) })
    } else if (op === 'periodic-emit') {
      last = generator.watermark
    } else {
      throw new NotUnderstood(`operation ${JSON.stringify(operation)}`)
    }
  }
  generator.destroy()
  return Number.isFinite(last) ? last : null
}

export const watermarks: Registry = {
  'watermark-valve': ({ config, input, expected }) => {
    const channels = integer('channels', fields('config', config, ['channels']).channels)
    const { outputPerInput } = fields('expected', expected, ['outputPerInput'])
    return compareOnEachBuild(outputPerInput, kernel => valve(kernel, channels, list('input', input)))
  },

  'watermark-coalescer': ({ config, input, expected }) => {
    const count = integer('queues', fields('config', config, ['queues']).queues)
    const returns = list('returns', fields('expected', expected, ['returns', 'legend']).returns)
    const error = returns.find(value => typeof value === 'object' && value !== null)
    if (error !== undefined) {
      return skip('a watermark that goes back is ignored and an end told twice is harmless here, as in Flink; no error')
    }
    return compareOnEachBuild(
      returns.filter(value => value !== null),
      kernel => queues(kernel, count, list('input', input)).filter((_, index) => returns[index] !== null),
    )
  },

  'bounded-out-of-orderness': ({ config, input, expected }) => {
    const bound = integer('bound', fields('config', config, ['bound']).bound)
    const { lastEmittedWatermark } = fields('expected', expected, ['lastEmittedWatermark'])
    return compareOnEachBuild(lastEmittedWatermark, kernel =>
      boundedOutOfOrderness(kernel, bound, list('input', input)),
    )
  },

  'idleness-timer': ({ config, input, expected }) => {
    const timer = new IdlenessTimer(integer('timeoutMs', fields('config', config, ['timeoutMs']).timeoutMs))
    let nowMs = 0
    const idle: boolean[] = []
    for (const operation of list('input', input)) {
      const { op, ms } = fields('operation', operation, ['op', 'ms'])
      if (op === 'check') idle.push(timer.check(nowMs))
      else if (op === 'activity') timer.activity()
      else if (op === 'advance-clock') nowMs += integer('ms', ms)
      else throw new NotUnderstood(`operation ${JSON.stringify(operation)}`)
    }
    return compare(fields('expected', expected, ['idle']).idle, idle)
  },
}
