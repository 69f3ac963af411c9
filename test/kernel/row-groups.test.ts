import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { filledBitmap, setBit } from '../../src/core/bitmap.js'
import { Dictionary } from '../../src/core/dictionary.js'
import type { KeyColumn } from '../../src/kernel/composite-columns.js'
import { KeyIndex, type KeyKind } from '../../src/kernel/keys.js'
import type { Kernel } from '../../src/kernel/module.js'
import { RowGroups } from '../../src/kernel/row-groups.js'
import { builds } from './builds.js'
import { utf8Of } from './key-cases.js'

const ROWS = 9
const text = fc.oneof(fc.constantFrom('', 'a', 'é€😀', '__proto__'), fc.string({ unit: 'grapheme', maxLength: 8 }))
const rows = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(value, { minLength: ROWS, maxLength: ROWS })
const shared = Dictionary.of([])

const column: fc.Arbitrary<KeyColumn> = fc
  .tuple(
    fc.oneof(
      rows(fc.integer()).map((values): KeyColumn => ({ type: 'i32', values: Int32Array.from(values) })),
      rows(fc.boolean()).map((values): KeyColumn => {
        const bits = new Uint8Array(2)
        for (const [row, value] of values.entries()) setBit(bits, row, value)
        return { type: 'bool', bits }
      }),
      rows(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })).map(
        (values): KeyColumn => ({ type: 'i64', values: BigInt64Array.from(values) }),
      ),
      rows(fc.oneof(fc.double(), fc.constantFrom(0, -0, Number.NaN, Number.POSITIVE_INFINITY))).map(
        (values): KeyColumn => ({ type: 'f64', values: Float64Array.from(values) }),
      ),
      rows(text).map((values): KeyColumn => ({ type: 'utf8', values: utf8Of(values) })),
      rows(text).map((values): KeyColumn => {
        const codes = Int32Array.from(values, value => shared.encode(value))
        return { type: 'dictionary', codes, dictionary: shared }
      }),
    ),
    fc.option(rows(fc.boolean())),
  )
  .map(([values, valid]) => {
    if (valid === null) return values
    const validity = filledBitmap(ROWS)
    for (const [row, isValid] of valid.entries()) setBit(validity, row, isValid)
    return { ...values, validity }
  })

function byIndex(kernel: Kernel, columns: readonly KeyColumn[], maxParallelism: number): number[] {
  const [only] = columns
  const single = columns.length === 1 ? only : undefined
  const kind: KeyKind = single === undefined ? 'composite' : single.type === 'dictionary' ? 'utf8' : single.type
  const index = new KeyIndex(kernel, { kind, maxParallelism })
  const ids = (): Uint32Array => {
    switch (single?.type) {
      case undefined:
        return index.codeComposite(columns, ROWS)
      case 'i32':
        return index.codeInt32(single.values, single.validity)
      case 'bool':
        return index.codeBool(single.bits, ROWS, single.validity)
      case 'i64':
        return index.codeInt64(single.values, single.validity)
      case 'f64':
        return index.codeFloat64(single.values, single.validity)
      case 'utf8':
        return index.codeUtf8(single.values, single.validity)
      case 'dictionary':
        return index.codeDictionary(single.dictionary, single.codes, single.validity)
    }
  }
  const groups = Array.from(ids().slice(), id => index.groupOf(id))
  index.destroy()
  return groups
}

describe.each(builds)('key groups of rows ($name)', ({ create }) => {
  it('are those that a key index gives the keys', () => {
    const kernel = create()
    const inUse = kernel.bytesInUse
    const known = new Map([1, 2, 100, 128, 32_768].map(max => [max, new RowGroups(kernel, max)]))
    fc.assert(
      fc.property(fc.array(column, { minLength: 1, maxLength: 3 }), fc.constantFrom(...known), (columns, entry) => {
        const [maxParallelism, groups] = entry
        expect(Array.from(groups.of(columns, ROWS))).toEqual(byIndex(kernel, columns, maxParallelism))
      }),
      { numRuns: 150 },
    )
    for (const groups of known.values()) groups.release()
    expect(kernel.bytesInUse).toBe(inUse)
  })

  it('refuses codes that the dictionary does not have, unless the row is null', () => {
    const groups = new RowGroups(create(), 128)
    const dictionary = Dictionary.of(['a'])
    const codes = Int32Array.of(0, 7)
    expect(() => groups.of([{ type: 'dictionary', codes, dictionary }], 2)).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_DICTIONARY_CODE', details: expect.objectContaining({ row: 1 }) }),
    )
    const validity = Uint8Array.of(1)
    expect(groups.of([{ type: 'dictionary', codes, dictionary, validity }], 2)).toHaveLength(2)
  })
})
