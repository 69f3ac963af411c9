/*
 * XXH3, 64 bits (the xxHash specification, version 0.2.0), with a seed and the default secret, at all lengths. Long
 * input runs through eight accumulators of 64 bits in stripes of 64 bytes; a block is 16 stripes.
 */
import { PRIME32_1, PRIME32_2, PRIME32_3 } from './xxh32'
import { PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME64_5, xxh64Avalanche } from './xxh64'

const SECRET_BYTES: usize = 192
const STRIPE: usize = 64
const BLOCK: usize = 1024
const MERGE_AT: usize = 11
const LAST_STRIPE_BACK: usize = 7
const MIDDLE_AT: usize = 3
const MIDDLE_LAST_AT: usize = 119

const defaultSecret: usize = memory.data<u8>([
  0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
  0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
  0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
  0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
  0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
  0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
  0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
  0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
  0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
  0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
  0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
  0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
])
// Static segments, no regions: plain stores.
const seededSecret: usize = memory.data(192, 16)
const lanes: usize = memory.data(64, 16)

/** The 128-bit product, its halves folded by xor. */
// @ts-ignore: decorator
@inline
function foldedProduct(left: u64, right: u64): u64 {
  const leftLow = left & 0xffffffff
  const leftHigh = left >> 32
  const rightLow = right & 0xffffffff
  const rightHigh = right >> 32
  const low = leftLow * rightLow
  const crossed = leftHigh * rightLow
  const middle = (low >> 32) + (crossed & 0xffffffff) + leftLow * rightHigh
  const high = (crossed >> 32) + (middle >> 32) + leftHigh * rightHigh
  return ((middle << 32) | (low & 0xffffffff)) ^ high
}

// @ts-ignore: decorator
@inline
function avalanche(hash: u64): u64 {
  hash = (hash ^ (hash >> 37)) * 0x165667919e3779f9
  return hash ^ (hash >> 32)
}

// @ts-ignore: decorator
@inline
function mix16(pointer: usize, secret: usize, seed: u64): u64 {
  return foldedProduct(
    load<u64>(pointer) ^ (load<u64>(secret) + seed),
    load<u64>(pointer, 8) ^ (load<u64>(secret, 8) - seed),
  )
}

function upTo16(pointer: usize, length: usize, seed: u64): u64 {
  const secret = defaultSecret
  if (length > 8) {
    const low = load<u64>(pointer) ^ ((load<u64>(secret, 24) ^ load<u64>(secret, 32)) + seed)
    const high = load<u64>(pointer + length - 8) ^ ((load<u64>(secret, 40) ^ load<u64>(secret, 48)) - seed)
    return avalanche(<u64>length + bswap<u64>(low) + high + foldedProduct(low, high))
  }
  if (length >= 4) {
    const mixedSeed = seed ^ (<u64>bswap<u32>(<u32>seed) << 32)
    const input = <u64>load<u32>(pointer + length - 4) + (<u64>load<u32>(pointer) << 32)
    let hash = input ^ ((load<u64>(secret, 8) ^ load<u64>(secret, 16)) - mixedSeed)
    hash = (hash ^ rotl<u64>(hash, 49) ^ rotl<u64>(hash, 24)) * 0x9fb21c651e98df25
    hash = (hash ^ ((hash >> 35) + <u64>length)) * 0x9fb21c651e98df25
    return hash ^ (hash >> 28)
  }
  if (length > 0) {
    const first = <u32>load<u8>(pointer)
    const middle = <u32>load<u8>(pointer + (length >> 1))
    const last = <u32>load<u8>(pointer + length - 1)
    const combined = (first << 16) | (middle << 24) | last | (<u32>length << 8)
    return xxh64Avalanche(<u64>combined ^ (<u64>(load<u32>(secret) ^ load<u32>(secret, 4)) + seed))
  }
  return xxh64Avalanche(seed ^ load<u64>(secret, 56) ^ load<u64>(secret, 64))
}

function upTo128(pointer: usize, length: usize, seed: u64): u64 {
  const secret = defaultSecret
  const end = pointer + length
  let hash = <u64>length * PRIME64_1
  if (length > 96) hash += mix16(pointer + 48, secret + 96, seed) + mix16(end - 64, secret + 112, seed)
  if (length > 64) hash += mix16(pointer + 32, secret + 64, seed) + mix16(end - 48, secret + 80, seed)
  if (length > 32) hash += mix16(pointer + 16, secret + 32, seed) + mix16(end - 32, secret + 48, seed)
  hash += mix16(pointer, secret, seed) + mix16(end - 16, secret + 16, seed)
  return avalanche(hash)
}

function upTo240(pointer: usize, length: usize, seed: u64): u64 {
  const secret = defaultSecret
  let hash = <u64>length * PRIME64_1
  for (let at: usize = 0; at < 128; at += 16) hash += mix16(pointer + at, secret + at, seed)
  hash = avalanche(hash)
  for (let at: usize = 128; at + 16 <= length; at += 16) {
    hash += mix16(pointer + at, secret + at - 128 + MIDDLE_AT, seed)
  }
  return avalanche(hash + mix16(pointer + length - 16, secret + MIDDLE_LAST_AT, seed))
}

function accumulate(pointer: usize, secret: usize): void {
  for (let lane: usize = 0; lane < 64; lane += 8) {
    const value = load<u64>(pointer + lane)
    const key = value ^ load<u64>(secret + lane)
    const neighbour = lanes + (lane ^ 8)
    store<u64>(neighbour, load<u64>(neighbour) + value)
    const own = lanes + lane
    store<u64>(own, load<u64>(own) + (key & 0xffffffff) * (key >> 32))
  }
}

function scramble(secret: usize): void {
  for (let lane: usize = 0; lane < 64; lane += 8) {
    const value = load<u64>(lanes + lane)
    store<u64>(lanes + lane, (value ^ (value >> 47) ^ load<u64>(secret + lane)) * <u64>PRIME32_1)
  }
}

function secretFor(seed: u64): usize {
  if (seed == 0) return defaultSecret
  for (let at: usize = 0; at < SECRET_BYTES; at += 16) {
    store<u64>(seededSecret + at, load<u64>(defaultSecret + at) + seed)
    store<u64>(seededSecret + at, load<u64>(defaultSecret + at, 8) - seed, 8)
  }
  return seededSecret
}

function long(pointer: usize, length: usize, seed: u64): u64 {
  const secret = secretFor(seed)
  const secretEnd = secret + SECRET_BYTES
  store<u64>(lanes, PRIME32_3)
  store<u64>(lanes, PRIME64_1, 8)
  store<u64>(lanes, PRIME64_2, 16)
  store<u64>(lanes, PRIME64_3, 24)
  store<u64>(lanes, PRIME64_4, 32)
  store<u64>(lanes, PRIME32_2, 40)
  store<u64>(lanes, PRIME64_5, 48)
  store<u64>(lanes, PRIME32_1, 56)
  // The last stripe always ends with the input; all before it starts at multiples of 64.
  const stripes = (length - 1) / STRIPE
  for (let stripe: usize = 0; stripe < stripes; stripe++) {
    const inBlock = stripe & (BLOCK / STRIPE - 1)
    accumulate(pointer + stripe * STRIPE, secret + inBlock * 8)
    if (inBlock == BLOCK / STRIPE - 1) scramble(secretEnd - STRIPE)
  }
  accumulate(pointer + length - STRIPE, secretEnd - STRIPE - LAST_STRIPE_BACK)
  let hash = <u64>length * PRIME64_1
  for (let pair: usize = 0; pair < 64; pair += 16) {
    const own = secret + MERGE_AT + pair
    hash += foldedProduct(load<u64>(lanes + pair) ^ load<u64>(own), load<u64>(lanes + pair, 8) ^ load<u64>(own, 8))
  }
  return avalanche(hash)
}

/** XXH3 (64 bits) of `length` bytes at `pointer`. */
export function xxh3(pointer: usize, length: usize, seed: u64): u64 {
  if (length <= 16) return upTo16(pointer, length, seed)
  if (length <= 128) return upTo128(pointer, length, seed)
  if (length <= 240) return upTo240(pointer, length, seed)
  return long(pointer, length, seed)
}
