import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  crc32c,
  kafkaMurmur2,
  kafkaPartition,
  murmur3x64,
  murmur3x86,
  xxh3,
  xxh32,
  xxh64,
  xxh64Hex,
} from '../../src/kernel/hash.js'
import type { Kernel } from '../../src/kernel/module.js'
import { builds } from './builds.js'

interface HashVector {
  readonly id: string
  readonly kind: string
  readonly semantics: string
  readonly config: { readonly algorithm: string; readonly seed?: number | string }
  readonly input: { readonly hex?: string; readonly sanityBufferLength?: number }
  readonly expected: Record<string, unknown>
}

function vectors(file: string): HashVector[] {
  return JSON.parse(readFileSync(new URL(`../vectors/${file}`, import.meta.url), 'utf8')) as HashVector[]
}

/** The buffer of xxHash's own sanity checks. */
function sanityBuffer(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = 2654435761n
  for (let at = 0; at < length; at++) {
    bytes[at] = Number(state >> 56n)
    state = (state * 11400714785074694797n) & 0xffffffffffffffffn
  }
  return bytes
}

function inputOf({ hex, sanityBufferLength }: HashVector['input']): Uint8Array {
  if (hex !== undefined) return Uint8Array.from(Buffer.from(hex, 'hex'))
  return sanityBuffer(sanityBufferLength ?? 0)
}

function hex(value: bigint | number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}

function hashed(kernel: Kernel, { config, input }: HashVector): Record<string, unknown> {
  const bytes = inputOf(input)
  const seed = BigInt(config.seed ?? 0)
  switch (config.algorithm) {
    case 'kafka-murmur2':
      return { int32: kafkaMurmur2(kernel, bytes) }
    case 'murmur3-x86-32':
      return { int32: murmur3x86(kernel, bytes, Number(seed)) | 0 }
    case 'murmur3-x64-128':
      return { int64: murmur3x64(kernel, bytes, Number(seed)).map(half => String(BigInt.asIntN(64, half))) }
    case 'crc32c':
      return { uint32: crc32c(kernel, bytes) }
    case 'xxh32':
      return { hex: hex(xxh32(kernel, bytes, Number(seed)), 8) }
    case 'xxh64':
      return { hex: hex(xxh64(kernel, bytes, seed), 16) }
    case 'xxh3-64':
      return { hex: hex(xxh3(kernel, bytes, seed), 16) }
    default:
      throw new Error(`no algorithm ${config.algorithm}`)
  }
}

describe.each(builds)('hashes ($name)', ({ create }) => {
  const kernel = create()

  it.each(vectors('hashes.json').map(vector => ({ name: vector.id, vector })))('$name', ({ vector }) => {
    expect(hashed(kernel, vector)).toEqual(vector.expected)
  })

  const partitions = vectors('partitioning.json').filter(({ semantics }) => semantics === 'kafka')
  it.each(partitions.map(vector => ({ name: vector.id, vector })))('$name', ({ vector }) => {
    const expected = vector.expected.partition as Record<string, number>
    const key = inputOf(vector.input)
    const found = Object.keys(expected).map(count => [count, kafkaPartition(kernel, key, Number(count))])
    expect(Object.fromEntries(found)).toEqual(expected)
  })

  it('hashes long input in pieces as it would in one', () => {
    const bytes = sanityBuffer(1_000_003)
    for (const length of [262_143, 262_144, 262_145, 262_176, 524_288 + 31, 1_000_003]) {
      const input = bytes.subarray(0, length)
      const pointer = kernel.allocate(length)
      kernel.u8.set(input, pointer)
      kernel.exports.hashXxh64(pointer, length, 7, 0)
      const whole = kernel.resultBits(16)
      const crc = kernel.exports.hashCrc32c(pointer, length, 0) >>> 0
      kernel.release(pointer)
      expect(xxh64(kernel, input, 7n)).toBe(whole)
      expect(crc32c(kernel, input)).toBe(crc)
    }
  })

  it('agrees with a plain XXH64 and CRC-32C of any short input', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (bytes, seed) => {
        expect(xxh64(kernel, bytes, seed)).toBe(plainXxh64(bytes, seed))
        expect(crc32c(kernel, bytes)).toBe(plainCrc32c(bytes))
      }),
      { numRuns: 200 },
    )
  })

  it('does not depend on where the bytes stand', () => {
    const bytes = sanityBuffer(2_100)
    const pointer = kernel.allocate(4_096)
    for (const length of [0, 1, 3, 4, 8, 9, 16, 17, 128, 129, 240, 241, 1_024, 1_025, 2_048, 2_100]) {
      for (const shift of [0, 1, 7, 13]) {
        kernel.u8.set(bytes.subarray(0, length), pointer + shift)
        kernel.exports.hashXxh3(pointer + shift, length, 5, 0)
        expect(kernel.resultBits(16)).toBe(xxh3(kernel, bytes.subarray(0, length), 5n))
      }
    }
    kernel.release(pointer)
  })

  it('writes 16 hexadecimal digits', () => {
    expect(xxh64Hex(kernel, new Uint8Array())).toBe('ef46db3751d8e999')
  })
})

const MASK = 0xffffffffffffffffn
const P1 = 0x9e3779b185ebca87n
const P2 = 0xc2b2ae3d27d4eb4fn
const P3 = 0x165667b19e3779f9n
const P4 = 0x85ebca77c2b2ae63n
const P5 = 0x27d4eb2f165667c5n

function plainXxh64(bytes: Uint8Array, seed: bigint): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const wrap = (value: bigint) => value & MASK
  const rotate = (value: bigint, by: bigint) => wrap((value << by) | (value >> (64n - by)))
  const round = (lane: bigint, input: bigint) => wrap(rotate(wrap(lane + input * P2), 31n) * P1)
  let at = 0
  let hash = wrap(seed + P5)
  if (bytes.length >= 32) {
    const lanes = [seed + P1 + P2, seed + P2, seed, seed - P1].map(wrap)
    for (; at + 32 <= bytes.length; at += 32) {
      lanes.forEach((lane, n) => {
        lanes[n] = round(lane, view.getBigUint64(at + n * 8, true))
      })
    }
    hash = wrap(lanes.reduce((sum, lane, n) => sum + rotate(lane, [1n, 7n, 12n, 18n][n] ?? 0n), 0n))
    for (const lane of lanes) hash = wrap((hash ^ round(0n, lane)) * P1 + P4)
  }
  hash = wrap(hash + BigInt(bytes.length))
  for (; at + 8 <= bytes.length; at += 8) {
    hash = wrap(rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * P1 + P4)
  }
  if (at + 4 <= bytes.length) {
    hash = wrap(rotate(hash ^ wrap(BigInt(view.getUint32(at, true)) * P1), 23n) * P2 + P3)
    at += 4
  }
  for (; at < bytes.length; at++) hash = wrap(rotate(hash ^ wrap(BigInt(bytes[at] ?? 0) * P5), 11n) * P1)
  hash = wrap((hash ^ (hash >> 33n)) * P2)
  hash = wrap((hash ^ (hash >> 29n)) * P3)
  return hash ^ (hash >> 32n)
}

function plainCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
  }
  return ~crc >>> 0
}
