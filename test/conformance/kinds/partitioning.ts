import { keyGroupRange, operatorIndex } from '../../../src/core/key-groups.js'
import { kafkaPartition } from '../../../src/kernel/hash.js'
import { KeyIndex, type KeyKind } from '../../../src/kernel/keys.js'
import type { Kernel } from '../../../src/kernel/module.js'
import { compareOnEachBuild } from '../kernels.js'
import type { Registry } from '../registry.js'
import { bytesOf, compare, fields, integer, type Json, skip, text } from '../vector.js'

/** The answer under each name of an object that the vector asks about, as `{"3": 2, "6": 5}`. */
function eachOf(asked: Json | undefined, answer: (name: string) => Json): Record<string, Json> {
  const names = Object.keys(fields('expected', asked, Object.keys(asked ?? {})))
  return Object.fromEntries(names.map(name => [name, answer(name)]))
}

function codeUtf8(index: KeyIndex, key: string): void {
  const bytes = new TextEncoder().encode(key)
  index.codeUtf8({ offsets: Int32Array.of(0, bytes.length), bytes })
}

/** Type of the key in Java -> our kind of key, and how one key is coded. */
const KEY_TYPES: Readonly<Record<string, { kind: KeyKind; code: (index: KeyIndex, key: string) => void }>> = {
  int: { kind: 'i32', code: (index, key) => index.codeInt32(Int32Array.of(Number(key))) },
  long: { kind: 'i64', code: (index, key) => index.codeInt64(BigInt64Array.of(BigInt(key))) },
  double: { kind: 'f64', code: (index, key) => index.codeFloat64(Float64Array.of(Number(key))) },
  boolean: { kind: 'bool', code: (index, key) => index.codeBool(Uint8Array.of(key === 'true' ? 1 : 0), 1) },
  string: { kind: 'utf8', code: codeUtf8 },
}

function keyGroup(kernel: Kernel, type: string, key: string, maxParallelism: number): number {
  const { kind, code } = KEY_TYPES[type] ?? {}
  if (!kind || !code) throw new TypeError(`no key type ${type}`)
  const index = new KeyIndex(kernel, { kind, maxParallelism })
  code(index, key)
  const group = index.groupOf(0)
  index.destroy()
  return group
}

export const partitioning: Registry = {
  partition: ({ config, input, expected }) => {
    fields('config', config, [])
    const { partition } = fields('expected', expected, ['partition'])
    const key = bytesOf('hex', fields('input', input, ['hex']).hex)
    return compareOnEachBuild(partition, kernel =>
      eachOf(partition, partitions => kafkaPartition(kernel, key, Number(partitions))),
    )
  },

  // `javaHashCode` and `murmur` are steps on the way; the engine shows the group alone.
  'key-group': ({ config, input, expected }) => {
    const type = text('keyType', fields('config', config, ['keyType']).keyType)
    const key = text('key', fields('input', input, ['key', 'javaHashCode']).key)
    if (!Object.hasOwn(KEY_TYPES, type)) return skip(`keys of the type ${type} are not built`)
    const { keyGroup: groups, operatorIndex128: indexes } = fields('expected', expected, [
      'murmur',
      'keyGroup',
      'operatorIndex128',
    ])
    return compareOnEachBuild({ groups, indexes }, kernel => {
      const groupOf128 = keyGroup(kernel, type, key, 128)
      return {
        groups: eachOf(groups, most => keyGroup(kernel, type, key, Number(most))),
        indexes: eachOf(indexes, name => operatorIndex(groupOf128, Number(name.replace('parallelism', '')), 128)),
      }
    })
  },

  'key-group-range': ({ config, input, expected }) => {
    const { maxParallelism, parallelism } = fields('config', config, ['maxParallelism', 'parallelism'])
    fields('input', input, [])
    const most = integer('maxParallelism', maxParallelism)
    const subtasks = integer('parallelism', parallelism)
    const ranges = Array.from({ length: subtasks }, (_, index) => keyGroupRange(index, subtasks, most))
    for (let group = 0; group < most; group++) {
      const { start, end } = ranges[operatorIndex(group, subtasks, most)] ?? { start: 0, end: -1 }
      // The description of these vectors asks that ranges and operator index invert one another.
      if (group < start || group > end) return { status: 'failed', expected: [start, end], got: group }
    }
    return compare(
      fields('expected', expected, ['ranges']).ranges,
      ranges.map(({ start, end }) => [start, end]),
    )
  },
}
