import { Schema } from '../../../src/core/schema.js'
import type { Kernel } from '../../../src/kernel/module.js'
import type { OperatorFactory } from '../../../src/operators/operator.js'
import { compareOnEachBuild } from '../kernels.js'
import type { Registry } from '../registry.js'
import { fields, integer, type Json, list, NotUnderstood, skip, text } from '../vector.js'
import { OperatorRun, timeOf, windowOperatorOf } from '../window-driver.js'
import { aggregateOf, assignerOf, flinkTrigger } from './window-options.js'

export const NUMBERS = Schema.of({ key: 'utf8', value: 'f64' })

const canonical = (values: readonly unknown[]): string[] => values.map(value => JSON.stringify(value)).sort()

/** By input that put something out: what it emitted and what was late, each as a set. */
type Steps = Record<number, { emits: string[]; late: string[] }>

interface ExpectedStep {
  readonly steps: Steps
  /** Whether windows are told by their bounds too. */
  readonly hasBounds: (number: number, index: number) => boolean
}

/** Records of the expectation; the window's bounds are compared where the vector tells them. */
function expectedSteps(steps: readonly Json[]): ExpectedStep {
  const all: Steps = {}
  let bounded = true
  for (const step of steps) {
    const { emits } = fields('step', step, ['afterInput', 'emits', 'late'])
    for (const emit of list('emits', emits)) {
      bounded &&= fields('record', emit, ['key', 'value', 'ts', 'window']).window !== undefined
    }
  }
  for (const step of steps) {
    const { afterInput, emits, late = [] } = fields('step', step, ['afterInput', 'emits', 'late'])
    all[integer('afterInput', afterInput)] = {
      emits: canonical(
        list('emits', emits).map(value => {
          const { key, value: result, ts, window } = fields('record', value, ['key', 'value', 'ts', 'window'])
          return { key, value: result, ts: timeOf(ts), ...(bounded ? { window } : {}) }
        }),
      ),
      late: canonical(
        list('late', late).map(value => {
          const { key, value: result, ts } = fields('record', value, ['key', 'value', 'ts'])
          return { key, value: result, ts }
        }),
      ),
    }
  }
  return { steps: all, hasBounds: () => bounded }
}

function operatorSteps(
  kernel: Kernel,
  create: OperatorFactory,
  input: readonly Json[],
  lateOutput: boolean,
  bounded: boolean,
): Steps {
  const run = new OperatorRun(kernel, create, NUMBERS)
  const all: Steps = {}
  for (const [number, operation] of input.entries()) {
    feed(run, operation)
    const emits: unknown[] = []
    const late: unknown[] = []
    for (const { output, row, timestamp } of run.take()) {
      const { key, value, windowStart, windowEnd } = row
      if (output === 'late') late.push({ key, value, ts: timestamp })
      // The last moment that we know stands for the end of time.
      else {
        const ts = timestamp === 8.64e15 ? Number.POSITIVE_INFINITY : timestamp
        emits.push({ key, value, ts, ...(bounded ? { window: [windowStart, windowEnd] } : {}) })
      }
    }
    const seen = lateOutput ? late : []
    if (emits.length + seen.length > 0) all[number] = { emits: canonical(emits), late: canonical(seen) }
  }
  run.close()
  return all
}

/** One operation of a vector. */
export function feed(run: OperatorRun, operation: Json): void {
  const { op, key, value, ts } = fields('operation', operation, ['op', 'key', 'value', 'ts'])
  switch (op) {
    case 'event':
      // Without event time, an element of Flink has the end of time as timestamp.
      run.event(
        { key: text('key', key), value: integer('value', value) },
        timeOf(ts) === Number.POSITIVE_INFINITY ? 0 : timeOf(ts),
      )
      break
    case 'watermark':
      run.advance(timeOf(ts))
      break
    case 'processing-time':
      run.processingTime(timeOf(ts))
      break
    case 'snapshot-and-restore':
      run.snapshotAndRestore()
      break
    case 'end-of-input':
      run.advance(Number.POSITIVE_INFINITY)
      break
    default:
      throw new NotUnderstood(`operation ${JSON.stringify(op)}`)
  }
}

function latenessOf(value: Json | undefined): number {
  const lateness = timeOf(value ?? 0)
  return lateness > Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : lateness
}

/** What each query (one window definition) fires over the whole run. */
function queryResults(
  kernel: Kernel,
  definitions: readonly Json[],
  input: readonly Json[],
  aggregate: Json | undefined,
): string[] {
  return definitions.flatMap((definition, query) => {
    const assigner = assignerOf(definition)
    const { settings } = assigner
    const isCount = settings.kind === 'global'
    const create = windowOperatorOf(NUMBERS, keyed =>
      keyed.window(assigner).aggregate({ value: aggregateOf(aggregate) }),
    )
    const run = new OperatorRun(kernel, create, NUMBERS)
    const results: { query: number; window: unknown[]; value: unknown }[] = []
    for (const operation of input) {
      const { op, ts } = fields('operation', operation, ['op', 'key', 'value', 'ts'])
      // Scotty's time windows fire when end <= watermark; to us that is the watermark one millisecond before.
      if (op === 'watermark') run.advance(timeOf(ts) - 1)
      else feed(run, operation)
      for (const { output, row } of run.take()) {
        if (output === 'late') throw new NotUnderstood('late records')
        const { windowStart, windowEnd, value } = row
        const size = integer('size', isCount ? (definition as { size?: Json }).size : 0)
        const from = results.length * size
        results.push({ query, window: isCount ? [from, from + size] : [windowStart, windowEnd], value })
      }
    }
    run.close()
    // Scotty knows no window that begins before time 0; ours reach back as far as they contain a record.
    return canonical(results.filter(({ window }) => Number(window[0]) >= 0))
  })
}

const isOutOfOrder = (input: readonly Json[]): boolean => {
  const times = input.flatMap(operation => {
    const { op, ts } = fields('operation', operation, ['op', 'key', 'value', 'ts'])
    return op === 'event' ? [timeOf(ts)] : []
  })
  return times.some((time, index) => index > 0 && time < (times[index - 1] ?? time))
}

export const windows: Registry = {
  'window-operator': ({ config, input, expected }) => {
    const known = ['assigner', 'trigger', 'allowedLateness', 'lateOutput', 'aggregate']
    const { assigner, trigger, allowedLateness, lateOutput, aggregate } = fields('config', config, known)
    const value = aggregateOf(aggregate)
    const windowAssigner = assignerOf(assigner)
    const given = flinkTrigger(trigger)
    const create = windowOperatorOf(NUMBERS, keyed => {
      const windowed = keyed.window(windowAssigner)
      const triggered = given === undefined ? windowed : windowed.trigger(given)
      const lateness = latenessOf(allowedLateness)
      return (lateness === 0 ? triggered : triggered.allowedLateness(lateness)).aggregate({ value })
    })
    const { steps, hasBounds } = expectedSteps(list('steps', fields('expected', expected, ['steps', 'order']).steps))
    return compareOnEachBuild(steps, kernel => {
      return operatorSteps(kernel, create, list('input', input), lateOutput === true, hasBounds(0, 0))
    })
  },

  'multi-window-sum': ({ config, input, expected, notes }) => {
    const { windows: definitions, aggregate } = fields('config', config, ['windows', 'aggregate', 'watermarkMeaning'])
    aggregateOf(aggregate)
    const operations = list('input', input)
    const counts = list('windows', definitions).some(definition => assignerOf(definition).settings.kind === 'global')
    if (counts && isOutOfOrder(operations)) {
      return skip(
        'count windows go by the order of arrival here, as in Flink; Scotty moves records to their place in time',
      )
    }
    const results = list('results', fields('expected', expected, ['results', 'order']).results).map(result => {
      const { query, window, value } = fields('result', result, ['query', 'window', 'value'])
      return { query, window, value }
    })
    const wanted = canonical(results)
    // The source of such a vector asserts that these windows are among the results, and no more.
    const isSubset = notes?.startsWith('subset') === true
    return compareOnEachBuild(wanted, kernel => {
      const got = queryResults(kernel, list('windows', definitions), operations, aggregate).sort()
      return isSubset ? got.filter(result => wanted.includes(result)) : got
    })
  },
}
