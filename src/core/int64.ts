/* 64-bit integers as two 32-bit words, without BigInt. */

export const MIN_INT64 = -(2n ** 63n)
export const MAX_INT64 = 2n ** 63n - 1n

/** Largest magnitude of a timestamp in ms: the range of a JavaScript Date. */
export const MAX_TIMESTAMP = 8_640_000_000_000_000

const TWO_32 = 4_294_967_296

/** The number of a low and a high word: exact within ±2^53. */
export function joinWords(low: number, high: number): number {
  return high * TWO_32 + (low >>> 0)
}

/** Writes a whole number within ±2^53 into row `row` of little-endian words. */
export function writeWords(words: Int32Array, row: number, value: number): void {
  const high = Math.floor(value / TWO_32)
  words[row * 2] = value - high * TWO_32
  words[row * 2 + 1] = high
}

/**
 * The floor of a 64-bit integer, given as words, divided by `divisor` (1 to 10^6): exact where the quotient is within
 * ±2^53. With 2^32 = q·d + r, floor((h·2^32 + l) / d) = h·q + floor((h·r + l) / d), and no term is rounded.
 */
export function floorDivideWords(low: number, high: number, divisor: number): number {
  const quotient = Math.floor(TWO_32 / divisor)
  const remainder = TWO_32 - quotient * divisor
  return high * quotient + Math.floor((high * remainder + (low >>> 0)) / divisor)
}
