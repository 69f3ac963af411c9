import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JoinSelect } from '../../../src/operators/joins/join-projection.js'
import { type SideInputJoinSettings, sideInputJoinOperator } from '../../../src/operators/joins/side-input-join.js'
import { HARNESS_MODES, runOperator, type TestElement } from '../../../src/testing/operator-harness.js'
import { joinInput, kernel, leftSchema, rightSchema, rowsOf, watermarksOf } from './join-elements.js'

const select: JoinSelect = {
  kind: 'columns',
  columns: [
    { name: 'n', side: 'left', field: 'n' },
    { name: 'm', side: 'right', field: 'm' },
  ],
}

const settingsOf = (parts: Partial<SideInputJoinSettings>): SideInputJoinSettings => ({
  left: { keys: ['k'], schema: leftSchema },
  right: { keys: ['key'], schema: rightSchema },
  select,
  type: 'left',
  isTimed: true,
  mostWaiting: 1000,
  ...parts,
})

const END: TestElement = { kind: 'watermark', timestamp: Number.POSITIVE_INFINITY, input: 1 }
const isOf = (element: TestElement, input: 0 | 1) => 'input' in element && element.input === input

describe('the join with a side input', () => {
  it('has the same results whichever came first, in every mode', () => {
    fc.assert(
      fc.property(joinInput(), fc.nat(30), fc.constantFrom('inner', 'left'), ({ elements }, place, type) => {
        const isEnd = (element: TestElement) =>
          element.kind === 'watermark' && element.timestamp === Number.POSITIVE_INFINITY
        const side = elements.filter(element => isOf(element, 1) && !isEnd(element))
        const main = elements.filter(element => isOf(element, 0))
        // The side input ends anywhere within the main input; its rows come before that.
        const at = Math.min(place, main.length - 1)
        const mixed = [...main.slice(0, at), ...side, END, ...main.slice(at)]
        const sideFirst = [...side, END, ...main]
        const rows = (input: readonly TestElement[]) =>
          input.flatMap(element => (element.kind === 'row' ? [element] : []))
        const expected = rows(main).flatMap(({ row, timestamp, watermark }) => {
          const { k, n } = row as { k: string | null; n: number }
          const partners = rows(side).map(({ row }) => row as { key: string | null; m: number })
          const found = partners.filter(({ key }) => key === k).map(({ m }) => m)
          const all: (number | null)[] = found.length === 0 && type === 'left' ? [null] : found
          return all.map(m => ({ output: 'main', row: { n, m }, timestamp, watermark }))
        })
        for (const mode of HARNESS_MODES) {
          for (const input of [mixed, sideFirst]) {
            const create = sideInputJoinOperator(settingsOf({ type }))
            const outputs = runOperator(create, kernel, [leftSchema, rightSchema], input, mode)
            expect(rowsOf(outputs), mode.name).toEqual(expected)
            const watermarks = watermarksOf(outputs)
            expect(watermarks).toEqual([...watermarks].sort((a, b) => a - b))
            expect(watermarks.at(-1)).toBe(Number.POSITIVE_INFINITY)
          }
        }
      }),
      { numRuns: 25 },
    )
  })

  it('refuses to let too many rows wait', () => {
    const [batched] = HARNESS_MODES
    if (batched === undefined) throw new TypeError('no mode')
    const row = (n: number): TestElement => ({ kind: 'row', row: { k: 'a', n }, input: 0 })
    const run = (elements: readonly TestElement[]) => {
      const create = sideInputJoinOperator(settingsOf({ isTimed: false, mostWaiting: 2 }))
      return rowsOf(runOperator(create, kernel, [leftSchema, rightSchema], elements, batched)).length
    }
    expect(() => run([row(1), row(2), row(3)])).toThrow(expect.objectContaining({ code: 'TOO_MANY_WAITING' }))
    expect(run([row(1), row(2), END, row(3), row(4), row(5)])).toBe(5)
  })
})
