/* Integers and decimals as digits. */
import { put } from '../guard'

/** The least number of n + 1 digits, at n. */
const TEN: usize = memory.data<u64>([
  0, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
  10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000,
  10000000000000000000,
])

/** Digits of a number; 0 has one. */
// @ts-ignore: decorator
@inline
export function countDigits(value: u64): u32 {
  // 1233 / 4096 is log10(2), rounded up.
  const estimate = ((64 - <u32>clz<u64>(value | 1)) * 1233) >> 12
  return estimate + u32(value >= load<u64>(TEN + (<usize>estimate << 3)))
}

/** Two digits as characters, the first in the low byte. */
// @ts-ignore: decorator
@inline
function pair(value: u32): u16 {
  const tens = value / 10
  return <u16>(0x3030 | tens | ((value - tens * 10) << 8))
}

/** The last `count` digits of a number, with zeros before it where it has fewer; behind them. */
export function writeDigits(out: usize, value: u64, count: u32): usize {
  const end = out + <usize>count
  let at = end
  let left = count
  let low: u32
  while (left > 8) {
    const high = value / 100000000
    low = <u32>(value - high * 100000000)
    value = high
    left -= 8
    for (let number = 0; number < 4; number++) {
      const next = low / 100
      at -= 2
      put<u16>(at, pair(low - next * 100))
      low = next
    }
  }
  low = <u32>value
  while (left >= 2) {
    const next = low / 100
    at -= 2
    put<u16>(at, pair(low - next * 100))
    low = next
    left -= 2
  }
  if (left != 0) put<u8>(at - 1, <u8>(0x30 + low))
  return end
}

// @ts-ignore: decorator
@inline
export function writeUnsigned(out: usize, value: u64): usize {
  return writeDigits(out, value, countDigits(value))
}

export function writeInteger(out: usize, value: i64): usize {
  if (value >= 0) return writeUnsigned(out, value)
  put<u8>(out, 0x2d)
  return writeUnsigned(out + 1, 0 - <u64>value)
}

/** value / 10^scale with all digits of the scale. */
export function writeDecimal(out: usize, value: i64, scale: u32): usize {
  if (scale == 0) return writeInteger(out, value)
  let magnitude = <u64>value
  if (value < 0) {
    put<u8>(out++, 0x2d)
    magnitude = 0 - magnitude
  }
  const end = writeDigits(out, magnitude, max<u32>(countDigits(magnitude), scale + 1))
  for (let at = end; at > end - <usize>scale; at--) put<u8>(at, load<u8>(at - 1))
  put<u8>(end - <usize>scale, 0x2e)
  return end + 1
}
