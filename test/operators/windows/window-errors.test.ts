import { describe, expect, it } from 'vitest'
import { collect } from '../../../src/connectors/collect.js'
import type { KeyedStream } from '../../../src/graph/keyed-stream.js'
import type { Stream } from '../../../src/graph/stream.js'
import { count, customAggregate, customWindows, job, memory, session, tumbling } from '../../../src/index.js'
import { run } from '../../../src/node/index.js'

interface Visit {
  readonly user: string
  readonly at: number
}

const visits: readonly Visit[] = [
  { user: 'ann', at: 3 },
  { user: 'ann', at: 4 },
]

async function failureOf(define: (keyed: KeyedStream<Visit, 'user'>) => Stream<unknown>) {
  const { status, error } = await run(
    job('failing', j => {
      define(j.from(memory(visits)).withTimestamps('at', { outOfOrderness: 0 }).keyBy('user')).to(collect<unknown>())
    }),
  )
  expect(status).toBe('failed')
  return error
}

const boom = (): never => {
  throw new Error('boom')
}

describe('what is told of a function of windows that throws, or gives what does not fit', () => {
  it.each<[string, (keyed: KeyedStream<Visit, 'user'>) => Stream<unknown>, string, RegExp]>([
    [
      'a process function that throws',
      keyed => keyed.window(tumbling(10)).process(boom),
      'USER_FUNCTION_FAILED',
      /Operator window-1: .*"key":"ann","windowStart":0,"windowEnd":10.*boom/,
    ],
    [
      'an evictor that throws',
      keyed =>
        keyed
          .window(tumbling(10))
          .evict({ kind: 'evictor', description: 'mine', before: boom })
          .aggregate({ n: count() }),
      'USER_FUNCTION_FAILED',
      /Operator window-1: .*"windowEnd":10.*boom/,
    ],
    [
      'a process function that is async',
      keyed => keyed.window(tumbling(10)).process((async () => []) as never),
      'USER_FUNCTION_RESULT',
      /Operator window-1: .*must not be async.*"key":"ann"/,
    ],
    [
      'a process function that gives no objects',
      keyed => keyed.window(tumbling(10)).process(() => [1] as never),
      'USER_FUNCTION_RESULT',
      /Operator window-1: .*1 instead of objects only.*"key":"ann"/,
    ],
    [
      'a reduce function that gives no object',
      keyed => keyed.window(tumbling(10)).reduce(() => 5 as never),
      'USER_FUNCTION_RESULT',
      /Operator window-1: .*5 instead of an object.*"at":4/,
    ],
    [
      'a reduce function that gives another row',
      keyed => keyed.window(tumbling(10)).reduce(() => ({ name: 'x' }) as never),
      'NULL_VALUE',
      /Operator window-1: what its function gave does not fit.*user/,
    ],
    [
      'an assigner that gives no windows',
      keyed => keyed.window(customWindows<Visit>({ assign: () => 7 as never })).aggregate({ n: count() }),
      'USER_FUNCTION_RESULT',
      /Operator window-1: .*not 7, for the record .*"at":3/,
    ],
    [
      'a gap that is none',
      keyed => keyed.window(session<Visit>(() => -1, { touching: 'separate' })).aggregate({ n: count() }),
      'USER_FUNCTION_RESULT',
      /Operator window-1: .*not -1, for the record .*"at":3/,
    ],
  ])('%s', async (_name, define, code, message) => {
    const error = await failureOf(define)
    expect(error).toMatchObject({ code })
    expect(error?.message).toMatch(message)
  })

  it('a custom aggregate without its functions is refused at once', () => {
    expect(() => customAggregate({ type: 'f64' } as never)).toThrow(TypeError)
  })
})
