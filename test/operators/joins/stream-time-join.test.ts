import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JoinSelect } from '../../../src/operators/joins/join-projection.js'
import type { JoinType } from '../../../src/operators/joins/join-type.js'
import { type StreamTimeJoinSettings, streamTimeJoinOperator } from '../../../src/operators/joins/stream-time-join.js'
import { HARNESS_MODES, runOperator } from '../../../src/testing/operator-harness.js'
import { type JoinRow, joinInput, kernel, leftSchema, rightSchema, rowsOf, watermarksOf } from './join-elements.js'

const select: JoinSelect = {
  kind: 'columns',
  columns: [
    { name: 'n', side: 'left', field: 'n' },
    { name: 'm', side: 'right', field: 'm' },
  ],
}

const settingsOf = (parts: Partial<StreamTimeJoinSettings>): StreamTimeJoinSettings => ({
  left: { keys: ['k'], schema: leftSchema },
  right: { keys: ['key'], schema: rightSchema },
  select,
  type: 'full',
  lowerMs: -3,
  upperMs: 5,
  graceMs: 0,
  ...parts,
})

describe('the join by stream time', () => {
  it('pairs all rows within the bounds, none of them late, and puts out alone whoever has no partner', () => {
    const types = fc.constantFrom<JoinType>('inner', 'left', 'right', 'full')
    const bounds = fc.tuple(fc.nat(6), fc.nat(6), fc.nat(4))
    fc.assert(
      fc.property(joinInput(), types, bounds, ({ elements, events }, type, [beforeMs, upperMs, graceMs]) => {
        const settings = settingsOf({ type, lowerMs: -beforeMs, upperMs, graceMs })
        const rows = events.flatMap(event => ('number' in event ? [event] : []))
        const isPair = (left: JoinRow, right: JoinRow) => {
          const distance = right.timestamp - left.timestamp
          return left.key === right.key && distance >= -beforeMs && distance <= upperMs
        }
        const sides = [rows.filter(({ input }) => input === 0), rows.filter(({ input }) => input === 1)] as const
        const pairs = sides[0].flatMap(left => {
          return sides[1].filter(right => isPair(left, right)).map(right => `${left.number} ${right.number}`)
        })
        let first: unknown
        for (const mode of HARNESS_MODES) {
          const create = streamTimeJoinOperator(settings)
          const all = runOperator(create, kernel, [leftSchema, rightSchema], elements, mode)
          const outputs = rowsOf(all)
          const out = outputs.map(({ row }) => row as { n: number | null; m: number | null })
          const both = out.filter(({ n, m }) => n !== null && m !== null).map(({ n, m }) => `${n} ${m}`)
          expect(both.sort(), mode.name).toEqual(pairs.sort())
          for (const [input, own] of sides.entries()) {
            const isOuter = type === 'full' || type === (input === 0 ? 'left' : 'right')
            const alone = out.flatMap(({ n, m }) => (input === 0 ? (m === null ? [n] : []) : n === null ? [m] : []))
            expect(new Set(alone).size, mode.name).toBe(alone.length)
            for (const row of own) {
              const hasPartner = sides[1 - input]?.some(other =>
                input === 0 ? isPair(row, other) : isPair(other, row),
              )
              if (!isOuter) expect(alone).not.toContain(row.number)
              else if (!hasPartner) expect(alone).toContain(row.number)
            }
          }
          const texts = outputs.map(output => JSON.stringify({ ...output, watermark: String(output.watermark) }))
          first ??= texts
          expect(texts, mode.name).toEqual(first)
          expect(watermarksOf(all).at(-1)).toBe(Number.POSITIVE_INFINITY)
        }
      }),
      { numRuns: 25 },
    )
  })

  it('forgets rows when their segment of a minute is over', () => {
    const row = (input: 0 | 1, timestamp: number) => {
      const fields = input === 0 ? { k: 'a', n: timestamp } : { key: 'a', m: timestamp }
      return { kind: 'row', row: fields, timestamp, watermark: 0, input } as const
    }
    for (const mode of HARNESS_MODES) {
      const create = streamTimeJoinOperator(settingsOf({ type: 'inner' }))
      const run = (at: number) => {
        const elements = [row(0, 59_999), row(1, at), row(1, 60_000)]
        return rowsOf(runOperator(create, kernel, [leftSchema, rightSchema], elements, mode)).length
      }
      expect(run(60_007), mode.name).toBe(1)
      expect(run(60_008), mode.name).toBe(0)
    }
  })
})
