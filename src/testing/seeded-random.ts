/** Numbers in [0, 1) that follow from a seed alone (an xorshift over 32 bits with a multiplicative finish). */
export type SeededRandom = () => number

export function seededRandom(seed: number): SeededRandom {
  // State 0 is a fixed point of an xorshift, so the seed is spread over the bits first.
  let state = Math.imul((seed | 0) ^ 0x5bd1e995, 0x2c1b3c6d) | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (Math.imul(state, 0x297a2d39) >>> 0) / 4294967296
  }
}

/** A whole number in [0, bound). */
export function randomBelow(random: SeededRandom, bound: number): number {
  return Math.floor(random() * bound)
}
