/*
 * Strings: where they end, whether they are well formed, and their UTF-8 once the escapes are undone.
 */
import { JSON_SYNTAX, JSON_UTF8_INVALID } from '../abi'
import { SIMD } from '../build'
import { copyTo, put } from '../guard'
import { findInvalidUtf8 } from '../text/utf8'
import { fail } from './fault'

/** The string scanned last has escapes. */
export let escaped: bool = false
/** Lone surrogates of the strings unescaped since the record began. */
export let lone: u32 = 0

export function setLone(count: u32): void {
  lone = count
}

const ONES: u64 = 0x0101010101010101
const HIGHS: u64 = 0x8080808080808080

/**
 * The closing quote of the string whose first byte is at `start`, or 0. Something below 0x20 stands behind every input,
 * so the search ends there.
 */
// @ts-ignore: decorator
@inline
export function scanString(start: usize): usize {
  if (SIMD) {
    const chunk = v128.load(start)
    let stops = stopsOf(chunk)
    let high = i8x16.bitmask(chunk)
    if (stops == 0) {
      const next = v128.load(start, 16)
      stops = stopsOf(next) << 16
      high |= i8x16.bitmask(next) << 16
    }
    // Most strings are short and plain.
    if (stops != 0) {
      const end = <usize>ctz<i32>(stops)
      if (load<u8>(start + end) == 0x22 && (high & ((1 << <i32>end) - 1)) == 0) {
        escaped = false
        return start + end
      }
    }
  }
  return scanAnyString(start)
}

/** As scanString, where a call costs little. */
export function scanText(start: usize): usize {
  return scanString(start)
}

/** One bit a byte that is a quote, a backslash or a control character. */
// @ts-ignore: decorator
@inline
function stopsOf(chunk: v128): i32 {
  return i8x16.bitmask(
    v128.or(
      v128.or(i8x16.eq(chunk, i8x16.splat(0x22)), i8x16.eq(chunk, i8x16.splat(0x5c))),
      i8x16.lt_u(chunk, i8x16.splat(0x20)),
    ),
  )
}

function scanAnyString(start: usize): usize {
  let at = start
  let high: bool = false
  let hasEscapes = false
  while (true) {
    if (SIMD) {
      const chunk = v128.load(at)
      const stops = stopsOf(chunk)
      if (stops == 0) {
        if (i8x16.bitmask(chunk) != 0) high = true
        at += 16
        continue
      }
      const before = ctz<i32>(stops)
      if ((i8x16.bitmask(chunk) & ((1 << before) - 1)) != 0) high = true
      at += <usize>before
    } else {
      const word = load<u64>(at)
      const quotes = word ^ (ONES * 0x22)
      const slashes = word ^ (ONES * 0x5c)
      // A borrow spoils only bytes behind a hit, and the first hit counts.
      const stops =
        (((quotes - ONES) & ~quotes) | ((slashes - ONES) & ~slashes) | ((word - ONES * 0x20) & ~word)) & HIGHS
      if (stops == 0) {
        if ((word & HIGHS) != 0) high = true
        at += 8
        continue
      }
      const before = ctz<u64>(stops) >> 3
      if ((word & HIGHS & ((<u64>1 << (before << 3)) - 1)) != 0) high = true
      at += <usize>before
    }
    const byte = load<u8>(at)
    if (byte == 0x22) break
    if (byte != 0x5c) return fail(JSON_SYNTAX, at)
    hasEscapes = true
    const length = escapeLength(at)
    if (length == 0) return fail(JSON_SYNTAX, at)
    at += length
  }
  if (high) {
    const wrong = findInvalidUtf8(start, at)
    if (wrong != 0) return fail(JSON_UTF8_INVALID, wrong)
  }
  escaped = hasEscapes
  return at
}

/** Bytes of the escape at `at`; 0 when it is none. */
function escapeLength(at: usize): usize {
  switch (load<u8>(at, 1)) {
    case 0x22: case 0x5c: case 0x2f: case 0x62: case 0x66: case 0x6e: case 0x72: case 0x74:
      return 2
    case 0x75:
      return hexUnit(at + 2) < 0 ? 0 : 6
    default:
      return 0
  }
}

/** The value of four hexadecimal digits, or -1. */
function hexUnit(at: usize): i32 {
  let unit = 0
  for (let number: usize = 0; number < 4; number++) {
    const byte = <i32>load<u8>(at + number)
    let digit = byte - 0x30
    if (<u32>digit > 9) {
      digit = (byte | 0x20) - 0x61 + 10
      if (<u32>(digit - 10) > 5) return -1
    }
    unit = (unit << 4) | digit
  }
  return unit
}

/**
 * Writes the UTF-8 of a scanned string [from, to) at `target`, where there is room for as many bytes; the bytes
 * written. A surrogate without its other half becomes U+FFFD, and counts in `lone`.
 */
export function unescape(from: usize, to: usize, target: usize): u32 {
  let at = from
  let out = target
  while (at < to) {
    const plain = at
    while (at < to && load<u8>(at) != 0x5c) at++
    copyTo(out, plain, at - plain)
    out += at - plain
    if (at >= to) break
    const letter = load<u8>(at, 1)
    if (letter != 0x75) {
      put<u8>(out++, unescapedByte(letter))
      at += 2
      continue
    }
    let point = <u32>hexUnit(at + 2)
    at += 6
    if ((point & 0xf800) == 0xd800) {
      const low = point < 0xdc00 && at < to && load<u16>(at) == 0x755c ? <u32>hexUnit(at + 2) : 0
      if ((low & 0xfc00) == 0xdc00) {
        point = 0x10000 + ((point & 0x3ff) << 10) + (low & 0x3ff)
        at += 6
      } else {
        point = 0xfffd
        lone++
      }
    }
    out = writePoint(out, point)
  }
  return <u32>(out - target)
}

function unescapedByte(letter: u8): u8 {
  switch (letter) {
    case 0x62:
      return 8
    case 0x66:
      return 12
    case 0x6e:
      return 10
    case 0x72:
      return 13
    case 0x74:
      return 9
    default:
      return letter
  }
}

function writePoint(out: usize, point: u32): usize {
  if (point < 0x80) {
    put<u8>(out, <u8>point)
    return out + 1
  }
  if (point < 0x800) {
    put<u8>(out, <u8>(0xc0 | (point >> 6)))
    put<u8>(out + 1, <u8>(0x80 | (point & 0x3f)))
    return out + 2
  }
  if (point < 0x10000) {
    put<u8>(out, <u8>(0xe0 | (point >> 12)))
    put<u8>(out + 1, <u8>(0x80 | ((point >> 6) & 0x3f)))
    put<u8>(out + 2, <u8>(0x80 | (point & 0x3f)))
    return out + 3
  }
  put<u8>(out, <u8>(0xf0 | (point >> 18)))
  put<u8>(out + 1, <u8>(0x80 | ((point >> 12) & 0x3f)))
  put<u8>(out + 2, <u8>(0x80 | ((point >> 6) & 0x3f)))
  put<u8>(out + 3, <u8>(0x80 | (point & 0x3f)))
  return out + 4
}
