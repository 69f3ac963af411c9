import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ALL_KEY_GROUPS, type KeyGroupRange } from '../../../src/core/key-groups.js'
import { type IntervalJoinOperatorSettings, intervalJoinOperator } from '../../../src/operators/joins/interval-join.js'
import type { JoinSelect } from '../../../src/operators/joins/join-projection.js'
import type { OperatorFactory } from '../../../src/operators/operator.js'
import { HARNESS_MODES, runOperator, type TestElement } from '../../../src/testing/operator-harness.js'
import { builds } from '../../kernel/builds.js'
import {
  type JoinRow,
  type JoinStep,
  joinInput,
  KEY_GROUPS,
  kernel,
  leftSchema,
  rightSchema,
  rowsOf,
  Subtask,
  watermarksOf,
} from './join-elements.js'

const select: JoinSelect = {
  kind: 'columns',
  columns: [
    { name: 'n', side: 'left', field: 'n' },
    { name: 'm', side: 'right', field: 'm' },
    { name: 'key', side: 'left', field: 'k' },
  ],
}

const settingsOf = (parts: Partial<IntervalJoinOperatorSettings>): IntervalJoinOperatorSettings => ({
  left: { keys: ['k'], schema: leftSchema },
  right: { keys: ['key'], schema: rightSchema },
  select,
  type: 'inner',
  lowerMs: -3,
  upperMs: 5,
  ...parts,
})

interface Expected {
  readonly pairs: object[]
  readonly late: { readonly left: number[]; readonly right: number[] }
}

/** By nested loops over all rows there are. */
function oracle(events: readonly JoinStep[], { type, lowerMs, upperMs }: IntervalJoinOperatorSettings): Expected {
  const isOuter = [type === 'left' || type === 'full', type === 'right' || type === 'full']
  const waits = [Math.max(0, upperMs), Math.max(0, -lowerMs)]
  const delay = Math.max(isOuter[0] ? (waits[0] ?? 0) : 0, isOuter[1] ? (waits[1] ?? 0) : 0)
  const late: Expected['late'] = { left: [], right: [] }
  const pairs: object[] = []
  let there: (JoinRow & { matched: boolean })[] = []
  let reached = Number.NEGATIVE_INFINITY
  const emit = (left: JoinRow | undefined, right: JoinRow | undefined) => {
    pairs.push({
      output: 'main',
      row: { n: left?.number ?? null, m: right?.number ?? null, key: left?.key ?? null },
      timestamp: Math.max(left?.timestamp ?? -1, right?.timestamp ?? -1),
      watermark: reached - delay,
    })
  }
  for (const event of events) {
    if (event.watermark > reached) {
      for (const input of [0, 1]) {
        const isGone = (row: JoinRow) => row.input === input && row.timestamp + (waits[input] ?? 0) <= event.watermark
        const gone = there.filter(isGone).sort((a, b) => a.timestamp - b.timestamp || a.number - b.number)
        there = there.filter(row => !isGone(row))
        for (const row of gone) {
          if (!isOuter[input] || row.matched) continue
          if (input === 0) emit(row, undefined)
          else emit(undefined, row)
        }
      }
      reached = event.watermark
    }
    if (!('number' in event)) continue
    if (event.timestamp < reached) {
      late[event.input === 0 ? 'left' : 'right'].push(event.number)
      continue
    }
    const row = { ...event, matched: false }
    const partners = there
      .filter(other => other.input !== row.input && other.key === row.key)
      .filter(other => {
        const distance = row.input === 0 ? other.timestamp - row.timestamp : row.timestamp - other.timestamp
        return distance >= lowerMs && distance <= upperMs
      })
      .sort((a, b) => a.timestamp - b.timestamp || a.number - b.number)
    for (const other of partners) {
      other.matched = true
      row.matched = true
      if (row.input === 0) emit(row, other)
      else emit(other, row)
    }
    there.push(row)
  }
  return { pairs, late }
}

const bounds = fc.tuple(fc.integer({ min: -8, max: 8 }), fc.nat(8)).map(([lower, width]) => [lower, lower + width])

describe('the interval join', () => {
  it('is that of nested loops, in every mode, for every type', () => {
    const types = fc.constantFrom('inner', 'left', 'right', 'full')
    fc.assert(
      fc.property(joinInput(), bounds, types, ({ elements, events }, [lowerMs = 0, upperMs = 0], type) => {
        const settings = settingsOf({ type, lowerMs, upperMs })
        const expected = oracle(events, settings)
        for (const mode of HARNESS_MODES) {
          const outputs = runOperator(intervalJoinOperator(settings), kernel, [leftSchema, rightSchema], elements, mode)
          expect(rowsOf(outputs), mode.name).toEqual(expected.pairs)
          const lateLeft = rowsOf(outputs, 'late-left').map(({ row }) => (row as { n: number }).n)
          const lateRight = rowsOf(outputs, 'late-right').map(({ row }) => (row as { m: number }).m)
          expect({ left: lateLeft, right: lateRight }, mode.name).toEqual(expected.late)
          const watermarks = watermarksOf(outputs)
          expect(watermarks).toEqual([...watermarks].sort((a, b) => a - b))
          expect(watermarks.at(-1)).toBe(Number.POSITIVE_INFINITY)
        }
      }),
      { numRuns: 25 },
    )
  })

  const row = (input: 0 | 1, key: string, timestamp: number, number = timestamp): TestElement => ({
    kind: 'row',
    row: input === 0 ? { k: key, n: number } : { key, m: number },
    timestamp,
    watermark: Number.NEGATIVE_INFINITY,
    input,
  })

  it.each(builds)('puts out more pairs than fit at once, in steps, $name', ({ create }) => {
    const fresh = create()
    const open = () => fresh
    const elements = [
      ...Array.from({ length: 150 }, (_, n) => row(0, 'a', n % 3, n)),
      ...Array.from({ length: 150 }, (_, n) => row(1, 'a', n % 3, n)),
      { kind: 'watermark', timestamp: 100, input: 0 } as const,
      { kind: 'watermark', timestamp: 100, input: 1 } as const,
    ]
    const [batched] = HARNESS_MODES
    if (batched === undefined) throw new TypeError('no mode')
    const settings = settingsOf({ type: 'full' })
    const outputs = rowsOf(
      runOperator(intervalJoinOperator(settings), open, [leftSchema, rightSchema], elements, batched),
    )
    const pairs = new Set(outputs.map(({ row }) => JSON.stringify(row)))
    expect(pairs.size).toBe(150 * 150)
    expect(outputs.length).toBe(150 * 150)
    // None is alone.
    expect(outputs.some(({ row }) => Object.values(row).includes(null))).toBe(false)
  })

  it('keeps nothing of keys that are gone', () => {
    const before = kernel().bytesInUse
    const elements = Array.from({ length: 1_500 }, (_, n): TestElement => {
      const input = (n & 1) as 0 | 1
      return { ...(row(input, `key ${n >> 1}`, n) as Extract<TestElement, { kind: 'row' }>), watermark: n - 1 }
    })
    const gauges: Readonly<Record<string, number>>[] = []
    const create: OperatorFactory = context => {
      const operator = intervalJoinOperator(settingsOf({ type: 'full' }))(context)
      return new Proxy(operator, {
        get(target, name) {
          if (name === 'close') gauges.push(target.gauges())
          const value: unknown = Reflect.get(target, name)
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    }
    for (const mode of HARNESS_MODES.filter(({ restores }) => !restores)) {
      runOperator(create, kernel, [leftSchema, rightSchema], elements, mode)
      const { leftRows = 0, rightRows = 0, keys = 0 } = gauges.at(-1) ?? {}
      expect(leftRows + rightRows, mode.name).toBeLessThan(20)
      expect(keys, mode.name).toBeLessThan(mode.batchRows + 20)
    }
    expect(kernel().bytesInUse).toBe(before)
  })

  it('goes on for each key where its rows are spread over other subtasks', () => {
    fc.assert(
      fc.property(joinInput(24), fc.nat(24), ({ elements, events }, cut) => {
        const settings = settingsOf({ type: 'full' })
        const expected = oracle(events, settings)
          .pairs.map(out => JSON.stringify(out))
          .sort()
        const at = Math.min(cut, elements.length)
        const subtask = (keyGroups: KeyGroupRange) => new Subtask(intervalJoinOperator(settings), keyGroups)
        const halves = [
          { start: 0, end: 63 },
          { start: 64, end: 127 },
        ]
        const one = subtask(ALL_KEY_GROUPS)
        for (const element of elements.slice(0, at)) one.give(element)
        const two = halves.map(subtask)
        for (const half of two) half.restore([one.snapshot()])
        // A key's rows go to the subtask that has its key group; here both see the watermarks and their own rows.
        const groupOf = (element: TestElement) => {
          if (element.kind !== 'row') return undefined
          const { k, key } = element.row as { k?: string | null; key?: string | null }
          return KEY_GROUPS.get(k === undefined ? (key ?? null) : k)
        }
        for (const element of elements.slice(at)) {
          const group = groupOf(element)
          if (group === undefined) for (const half of two) half.give(element)
          else {
            const owner = group < 64 ? 0 : 1
            two[owner]?.give(element)
            const { kind, watermark, input = 0 } = element as Extract<TestElement, { kind: 'row' }>
            if (kind === 'row') two[1 - owner]?.give({ kind: 'watermark', timestamp: watermark ?? 0, input })
          }
        }
        const back = subtask(ALL_KEY_GROUPS)
        back.restore(two.map(half => half.snapshot()))
        expect(back.gauges()).toMatchObject({ leftRows: 0, rightRows: 0 })
        const got = [one, ...two].flatMap(({ outputs }) => rowsOf(outputs).map(out => JSON.stringify(out))).sort()
        expect(got.map(withoutWatermark)).toEqual(expected.map(withoutWatermark))
        for (const each of [one, back, ...two]) each.close()
      }),
      { numRuns: 25 },
    )
  })

  it('refuses rows without event time', () => {
    const [batched] = HARNESS_MODES
    if (batched === undefined) throw new TypeError('no mode')
    const elements: TestElement[] = [{ kind: 'row', row: { k: 'a', n: 1 } }]
    expect(() =>
      runOperator(intervalJoinOperator(settingsOf({})), kernel, [leftSchema, rightSchema], elements, batched),
    ).toThrow(expect.objectContaining({ code: 'NO_TIMESTAMPS' }))
  })

  it('names operator and rows when a function of the user throws', () => {
    const [batched] = HARNESS_MODES
    if (batched === undefined) throw new TypeError('no mode')
    const compute = () => {
      throw new Error('boom')
    }
    const settings = settingsOf({ select: { kind: 'columns', columns: [{ name: 'x', compute }] } })
    const elements = [row(0, 'a', 1), row(1, 'a', 2)]
    expect(() =>
      runOperator(intervalJoinOperator(settings), kernel, [leftSchema, rightSchema], elements, batched),
    ).toThrow(
      expect.objectContaining({
        code: 'USER_FUNCTION_FAILED',
        details: { operator: 'tested', record: { left: { k: 'a', n: 1 }, right: { key: 'a', m: 2 } } },
      }),
    )
  })
})

const withoutWatermark = (text: string) => text.replace(/,"watermark":[^}]*/, '')
