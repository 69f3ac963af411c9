/*
 * Hash functions as the host calls them. 64-bit results stand in RESULT_HASH, 32-bit results are returned.
 */
import { RESULT_HASH } from '../abi'
import { put } from '../guard'
import { resultPtr } from '../memory'
import { crc32c } from './crc32c'
import { kafkaMurmur2 } from './murmur2'
import { murmur3x64, murmur3x86 } from './murmur3'
import { xxh3 } from './xxh3'
import { xxh32 } from './xxh32'
import { xxh64, xxh64Begin, xxh64End, xxh64Stripes } from './xxh64'

// @ts-ignore: decorator
@inline
function seedOf(low: u32, high: u32): u64 {
  return (<u64>high << 32) | <u64>low
}

export function hashXxh32(pointer: usize, length: usize, seed: u32): u32 {
  return xxh32(pointer, length, seed)
}

export function hashXxh64(pointer: usize, length: usize, seedLow: u32, seedHigh: u32): void {
  put<u64>(resultPtr(), xxh64(pointer, length, seedOf(seedLow, seedHigh)), RESULT_HASH)
}

/** XXH64 in pieces: Begin, Stripes with lengths that are multiples of 32, End with what is left, fewer than 32. */
export function hashXxh64Begin(seedLow: u32, seedHigh: u32): void {
  xxh64Begin(seedOf(seedLow, seedHigh))
}

export function hashXxh64Stripes(pointer: usize, length: usize): usize {
  return xxh64Stripes(pointer, length)
}

export function hashXxh64End(pointer: usize, length: usize): void {
  put<u64>(resultPtr(), xxh64End(pointer, length), RESULT_HASH)
}

export function hashXxh3(pointer: usize, length: usize, seedLow: u32, seedHigh: u32): void {
  put<u64>(resultPtr(), xxh3(pointer, length, seedOf(seedLow, seedHigh)), RESULT_HASH)
}

export function hashMurmur2(pointer: usize, length: usize): u32 {
  return kafkaMurmur2(pointer, length)
}

export function hashMurmur3x86(pointer: usize, length: usize, seed: u32): u32 {
  return murmur3x86(pointer, length, seed)
}

/** The second half of the 128 bits stands in RESULT_HASH_HIGH. */
export function hashMurmur3x64(pointer: usize, length: usize, seed: u32): void {
  murmur3x64(pointer, length, seed)
}

/** Goes on from `before`, the CRC of what stands ahead (0 at first). */
export function hashCrc32c(pointer: usize, length: usize, before: u32): u32 {
  return crc32c(pointer, length, before)
}
