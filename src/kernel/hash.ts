/*
 * Hashes of bytes, made in WebAssembly. Seeds and 64-bit results are bigint; 32-bit results are unsigned numbers.
 */
import { RESULT_HASH, RESULT_HASH_HIGH } from '../../assembly/abi.js'
import type { Kernel } from './module.js'

/** Longer input is hashed in pieces of this size, so that staging stays small; a multiple of XXH64's stripe. */
const PIECE_BYTES = 262_144
const STRIPE_BYTES = 32

function low(seed: bigint): number {
  return Number(seed & 0xffffffffn)
}

function high(seed: bigint): number {
  return Number((seed >> 32n) & 0xffffffffn)
}

/** XXH64, of input of any length in constant memory. */
export function xxh64(kernel: Kernel, bytes: Uint8Array, seed = 0n): bigint {
  const { exports, staging } = kernel
  if (bytes.length <= PIECE_BYTES) {
    exports.hashXxh64(staging.write(bytes), bytes.length, low(seed), high(seed))
    return kernel.resultBits(RESULT_HASH)
  }
  const striped = bytes.length - (bytes.length % STRIPE_BYTES)
  exports.hashXxh64Begin(low(seed), high(seed))
  for (let at = 0; at < striped; at += PIECE_BYTES) {
    const piece = bytes.subarray(at, Math.min(at + PIECE_BYTES, striped))
    exports.hashXxh64Stripes(staging.write(piece), piece.length)
  }
  exports.hashXxh64End(staging.write(bytes.subarray(striped)), bytes.length - striped)
  return kernel.resultBits(RESULT_HASH)
}

/** XXH64 with seed 0 as 16 hexadecimal digits. */
export function xxh64Hex(kernel: Kernel, bytes: Uint8Array): string {
  return xxh64(kernel, bytes).toString(16).padStart(16, '0')
}

/** XXH3, 64 bits, with the default secret. */
export function xxh3(kernel: Kernel, bytes: Uint8Array, seed = 0n): bigint {
  kernel.exports.hashXxh3(kernel.staging.write(bytes), bytes.length, low(seed), high(seed))
  return kernel.resultBits(RESULT_HASH)
}

/** XXH32. */
export function xxh32(kernel: Kernel, bytes: Uint8Array, seed = 0): number {
  return kernel.exports.hashXxh32(kernel.staging.write(bytes), bytes.length, seed) >>> 0
}

/** MurmurHash2 as Kafka's default partitioner has it, as a signed number. */
export function kafkaMurmur2(kernel: Kernel, bytes: Uint8Array): number {
  return kernel.exports.hashMurmur2(kernel.staging.write(bytes), bytes.length) | 0
}

/** The partition of a record key that Kafka's default partitioner chooses: toPositive(murmur2(key)) mod partitions. */
export function kafkaPartition(kernel: Kernel, key: Uint8Array, partitions: number): number {
  return (kafkaMurmur2(kernel, key) & 0x7fffffff) % partitions
}

/** MurmurHash3_x86_32. */
export function murmur3x86(kernel: Kernel, bytes: Uint8Array, seed = 0): number {
  return kernel.exports.hashMurmur3x86(kernel.staging.write(bytes), bytes.length, seed) >>> 0
}

/** MurmurHash3_x64_128: its first and second 64 bits. */
export function murmur3x64(kernel: Kernel, bytes: Uint8Array, seed = 0): readonly [bigint, bigint] {
  kernel.exports.hashMurmur3x64(kernel.staging.write(bytes), bytes.length, seed)
  return [kernel.resultBits(RESULT_HASH), kernel.resultBits(RESULT_HASH_HIGH)]
}

/** CRC-32C, of input of any length in constant memory, going on from the CRC of what stands before it. */
export function crc32c(kernel: Kernel, bytes: Uint8Array, before = 0): number {
  let crc = before
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const piece = bytes.subarray(at, at + PIECE_BYTES)
    crc = kernel.exports.hashCrc32c(kernel.staging.write(piece), piece.length, crc) >>> 0
  }
  return crc
}
