import { describe, expect, it } from 'vitest'
import { COLUMN_MIN_MAX, KEY_32, OUT_FIRST_COLUMN, TYPE_F64 } from '../../assembly/abi.js'
import { builds } from './builds.js'

/** One f64 column: the path in one pass for few keys, in two for many. */
for (const build of builds) {
  describe(`windows over one column, ${build.name} build`, () => {
    it.each([
      [100, 'sum, minimum and maximum', 4],
      [100, 'sum', 2],
      [40_000, 'sum, minimum and maximum', 4],
      [40_000, 'sum', 2],
    ])('aggregate %d keys to count, %s', (keyCount, _, parts) => {
      const kernel = build.create()
      const { exports } = kernel
      const keys = exports.keysCreate(KEY_32, 1, 2, 128)
      const columns = kernel.staging.write(Uint32Array.of(parts === 4 ? TYPE_F64 | COLUMN_MIN_MAX : TYPE_F64))
      const window = exports.windowCreate(keys, 1e6, 1e6, 0, columns, 1)
      const rows = 4096
      const [source, ids, timestamps, values, pointers] = [4, 4, 8, 8, 1].map(bytes =>
        kernel.allocate(bytes * rows),
      ) as [number, number, number, number, number]
      const wanted = new Map<number, [number, number, number, number]>()
      for (let first = 0; first < 100_000; first += rows) {
        for (let i = 0; i < rows; i++) {
          const key = ((first + i) * 7919) % keyCount
          const value = ((first + i) % 1001) - 500
          kernel.u32[(source >> 2) + i] = key
          kernel.f64[(timestamps >> 3) + i] = first + i
          kernel.f64[(values >> 3) + i] = value
          const [n, sum, min, max] = wanted.get(key) ?? [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
          wanted.set(key, [n + 1, sum + value, Math.min(min, value), Math.max(max, value)])
        }
        kernel.check(exports.keysCode32(keys, source, 0, 0, rows, ids), 'coding')
        kernel.u32[pointers >> 2] = values
        expect(exports.windowAdd(window, ids, timestamps, 0, pointers, 0, 0, rows)).toBe(rows)
      }
      exports.windowAdvance(window, Number.POSITIVE_INFINITY)
      const got = new Map<number, number[]>()
      for (let count = exports.windowFire(window); count > 0; count = exports.windowFire(window)) {
        const out = exports.windowOutput(window, 0) >>> 0
        const keyAt = kernel.staging.reserve(count * 4)
        exports.keysRead32(keys, out, count, keyAt, 0)
        for (let row = 0; row < count; row++) {
          const found = [0, 1, 2, 3]
            .slice(0, parts)
            .map(part => kernel.f64[((exports.windowOutput(window, OUT_FIRST_COLUMN + part) >>> 0) >> 3) + row] ?? 0)
          got.set(kernel.u32[(keyAt >> 2) + row] ?? 0, found)
        }
      }
      const expected = [...wanted].map(([key, all]) => [key, all.slice(0, parts)] as const)
      expect([...got].sort(([a], [b]) => a - b)).toEqual(expected.sort(([a], [b]) => a - b))
    })
  })
}
