/*
 * Hashes of the table. Fixed-width keys: multiply-shift (Dietzfelbinger et al., "A reliable randomized algorithm for
 * the closest-pair problem", 1997; for two words: Thorup, "High speed hashing for integers and strings", 2015), which
 * is strongly universal over the choice of its parameters, and then mixed once more: multiply-shift maps keys at equal
 * distances to equal distances, and for some seeds these pile up in few buckets (measured: 5 times slower). Bytes: a
 * multiplicative mix of 8-byte words to 32 bits.
 */
import { KeyIndex } from './layout'

/** SplitMix64 (Steele, Lea, Flood 2014): word `number` of the stream that `seed` starts. */
export function splitMix64(seed: u64, number: u64): u64 {
  let z = seed + number * 0x9e3779b97f4a7c15
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb
  return z ^ (z >> 31)
}

export function seedHash(index: KeyIndex, seed: u64): void {
  index.seed = seed
  index.multiplier = splitMix64(seed, 1) | 1
  index.multiplierHigh = splitMix64(seed, 2) | 1
  index.addend = splitMix64(seed, 3)
}

// @ts-ignore: decorator
@inline
function mixed(hash: u64): u64 {
  return (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93
}

// @ts-ignore: decorator
@inline
export function hash32(key: u32, multiplier: u64, addend: u64): u64 {
  return mixed(<u64>key * multiplier + addend)
}

// @ts-ignore: decorator
@inline
export function hash64(key: u64, multiplier: u64, multiplierHigh: u64, addend: u64): u64 {
  return mixed((key & 0xffffffff) * multiplier + (key >> 32) * multiplierHigh + addend)
}

// @ts-ignore: decorator
@inline
function mixWord(hash: u64, word: u64, multiplier: u64): u64 {
  const product = (hash ^ word) * multiplier
  return product ^ (product >> 29)
}

/** 32-bit hash of bytes; reads up to 8 bytes past their end, which regions allow. */
// @ts-ignore: decorator
@inline
export function hashBytes(pointer: usize, length: u32, multiplier: u64, addend: u64): u32 {
  let hash = addend ^ <u64>length
  let rest = length
  while (rest > 8) {
    hash = mixWord(hash, load<u64>(pointer), multiplier)
    pointer += 8
    rest -= 8
  }
  if (rest > 0) hash = mixWord(hash, load<u64>(pointer) & (~<u64>0 >> (64 - (<u64>rest << 3))), multiplier)
  hash = (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93
  return <u32>(hash >> 32)
}
