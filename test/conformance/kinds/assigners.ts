import { SabotError } from '../../../src/core/errors.js'
import { IdlenessTimer } from '../../../src/core/idleness.js'
import { session, tumbling } from '../../../src/graph/windowing.js'
import { count } from '../../../src/operators/aggregates/aggregate.js'
import { createAssigner } from '../../../src/operators/windows/assigners.js'
import { mergeWindows } from '../../../src/operators/windows/merge-windows.js'
import { compareOnEachBuild } from '../kernels.js'
import type { Registry } from '../registry.js'
import { compare, fields, integer, type Json, type JsonObject, list, skip } from '../vector.js'
import { OperatorRun, windowOperatorOf } from '../window-driver.js'
import { assignerOf } from './window-options.js'
import { NUMBERS } from './windows.js'

type Window = readonly [start: number, end: number]

const timestamps = (input: Json): number[] =>
  list('input', input).map(event => integer('ts', fields('event', event, ['ts']).ts))

const byStart = (a: Window, b: Window): number => a[0] - b[0] || a[1] - b[1]

const windows = (config: Json, timestamp: number): Window[] =>
  createAssigner(assignerOf(config).settings)
    .assign(timestamp, {})
    .map(({ start, end }): Window => [start, end])
    .sort(byStart)

function isRejected(config: Json): boolean {
  try {
    const { timeoutMs } = config as JsonObject
    if (timeoutMs === undefined) assignerOf(config)
    else new IdlenessTimer(integer('timeoutMs', timeoutMs))
    return false
  } catch (error) {
    if (error instanceof SabotError && error.code.startsWith('INVALID_')) return true
    throw error
  }
}

export const assigners: Registry = {
  assign: ({ config, input, expected }) => {
    const known = ['windows', 'order', 'interval', 'windowIndexesFromAlignTo', 'alignTo']
    const sets = list('windows', fields('expected', expected, known).windows)
    return compare(
      sets.map(set => (list('windows', set) as unknown as Window[]).toSorted(byStart)),
      timestamps(input).map(timestamp => windows(config, timestamp)),
    )
  },

  /** Which records are in which window in the end: the operator merges where windows merge. */
  'assign-sets': ({ config, input, expected }) => {
    const assigner = assignerOf(config)
    const create = windowOperatorOf(NUMBERS, keyed => {
      return keyed.window(assigner).process((_key, rows, { window }) => {
        return [{ window: [window?.start, window?.end], timestamps: rows.map(({ value }) => value) }]
      })
    })
    const sets = list('sets', fields('expected', expected, ['elementsByWindow', 'order']).elementsByWindow)
    return compareOnEachBuild(
      (sets as unknown as { window: Window }[]).toSorted((a, b) => byStart(a.window, b.window)),
      kernel => {
        const run = new OperatorRun(kernel, create, NUMBERS)
        for (const timestamp of timestamps(input)) run.event({ key: 'k', value: timestamp }, timestamp)
        run.advance(Number.POSITIVE_INFINITY)
        const got = run.take().map(({ row }) => row as { window: Window; timestamps: number[] })
        run.close()
        return got
          .map(set => ({ window: set.window, timestamps: set.timestamps.toSorted((a, b) => a - b) }))
          .sort((a, b) => byStart(a.window, b.window))
      },
    )
  },

  'merge-windows': ({ config, input, expected }) => {
    const { merging = 'overlapping' } = createAssigner(assignerOf(config).settings)
    const given = list('input', input).map(window => {
      const [start, end] = list('window', window)
      return { start: integer('start', start), end: integer('end', end) }
    })
    const merges = list('merges', fields('expected', expected, ['merges', 'order']).merges).map(merge => {
      const { from, to } = fields('merge', merge, ['from', 'to'])
      return { from: (list('from', from) as unknown as Window[]).toSorted(byStart), to: to as unknown as Window }
    })
    const got = mergeWindows(given, merging).filter(({ from }) => from.length > 1)
    return compare(
      merges.sort((a, b) => byStart(a.to, b.to)),
      got.map(({ from, start, end }) => ({
        from: from.map((window): Window => [window.start, window.end]).sort(byStart),
        to: [start, end],
      })),
    )
  },

  'window-start': ({ config, input, expected }) => {
    const { size, offset } = fields('config', config, ['size', 'offset'])
    const assigner = createAssigner(tumbling(integer('size', size), { offset: integer('offset', offset) }).settings)
    return compare(
      fields('expected', expected, ['start']).start,
      timestamps(input).map(timestamp => assigner.assign(timestamp, {})[0]?.start),
    )
  },

  'invalid-config': ({ config, input, expected, semantics }) => {
    fields('config', config, [])
    const configs = list('input', input) as readonly JsonObject[]
    const negative = configs.some(({ offset, size }) => Number(offset) < 0 && -Number(offset) < Number(size))
    if (semantics === 'beam' && negative) return skip('negative offsets are allowed here, as in Flink')
    return compare(fields('expected', expected, ['rejected']).rejected, configs.map(isRejected))
  },

  /** Sessions whose bounds are those of their records: of events, or of sessions that are there. */
  'session-bounds': ({ config, input, expected }) => {
    const gap = integer('gap', fields('config', config, ['gap']).gap)
    const given = list('input', input).map(entry => {
      const { ts, session: bounds } = fields('entry', entry, ['ts', 'session'])
      if (bounds === undefined) return [integer('ts', ts), integer('ts', ts)] as const
      const [first, last] = list('session', bounds)
      return [integer('first', first), integer('last', last)] as const
    })
    const sessions = fields('expected', expected, ['sessions', 'order', 'interval']).sessions
    const wanted = (list('sessions', sessions) as unknown as Window[]).toSorted(byStart)
    const create = windowOperatorOf(NUMBERS, keyed =>
      keyed.window(session(gap, { bounds: 'records' })).aggregate({ n: count() }),
    )
    return compareOnEachBuild(wanted, kernel => {
      const run = new OperatorRun(kernel, create, NUMBERS)
      // A session from a to b is what records at a, at b, and between them leave behind.
      for (const [first, last] of given) {
        for (let time = first; time < last; time += gap) run.event({ key: 'k', value: 0 }, time)
        run.event({ key: 'k', value: 0 }, last)
      }
      run.advance(Number.POSITIVE_INFINITY)
      const got = run.take().map(({ row }): Window => [Number(row.windowStart), Number(row.windowEnd)])
      run.close()
      return got.sort(byStart)
    })
  },
}
