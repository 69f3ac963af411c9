/*
 * The 128 leading bits of 5^q for q in [-342, 308], which Eisel-Lemire multiplies by (Lemire, "Number parsing at a
 * gigabyte per second", 2021). They are computed, since as data they would be a fifth of the module: for q >= 0 by
 * multiplying, for q < 0 as floor(2^B / 5^-q) by dividing (floors of floors of quotients are exact), in both cases
 * truncated; for q >= -27 the reciprocals are rounded up, as the method asks where they are used exactly.
 *
 *   entry q, 16 bytes:   high u64 | low u64
 */
import { fill, put } from '../guard'
import { allocate, release } from '../memory'

export const SMALLEST_POWER: i32 = -342
export const LARGEST_POWER: i32 = 308
/** 2^1728 leaves more than 128 bits of the smallest reciprocal, 2^1728 / 5^342 (795 bits). */
const WORDS: i32 = 55

let table: usize = 0

/** The table, made at the first call; 0 when there is no memory. */
export function powersOfFive(): usize {
  if (table != 0) return table
  const powers = allocate(<usize>(LARGEST_POWER - SMALLEST_POWER + 1) << 4)
  if (powers == 0) return 0
  const number = allocate(WORDS * 4)
  if (number == 0) {
    release(powers)
    return 0
  }
  const zero = powers + (<usize>-SMALLEST_POWER << 4)
  fill(number, 0, WORDS * 4)
  put<u32>(number, 1)
  for (let power = 0; power <= LARGEST_POWER; power++) {
    writeLeading(number, zero + (<usize>power << 4), 0)
    multiplyByFive(number)
  }
  fill(number, 0, WORDS * 4)
  put<u32>(number + (WORDS - 1) * 4, 1)
  for (let power = 1; power <= -SMALLEST_POWER; power++) {
    divideByFive(number)
    writeLeading(number, zero - (<usize>power << 4), power <= 27 ? 1 : 0)
  }
  release(number)
  table = powers
  return powers
}

function multiplyByFive(number: usize): void {
  let carry: u64 = 0
  for (let at = number; at < number + WORDS * 4; at += 4) {
    carry += <u64>load<u32>(at) * 5
    put<u32>(at, <u32>carry)
    carry >>= 32
  }
}

function divideByFive(number: usize): void {
  let rest: u64 = 0
  for (let at = number + (WORDS - 1) * 4; at >= number; at -= 4) {
    const part = (rest << 32) | <u64>load<u32>(at)
    put<u32>(at, <u32>(part / 5))
    rest = part % 5
  }
}

/** The 128 leading bits of `number`, plus `increment`. */
function writeLeading(number: usize, entry: usize, increment: u64): void {
  let top = WORDS - 1
  while (load<u32>(number + (<usize>top << 2)) == 0) top--
  const shift = <u64>clz<u32>(load<u32>(number + (<usize>top << 2)))
  let high: u64 = 0
  let low: u64 = 0
  for (let word = 0; word < 4; word++) {
    const wide = (wordAt(number, top - word) << 32) | wordAt(number, top - word - 1)
    const bits = ((wide << shift) >> 32) & 0xffffffff
    if (word < 2) high = (high << 32) | bits
    else low = (low << 32) | bits
  }
  low += increment
  if (low < increment) high++
  put<u64>(entry, high)
  put<u64>(entry, low, 8)
}

// @ts-ignore: decorator
@inline
function wordAt(number: usize, index: i32): u64 {
  return index < 0 ? 0 : <u64>load<u32>(number + (<usize>index << 2))
}
