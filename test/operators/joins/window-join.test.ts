import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sliding, tumbling, type WindowGeometry, windowsOf } from '../../../src/core/window-geometry.js'
import { type CoGroupFunction, coGroupOperator } from '../../../src/operators/joins/co-group.js'
import type { JoinSelect } from '../../../src/operators/joins/join-projection.js'
import type { JoinType } from '../../../src/operators/joins/join-type.js'
import { windowJoinOperator } from '../../../src/operators/joins/window-join.js'
import { type AssignerSettings, createAssigner } from '../../../src/operators/windows/assigners.js'
import { HARNESS_MODES, runOperator } from '../../../src/testing/operator-harness.js'
import { type JoinRow, type JoinStep, joinInput, kernel, leftSchema, rightSchema, rowsOf } from './join-elements.js'

const select: JoinSelect = {
  kind: 'columns',
  columns: [
    { name: 'n', side: 'left', field: 'n' },
    { name: 'm', side: 'right', field: 'm' },
  ],
}
const sides = { left: { keys: ['k'], schema: leftSchema }, right: { keys: ['key'], schema: rightSchema } }

interface Windows {
  readonly settings: AssignerSettings
  readonly geometry: WindowGeometry | undefined
}

const slices = (geometry: WindowGeometry): Windows => ({
  settings: { kind: 'slices', time: 'event', geometry },
  geometry,
})
const session = (gap: number): Windows => ({
  settings: { kind: 'session', time: 'event', gap, merging: 'touching', bounds: 'gap', retainMs: 0 },
  geometry: undefined,
})

interface Open {
  start: number
  end: number
  readonly key: string | null
  rows: JoinRow[]
}

/** What fires, in sets of one watermark each, and which rows are late: by looking at every window each time. */
function oracle(events: readonly JoinStep[], { settings, geometry }: Windows) {
  let open: Open[] = []
  let reached = Number.NEGATIVE_INFINITY
  const late: number[] = []
  const fired: (Open & { watermark: number })[] = []
  for (const event of events) {
    if (event.watermark > reached) {
      const due = open.filter(({ end }) => end - 1 <= event.watermark)
      open = open.filter(window => !due.includes(window))
      for (const window of due) fired.push({ ...window, watermark: reached })
      reached = event.watermark
    }
    if (!('number' in event)) continue
    const { key, timestamp } = event
    if (geometry !== undefined) {
      const windows = windowsOf(geometry, timestamp).filter(({ end }) => end - 1 > reached)
      if (windows.length === 0) late.push(event.number)
      for (const { start, end } of windows) {
        const window = open.find(other => other.key === key && other.start === start)
        if (window === undefined) open.push({ start, end, key, rows: [event] })
        else window.rows.push(event)
      }
      continue
    }
    const gap = settings.kind === 'session' && typeof settings.gap === 'number' ? settings.gap : 0
    const own = { start: timestamp, end: timestamp + gap }
    const met = open.filter(other => other.key === key && other.start <= own.end && own.start <= other.end)
    const start = Math.min(own.start, ...met.map(window => window.start))
    const end = Math.max(own.end, ...met.map(window => window.end))
    if (end - 1 <= reached) late.push(event.number)
    else {
      open = open.filter(window => !met.includes(window))
      const rows = [...met.flatMap(window => window.rows), event].sort((a, b) => a.number - b.number)
      open.push({ start, end, key, rows })
    }
  }
  return { fired, late }
}

const numbers = (rows: readonly JoinRow[], input: 0 | 1) =>
  rows.flatMap(row => (row.input === input ? [row.number] : []))

function pairsOf(events: readonly JoinStep[], windows: Windows, type: JoinType) {
  const { fired, late } = oracle(events, windows)
  const pairs = fired.flatMap(({ start, end, rows, watermark }) => {
    const lefts: (number | null)[] = numbers(rows, 0)
    const rights: (number | null)[] = numbers(rows, 1)
    if (lefts.length === 0 && (type === 'right' || type === 'full')) lefts.push(null)
    if (rights.length === 0 && (type === 'left' || type === 'full')) rights.push(null)
    return lefts.flatMap(n =>
      rights.map(m => {
        const row = { n, m, windowStart: start, windowEnd: end }
        return JSON.stringify({ output: 'main', row, timestamp: end - 1, watermark: String(watermark) })
      }),
    )
  })
  return { pairs: pairs.sort(), late }
}

const windowsArbitrary = fc.oneof(
  fc.integer({ min: 1, max: 12 }).map(size => slices(tumbling(size))),
  fc
    .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 4 }), fc.integer({ min: -1, max: 0 }))
    .map(([slide, overlap, offset]) => slices(sliding(slide * overlap, slide, slide === 1 ? 0 : offset))),
  fc.constant(slices(sliding(2, 5))),
  fc.integer({ min: 1, max: 5 }).map(session),
)

describe('the window join', () => {
  it('pairs the rows of each key and window, in every mode, for every type', () => {
    const types = fc.constantFrom('inner', 'left', 'right', 'full')
    fc.assert(
      fc.property(joinInput(), windowsArbitrary, types, ({ elements, events }, windows, type) => {
        const expected = pairsOf(events, windows, type)
        const create = windowJoinOperator({
          ...sides,
          select,
          type,
          assigner: () => createAssigner(windows.settings),
          geometry: windows.geometry,
        })
        let first: unknown
        for (const mode of HARNESS_MODES) {
          const outputs = runOperator(create, kernel, [leftSchema, rightSchema], elements, mode)
          const rows = rowsOf(outputs)
          const texts = rows.map(out => JSON.stringify({ ...out, watermark: String(out.watermark) }))
          expect([...texts].sort(), mode.name).toEqual(expected.pairs)
          // The order is the same in every mode, too.
          first ??= texts
          expect(texts, mode.name).toEqual(first)
          const late = [...rowsOf(outputs, 'late-left'), ...rowsOf(outputs, 'late-right')]
          const lateNumbers = late.map(({ row }) => ('n' in row ? row.n : 'm' in row ? row.m : undefined) as number)
          expect(
            lateNumbers.sort((a, b) => a - b),
            mode.name,
          ).toEqual(expected.late)
        }
      }),
      { numRuns: 30 },
    )
  })

  it('gives all rows of a key and window to a function, those of one side too', () => {
    const transform: CoGroupFunction = (left, right, { start, end }) => [
      {
        left: left.map(row => (row as { n: number }).n).join(),
        right: right.map(row => (row as { m: number }).m).join(),
        start,
        end,
      },
    ]
    fc.assert(
      fc.property(joinInput(), windowsArbitrary, ({ elements, events }, windows) => {
        const expected = oracle(events, windows).fired.map(({ start, end, rows }) => {
          const row = { left: numbers(rows, 0).join(), right: numbers(rows, 1).join(), start, end }
          return JSON.stringify({ row, timestamp: end - 1 })
        })
        const create = coGroupOperator({
          ...sides,
          transform,
          schema: undefined,
          assigner: () => createAssigner(windows.settings),
          geometry: windows.geometry,
        })
        for (const mode of HARNESS_MODES) {
          const outputs = rowsOf(runOperator(create, kernel, [leftSchema, rightSchema], elements, mode))
          const got = outputs.map(({ row, timestamp }) => JSON.stringify({ row, timestamp }))
          expect(got.sort(), mode.name).toEqual(expected.sort())
        }
      }),
      { numRuns: 30 },
    )
  })

  it('keeps nothing of windows that have fired', () => {
    const before = kernel().bytesInUse
    for (const windows of [slices(sliding(6, 3)), session(2)]) {
      fc.assert(
        fc.property(joinInput(20), ({ elements }) => {
          const create = windowJoinOperator({
            ...sides,
            select,
            type: 'inner',
            assigner: () => createAssigner(windows.settings),
            geometry: windows.geometry,
          })
          let gauges: Readonly<Record<string, number>> = {}
          const [batched] = HARNESS_MODES
          if (batched === undefined) throw new TypeError('no mode')
          const watched = (context: Parameters<typeof create>[0]) => {
            const operator = create(context)
            const close = operator.close.bind(operator)
            operator.close = () => {
              gauges = operator.gauges()
              close()
            }
            return operator
          }
          runOperator(watched, kernel, [leftSchema, rightSchema], elements, batched)
          expect(gauges).toMatchObject({ openWindows: 0, leftRows: 0, rightRows: 0 })
        }),
        { numRuns: 10 },
      )
    }
    expect(kernel().bytesInUse).toBe(before)
  })
})
