/*
 * Numbers by JSON's grammar: their digits and exponent first, then the integer or the double that they are.
 *
 * Digits are read eight at a time. A number is digits * 10^exponent; of more than 19 significant digits the rest only
 * counts towards the exponent, and `inexact` says that some of them was not 0.
 */
import { JSON_NOT_EXACT, JSON_OUT_OF_RANGE, JSON_SYNTAX } from '../abi'
import { multiplyHigh } from '../product'
import { fail } from './fault'
import { LARGEST_POWER, powersOfFive, SMALLEST_POWER } from './powers'

export let digits: u64 = 0
export let exponent: i32 = 0
export let negative: bool = false
export let inexact: bool = false
/** The integer that toInteger or toFloorInteger found. */
export let integer: i64 = 0
/** toDouble could not decide between two neighbours. */
export let undecided: bool = false

const TEN: usize = memory.data<u64>([
  1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
  10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000,
  10000000000000000000,
])
const TEN_DOUBLE: usize = memory.data<f64>([
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
  1e21, 1e22,
])

// @ts-ignore: decorator
@inline
function tenTo(power: i32): u64 {
  return load<u64>(TEN + (<usize>power << 3))
}

/** How many of the eight bytes, from the first, are digits. */
// @ts-ignore: decorator
@inline
function leadingDigits(word: u64): i32 {
  const values = word ^ 0x3030303030303030
  // A carry out of a byte above 0x89 spoils only bytes behind it, and the first hit counts.
  const others = ((values + 0x7676767676767676) | values) & 0x8080808080808080
  return <i32>(ctz<u64>(others) >> 3)
}

/** The number that the first `count` bytes spell, 1 to 8 digits. */
// @ts-ignore: decorator
@inline
function digitsValue(word: u64, count: i32): u64 {
  // Digits move to the end; zeros that come in before them change nothing.
  let pairs = (word ^ 0x3030303030303030) << <u64>((8 - count) << 3)
  pairs = pairs * 10 + (pairs >> 8)
  const low = (pairs & 0x000000ff000000ff) * 0x000f424000000064
  const high = ((pairs >> 16) & 0x000000ff000000ff) * 0x0000271000000001
  return (low + high) >> 32
}

/** The end of the number at `start`, or 0. */
// @ts-ignore: decorator
@inline
export function scanNumber(start: usize): usize {
  let at = start
  negative = false
  // A branch that is foreseen, where a choice would wait for the byte.
  if (load<u8>(at) == 0x2d) {
    negative = true
    at++
  }
  const first = at
  let word = load<u64>(at)
  let count = leadingDigits(word)
  if (count == 0) return fail(JSON_SYNTAX, at)
  let value = digitsValue(word, count)
  at += count
  while (count == 8) {
    word = load<u64>(at)
    count = leadingDigits(word)
    if (at + count - first > 19) return scanLongNumber(start)
    if (count == 0) break
    value = value * tenTo(count) + digitsValue(word, count)
    at += count
  }
  if (load<u8>(first) == 0x30 && at - first > 1) return fail(JSON_SYNTAX, first)
  let power = 0
  let next = load<u8>(at)
  if (next == 0x2e) {
    const point = at++
    do {
      word = load<u64>(at)
      count = leadingDigits(word)
      if (at + count - first > 20) return scanLongNumber(start)
      if (count == 0) break
      value = value * tenTo(count) + digitsValue(word, count)
      at += count
    } while (count == 8)
    if (at == point + 1) return fail(JSON_SYNTAX, at)
    power = <i32>(point + 1 - at)
    next = load<u8>(at)
  }
  digits = value
  exponent = power
  inexact = false
  return (next | 0x20) == 0x65 ? scanExponent(at + 1) : at
}

/** Digit by digit, from a sign or a digit on. */
function scanLongNumber(start: usize): usize {
  let at = start
  if (load<u8>(at) == 0x2d) at++
  const first = at
  let value: u64 = 0
  let taken = 0
  let power = 0
  let rest = false
  let behindPoint = false
  while (true) {
    const byte = load<u8>(at)
    if (byte == 0x2e && !behindPoint) {
      if (at == first || !isDigit(load<u8>(at + 1))) return fail(JSON_SYNTAX, at)
      behindPoint = true
      at++
      continue
    }
    if (!isDigit(byte)) break
    if (taken < 19) {
      value = value * 10 + <u64>(byte - 0x30)
      if (value != 0) taken++
      if (behindPoint) power--
    } else {
      if (byte != 0x30) rest = true
      if (!behindPoint) power++
    }
    at++
  }
  if (load<u8>(first) == 0x30 && isDigit(load<u8>(first + 1))) return fail(JSON_SYNTAX, first)
  digits = value
  exponent = power
  inexact = rest
  return (load<u8>(at) | 0x20) == 0x65 ? scanExponent(at + 1) : at
}

/** From behind the e; adds to `exponent`. Far beyond any double it is cut: then 0 or infinity is sure. */
function scanExponent(from: usize): usize {
  let at = from
  const sign = load<u8>(at)
  if (sign == 0x2d || sign == 0x2b) at++
  if (!isDigit(load<u8>(at))) return fail(JSON_SYNTAX, at)
  let power = 0
  while (isDigit(load<u8>(at))) {
    if (power < 100000000) power = power * 10 + <i32>(load<u8>(at) - 0x30)
    at++
  }
  exponent += sign == 0x2d ? -power : power
  return at
}

// @ts-ignore: decorator
@inline
function isDigit(byte: u8): bool {
  return <u32>byte - 0x30 < 10
}

// ---- integers -------------------------------------------------------------------------------------------------------

/** Takes digits alone for the integer; false when there is more to the number. */
// @ts-ignore: decorator
@inline
export function isPlainInteger(): bool {
  if (exponent != 0 || inexact || digits > 0x7fffffffffffffff) return false
  integer = negative ? -<i64>digits : <i64>digits
  return true
}

/** The number times 10^shift as an i64 in `integer`; 0, or the reason why it is none. */
export function toInteger(shift: i32): u32 {
  let value = digits
  const power = exponent + shift
  if (value == 0) {
    integer = 0
    return 0
  }
  // Digits that were left out stand before the point if the power is positive.
  if (inexact) return power > 0 ? JSON_OUT_OF_RANGE : JSON_NOT_EXACT
  if (power < 0) {
    if (power < -19) return JSON_NOT_EXACT
    const divisor = tenTo(-power)
    if (value % divisor != 0) return JSON_NOT_EXACT
    value /= divisor
  } else if (power > 0) {
    if (power > 18 || value > ~<u64>0 / tenTo(power)) return JSON_OUT_OF_RANGE
    value *= tenTo(power)
  }
  return withSign(value)
}

/** As toInteger, but the floor of what has a fraction. */
export function toFloorInteger(shift: i32): u32 {
  let value = digits
  const power = exponent + shift
  let fraction = inexact
  if (power > 0) {
    if (value == 0) {
      integer = 0
      return 0
    }
    if (fraction || power > 18 || value > ~<u64>0 / tenTo(power)) return JSON_OUT_OF_RANGE
    value *= tenTo(power)
  } else if (power < -19) {
    fraction = fraction || value != 0
    value = 0
  } else if (power < 0) {
    const divisor = tenTo(-power)
    if (value % divisor != 0) fraction = true
    value /= divisor
  }
  return withSign(negative && fraction ? value + 1 : value)
}

function withSign(value: u64): u32 {
  const limit: u64 = 0x7fffffffffffffff
  if (value > (negative ? limit + 1 : limit)) return JSON_OUT_OF_RANGE
  integer = negative ? -<i64>value : <i64>value
  return 0
}

// ---- doubles --------------------------------------------------------------------------------------------------------

/**
 * The nearest double, ties to even; `undecided` where that takes more digits than were kept. Up to 2^53 and 10^22 both
 * factors are exact, and so is one rounding (Clinger, "How to read floating point numbers accurately", 1990).
 */
// @ts-ignore: decorator
@inline
export function toDouble(): f64 {
  const value = digits
  if (value <= 9007199254740992 && exponent <= 22 && exponent >= -22 && !inexact) {
    const whole = <f64><i64>value
    const magnitude =
      exponent < 0
        ? whole / load<f64>(TEN_DOUBLE + (<usize>-exponent << 3))
        : whole * load<f64>(TEN_DOUBLE + (<usize>exponent << 3))
    return negative ? -magnitude : magnitude
  }
  return toDoubleByTable()
}

function toDoubleByTable(): f64 {
  undecided = false
  let bits = nearestDouble(digits, exponent)
  if (inexact && !undecided && nearestDouble(digits + 1, exponent) != bits) undecided = true
  if (negative) bits |= 0x8000000000000000
  return reinterpret<f64>(bits)
}

export function clearUndecided(): void {
  undecided = false
}

const INFINITY_BITS: u64 = 0x7ff0000000000000

/** The bits of the double nearest to value * 10^power (Eisel-Lemire). */
function nearestDouble(value: u64, power: i32): u64 {
  if (value == 0 || power < SMALLEST_POWER) return 0
  if (power > LARGEST_POWER) return INFINITY_BITS
  const zeros = <i32>clz<u64>(value)
  const scaled = value << <u64>zeros
  const entry = powersOfFive() + (<usize>(power - SMALLEST_POWER) << 4)
  const leading = load<u64>(entry)
  let high = multiplyHigh(scaled, leading)
  let low = scaled * leading
  if ((high & 0x1ff) == 0x1ff) {
    const more = multiplyHigh(scaled, load<u64>(entry, 8))
    low += more
    if (low < more) high++
  }
  if (low == ~<u64>0 && (power < -27 || power > 55)) {
    undecided = true
    return 0
  }
  const upper = <i32>(high >> 63)
  let mantissa = high >> <u64>(upper + 9)
  let binary = ((217706 * power) >> 16) + 63 + upper - zeros + 1023
  if (binary <= 0) {
    if (binary <= -63) return 0
    mantissa >>= <u64>(1 - binary)
    // A subnormal that rounds up to 2^52 is the smallest normal number, and its bits say so.
    return (mantissa + (mantissa & 1)) >> 1
  }
  // Exactly half way: to even. It can only happen for these powers, where the product is exact.
  if (low <= 1 && power >= -4 && power <= 23 && (mantissa & 3) == 1 && mantissa << <u64>(upper + 9) == high) mantissa--
  mantissa = (mantissa + (mantissa & 1)) >> 1
  if (mantissa == 0x20000000000000) {
    mantissa = 0x10000000000000
    binary++
  }
  if (binary >= 0x7ff) return INFINITY_BITS
  return (mantissa & 0xfffffffffffff) | (<u64>binary << 52)
}
