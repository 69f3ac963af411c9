/*
 * Doubles as JavaScript writes them: the fewest digits that lead back to the double, of these the nearest ones
 * (Giulietti, "The Schubfach way to render doubles", 2020).
 *
 * A double c * 2^q lies in the interval of all that rounds to it. With k = floor(log10(2^q)), the interval times 10^-k
 * holds an integer, and at most one multiple of 10 need be looked at besides. The products are rounded to odd, which
 * keeps every comparison right. Powers of ten are the 128 leading bits that reading numbers uses (json/powers.ts),
 * rounded up.
 */
import { put } from '../guard'
import { LARGEST_POWER, powersOfFive, SMALLEST_POWER } from '../json/powers'
import { multiplyHigh } from '../product'
import { countDigits, writeDigits, writeUnsigned } from './integer'

/** The leading bits, high word first, of 5^309 to 5^324, which only doubles below 1e-291 need. */
const MORE_POWERS: usize = memory.data<u64>([
  0xb201833b35d63f73, 0x2cd2cc6551e513da, 0xde81e40a034bcf4f, 0xf8077f7ea65e58d1,
  0x8b112e86420f6191, 0xfb04afaf27faf782, 0xadd57a27d29339f6, 0x79c5db9af1f9b563,
  0xd94ad8b1c7380874, 0x18375281ae7822bc, 0x87cec76f1c830548, 0x8f2293910d0b15b5,
  0xa9c2794ae3a3c69a, 0xb2eb3875504ddb22, 0xd433179d9c8cb841, 0x5fa60692a46151eb,
  0x849feec281d7f328, 0xdbc7c41ba6bcd333, 0xa5c7ea73224deff3, 0x12b9b522906c0800,
  0xcf39e50feae16bef, 0xd768226b34870a00, 0x81842f29f2cce375, 0xe6a1158300d46640,
  0xa1e53af46f801c53, 0x60495ae3c1097fd0, 0xca5e89b18b602368, 0x385bb19cb14bdfc4,
  0xfcf62c1dee382c42, 0x46729e03dd9ed7b5, 0x9e19db92b4e31ba9, 0x6c07a2c26a8346d1,
])

/** Powers of five that 128 bits hold exactly, and those that json/powers.ts has rounded up already. */
const LAST_EXACT: i32 = 55
const FIRST_ROUNDED: i32 = -27

const SIGNIFICAND: u64 = 0xfffffffffffff
const HIDDEN_BIT: u64 = 0x10000000000000
const BIAS: i32 = 1075

/** The shortest number is digits * 10^exponent. */
let digits: u64 = 0
let exponent: i32 = 0

/** The text of a finite double; behind it. */
export function writeDouble(out: usize, value: f64): usize {
  const magnitude = abs<f64>(value)
  if (value < 0) put<u8>(out++, 0x2d)
  // Whole numbers are their digits; most others have few places, and then the quotient proves them: up to 15 digits no
  // two numbers of the same digits lead to one double, so that there is no shorter one.
  if (magnitude < 9007199254740992) {
    const whole = <u64>magnitude
    if (<f64>whole == magnitude) return writeUnsigned(out, whole)
    if (magnitude < 1000000000) {
      const millionths = nearest<f64>(magnitude * 1000000)
      if (millionths / 1000000 == magnitude) return writeMillionths(out, <u64>millionths)
    }
  }
  shortest(reinterpret<u64>(magnitude))
  return writeShortest(out)
}

/** A number of at least one and of up to 15 digits, divided by 10^6. */
function writeMillionths(out: usize, value: u64): usize {
  const whole = <u32>(value / 1000000)
  let places = <u32>(value - <u64>whole * 1000000)
  let count = 6
  while (places % 10 == 0) {
    places /= 10
    count--
  }
  out = writeUnsigned(out, whole)
  put<u8>(out++, 0x2e)
  return writeDigits(out, places, count)
}

/**
 * The upper 64 bits of the 192-bit product; the last is 1 if anything below it is, but for what the power's error is.
 */
function multiplyToOdd(powerHigh: u64, powerLow: u64, value: u64): u64 {
  const carried = multiplyHigh(powerLow, value)
  let high = multiplyHigh(powerHigh, value)
  const middle = powerHigh * value + carried
  if (middle < carried) high++
  return high | u64(middle > 1)
}

function shortest(bits: u64): void {
  const significand = bits & SIGNIFICAND
  const biased = <i32>(bits >> 52)
  const c = biased != 0 ? significand | HIDDEN_BIT : significand
  const q = (biased != 0 ? biased : 1) - BIAS
  // Below a power of two the neighbour is nearer.
  const isPowerOfTwo = significand == 0 && biased > 1
  const lowerEnd = c * 4 - 2 + u64(isPowerOfTwo)
  const upperEnd = c * 4 + 2
  // floor(log10(2^q)), or of 3/4 of it.
  const k = (q * 1262611 - (isPowerOfTwo ? 524031 : 0)) >> 22
  const shift = <u64>(q + ((-k * 1741647) >> 19) + 1)

  const power = -k
  const isBeyond = power > LARGEST_POWER
  const entry = isBeyond
    ? MORE_POWERS + (<usize>(power - LARGEST_POWER - 1) << 4)
    : powersOfFive() + (<usize>(power - SMALLEST_POWER) << 4)
  let powerHigh = load<u64>(entry)
  let powerLow = load<u64>(entry, 8)
  if (power > LAST_EXACT || power < FIRST_ROUNDED) {
    powerLow++
    if (powerLow == 0) powerHigh++
  }

  const isOdd = c & 1
  const lower = multiplyToOdd(powerHigh, powerLow, lowerEnd << shift) + isOdd
  const middle = multiplyToOdd(powerHigh, powerLow, (c * 4) << shift)
  const upper = multiplyToOdd(powerHigh, powerLow, upperEnd << shift) - isOdd

  const floor = middle >> 2
  if (floor >= 10) {
    const tens = floor / 10
    const isFloorInside = lower <= tens * 40
    const isCeilingInside = tens * 40 + 40 <= upper
    if (isFloorInside != isCeilingInside) {
      digits = tens + u64(isCeilingInside)
      exponent = k + 1
      return
    }
  }
  exponent = k
  const isFloorInside = lower <= floor << 2
  const isCeilingInside = (floor << 2) + 4 <= upper
  if (isFloorInside != isCeilingInside) {
    digits = floor + u64(isCeilingInside)
    return
  }
  const half = (floor << 2) + 2
  digits = floor + u64(middle > half || (middle == half && (floor & 1) != 0))
}

/** As ECMAScript's Number::toString: up to 21 places before the point and 6 zeros behind it, else with an exponent. */
function writeShortest(out: usize): usize {
  let value = digits
  let power = exponent
  while (value % 10 == 0) {
    value /= 10
    power++
  }
  const count = <i32>countDigits(value)
  const point = count + power
  if (point > 0 && point <= 21) {
    if (power >= 0) {
      out = writeDigits(out, value, count)
      for (let zero = 0; zero < power; zero++) put<u8>(out++, 0x30)
      return out
    }
    const end = writeDigits(out, value, count)
    for (let at = end; at > out + <usize>point; at--) put<u8>(at, load<u8>(at - 1))
    put<u8>(out + <usize>point, 0x2e)
    return end + 1
  }
  if (point <= 0 && point > -6) {
    put<u16>(out, 0x2e30)
    out += 2
    for (let zero = point; zero < 0; zero++) put<u8>(out++, 0x30)
    return writeDigits(out, value, count)
  }
  // The first digit moves before the point.
  const end = writeDigits(out + 1, value, count)
  put<u8>(out, load<u8>(out + 1))
  let at = out + 1
  if (count > 1) {
    put<u8>(at, 0x2e)
    at = end
  }
  put<u16>(at, point > 0 ? 0x2b65 : 0x2d65)
  return writeUnsigned(at + 2, <u64>abs<i32>(point - 1))
}
