import fc from 'fast-check'
import { expect, it } from 'vitest'
import { copyBytes, viewOf } from '../../src/core/byte-copy.js'

it('copies a range of any length to any place, and nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(40), fc.nat(40), (bytes, from, at) => {
      const to = Math.max(from, bytes.length)
      const source = new Uint8Array(to + 3).subarray(3)
      source.set(bytes)
      const target = new Uint8Array(at + to - from + 9).fill(7).subarray(2)
      const expected = target.slice()
      expected.set(source.subarray(from, to), at)
      copyBytes(viewOf(source), from, to, viewOf(target), at)
      expect(target).toEqual(expected)
    }),
  )
})
