import { session } from '../../../src/graph/windowing.js'
import { count } from '../../../src/operators/aggregates/aggregate.js'
import { compareOnEachBuild } from '../kernels.js'
import type { Registry } from '../registry.js'
import { fields, integer, list, NotUnderstood, skip, text } from '../vector.js'
import { OperatorRun, timeOf, windowOperatorOf } from '../window-driver.js'
import { NUMBERS } from './windows.js'

const canonical = (values: readonly unknown[]): string[] => values.map(value => JSON.stringify(value)).sort()

export const sessions: Registry = {
  'session-count': ({ config, input, expected }) => {
    const { gap, touchingMerges } = fields('config', config, ['gap', 'touchingMerges'])
    const { emits, late } = fields('expected', expected, ['emits', 'late', 'order'])
    if (list('late', late ?? []).length > 0) {
      return skip('a record behind the watermark is late here only when its session is over, as in Flink and Beam')
    }
    const touching = touchingMerges === false ? 'separate' : 'merge'
    const assigner = session(integer('gap', gap), { touching })
    const create = windowOperatorOf(NUMBERS, keyed => keyed.window(assigner).aggregate({ count: count() }))
    const wanted = list('emits', emits).map(emit => {
      const { key, window, count } = fields('emit', emit, ['key', 'window', 'count'])
      return { key, window, count }
    })
    return compareOnEachBuild(canonical(wanted), kernel => {
      const run = new OperatorRun(kernel, create, NUMBERS)
      for (const operation of list('input', input)) {
        const { op, key, ts } = fields('operation', operation, ['op', 'key', 'ts'])
        if (op === 'event') run.event({ key: text('key', key), value: 0 }, timeOf(ts))
        // Nothing before the watermark comes, and sessions that end before it are over.
        else if (op === 'watermark') run.advance(timeOf(ts) - 1)
        else if (op === 'end-of-input') run.advance(Number.POSITIVE_INFINITY)
        else throw new NotUnderstood(`operation ${JSON.stringify(op)}`)
      }
      const got = run.take().map(({ output, row }) => {
        if (output !== 'main') throw new NotUnderstood('late records')
        return { key: row.key, window: [row.windowStart, row.windowEnd], count: row.count }
      })
      run.close()
      return canonical(got)
    })
  },
}
