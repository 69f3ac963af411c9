import * as hash from '../../../src/kernel/hash.js'
import type { Kernel } from '../../../src/kernel/module.js'
import { compareOnEachBuild } from '../kernels.js'
import type { Registry } from '../registry.js'
import { bytesOf, fields, integer, type JsonObject, NotUnderstood, skip, text } from '../vector.js'

type Hash = (kernel: Kernel, bytes: Uint8Array, seed: bigint) => readonly bigint[]

const ALGORITHMS: Readonly<Record<string, { bits: 32 | 64; seeded: boolean; hash: Hash }>> = {
  'kafka-murmur2': { bits: 32, seeded: false, hash: (kernel, bytes) => [BigInt(hash.kafkaMurmur2(kernel, bytes))] },
  'murmur3-x86-32': {
    bits: 32,
    seeded: true,
    hash: (kernel, bytes, seed) => [BigInt(hash.murmur3x86(kernel, bytes, Number(seed)))],
  },
  'murmur3-x64-128': {
    bits: 64,
    seeded: true,
    hash: (kernel, bytes, seed) => hash.murmur3x64(kernel, bytes, Number(seed)),
  },
  crc32c: { bits: 32, seeded: false, hash: (kernel, bytes) => [BigInt(hash.crc32c(kernel, bytes))] },
  xxh32: {
    bits: 32,
    seeded: true,
    hash: (kernel, bytes, seed) => [BigInt(hash.xxh32(kernel, bytes, Number(seed)))],
  },
  xxh64: { bits: 64, seeded: true, hash: (kernel, bytes, seed) => [hash.xxh64(kernel, bytes, seed)] },
  'xxh3-64': { bits: 64, seeded: true, hash: (kernel, bytes, seed) => [hash.xxh3(kernel, bytes, seed)] },
}

function seedOf(config: JsonObject): bigint {
  const { seed = 0 } = config
  if (typeof seed !== 'number' && !(typeof seed === 'string' && /^\d+$/.test(seed))) {
    throw new NotUnderstood(`seed is ${JSON.stringify(seed)}, not a whole number`)
  }
  return BigInt(seed)
}

/** xxHash's test input: byte i is the top byte of g, which starts as PRIME32 and is multiplied by PRIME64 each time. */
function sanityBuffer(length: number): Uint8Array<ArrayBuffer> {
  let generator = 2654435761n
  return Uint8Array.from({ length }, () => {
    const byte = Number(generator >> 56n)
    generator = BigInt.asUintN(64, generator * 11400714785074694797n)
    return byte
  })
}

/** The words of a hash as the vector writes them, so that both sides compare as they stand. */
function written(expected: JsonObject, words: readonly bigint[], bits: 32 | 64): JsonObject {
  const [first = 0n] = words
  const form = Object.keys(expected).join()
  switch (form) {
    case 'int32':
      return { int32: Number(BigInt.asIntN(32, first)) }
    case 'uint32':
      return { uint32: Number(BigInt.asUintN(32, first)) }
    case 'int64':
      return { int64: words.map(word => BigInt.asIntN(64, word).toString()) }
    case 'hex':
      return {
        hex: BigInt.asUintN(bits, first)
          .toString(16)
          .padStart(bits / 4, '0'),
      }
    default:
      throw new NotUnderstood(`expected is written as ${form}`)
  }
}

export const hashes: Registry = {
  hash: ({ config, input, expected }) => {
    const known = fields('config', config, ['algorithm', 'seed'])
    const name = text('algorithm', known.algorithm)
    const algorithm = Object.hasOwn(ALGORITHMS, name) ? ALGORITHMS[name] : undefined
    if (!algorithm) return skip(`${name} is not built`)
    const seed = seedOf(known)
    if (seed !== 0n && !algorithm.seeded) return skip(`${name} takes no seed`)
    const { hex, sanityBufferLength } = fields('input', input, ['hex', 'sanityBufferLength'])
    const bytes = hex === undefined ? sanityBuffer(integer('length', sanityBufferLength)) : bytesOf('hex', hex)
    return compareOnEachBuild(expected, kernel =>
      written(expected, algorithm.hash(kernel, bytes, seed), algorithm.bits),
    )
  },
}
