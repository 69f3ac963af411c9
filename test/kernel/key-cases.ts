/* Keys of every kind, for tests that run on each: how to make them, code them, read them back, and hash them in Java. */
import fc from 'fast-check'
import { Dictionary } from '../../src/core/dictionary.js'
import type { KeyColumn } from '../../src/kernel/composite-columns.js'
import type { KeyIndex, KeyKind, ReadStrings } from '../../src/kernel/keys.js'

/** Keys stand as text that is the same for equal keys; null is the null key. */
export type Key = string | null

export interface KeyCase {
  readonly name: string
  readonly kind: KeyKind
  readonly key: fc.Arbitrary<Key>
  code(index: KeyIndex, keys: readonly Key[]): Uint32Array
  read(index: KeyIndex, ids: Uint32Array): Key[]
  javaHash(key: Key): number
}

export function validityOf(keys: readonly unknown[]): Uint8Array | undefined {
  if (!keys.includes(null)) return undefined
  const bits = new Uint8Array((keys.length + 7) >> 3)
  keys.forEach((key, row) => {
    if (key !== null) bits[row >> 3] = (bits[row >> 3] ?? 0) | (1 << (row & 7))
  })
  return bits
}

function isValid(validity: Uint8Array, row: number): boolean {
  return (((validity[row >> 3] ?? 0) >> (row & 7)) & 1) === 1
}

export function utf8Of(keys: readonly Key[]): { offsets: Int32Array; bytes: Uint8Array } {
  const encoder = new TextEncoder()
  const lengths = keys.map(key => encoder.encode(key ?? '').length)
  const offsets = new Int32Array(keys.length + 1)
  for (const [row, length] of lengths.entries()) offsets[row + 1] = (offsets[row] ?? 0) + length
  return { offsets, bytes: encoder.encode(keys.map(key => key ?? '').join('')) }
}

function stringsOf({ offsets, bytes, validity }: ReadStrings): Key[] {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  return Array.from({ length: offsets.length - 1 }, (_, row) =>
    isValid(validity, row) ? decoder.decode(bytes.slice(offsets[row], offsets[row + 1])) : null,
  )
}

function keysOf<T>({ values, validity }: { values: ArrayLike<T>; validity: Uint8Array }): Key[] {
  return Array.from(values, (value, row) => (isValid(validity, row) ? textOf(value) : null))
}

function textOf(value: unknown): string {
  return Object.is(value, -0) ? '0' : String(value)
}

export function javaHashString(text: string): number {
  let hash = 0
  for (let at = 0; at < text.length; at++) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0
  return hash
}

export function javaHashLong(bits: bigint): number {
  return Number(BigInt.asIntN(32, bits ^ (BigInt.asUintN(64, bits) >> 32n)))
}

function javaHashDouble(value: number): number {
  return javaHashLong(new BigInt64Array(Float64Array.of(value).buffer)[0] ?? 0n)
}

/** MathUtils.murmurHash of Flink, written apart from the kernel. */
export function flinkMurmur(hashCode: number): number {
  const rotate = (value: number, by: number) => (value << by) | (value >>> (32 - by))
  let code = Math.imul(hashCode, 0xcc9e2d51 | 0)
  code = Math.imul(rotate(code, 15), 0x1b873593)
  code = (Math.imul(rotate(code, 13), 5) + (0xe6546b64 | 0)) ^ 4
  code = Math.imul(code ^ (code >>> 16), 0x85ebca6b | 0)
  code = Math.imul(code ^ (code >>> 13), 0xc2b2ae35 | 0)
  code ^= code >>> 16
  if (code === -2147483648) return 0
  return Math.abs(code)
}

const nullable = (keys: fc.Arbitrary<string>): fc.Arbitrary<Key> => fc.option(keys, { nil: null, freq: 12 })

const hostileStrings = [
  '',
  '\0',
  '\0\0',
  '__proto__',
  'constructor',
  'é世界',
  '😀',
  'a',
  'aa',
  '\uffff',
  'x'.repeat(65_536),
]

export const strings = fc.oneof(
  fc.constantFrom(...hostileStrings),
  fc.integer({ min: 0, max: 60 }).map(n => `key-${n}`),
  // Lengths around the words that the hash and the compare read.
  fc.integer({ min: 0, max: 20 }).map(length => 'abcdefghijklmnopqrst'.slice(0, length)),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
)

const int32 = fc.oneof(fc.integer({ min: 0, max: 80 }), fc.constantFrom(-1, 2147483647, -2147483648))
const int64 = fc.oneof(
  fc.integer({ min: 0, max: 80 }).map(BigInt),
  fc.constantFrom(-1n, 2n ** 32n, 2n ** 33n, 2n ** 63n - 1n, -(2n ** 63n)),
)
const float64 = fc.oneof(
  fc.integer({ min: -20, max: 60 }).map(n => n / 4),
  fc.constantFrom(-0, 0, NaN, Infinity, -Infinity, 5e-324, Number.MAX_VALUE),
)

const numbers = (keys: readonly Key[]): number[] => keys.map(key => Number(key ?? 0))
const bigints = (keys: readonly Key[]): bigint[] => keys.map(key => BigInt(key ?? 0))

/** A composite key as JSON of [i32, utf8, f64, bool, i64], each may be null. */
type Parts = [number | null, string | null, string | null, boolean | null, string | null]

const composite: fc.Arbitrary<Key> = fc
  .tuple(
    fc.option(fc.integer({ min: 0, max: 2 }), { freq: 3 }),
    fc.option(fc.constantFrom('', 'a', '\0', 'é世界', 'abcdefghij'), { freq: 3 }),
    fc.option(fc.constantFrom('0', 'NaN', '1.5'), { freq: 3 }),
    fc.option(fc.boolean(), { freq: 3 }),
    fc.option(fc.constantFrom('-1', '4294967296'), { freq: 3 }),
  )
  .map(parts => JSON.stringify(parts))

function partsOf(key: Key): Parts {
  return JSON.parse(key ?? 'null') as Parts
}

function compositeColumns(keys: readonly Key[], coded: boolean): KeyColumn[] {
  const rows = keys.map(partsOf)
  const column = <N extends 0 | 1 | 2 | 3 | 4>(number: N) => rows.map(parts => parts[number])
  const [ints, texts, floats, bools, longs] = [column(0), column(1), column(2), column(3), column(4)]
  const bits = validityOf(bools.map(value => (value === true ? 1 : null))) ?? new Uint8Array(keys.length).fill(255)
  const dictionary = Dictionary.of(['unused', 'zz'])
  const codes = Int32Array.from(texts, text => (text === null ? 0 : dictionary.encode(text)))
  return [
    { type: 'i32', values: Int32Array.from(ints, value => value ?? 7), validity: validityOf(ints) },
    coded
      ? { type: 'dictionary', codes, dictionary, validity: validityOf(texts) }
      : { type: 'utf8', values: utf8Of(texts), validity: validityOf(texts) },
    { type: 'f64', values: Float64Array.from(floats, value => Number(value)), validity: validityOf(floats) },
    { type: 'bool', bits, validity: validityOf(bools) },
    { type: 'i64', values: BigInt64Array.from(longs, value => BigInt(value ?? 3)), validity: validityOf(longs) },
  ]
}

const orNull = (hash: (text: string) => number) => (text: Key) => (text === null ? 0 : hash(text))

export const keyCases: readonly KeyCase[] = [
  {
    name: 'i32',
    kind: 'i32',
    key: nullable(int32.map(String)),
    code: (index, keys) => index.codeInt32(Int32Array.from(numbers(keys)), validityOf(keys)),
    read: (index, ids) => keysOf(index.readInt32(index.writeIds(ids), ids.length)),
    javaHash: key => Number(key ?? 0),
  },
  {
    name: 'bool',
    kind: 'bool',
    key: nullable(fc.constantFrom('0', '1')),
    code: (index, keys) => {
      const bits = new Uint8Array((keys.length + 7) >> 3)
      keys.forEach((key, row) => {
        if (key === '1') bits[row >> 3] = (bits[row >> 3] ?? 0) | (1 << (row & 7))
      })
      return index.codeBool(bits, keys.length, validityOf(keys))
    },
    read: (index, ids) => keysOf(index.readInt32(index.writeIds(ids), ids.length)),
    javaHash: orNull(key => (key === '1' ? 1231 : 1237)),
  },
  {
    name: 'i64',
    kind: 'i64',
    key: nullable(int64.map(String)),
    code: (index, keys) => index.codeInt64(BigInt64Array.from(bigints(keys)), validityOf(keys)),
    read: (index, ids) => keysOf(index.readInt64(index.writeIds(ids), ids.length)),
    javaHash: orNull(key => javaHashLong(BigInt(key))),
  },
  {
    name: 'f64',
    kind: 'f64',
    key: nullable(float64.map(textOf)),
    // Zeros go in with either sign, row by row.
    code: (index, keys) => {
      const values = Float64Array.from(numbers(keys), (value, row) => (value === 0 && row % 2 === 1 ? -0 : value))
      return index.codeFloat64(values, validityOf(keys))
    },
    read: (index, ids) => keysOf(index.readFloat64(index.writeIds(ids), ids.length)),
    javaHash: orNull(key => javaHashDouble(Number(key))),
  },
  {
    name: 'utf8',
    kind: 'utf8',
    key: nullable(strings),
    code: (index, keys) => index.codeUtf8(utf8Of(keys), validityOf(keys)),
    read: (index, ids) => stringsOf(index.readUtf8(index.writeIds(ids), ids.length)),
    javaHash: orNull(javaHashString),
  },
  {
    name: 'utf8 by dictionary',
    kind: 'utf8',
    key: nullable(strings),
    code: (index, keys) => {
      // One dictionary an index, as a stream has; it grows from call to call.
      const dictionary = dictionaries.get(index) ?? new Dictionary()
      dictionaries.set(index, dictionary)
      const codes = Int32Array.from(keys, key => (key === null ? -1 : dictionary.encode(key)))
      return index.codeDictionary(dictionary, codes, validityOf(keys))
    },
    read: (index, ids) => stringsOf(index.readUtf8(index.writeIds(ids), ids.length)),
    javaHash: orNull(javaHashString),
  },
  {
    name: 'composite',
    kind: 'composite',
    key: composite,
    code: (index, keys) => index.codeComposite(compositeColumns(keys, keys.length % 2 === 0), keys.length),
    read: readComposite,
    javaHash: key => {
      const [int, text, float, bool, long] = partsOf(key)
      const hashes = [
        int ?? 0,
        text === null ? 0 : javaHashString(text),
        float === null ? 0 : javaHashDouble(Number(float)),
        bool === null ? 0 : bool ? 1231 : 1237,
        long === null ? 0 : javaHashLong(BigInt(long)),
      ]
      return hashes.reduce((hash, part) => (Math.imul(hash, 31) + part) | 0, 0)
    },
  },
]

const dictionaries = new WeakMap<KeyIndex, Dictionary>()

function readComposite(index: KeyIndex, ids: Uint32Array): Key[] {
  const at = index.writeIds(ids)
  // Each reading is a view that the next one overwrites.
  const ints = keysOf(index.readComponent(at, ids.length, 0, 'i32'))
  const texts = stringsOf(index.readUtf8Component(at, ids.length, 1))
  const floats = keysOf(index.readComponent(at, ids.length, 2, 'f64'))
  const bools = keysOf(index.readComponent(at, ids.length, 3, 'bool'))
  const longs = keysOf(index.readComponent(at, ids.length, 4, 'i64'))
  return Array.from(ids, (_, row) => {
    const [int, bool] = [ints[row] ?? null, bools[row] ?? null]
    return JSON.stringify([
      int === null ? null : Number(int),
      texts[row] ?? null,
      floats[row] ?? null,
      bool === null ? null : bool === '1',
      longs[row] ?? null,
    ])
  })
}
