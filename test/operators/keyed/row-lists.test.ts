import fc from 'fast-check'
import { expect, it } from 'vitest'
import { RowLists } from '../../../src/operators/keyed/row-lists.js'

const slot = fc.integer({ min: 0, max: 90 })
const list = fc.array(fc.nat({ max: 2 ** 31 - 1 }), { maxLength: 24, size: 'max' })
const steps = fc.array(fc.tuple(slot, fc.option(list)), { maxLength: 80, size: 'max' })

it('reads what was written last, of lists that fit and of longer ones', () => {
  fc.assert(
    fc.property(steps, fc.constantFrom(1, 3, 1000), (changes, usual) => {
      const lists = new RowLists(usual)
      const expected = new Map<number, readonly number[]>()
      for (const [slot, list] of changes) {
        if (list === null) lists.clear(slot)
        else lists.write(slot, list)
        expected.set(slot, list ?? [])
        lists.read(slot).push(5)
      }
      for (let slot = 0; slot < 100; slot++) expect([...lists.read(slot)]).toEqual(expected.get(slot) ?? [])
    }),
    { numRuns: 60 },
  )
})
