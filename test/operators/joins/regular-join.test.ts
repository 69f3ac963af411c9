import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DELETE, INSERT, type RowKind, takesBack, UPDATE_AFTER, UPDATE_BEFORE } from '../../../src/core/row-kind.js'
import type { JoinSelect } from '../../../src/operators/joins/join-projection.js'
import type { JoinType } from '../../../src/operators/joins/join-type.js'
import { type RegularJoinSettings, regularJoinOperator } from '../../../src/operators/joins/regular-join.js'
import { HARNESS_MODES, runOperator, type TestElement } from '../../../src/testing/operator-harness.js'
import { joinInput, kernel, leftSchema, rightSchema, rowsOf } from './join-elements.js'

const select: JoinSelect = {
  kind: 'columns',
  columns: [
    { name: 'n', side: 'left', field: 'n' },
    { name: 'm', side: 'right', field: 'm' },
  ],
}

const settingsOf = (type: JoinType, ttlMs: number): RegularJoinSettings => ({
  left: { keys: ['k'], schema: leftSchema },
  right: { keys: ['key'], schema: rightSchema },
  select,
  type,
  ttlMs,
  time: 'event',
})

type Row = Extract<TestElement, { kind: 'row' }>
const types = fc.constantFrom<JoinType>('inner', 'left', 'right', 'full')

/** Turns some rows into retractions of a row of their side that is there; values are few, so that rows are equal. */
function changelog(elements: readonly TestElement[], choices: readonly number[]): TestElement[] {
  const there: Row[][] = [[], []]
  return elements.map((element, at): TestElement => {
    if (element.kind !== 'row') return element
    const choice = choices[at % choices.length] ?? 0
    const rows = there[element.input ?? 0] ?? []
    const earlier = choice > 4 ? rows.splice(choice % Math.max(1, rows.length), 1)[0] : undefined
    if (earlier !== undefined) {
      return { ...element, row: earlier.row, rowKind: (choice % 2 === 0 ? DELETE : UPDATE_BEFORE) as RowKind }
    }
    const few = Object.fromEntries(
      Object.entries(element.row).map(([name, value]) => [name, typeof value === 'number' ? value % 2 : value]),
    )
    const inserted = { ...element, row: few, rowKind: (choice % 2 === 0 ? INSERT : UPDATE_AFTER) as RowKind }
    rows.push(inserted)
    return inserted
  })
}

/** What is there when all has come: the join of two multisets. */
function view(elements: readonly TestElement[], type: JoinType): string[] {
  const sides: { key: string | null; value: number }[][] = [[], []]
  for (const element of elements) {
    if (element.kind !== 'row') continue
    const { k, n, key, m } = element.row as { k?: string | null; n?: number; key?: string | null; m?: number }
    const row = { key: (element.input === 0 ? k : key) ?? null, value: (element.input === 0 ? n : m) ?? 0 }
    const rows = sides[element.input ?? 0] ?? []
    const isBack = takesBack(element.rowKind ?? INSERT)
    if (isBack)
      rows.splice(
        rows.findIndex(other => other.key === row.key && other.value === row.value),
        1,
      )
    else rows.push(row)
  }
  const [left = [], right = []] = sides
  const pairs: { n: number | null; m: number | null }[] = []
  for (const { key, value } of left) {
    const partners = right.filter(other => other.key === key)
    for (const partner of partners) pairs.push({ n: value, m: partner.value })
    if (partners.length === 0 && (type === 'left' || type === 'full')) pairs.push({ n: value, m: null })
  }
  for (const { key, value } of right) {
    const isAlone = !left.some(other => other.key === key)
    if (isAlone && (type === 'right' || type === 'full')) pairs.push({ n: null, m: value })
  }
  return pairs.map(pair => JSON.stringify(pair)).sort()
}

/** Applies what came out; a row that is taken back must be there. */
function applied(outputs: ReturnType<typeof rowsOf>): string[] {
  const rows: string[] = []
  for (const { row, rowKind = INSERT } of outputs) {
    const text = JSON.stringify(row)
    if (!takesBack(rowKind)) {
      rows.push(text)
      continue
    }
    const at = rows.indexOf(text)
    expect(at, `${text} is taken back, but is not there`).toBeGreaterThanOrEqual(0)
    rows.splice(at, 1)
  }
  return rows.sort()
}

describe('the regular join', () => {
  it('keeps a view of the join up to date, in every mode, for every type', () => {
    const choices = fc.array(fc.nat(9), { minLength: 30, maxLength: 30 })
    fc.assert(
      fc.property(joinInput(), choices, types, (input, chosen, type) => {
        const elements = changelog(input.elements, chosen)
        const expected = view(elements, type)
        let first: unknown
        for (const mode of HARNESS_MODES) {
          const create = regularJoinOperator(settingsOf(type, 1e12))
          const outputs = rowsOf(runOperator(create, kernel, [leftSchema, rightSchema], elements, mode))
          expect(applied(outputs), mode.name).toEqual(expected)
          const all = outputs.map(out => JSON.stringify({ ...out, watermark: String(out.watermark) }))
          first ??= all
          expect(all, mode.name).toEqual(first)
        }
      }),
      { numRuns: 25 },
    )
  })

  it('never takes back what is not out, and keeps nothing, where rows are forgotten', () => {
    const choices = fc.array(fc.nat(9), { minLength: 30, maxLength: 30 })
    fc.assert(
      fc.property(joinInput(), choices, types, fc.nat(6), (input, chosen, type, ttlMs) => {
        const elements = changelog(input.elements, chosen)
        let first: unknown
        for (const mode of HARNESS_MODES) {
          let gauges: Readonly<Record<string, number>> = {}
          const outputs = runOperator(
            context => {
              const operator = regularJoinOperator(settingsOf(type, ttlMs))(context)
              const close = operator.close.bind(operator)
              operator.close = () => {
                gauges = operator.gauges()
                close()
              }
              return operator
            },
            kernel,
            [leftSchema, rightSchema],
            elements,
            mode,
          )
          applied(rowsOf(outputs))
          const all = rowsOf(outputs).map(out => JSON.stringify({ ...out, watermark: String(out.watermark) }))
          first ??= all
          expect(all, mode.name).toEqual(first)
          expect(gauges, mode.name).toMatchObject({ leftRows: 0, rightRows: 0 })
        }
      }),
      { numRuns: 25 },
    )
  })

  const row = (input: 0 | 1, number: number, timestamp: number, watermark: number, rowKind: RowKind = INSERT): Row => ({
    kind: 'row',
    row: input === 0 ? { k: 'a', n: number } : { key: 'a', m: number },
    timestamp,
    watermark,
    rowKind,
    input,
  })

  it('takes the row without a partner back when one comes, and puts it out again when that goes', () => {
    const elements = [row(0, 1, 5, 0), row(1, 2, 6, 0), row(1, 2, 7, 0, DELETE)]
    for (const mode of HARNESS_MODES) {
      const create = regularJoinOperator(settingsOf('left', 1000))
      const outputs = rowsOf(runOperator(create, kernel, [leftSchema, rightSchema], elements, mode))
      expect(outputs.map(({ row, rowKind = INSERT, timestamp }) => [row, rowKind, timestamp])).toEqual([
        [{ n: 1, m: null }, INSERT, 5],
        [{ n: 1, m: null }, DELETE, 6],
        [{ n: 1, m: 2 }, INSERT, 6],
        [{ n: 1, m: 2 }, DELETE, 7],
        [{ n: 1, m: null }, INSERT, 7],
      ])
    }
  })

  it('forgets a row when the watermark reaches its time and the ttl, and what is as old is late', () => {
    const elements: TestElement[] = [
      row(0, 1, 5, 0),
      { kind: 'watermark', timestamp: 14, input: 0 },
      { kind: 'watermark', timestamp: 14, input: 1 },
      row(1, 2, 14, 14),
      { kind: 'watermark', timestamp: 15, input: 0 },
      { kind: 'watermark', timestamp: 15, input: 1 },
      row(1, 3, 15, 15),
      row(1, 4, 5, 15),
    ]
    for (const mode of HARNESS_MODES) {
      const create = regularJoinOperator(settingsOf('inner', 10))
      const outputs = runOperator(create, kernel, [leftSchema, rightSchema], elements, mode)
      expect(rowsOf(outputs).map(({ row }) => row)).toEqual([{ n: 1, m: 2 }])
      expect(rowsOf(outputs, 'late-right').map(({ row }) => row)).toEqual([{ key: 'a', m: 4 }])
    }
  })

  it('by processing time forgets a row when it has been there for the time to live', () => {
    const settings = { ...settingsOf('left', 10), time: 'processing' as const }
    const at = (timestamp: number): TestElement => ({ kind: 'processing-time', timestamp })
    const left = (n: number, timestamp: number): TestElement => {
      return { kind: 'row', input: 0, row: { k: 'a', n }, timestamp, watermark: 1000 }
    }
    const right = (m: number): TestElement => {
      return { kind: 'row', input: 1, row: { key: 'a', m }, timestamp: 5, watermark: 1000 }
    }
    const elements = [at(100), left(1, 0), at(105), left(2, 1), at(109), right(7), at(110), right(8), at(116), right(9)]
    for (const mode of HARNESS_MODES) {
      const out = rowsOf(runOperator(regularJoinOperator(settings), kernel, [leftSchema, rightSchema], elements, mode))
      const pairs = out.map(({ row, rowKind = INSERT }) => {
        const { n, m } = row as { n: number; m: number | null }
        return `${['+', '-', '+', '-'][rowKind]}${n}${m ?? ''}`
      })
      // None is late by the watermark; 1 is over at 110, and 2 at 115.
      expect(pairs, mode.name).toEqual(['+1', '+2', '-1', '+17', '-2', '+27', '+28'])
    }
  })
})
