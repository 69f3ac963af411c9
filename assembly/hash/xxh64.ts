/*
 * XXH64 (the xxHash specification, version 0.1.1): four lanes of eight bytes, then the rest, then an avalanche.
 */

export const PRIME64_1: u64 = 0x9e3779b185ebca87
export const PRIME64_2: u64 = 0xc2b2ae3d27d4eb4f
export const PRIME64_3: u64 = 0x165667b19e3779f9
export const PRIME64_4: u64 = 0x85ebca77c2b2ae63
export const PRIME64_5: u64 = 0x27d4eb2f165667c5

// @ts-ignore: decorator
@inline
function round(lane: u64, input: u64): u64 {
  return rotl<u64>(lane + input * PRIME64_2, 31) * PRIME64_1
}

// @ts-ignore: decorator
@inline
function mergeRound(hash: u64, lane: u64): u64 {
  return (hash ^ round(0, lane)) * PRIME64_1 + PRIME64_4
}

// @ts-ignore: decorator
@inline
export function xxh64Avalanche(hash: u64): u64 {
  hash = (hash ^ (hash >> 33)) * PRIME64_2
  hash = (hash ^ (hash >> 29)) * PRIME64_3
  return hash ^ (hash >> 32)
}

// The state of a hash in progress:
//   0          8          16         24         32         40         48
//   +----------+----------+----------+----------+----------+----------+
//   | lane 1   | lane 2   | lane 3   | lane 4   | seed     | bytes    |
//   +----------+----------+----------+----------+----------+----------+
// It stands in a static segment, which is no region: plain stores.
const state: usize = memory.data(48, 16)

/** Begins a hash; there is one in progress at a time. */
export function xxh64Begin(seed: u64): void {
  store<u64>(state, seed + PRIME64_1 + PRIME64_2)
  store<u64>(state, seed + PRIME64_2, 8)
  store<u64>(state, seed, 16)
  store<u64>(state, seed - PRIME64_1, 24)
  store<u64>(state, seed, 32)
  store<u64>(state, 0, 40)
}

/** Takes the whole stripes of 32 bytes at `pointer`; the bytes taken. */
export function xxh64Stripes(pointer: usize, length: usize): usize {
  const taken = length & ~31
  let lane1 = load<u64>(state)
  let lane2 = load<u64>(state, 8)
  let lane3 = load<u64>(state, 16)
  let lane4 = load<u64>(state, 24)
  for (const end = pointer + taken; pointer < end; pointer += 32) {
    lane1 = round(lane1, load<u64>(pointer))
    lane2 = round(lane2, load<u64>(pointer, 8))
    lane3 = round(lane3, load<u64>(pointer, 16))
    lane4 = round(lane4, load<u64>(pointer, 24))
  }
  store<u64>(state, lane1)
  store<u64>(state, lane2, 8)
  store<u64>(state, lane3, 16)
  store<u64>(state, lane4, 24)
  store<u64>(state, load<u64>(state, 40) + <u64>taken, 40)
  return taken
}

/** The hash of all stripes taken and of the `length` bytes, fewer than 32, behind them. */
export function xxh64End(pointer: usize, length: usize): u64 {
  const taken = load<u64>(state, 40)
  let hash = load<u64>(state, 32) + PRIME64_5
  if (taken != 0) {
    const lane1 = load<u64>(state)
    const lane2 = load<u64>(state, 8)
    const lane3 = load<u64>(state, 16)
    const lane4 = load<u64>(state, 24)
    hash = rotl<u64>(lane1, 1) + rotl<u64>(lane2, 7) + rotl<u64>(lane3, 12) + rotl<u64>(lane4, 18)
    hash = mergeRound(hash, lane1)
    hash = mergeRound(hash, lane2)
    hash = mergeRound(hash, lane3)
    hash = mergeRound(hash, lane4)
  }
  hash += taken + <u64>length
  while (length >= 8) {
    hash = rotl<u64>(hash ^ round(0, load<u64>(pointer)), 27) * PRIME64_1 + PRIME64_4
    pointer += 8
    length -= 8
  }
  if (length >= 4) {
    hash = rotl<u64>(hash ^ (<u64>load<u32>(pointer) * PRIME64_1), 23) * PRIME64_2 + PRIME64_3
    pointer += 4
    length -= 4
  }
  while (length > 0) {
    hash = rotl<u64>(hash ^ (<u64>load<u8>(pointer) * PRIME64_5), 11) * PRIME64_1
    pointer++
    length--
  }
  return xxh64Avalanche(hash)
}

/** XXH64 of `length` bytes at `pointer`. */
export function xxh64(pointer: usize, length: usize, seed: u64): u64 {
  xxh64Begin(seed)
  const taken = xxh64Stripes(pointer, length)
  return xxh64End(pointer + taken, length - taken)
}
