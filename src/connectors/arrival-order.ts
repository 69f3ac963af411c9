/* A stable order of many f64 keys, without comparing any two: radix sort, lowest digit first. */
import { stepsOf } from './whole-steps.js'

/**
 * The positions of `keys` in ascending order of the keys; equal keys (0 and -0 are) keep the order of their positions.
 * No key may be NaN. The keys are overwritten: at 3 M rows, that saves 24 MB.
 */
export function ascendingOrder(keys: Float64Array): Uint32Array {
  const { length } = keys
  let sorted = true
  for (let row = 1; row < length && sorted; row++) sorted = (keys[row - 1] ?? 0) <= (keys[row] ?? 0)
  const order = new Uint32Array(length)
  for (let row = 0; row < length; row++) order[row] = row
  if (sorted) return order
  const steps = stepsOf(keys)
  return steps === undefined ? orderOfBits(toSortableBits(keys), order) : orderOfSteps(steps.numbers, steps.most, order)
}

const STEP_DIGIT_BITS = 11
const STEP_BUCKETS = 1 << STEP_DIGIT_BITS

/**
 * Times are mostly whole minutes, seconds or milliseconds within some years: then 32 bits hold them, and keys move
 * with their positions, so that every pass reads in sequence. Minutes of a year take two passes. The second half of
 * the keys' room holds those of every other pass.
 */
function orderOfSteps(numbers: Uint32Array, most: number, positions: Uint32Array): Uint32Array {
  const { length } = numbers
  let keys: Uint32Array = numbers
  let order: Uint32Array = positions
  let nextKeys: Uint32Array = new Uint32Array(numbers.buffer, numbers.byteOffset + numbers.byteLength, length)
  let nextOrder: Uint32Array = new Uint32Array(length)
  for (let shift = 0; shift < 32 && most >>> shift > 0; shift += STEP_DIGIT_BITS) {
    const buckets = new Uint32Array(STEP_BUCKETS)
    for (let index = 0; index < length; index++) count(buckets, ((keys[index] ?? 0) >>> shift) & (STEP_BUCKETS - 1))
    if (!toStarts(buckets, length)) continue
    for (let index = 0; index < length; index++) {
      const key = keys[index] ?? 0
      const bucket = (key >>> shift) & (STEP_BUCKETS - 1)
      const at = buckets[bucket] ?? 0
      buckets[bucket] = at + 1
      nextKeys[at] = key
      nextOrder[at] = order[index] ?? 0
    }
    ;[keys, nextKeys] = [nextKeys, keys]
    ;[order, nextOrder] = [nextOrder, order]
  }
  return order
}

const DIGIT_BITS = 16
const BUCKETS = 1 << DIGIT_BITS
const DIGITS = 4

/** Any doubles: 64 bits are four digits; a digit that all keys share is skipped. */
function orderOfBits(words: Uint32Array, positions: Uint32Array): Uint32Array {
  const { length } = positions
  const counts = countDigits(words)
  let order: Uint32Array = positions
  let next: Uint32Array = new Uint32Array(length)
  for (let digit = 0; digit < DIGITS; digit++) {
    const buckets = counts.subarray(digit * BUCKETS, (digit + 1) * BUCKETS)
    if (!toStarts(buckets, length)) continue
    const word = digit >>> 1
    const shift = (digit & 1) * DIGIT_BITS
    for (let index = 0; index < length; index++) {
      const row = order[index] ?? 0
      const bucket = ((words[row * 2 + word] ?? 0) >>> shift) & (BUCKETS - 1)
      const at = buckets[bucket] ?? 0
      buckets[bucket] = at + 1
      next[at] = row
    }
    ;[order, next] = [next, order]
  }
  return order
}

/**
 * Turns doubles into unsigned integers of the same order, in place: the bits of a positive double ascend with it, those
 * of a negative one descend. So the sign bit is flipped for the former, all bits for the latter.
 */
function toSortableBits(keys: Float64Array): Uint32Array {
  const words = new Uint32Array(keys.buffer, keys.byteOffset, keys.length * 2)
  for (let row = 0; row < keys.length; row++) {
    // -0 + 0 is 0.
    keys[row] = (keys[row] ?? 0) + 0
    const high = words[row * 2 + 1] ?? 0
    if (high >>> 31 === 1) {
      words[row * 2] = ~(words[row * 2] ?? 0)
      words[row * 2 + 1] = ~high
    } else {
      words[row * 2 + 1] = high | 0x80000000
    }
  }
  return words
}

function countDigits(words: Uint32Array): Uint32Array {
  const counts = new Uint32Array(DIGITS * BUCKETS)
  for (let at = 0; at < words.length; at += 2) {
    const low = words[at] ?? 0
    const high = words[at + 1] ?? 0
    count(counts, low & (BUCKETS - 1))
    count(counts, BUCKETS + (low >>> DIGIT_BITS))
    count(counts, 2 * BUCKETS + (high & (BUCKETS - 1)))
    count(counts, 3 * BUCKETS + (high >>> DIGIT_BITS))
  }
  return counts
}

function count(counts: Uint32Array, at: number): void {
  counts[at] = (counts[at] ?? 0) + 1
}

/** Turns counts into where each bucket starts; false when one bucket has all. */
function toStarts(buckets: Uint32Array, length: number): boolean {
  let start = 0
  for (let bucket = 0; bucket < buckets.length; bucket++) {
    const size = buckets[bucket] ?? 0
    if (size === length) return false
    buckets[bucket] = start
    start += size
  }
  return true
}
