import { describe, expect, it } from 'vitest'
import { collect } from '../../../src/connectors/collect.js'
import { memory } from '../../../src/connectors/memory.js'
import { Batch } from '../../../src/core/batch.js'
import { BatchBuilder } from '../../../src/core/batch-builder.js'
import { explainGraph } from '../../../src/graph/explain.js'
import { job } from '../../../src/graph/job.js'
import type { Stream } from '../../../src/graph/stream.js'
import { calendar, global, perRecordSliding, session, sliding, tumbling } from '../../../src/graph/windowing.js'
import { collectList, count, max, sum } from '../../../src/operators/aggregates/aggregate.js'
import { KeySlots } from '../../../src/operators/keyed/key-slots.js'
import type { Operator, OperatorState, Steps } from '../../../src/operators/operator.js'
import { pane } from '../../../src/operators/windows/pane-fields.js'
import { trigger } from '../../../src/operators/windows/trigger-names.js'
import type { TestElement } from '../../../src/testing/operator-harness.js'
import { elementsOf, kernel, operatorOf, rowsOf, runInAllModes, runOnce, SCHEMA, sorted } from './harness.js'

interface Visit {
  readonly key: string
  readonly value: number
}

const END: TestElement = { kind: 'watermark', timestamp: Number.POSITIVE_INFINITY }

const row = (key: string, value: number, timestamp: number, watermark = Number.NEGATIVE_INFINITY): TestElement => {
  return { kind: 'row', row: { key, value }, timestamp, watermark }
}

/** The operator of a window over a stream that is not keyed, or has no event time. */
function operatorOver(define: (stream: Stream<Visit>, timed: Stream<Visit>) => Stream<unknown>) {
  const { nodes } = job('windows', j => {
    const stream = j.from(memory<Visit>([], { schema: SCHEMA as never }))
    define(stream, stream.withTimestamps('value', { outOfOrderness: 0 })).to(collect<unknown>())
  }).plan()
  const node = nodes.find(({ kind }) => kind === 'window' || kind === 'tumbling-aggregate')
  if (node?.role.kind !== 'operator') throw new TypeError('no window')
  return node.role.create
}

describe('window functions', () => {
  const elements = [row('a', 1, 1), row('b', 5, 2), row('a', 3, 4), row('a', 7, 12), END]

  it('process gives any rows of all records, with the key, the window and the pane', () => {
    const create = operatorOf(keyed =>
      keyed.window(tumbling(10)).process((key, rows, { window, pane: { timing }, watermark }) => {
        const values = rows.map(({ value }) => value).join()
        return [{ key, values, end: window?.end ?? 0, timing, watermark }, ...rows.slice(1).map(() => ({ key }))]
      }),
    )
    const outcomes = runInAllModes(create, elements)
    for (const { mode, main } of outcomes) {
      expect(
        rowsOf(main).filter(value => Reflect.get(value, 'timing') !== null),
        mode,
      ).toMatchObject([
        { key: 'a', values: '1,3', end: 10, timing: 'onTime', watermark: Number.POSITIVE_INFINITY },
        { key: 'b', values: '5', end: 10 },
        { key: 'a', values: '7', end: 20 },
      ])
      expect(main).toHaveLength(4)
    }
  })

  it('process with a declared schema; several key fields are an object', () => {
    const create = operatorOver((_stream, timed) =>
      timed
        .keyBy('key', 'value')
        .window(tumbling(10))
        .process(({ key, value }, rows) => [{ id: `${key}${value}`, n: rows.length }], { id: 'utf8', n: 'i32' }),
    )
    const { main } = runOnce(create, elements)
    expect(sorted(rowsOf(main))).toEqual(
      sorted([
        { id: 'a1', n: 1 },
        { id: 'b5', n: 1 },
        { id: 'a3', n: 1 },
        { id: 'a7', n: 1 },
      ]),
    )
  })

  it('reduce makes one record of all', () => {
    const create = operatorOf(keyed =>
      keyed.window(session(5)).reduce((left, right) => ({ key: left.key, value: left.value * 10 + right.value })),
    )
    for (const { main } of runInAllModes(create, elements)) {
      expect(sorted(rowsOf(main))).toEqual(
        sorted([
          { key: 'a', value: 13 },
          { key: 'b', value: 5 },
          { key: 'a', value: 7 },
        ]),
      )
    }
  })

  it('windows over all records have no key', () => {
    const create = operatorOver((_stream, timed) => timed.window(tumbling(10)).aggregate({ total: sum('value') }))
    for (const { main } of runInAllModes(create, elements)) {
      expect(rowsOf(main)).toEqual([
        { windowStart: 0, windowEnd: 10, total: 9 },
        { windowStart: 10, windowEnd: 20, total: 7 },
      ])
    }
  })

  it('the bounds and the pane are there; the global window has no bounds', () => {
    const shown = { timing: pane.timing(), index: pane.index(), earliest: pane.earliest(), latest: pane.latest() }
    const bounded = operatorOf(keyed => keyed.window(tumbling(10)).aggregate(shown))
    expect(rowsOf(runOnce(bounded, elements).main)[0]).toEqual({
      ...{ key: 'a', windowStart: 0, windowEnd: 10, timing: 'onTime', index: 0, earliest: 1, latest: 4 },
    })
    const unbounded = operatorOf(keyed => keyed.window(global()).trigger(trigger.eventTime()).aggregate({ n: count() }))
    const { main } = runOnce(unbounded, elements)
    expect(main.map(({ row: value, timestamp }) => [value, timestamp])).toEqual([
      ...[
        [{ key: 'a', n: 3 }, 8.64e15],
        [{ key: 'b', n: 1 }, 8.64e15],
      ],
    ])
  })
})

describe('windows of processing time', () => {
  it('need no event time; what is left fires at the end of the input', () => {
    const create = operatorOver(stream =>
      stream
        .keyBy('key')
        .window(tumbling(10, { time: 'processing' }))
        .aggregate({ n: count() }),
    )
    const untimed = (key: string): TestElement => ({ kind: 'row', row: { key, value: 0 } })
    const time = (timestamp: number): TestElement => ({ kind: 'processing-time', timestamp })
    for (const { mode, main } of runInAllModes(create, [
      time(3),
      untimed('a'),
      untimed('b'),
      time(12),
      untimed('a'),
      END,
    ])) {
      expect(main, mode).toEqual([
        { output: 'main', row: { key: 'a', windowStart: 0, windowEnd: 10, n: 1 } },
        { output: 'main', row: { key: 'b', windowStart: 0, windowEnd: 10, n: 1 } },
        { output: 'main', row: { key: 'a', windowStart: 10, windowEnd: 20, n: 1 } },
      ])
    }
  })
})

describe('days of a time zone', () => {
  it('are as long as they are', () => {
    const create = operatorOf(keyed =>
      keyed.window(calendar('day', { timeZone: 'Europe/Berlin' })).aggregate({ n: count() }),
    )
    const at = (text: string) => new Date(text).getTime()
    const { main } = runOnce(create, [row('a', 1, at('2026-03-28T23:30Z')), row('a', 1, at('2026-03-29T21:59Z')), END])
    expect(rowsOf(main)).toEqual([
      { key: 'a', windowStart: at('2026-03-28T23:00Z'), windowEnd: at('2026-03-29T22:00Z'), n: 2 },
    ])
  })
})

describe('state', () => {
  it('moves to other subtasks by key group, several states or one', () => {
    const create = operatorOf(keyed => {
      return keyed
        .window(session(30))
        .allowedLateness(20)
        .aggregate({ values: collectList('value'), last: max('value') })
    })
    const keys = Array.from({ length: 20 }, (_, index) => `key ${index}`)
    const rows = keys.flatMap((key, index) =>
      [0, 1, 2].map(part => ({ key, value: part, timestamp: index + part * 25 })),
    )
    const ordered = rows.toSorted((a, b) => a.timestamp - b.timestamp || a.value - b.value)
    let high = Number.NEGATIVE_INFINITY
    const timed = ordered.map(value => {
      const watermark = high
      high = Math.max(high, value.timestamp - 10)
      return { ...value, watermark }
    })
    const expected = sorted(rowsOf(runOnce(create, elementsOf(timed)).main))
    const ranges = [{ start: 0, end: 127 }]
    const halves = [
      { start: 0, end: 63 },
      { start: 64, end: 127 },
    ]
    const thirds = [
      { start: 0, end: 42 },
      { start: 43, end: 85 },
      { start: 86, end: 127 },
    ]
    for (const [before, between] of [
      [ranges, halves],
      [halves, ranges],
      [thirds, halves],
    ] as const) {
      const got: object[] = []
      let states: readonly OperatorState[] = []
      for (const [stage, parts] of [before, between].entries()) {
        const part = stage === 0 ? timed.slice(0, 30) : timed.slice(30)
        states = parts.map(keyGroups => {
          const operator = create({
            id: 'w',
            kernel: kernel(),
            keyGroups,
            processingTime: { now: () => 0, wakeAt: () => {} },
            wake: () => {},
            output: {
              batch: batch => got.push(...(batch.toRows() as object[])),
              ...{ side: () => {}, watermark: () => {}, idle: () => {}, active: () => {} },
            },
          })
          if (stage > 0) operator.restore(states)
          feed(
            operator,
            part.filter(({ key }) => groupOf(key) >= keyGroups.start && groupOf(key) <= keyGroups.end),
          )
          if (stage > 0) finish(operator.onWatermark(Number.POSITIVE_INFINITY, 0))
          else finish(operator.onWatermark(part.at(-1)?.watermark ?? 0, 0))
          const state = operator.snapshot()
          operator.close()
          return { ...state, state: JSON.parse(JSON.stringify(state.state)) }
        })
      }
      expect(sorted(got)).toEqual(expected)
    }
  })

  it('is gone when the input has ended', () => {
    for (const assigner of [tumbling(10), session(5), global(), perRecordSliding(5)]) {
      const create = operatorOf(keyed =>
        keyed.window(assigner).allowedLateness(Number.POSITIVE_INFINITY).aggregate({ n: count() }),
      )
      const operator = create({
        ...{ id: 'w', kernel: kernel(), keyGroups: { start: 0, end: 127 }, wake: () => {} },
        processingTime: { now: () => 0, wakeAt: () => {} },
        output: { batch: () => {}, side: () => {}, watermark: () => {}, idle: () => {}, active: () => {} },
      })
      feed(operator, [{ key: 'a', value: 1, timestamp: 3, watermark: 0 }])
      expect(operator.gauges()).toEqual({ openWindows: 1, keys: 1 })
      finish(operator.onWatermark(Number.POSITIVE_INFINITY, 0))
      expect(operator.gauges()).toEqual({ openWindows: 0, keys: 0 })
      operator.close()
    }
  })
})

describe('mistakes', () => {
  const elements = [row('a', 1, 1), END]

  it('name the operator and the record of a function that throws', () => {
    const broken = operatorOf(keyed =>
      keyed.window(session<{ value: number }>(() => Reflect.get(JSON.parse('{}'), 'gap').ms)).aggregate({ n: count() }),
    )
    expect(() => runOnce(broken, elements)).toThrow(
      expect.objectContaining({
        code: 'USER_FUNCTION_FAILED',
        details: { operator: 'tested', record: { key: 'a', value: 1 } },
      }),
    )
    const wrong = operatorOf(keyed => keyed.window(session<{ value: number }>(() => -1)).aggregate({ n: count() }))
    expect(() => runOnce(wrong, elements)).toThrow(expect.objectContaining({ code: 'USER_FUNCTION_RESULT' }))
  })

  it('are refused when the job is built', () => {
    const refused = (define: Parameters<typeof operatorOf>[0], code: string) => {
      expect(() => operatorOf(define)).toThrow(expect.objectContaining({ code }))
    }
    refused(keyed => keyed.window(session(0)).aggregate({ n: count() }), 'INVALID_WINDOW')
    refused(
      keyed => keyed.window(session(5, { bounds: 'records', touching: 'separate' })).aggregate({ n: count() }),
      'INVALID_OPTION',
    )
    refused(
      keyed =>
        keyed
          .window(tumbling(5, { time: 'processing' }))
          .allowedLateness(3)
          .aggregate({ n: count() }),
      'INVALID_OPTION',
    )
    refused(
      keyed => keyed.window(perRecordSliding(5)).panes({ closing: 'always' }).aggregate({ n: count() }),
      'INVALID_OPTION',
    )
    refused(keyed => keyed.window(tumbling(5)).trigger(trigger.count(0)).aggregate({ n: count() }), 'INVALID_OPTION')
    refused(keyed => keyed.window(tumbling(5)).aggregate({}), 'EMPTY_AGGREGATE')
    expect(() => operatorOver(stream => stream.keyBy('key').window(session(5)).aggregate({ n: count() }))).toThrow(
      expect.objectContaining({ code: 'NO_TIMESTAMPS' }),
    )
  })
})

describe('explain', () => {
  it('says where the state stands, when windows fire, and what is late', () => {
    const graph = job('explained', j => {
      const visits = j
        .from(memory<Visit>([], { schema: SCHEMA as never }))
        .withTimestamps('value', { outOfOrderness: 0 })
      const keyed = visits.keyBy('key')
      keyed.window(sliding(10, 5)).aggregate({ n: count() }).to(collect())
      keyed.window(session('5m')).allowedLateness('1m').emit({ early: '10s' }).aggregate({ n: count() }).to(collect())
    }).plan()
    const text = explainGraph(graph)
    expect(text).toContain('window-aggregate-1  sliding 10ms every 5ms by key: n = count()')
    expect(text).toContain(
      'session 5m by key: n = count() (fires the end of the window (early: 10s after the first record;',
    )
    expect(text).toContain('state on the host')
  })
})

function feed(
  operator: Operator,
  rows: readonly { key: string; value: number; timestamp: number; watermark: number }[],
): void {
  const builder = new BatchBuilder(SCHEMA)
  for (const value of rows) builder.append(value)
  const timestamps = Float64Array.from(rows, ({ timestamp }) => timestamp)
  const watermarks = Float64Array.from(rows, ({ watermark }) => watermark)
  finish(operator.onBatch(builder.finish().with({ timestamps, watermarks }), 0))
}

function finish(steps: Steps | undefined): void {
  while (steps?.next().done === false) {
    // Nothing else happens between two steps here.
  }
}

const groups = new Map<string, number>()

function groupOf(key: string): number {
  const known = groups.get(key)
  if (known !== undefined) return known
  const slots = new KeySlots(kernel(), [SCHEMA.field('key')], { start: 0, end: 127 })
  const builder = new BatchBuilder(SCHEMA)
  builder.append({ key, value: 0 })
  const { columns, rowCount } = builder.finish()
  const [slot = 0] = slots.code(new Batch({ schema: SCHEMA, columns, rowCount }))
  groups.set(key, slots.group(slot))
  slots.close()
  return groups.get(key) ?? 0
}
