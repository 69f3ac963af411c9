import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keyGroupRange, operatorIndex } from '../../src/core/key-groups.js'
import { KeyIndex } from '../../src/kernel/keys.js'
import type { Kernel } from '../../src/kernel/module.js'
import { builds } from './builds.js'
import { flinkMurmur, utf8Of } from './key-cases.js'

interface GroupVector {
  readonly id: string
  readonly kind: string
  readonly config: { readonly keyType: string; readonly maxParallelism: number; readonly parallelism: number }
  readonly input: { readonly key: string; readonly javaHashCode: number }
  readonly expected: {
    readonly murmur: number
    readonly keyGroup: Readonly<Record<string, number>>
    readonly operatorIndex128: Readonly<Record<string, number>>
    readonly ranges: readonly (readonly [number, number])[]
  }
}

const file = new URL('../vectors/partitioning.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as GroupVector[]
const groups = vectors.filter(({ kind }) => kind === 'key-group')
const ranges = vectors.filter(({ kind }) => kind === 'key-group-range')

function groupOf(kernel: Kernel, { config, input }: GroupVector, maxParallelism: number): number {
  const kind = config.keyType === 'int' ? 'i32' : config.keyType === 'boolean' ? 'bool' : 'utf8'
  const index = new KeyIndex(kernel, { kind, maxParallelism })
  const [id = -1] =
    kind === 'i32'
      ? index.codeInt32(Int32Array.of(Number(input.key)))
      : kind === 'bool'
        ? index.codeBool(Uint8Array.of(input.key === 'true' ? 1 : 0), 1)
        : index.codeUtf8(utf8Of([input.key]))
  const group = index.groupOf(id)
  index.destroy()
  return group
}

describe.each(builds)('key groups ($name)', ({ create }) => {
  const kernel = create()

  it.each(groups.map(vector => ({ name: vector.id, vector })))('$name', ({ vector }) => {
    const { keyGroup } = vector.expected
    const found = Object.keys(keyGroup).map(max => [max, groupOf(kernel, vector, Number(max))])
    expect(Object.fromEntries(found)).toEqual(keyGroup)
  })
})

describe('key groups and subtasks', () => {
  it.each(groups.map(vector => ({ name: vector.id, vector })))('$name', ({ vector }) => {
    const { murmur, keyGroup, operatorIndex128 } = vector.expected
    expect(flinkMurmur(vector.input.javaHashCode)).toBe(murmur)
    const group = keyGroup['128'] ?? -1
    expect({ parallelism4: operatorIndex(group, 4, 128), parallelism3: operatorIndex(group, 3, 128) }).toEqual(
      operatorIndex128,
    )
  })

  it.each(ranges.map(vector => ({ name: vector.id, vector })))('$name', ({ vector }) => {
    const { parallelism, maxParallelism } = vector.config
    const found = Array.from({ length: parallelism }, (_, index) => {
      const { start, end } = keyGroupRange(index, parallelism, maxParallelism)
      return [start, end]
    })
    expect(found).toEqual(vector.expected.ranges)
  })

  it('covers every key group once, and agrees on the owner', () => {
    const parallelisms = fc.integer({ min: 1, max: 32_768 }).chain(maxParallelism =>
      fc.record({
        maxParallelism: fc.constant(maxParallelism),
        parallelism: fc.integer({ min: 1, max: Math.min(maxParallelism, 400) }),
      }),
    )
    fc.assert(
      fc.property(parallelisms, ({ maxParallelism, parallelism }) => {
        let next = 0
        for (let index = 0; index < parallelism; index++) {
          const { start, end } = keyGroupRange(index, parallelism, maxParallelism)
          expect(start).toBe(next)
          expect(operatorIndex(start, parallelism, maxParallelism)).toBe(index)
          expect(operatorIndex(end, parallelism, maxParallelism)).toBe(index)
          next = end + 1
        }
        expect(next).toBe(maxParallelism)
      }),
    )
  })

  it.each([
    [0, 128],
    [129, 128],
    [1.5, 128],
    [1, 0],
    [1, 32_769],
  ])('refuses parallelism %d of maxParallelism %d', (parallelism, maxParallelism) => {
    expect(() => keyGroupRange(0, parallelism, maxParallelism)).toThrow(TypeError)
    expect(() => operatorIndex(0, parallelism, maxParallelism)).toThrow(TypeError)
  })

  it('refuses a subtask and a key group that do not exist', () => {
    expect(() => keyGroupRange(4, 4, 128)).toThrow('below parallelism 4, not 4')
    expect(() => operatorIndex(128, 4, 128)).toThrow('below maxParallelism 128, not 128')
  })
})
