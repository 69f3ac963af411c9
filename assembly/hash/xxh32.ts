/*
 * XXH32 (the xxHash specification, version 0.1.1): four lanes of four bytes.
 */

export const PRIME32_1: u32 = 0x9e3779b1
export const PRIME32_2: u32 = 0x85ebca77
export const PRIME32_3: u32 = 0xc2b2ae3d
export const PRIME32_4: u32 = 0x27d4eb2f
export const PRIME32_5: u32 = 0x165667b1

// @ts-ignore: decorator
@inline
function round(lane: u32, input: u32): u32 {
  return rotl<u32>(lane + input * PRIME32_2, 13) * PRIME32_1
}

/** XXH32 of `length` bytes at `pointer`. */
export function xxh32(pointer: usize, length: usize, seed: u32): u32 {
  const total = <u32>length
  let hash: u32
  if (length >= 16) {
    let lane1 = seed + PRIME32_1 + PRIME32_2
    let lane2 = seed + PRIME32_2
    let lane3 = seed
    let lane4 = seed - PRIME32_1
    do {
      lane1 = round(lane1, load<u32>(pointer))
      lane2 = round(lane2, load<u32>(pointer, 4))
      lane3 = round(lane3, load<u32>(pointer, 8))
      lane4 = round(lane4, load<u32>(pointer, 12))
      pointer += 16
      length -= 16
    } while (length >= 16)
    hash = rotl<u32>(lane1, 1) + rotl<u32>(lane2, 7) + rotl<u32>(lane3, 12) + rotl<u32>(lane4, 18)
  } else {
    hash = seed + PRIME32_5
  }
  hash += total
  while (length >= 4) {
    hash = rotl<u32>(hash + load<u32>(pointer) * PRIME32_3, 17) * PRIME32_4
    pointer += 4
    length -= 4
  }
  while (length > 0) {
    hash = rotl<u32>(hash + <u32>load<u8>(pointer) * PRIME32_5, 11) * PRIME32_1
    pointer++
    length--
  }
  hash = (hash ^ (hash >> 15)) * PRIME32_2
  hash = (hash ^ (hash >> 13)) * PRIME32_3
  return hash ^ (hash >> 16)
}
