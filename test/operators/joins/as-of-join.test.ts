import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DELETE, INSERT, type RowKind, UPDATE_AFTER, UPDATE_BEFORE } from '../../../src/core/row-kind.js'
import { type AsOfJoinSettings, asOfJoinOperator } from '../../../src/operators/joins/as-of-join.js'
import type { JoinSelect } from '../../../src/operators/joins/join-projection.js'
import { HARNESS_MODES, runOperator, type TestElement } from '../../../src/testing/operator-harness.js'
import { type JoinRow, type JoinStep, joinInput, kernel, leftSchema, rightSchema, rowsOf } from './join-elements.js'

const select: JoinSelect = {
  kind: 'columns',
  columns: [
    { name: 'n', side: 'left', field: 'n' },
    { name: 'm', side: 'right', field: 'm' },
  ],
}

const settingsOf = (parts: Partial<AsOfJoinSettings>): AsOfJoinSettings => ({
  left: { keys: ['k'], schema: leftSchema },
  right: { keys: ['key'], schema: rightSchema },
  select,
  type: 'left',
  direction: 'backward',
  toleranceMs: Number.POSITIVE_INFINITY,
  ...parts,
})

/** Among all rows that were in time, when all have come: what each left row meets. */
function oracle(events: readonly JoinStep[], settings: AsOfJoinSettings, kindOf: (number: number) => RowKind) {
  const { direction, toleranceMs, type } = settings
  let reached = Number.NEGATIVE_INFINITY
  const inTime: JoinRow[] = []
  const late: number[] = []
  for (const event of events) {
    reached = Math.max(reached, event.watermark)
    if (!('number' in event)) continue
    if (event.timestamp < reached) late.push(event.number)
    else inTime.push(event)
  }
  const results = inTime
    .filter(({ input }) => input === 0)
    .map(left => {
      const near = inTime
        .filter(({ input, key, number }) => input === 1 && key === left.key && kindOf(number) !== UPDATE_BEFORE)
        .filter(({ timestamp }) => Math.abs(timestamp - left.timestamp) <= toleranceMs)
        .filter(({ timestamp }) => direction !== 'backward' || timestamp <= left.timestamp)
        .filter(({ timestamp }) => direction !== 'forward' || timestamp >= left.timestamp)
        .sort((a, b) => {
          const distance = Math.abs(a.timestamp - left.timestamp) - Math.abs(b.timestamp - left.timestamp)
          return distance || a.timestamp - b.timestamp || b.number - a.number
        })
      const [best] = near
      const found = best === undefined || kindOf(best.number) === DELETE ? null : best.number
      return { n: left.number, m: found, timestamp: left.timestamp }
    })
    .filter(({ m }) => type === 'left' || m !== null)
  return { results: results.map(result => JSON.stringify(result)).sort(), late: late.sort((a, b) => a - b) }
}

function check(
  elements: readonly TestElement[],
  expected: ReturnType<typeof oracle>,
  settings: AsOfJoinSettings,
): void {
  let first: unknown
  for (const mode of HARNESS_MODES) {
    let gauges: Readonly<Record<string, number>> = {}
    const outputs = runOperator(
      context => {
        const operator = asOfJoinOperator(settings)(context)
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
    const rows = rowsOf(outputs).map(({ row, timestamp }) => JSON.stringify({ ...row, timestamp }))
    expect([...rows].sort(), mode.name).toEqual(expected.results)
    const all = rowsOf(outputs).map(out => JSON.stringify({ ...out, watermark: String(out.watermark) }))
    first ??= all
    expect(all, mode.name).toEqual(first)
    const late = [...rowsOf(outputs, 'late-left'), ...rowsOf(outputs, 'late-right')]
    const lateNumbers = late.map(({ row }) => ('n' in row ? row.n : 'm' in row ? row.m : undefined) as number)
    expect(
      lateNumbers.sort((a, b) => a - b),
      mode.name,
    ).toEqual(expected.late)
    expect(gauges.leftRows).toBe(0)
    // The last version of a table stays; with a tolerance nothing does.
    expect(gauges.rightRows).toBeLessThanOrEqual(settings.toleranceMs === Number.POSITIVE_INFINITY ? 4 : 0)
    let emitted = Number.NEGATIVE_INFINITY
    for (const out of outputs) {
      if (!('row' in out)) emitted = 'watermark' in out ? out.watermark : emitted
      else if (out.output === 'main') expect(out.timestamp).toBeGreaterThanOrEqual(emitted)
    }
  }
}

describe('the as-of join', () => {
  it('finds the nearest right row of the key, in every direction and mode', () => {
    const directions = fc.constantFrom('backward', 'forward', 'nearest')
    const tolerances = fc.integer({ min: 0, max: 8 })
    const types = fc.constantFrom('inner', 'left')
    fc.assert(
      fc.property(joinInput(), directions, tolerances, types, (input, direction, toleranceMs, type) => {
        const settings = settingsOf({ direction, toleranceMs, type })
        check(
          input.elements,
          oracle(input.events, settings, () => INSERT),
          settings,
        )
      }),
      { numRuns: 25 },
    )
  })
})

describe('the temporal join', () => {
  it('finds the version of the table that is valid at the time of the left row', () => {
    const kinds = fc.array(fc.constantFrom(INSERT, UPDATE_AFTER, UPDATE_BEFORE, DELETE), {
      minLength: 30,
      maxLength: 30,
    })
    fc.assert(
      fc.property(joinInput(), kinds, fc.constantFrom('inner', 'left'), ({ elements, events }, changes, type) => {
        const settings = settingsOf({ type })
        const kindOf = (number: number) => changes[number] ?? INSERT
        const changelog = elements.map((element): TestElement => {
          if (element.kind !== 'row' || element.input !== 1) return element
          return { ...element, rowKind: kindOf((element.row as { m: number }).m) }
        })
        check(changelog, oracle(events, settings, kindOf), settings)
      }),
      { numRuns: 25 },
    )
  })
})
