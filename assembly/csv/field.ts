/*
 * The text of one field:
 *
 *   field   = [blanks] quote { byte | quote quote } quote [blanks]      blanks only where the dialect trims
 *           | { byte }                                                  a quote that is not the first byte is a byte
 *
 * With an escape byte other than the quote, inside quotes the byte behind it is taken as it is.
 */
import { CSV_AFTER_QUOTE } from '../abi'
import { SIMD } from '../build'
import { put } from '../guard'
import { FAULT_MEMORY, fail } from '../json/fault'
import { allocate, release } from '../memory'
import { CsvDecoder, FAULT_INCOMPLETE } from './layout'
import { isBlank, isLineEnd } from './scan'

export let textStart: usize = 0
export let textEnd: usize = 0
export let textQuoted: bool = false
/** The field has bytes that are not ASCII. */
export let textHigh: bool = false

const ONES: u64 = 0x0101010101010101
const HIGHS: u64 = 0x8080808080808080

// @ts-ignore: decorator
@inline
export function isFieldEnd(decoder: CsvDecoder, byte: u32): bool {
  return byte == decoder.delimiter || isLineEnd(byte)
}

/** The high bit of each byte of `word` that is 0; bytes behind the first one may be wrong. */
// @ts-ignore: decorator
@inline
function zeros(word: u64): u64 {
  return (word - ONES) & ~word & HIGHS
}

/** The delimiter or line end at or behind `start`. Sets textHigh. */
// @ts-ignore: decorator
@inline
export function findFieldEnd(decoder: CsvDecoder, start: usize): usize {
  let at = start
  if (SIMD) {
    const delimiter = i8x16.splat(<i8>decoder.delimiter)
    let high = 0
    while (true) {
      const chunk = v128.load(at)
      const ends = i8x16.bitmask(
        v128.or(
          i8x16.eq(chunk, delimiter),
          v128.or(i8x16.eq(chunk, i8x16.splat(0x0a)), i8x16.eq(chunk, i8x16.splat(0x0d))),
        ),
      )
      const highs = i8x16.bitmask(chunk)
      if (ends != 0) {
        const before = ctz<i32>(ends)
        textHigh = (high | (highs & ((1 << before) - 1))) != 0
        return at + <usize>before
      }
      high |= highs
      at += 16
    }
  } else {
    const delimiter = ONES * <u64>decoder.delimiter
    let high: u64 = 0
    while (true) {
      const word = load<u64>(at)
      const ends = zeros(word ^ delimiter) | zeros(word ^ (ONES * 0x0a)) | zeros(word ^ (ONES * 0x0d))
      if (ends != 0) {
        const before = ctz<u64>(ends) & ~7
        textHigh = (high | (word & HIGHS & ((<u64>1 << before) - 1))) != 0
        return at + <usize>(before >> 3)
      }
      high |= word & HIGHS
      at += 8
    }
  }
  return at
}

/** The quote or escape at or behind `start`. Adds to textHigh. */
function findQuote(decoder: CsvDecoder, start: usize): usize {
  let at = start
  if (SIMD) {
    const quote = i8x16.splat(<i8>decoder.quote)
    const escape = i8x16.splat(<i8>decoder.escape)
    while (true) {
      const chunk = v128.load(at)
      const stops = i8x16.bitmask(v128.or(i8x16.eq(chunk, quote), i8x16.eq(chunk, escape)))
      const highs = i8x16.bitmask(chunk)
      if (stops != 0) {
        const before = ctz<i32>(stops)
        if ((highs & ((1 << before) - 1)) != 0) textHigh = true
        return at + <usize>before
      }
      if (highs != 0) textHigh = true
      at += 16
    }
  } else {
    while (true) {
      const byte = <u32>load<u8>(at)
      if (byte == decoder.quote || byte == decoder.escape) return at
      if (byte >= 0x80) textHigh = true
      at++
    }
  }
  return at
}

/** Finds the text of the field at `at`, unescaped and trimmed; the end of the field, or 0 on a fault. */
export function locate(decoder: CsvDecoder, at: usize): usize {
  let start = at
  if (decoder.trim) while (isBlank(load<u8>(start))) start++
  if (<u32>load<u8>(start) == decoder.quote) return locateQuoted(decoder, start + 1)
  const end = findFieldEnd(decoder, start)
  if (end >= decoder.limit) return fail(FAULT_INCOMPLETE, end)
  textQuoted = false
  textStart = start
  textEnd = end
  if (decoder.trim) while (textEnd > start && isBlank(load<u8>(textEnd - 1))) textEnd--
  return end
}

function locateQuoted(decoder: CsvDecoder, start: usize): usize {
  const quote = decoder.quote
  const escape = decoder.escape
  decoder.quoted = 1
  textHigh = false
  let at = start
  let escapes = false
  while (true) {
    at = findQuote(decoder, at)
    const doubled = escape == quote
    if (<u32>load<u8>(at) == quote && (!doubled || <u32>load<u8>(at, 1) != quote)) break
    escapes = true
    if (!doubled && load<u8>(at, 1) >= 0x80) textHigh = true
    at += 2
  }
  let end = at + 1
  if (decoder.trim) while (isBlank(load<u8>(end))) end++
  if (end >= decoder.limit) return fail(FAULT_INCOMPLETE, end)
  if (!isFieldEnd(decoder, load<u8>(end))) return fail(CSV_AFTER_QUOTE, end)
  textQuoted = true
  textStart = start
  textEnd = at
  if (escapes && !unescape(decoder, start, at)) return fail(FAULT_MEMORY, start)
  return end
}

/** Steps over a field that nobody reads; its end, or 0 on a fault. */
// @ts-ignore: decorator
@inline
export function skipField(decoder: CsvDecoder, at: usize): usize {
  const first = <u32>load<u8>(at)
  if (first == decoder.quote || (decoder.trim && isBlank(first))) return skipQuoted(decoder, at)
  return findFieldEnd(decoder, at)
}

function skipQuoted(decoder: CsvDecoder, at: usize): usize {
  return locate(decoder, at)
}

/** Room for `bytes` bytes at decoder.unescaped; false when there is no memory. */
export function reserveScratch(decoder: CsvDecoder, bytes: u32): bool {
  if (bytes <= decoder.unescapedCapacity) return true
  release(decoder.unescaped)
  decoder.unescapedCapacity = 0
  const capacity = max<u32>(bytes << 1, 1024)
  decoder.unescaped = allocate(capacity)
  if (decoder.unescaped == 0) return false
  decoder.unescapedCapacity = capacity
  return true
}

/** The text becomes what stands at decoder.unescaped. */
function unescape(decoder: CsvDecoder, start: usize, end: usize): bool {
  if (!reserveScratch(decoder, <u32>(end - start) + 1)) return false
  const escape = decoder.escape
  let out = decoder.unescaped
  let at = start
  while (at < end) {
    let byte = load<u8>(at++)
    if (<u32>byte == escape) byte = load<u8>(at++)
    put<u8>(out++, byte)
  }
  // What reads a number from it must find an end.
  put<u8>(out, 0)
  textStart = decoder.unescaped
  textEnd = out
  return true
}
