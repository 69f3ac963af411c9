/*
 * MurmurHash3 (Austin Appleby's reference): x86_32 and x64_128.
 */
import { RESULT_HASH, RESULT_HASH_HIGH } from '../abi'
import { put } from '../guard'
import { resultPtr } from '../memory'

const C1_32: u32 = 0xcc9e2d51
const C2_32: u32 = 0x1b873593
const C1: u64 = 0x87c37b91114253d5
const C2: u64 = 0x4cf5ad432745937f

/** Bytes [0, count), little-endian, of at most 8. */
// @ts-ignore: decorator
@inline
function tail(pointer: usize, count: usize): u64 {
  let word: u64 = 0
  for (let byte: usize = 0; byte < count; byte++) word |= <u64>load<u8>(pointer + byte) << (<u64>byte << 3)
  return word
}

export function murmur3x86(pointer: usize, length: usize, seed: u32): u32 {
  let hash = seed
  const total = <u32>length
  while (length >= 4) {
    hash ^= rotl<u32>(load<u32>(pointer) * C1_32, 15) * C2_32
    hash = rotl<u32>(hash, 13) * 5 + 0xe6546b64
    pointer += 4
    length -= 4
  }
  if (length > 0) hash ^= rotl<u32>(<u32>tail(pointer, length) * C1_32, 15) * C2_32
  hash ^= total
  hash = (hash ^ (hash >> 16)) * 0x85ebca6b
  hash = (hash ^ (hash >> 13)) * 0xc2b2ae35
  return hash ^ (hash >> 16)
}

// @ts-ignore: decorator
@inline
function finalMix(hash: u64): u64 {
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53
  return hash ^ (hash >> 33)
}

/** The first half goes to RESULT_HASH, the second to RESULT_HASH_HIGH. */
export function murmur3x64(pointer: usize, length: usize, seed: u32): void {
  let hash1 = <u64>seed
  let hash2 = <u64>seed
  const total = <u64>length
  while (length >= 16) {
    hash1 ^= rotl<u64>(load<u64>(pointer) * C1, 31) * C2
    hash1 = (rotl<u64>(hash1, 27) + hash2) * 5 + 0x52dce729
    hash2 ^= rotl<u64>(load<u64>(pointer, 8) * C2, 33) * C1
    hash2 = (rotl<u64>(hash2, 31) + hash1) * 5 + 0x38495ab5
    pointer += 16
    length -= 16
  }
  if (length > 8) hash2 ^= rotl<u64>(tail(pointer + 8, length - 8) * C2, 33) * C1
  if (length > 0) hash1 ^= rotl<u64>(tail(pointer, min<usize>(length, 8)) * C1, 31) * C2
  hash1 ^= total
  hash2 ^= total
  hash1 += hash2
  hash2 += hash1
  hash1 = finalMix(hash1)
  hash2 = finalMix(hash2)
  hash1 += hash2
  hash2 += hash1
  put<u64>(resultPtr(), hash1, RESULT_HASH)
  put<u64>(resultPtr(), hash2, RESULT_HASH_HIGH)
}
