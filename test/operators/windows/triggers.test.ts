import { describe, expect, it } from 'vitest'
import { collect } from '../../../src/connectors/collect.js'
import { memory } from '../../../src/connectors/memory.js'
import { DELETE, INSERT, UPDATE_AFTER, UPDATE_BEFORE } from '../../../src/core/row-kind.js'
import { job } from '../../../src/graph/job.js'
import { countWindow, global, session, tumbling } from '../../../src/graph/windowing.js'
import { collectList, count, sum } from '../../../src/operators/aggregates/aggregate.js'
import { after } from '../../../src/operators/windows/conditions.js'
import { evict } from '../../../src/operators/windows/evictor.js'
import { pane } from '../../../src/operators/windows/pane-fields.js'
import type { Trigger } from '../../../src/operators/windows/trigger.js'
import { trigger } from '../../../src/operators/windows/trigger-names.js'
import type { TestElement } from '../../../src/testing/operator-harness.js'
import { operatorOf, rowsOf, runInAllModes } from './harness.js'

type Row = readonly [key: string, value: number, timestamp: number]

let watermark = Number.NEGATIVE_INFINITY

/** Rows, watermarks (a number) and processing time (a text) in the order in which they come. */
function script(...steps: readonly (Row | number | string)[]): TestElement[] {
  watermark = Number.NEGATIVE_INFINITY
  return steps.map((step): TestElement => {
    if (typeof step === 'string') return { kind: 'processing-time', timestamp: Number(step) }
    if (typeof step === 'number') {
      watermark = step
      return { kind: 'watermark', timestamp: step }
    }
    const [key, value, timestamp] = step
    return { kind: 'row', row: { key, value }, timestamp, watermark }
  })
}

/** What comes out in every mode, as tuples of the wanted fields. */
function outcome(
  create: ReturnType<typeof operatorOf>,
  elements: readonly TestElement[],
  ...fields: readonly string[]
) {
  const [first, ...others] = runInAllModes(create, elements)
  if (first === undefined) throw new TypeError('no mode')
  for (const other of others) expect(other.main, other.mode).toEqual(first.main)
  return rowsOf(first.main).map(row => fields.map(field => Reflect.get(row, field)))
}

const END = Number.POSITIVE_INFINITY

describe('triggers', () => {
  it('count: each n records, the rest not at all; purging forgets what was fired', () => {
    const rows = script(['a', 1, 1], ['a', 2, 2], ['b', 9, 2], ['a', 3, 3], ['a', 4, 4], ['a', 5, 5], END)
    const kept = operatorOf(keyed => {
      return keyed
        .window(tumbling(100))
        .trigger(trigger.count(2))
        .aggregate({ total: sum('value') })
    })
    expect(outcome(kept, rows, 'key', 'total')).toEqual([
      ['a', 3],
      ['a', 10],
    ])
    const purged = operatorOf(keyed => {
      return keyed
        .window(tumbling(100))
        .trigger(trigger.purging(trigger.count(2)))
        .aggregate({ total: sum('value') })
    })
    expect(outcome(purged, rows, 'key', 'total')).toEqual([
      ['a', 3],
      ['a', 7],
    ])
  })

  it('continuous: at each interval that the watermark passes, and at the end', () => {
    const create = operatorOf(keyed => {
      const shown = { total: sum('value'), when: pane.timing() }
      return keyed.window(tumbling(100)).trigger(trigger.continuous(30)).aggregate(shown)
    })
    const rows = script(['a', 1, 5], 29, ['a', 2, 31], 30, 65, ['a', 4, 80], END)
    expect(outcome(create, rows, 'total', 'when')).toEqual([
      ...[
        [3, 'early'],
        [3, 'early'],
      ],
      // At the end of input all that is due comes, by the time for which it was registered.
      ...[
        [7, 'onTime'],
        [7, 'late'],
      ],
    ])
  })

  it('continuous in processing time: as long as the window is there', () => {
    const create = operatorOf(keyed => {
      return keyed.window(tumbling(100)).trigger(trigger.continuousProcessingTime(10)).aggregate({ n: count() })
    })
    expect(outcome(create, script('3', ['a', 1, 5], '9', '10', ['a', 1, 6], '25', 99, '50'), 'n')).toEqual([[1], [2]])
  })

  it('delta: on a change that is large enough, from the record at the last firing on', () => {
    const create = operatorOf(keyed => {
      const changes = trigger.delta<{ value: number }, number>(
        5,
        row => row.value,
        (last, now) => Math.abs(now - last),
      )
      return keyed
        .window(global())
        .trigger(changes)
        .aggregate({ values: collectList('value') })
    })
    const rows = script(['a', 1, 1], ['a', 6, 2], ['a', 7, 3], ['a', 8, 4], ['a', 20, 5])
    expect(outcome(create, rows, 'values')).toEqual([[[1, 6, 7]], [[1, 6, 7, 8, 20]]])
  })

  it('any and all combine triggers', () => {
    const rows = script(['a', 1, 1], ['a', 2, 2], ['a', 3, 3], ['a', 4, 4], ['a', 9, 30], 40)
    const of = (combined: Trigger) =>
      operatorOf(keyed => keyed.window(global()).trigger(combined).aggregate({ n: count() }))
    expect(outcome(of(trigger.any(trigger.count(2), trigger.count(3))), rows, 'n')).toEqual([[2], [3], [4]])
    expect(outcome(of(trigger.all(trigger.count(2), trigger.count(3))), rows, 'n')).toEqual([[3]])
  })

  it('once: the window is closed when its condition is met, and what comes is counted and put aside', () => {
    const create = operatorOf(keyed => {
      return keyed
        .window(tumbling(10))
        .trigger(trigger.once(after.count(2)))
        .aggregate({ total: sum('value') })
    })
    const [result] = runInAllModes(create, script(['a', 1, 1], ['a', 2, 2], ['a', 4, 3], ['b', 5, 3], END))
    expect(rowsOf(result?.main ?? [])).toEqual([{ key: 'a', windowStart: 0, windowEnd: 10, total: 3 }])
    expect(rowsOf(result?.late ?? [])).toEqual([{ key: 'a', value: 4 }])
  })

  it('one of the user: with state, timers and merging', () => {
    const atMost: Trigger<{ value: number }> = {
      kind: 'trigger',
      description: 'when the values exceed 10, or 5 ms behind the first record',
      onRecord(row, timestamp, context) {
        if (context.get('sum') === undefined) context.registerEventTimer(timestamp + 5)
        context.set('sum', Number(context.get('sum') ?? 0) + row.value)
        return Number(context.get('sum')) > 10 ? 'fire' : 'continue'
      },
      onEventTime: (time, { maxTimestamp }) => (time < maxTimestamp ? 'fire' : 'continue'),
      onProcessingTime: () => 'continue',
      onMerge: context =>
        context.set(
          'sum',
          context.merged('sum').reduce((sum: number, value) => sum + Number(value), 0),
        ),
    }
    const create = operatorOf(keyed =>
      keyed
        .window(session(20))
        .trigger(atMost)
        .aggregate({ total: sum('value') }),
    )
    const rows = script(['a', 4, 1], 6, ['a', 5, 50], ['a', 3, 10], ['a', 6, 30], END)
    expect(outcome(create, rows, 'windowStart', 'windowEnd', 'total')).toEqual([
      [1, 21, 4],
      [1, 70, 18],
    ])
  })

  it('a trigger that cannot merge is refused for sessions', () => {
    const never: Trigger = { ...trigger.never(), description: 'mine' }
    Reflect.deleteProperty(never, 'onMerge')
    expect(() => operatorOf(keyed => keyed.window(session(5)).trigger(never).aggregate({ n: count() }))).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    )
  })
})

describe('emission', () => {
  const rows = script(['a', 1, 1], '5', ['a', 2, 2], '20', ['a', 4, 3], 9, ['a', 8, 4], 15, ['a', 16, 5], 19, END)
  const shown = {
    ...{ total: sum('value'), when: pane.timing(), index: pane.index() },
    ...{ first: pane.isFirst(), last: pane.isLast() },
  }

  it('early, on time and late', () => {
    const create = operatorOf(keyed => {
      return keyed.window(tumbling(10)).allowedLateness(10).emit({ early: 10 }).aggregate(shown)
    })
    expect(outcome(create, rows, 'total', 'when', 'index', 'first', 'last')).toEqual([
      [3, 'early', 0, true, false],
      [7, 'onTime', 1, false, false],
      [15, 'late', 2, false, false],
      [31, 'late', 3, false, false],
    ])
  })

  it('late ones together when the window closes', () => {
    const create = operatorOf(keyed => {
      const late = after.count(5)
      return keyed.window(tumbling(10)).allowedLateness(10).emit({ late }).aggregate(shown)
    })
    expect(outcome(create, rows, 'total', 'when', 'last')).toEqual([
      [7, 'onTime', false],
      [31, 'late', true],
    ])
  })

  it('updates: for every record', () => {
    const create = operatorOf(keyed => {
      return keyed
        .window(tumbling(10))
        .allowedLateness(10)
        .emit('updates')
        .aggregate({ total: sum('value') })
    })
    expect(outcome(create, rows, 'total')).toEqual([[1], [3], [7], [15], [31]])
  })

  it('final: once, behind the allowed lateness', () => {
    const create = operatorOf(keyed => {
      return keyed.window(tumbling(10)).allowedLateness(10).emit('final').aggregate(shown)
    })
    expect(outcome(create, rows, 'total', 'when', 'last')).toEqual([[31, 'onTime', true]])
  })

  it('final: whatever is said first; without lateness it is what the default trigger gives', () => {
    const create = operatorOf(keyed => {
      return keyed
        .window(tumbling(10))
        .emit('final')
        .allowedLateness(10)
        .aggregate({ total: sum('value') })
    })
    expect(outcome(create, rows, 'total')).toEqual([[31]])
    const everything = operatorOf(keyed =>
      keyed
        .window(global())
        .emit('final')
        .aggregate({ total: sum('value') }),
    )
    expect(outcome(everything, rows, 'total')).toEqual([[31]])
    const kinds = job('final', j => {
      const keyed = j
        .from(memory([{ key: 'a', at: 1 }]))
        .withTimestamps('at', { outOfOrderness: 0 })
        .keyBy('key')
      keyed.window(tumbling(10)).emit('final').aggregate({ n: count() }).to(collect())
    })
    expect(kinds.plan().nodes.map(({ kind }) => kind)).toContain('window-aggregate')
  })

  it('of windows of processing time is final by itself, and never early or late', () => {
    const windowed = (keyed: Parameters<Parameters<typeof operatorOf>[0]>[0]) =>
      keyed.window(tumbling(10, { time: 'processing' }))
    const create = operatorOf(keyed =>
      windowed(keyed)
        .emit('final')
        .aggregate({ total: sum('value') }),
    )
    expect(outcome(create, script(['a', 1, 1], ['a', 2, 50], '10', ['a', 4, 2], END), 'total')).toEqual([[3], [4]])
    expect(() => operatorOf(keyed => windowed(keyed).emit({ early: 5 }).aggregate({ n: count() }))).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    )
  })

  it('discarding: each record in one pane', () => {
    const create = operatorOf(keyed => {
      const early = after.count(2)
      return keyed.window(tumbling(10)).allowedLateness(10).emit({ early }).accumulate('discarding').aggregate(shown)
    })
    expect(outcome(create, rows, 'total', 'when')).toEqual([
      ...[
        [3, 'early'],
        [4, 'onTime'],
        [8, 'late'],
        [16, 'late'],
      ],
    ])
  })

  it('retracting: what came before is taken back, also when sessions merge', () => {
    const kinds = (create: ReturnType<typeof operatorOf>, elements: readonly TestElement[]) => {
      const outcomes = runInAllModes(create, elements).map(({ main }) =>
        main.map(({ row, rowKind = INSERT }) => {
          return [rowKind, Reflect.get(row, 'windowStart'), Reflect.get(row, 'windowEnd'), Reflect.get(row, 'total')]
        }),
      )
      for (const other of outcomes) expect(other).toEqual(outcomes[0])
      return outcomes[0]
    }
    const updates = operatorOf(keyed => {
      const windowed = keyed.window(tumbling(10)).emit('updates').accumulate('retracting')
      return windowed.aggregate({ total: sum('value') }).changelog('op')
    })
    expect(kinds(updates, script(['a', 1, 1], ['a', 2, 2]))).toEqual([
      ...[
        [INSERT, 0, 10, 1],
        [UPDATE_BEFORE, 0, 10, 1],
        [UPDATE_AFTER, 0, 10, 3],
      ],
    ])
    const merged = operatorOf(keyed => {
      const windowed = keyed.window(session(10)).emit('updates').accumulate('retracting')
      return windowed.aggregate({ total: sum('value') }).changelog('op')
    })
    expect(kinds(merged, script(['a', 1, 0], ['a', 2, 20], ['a', 4, 10]))).toEqual([
      ...[
        [INSERT, 0, 10, 1],
        [INSERT, 20, 30, 2],
      ],
      ...[
        [DELETE, 0, 10, 1],
        [DELETE, 20, 30, 2],
        [INSERT, 0, 30, 7],
      ],
    ])
  })
})

describe('evictors', () => {
  const rows = script(['a', 1, 1], ['a', 2, 5], ['a', 30, 9], ['a', 4, 8], END)
  const values = (evictor: Parameters<ReturnType<typeof windowed>['evict']>[0]) =>
    operatorOf(keyed =>
      windowed(keyed)
        .evict(evictor)
        .aggregate({ values: collectList('value') }),
    )
  const windowed = (keyed: Parameters<Parameters<typeof operatorOf>[0]>[0]) =>
    keyed.window(tumbling(10)).trigger(trigger.any(trigger.count(3), trigger.eventTime()))

  it('keep the last n records', () => {
    expect(outcome(values(evict.count(2)), rows, 'values')).toEqual([[[2, 30]], [[30, 4]]])
  })

  it('evict behind the firing', () => {
    expect(outcome(values(evict.count(1, { when: 'after' })), rows, 'values')).toEqual([[[1, 2, 30]], [[30, 4]]])
  })

  it('keep the records of the last span of time', () => {
    expect(outcome(values(evict.time(4)), rows, 'values')).toEqual([[[30]], [[30, 4]]])
  })

  it('keep what is like the last record', () => {
    const alike = evict.delta<{ key: string; value: number }>(10, (row, last) => Math.abs(row.value - last.value))
    expect(outcome(values(alike), rows, 'values')).toEqual([[[30]], [[4]]])
  })

  it('make count windows that slide', () => {
    const create = operatorOf(keyed => keyed.window(countWindow(3, 2)).aggregate({ values: collectList('value') }))
    const many = script(...[1, 2, 3, 4, 5, 6, 7].map((value): Row => ['a', value, value]), END)
    expect(outcome(create, many, 'values')).toEqual([[[1, 2]], [[2, 3, 4]], [[4, 5, 6]]])
  })
})
