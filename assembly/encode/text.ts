/* Strings as JSON and as CSV write them. */
import {
  CSV_DIALECT_BYTES, CSV_DIALECT_COMMENT, CSV_DIALECT_DELIMITER, CSV_DIALECT_ESCAPE, CSV_DIALECT_NULLS,
  CSV_DIALECT_QUOTE,
} from '../abi'
import { SIMD } from '../build'
import { copyTo, put, putV128 } from '../guard'
import { copyText } from './copy'

const ONES: u64 = 0x0101010101010101
const HIGHS: u64 = 0x8080808080808080

/** The text of a string; behind it. `dialect` is 0 for JSON. */
// @ts-ignore: decorator
@inline
export function writeString(out: usize, from: usize, length: u32, dialect: usize): usize {
  return dialect == 0 ? writeJsonString(out, from, length) : writeCsvString(out, from, length, dialect)
}

function writeJsonString(out: usize, from: usize, length: u32): usize {
  put<u8>(out++, 0x22)
  let at = from
  const end = from + <usize>length
  while (at < end) {
    let run: usize
    if (SIMD) {
      const chunk = v128.load(at)
      const stops = i8x16.bitmask(
        v128.or(
          v128.or(i8x16.eq(chunk, i8x16.splat(0x22)), i8x16.eq(chunk, i8x16.splat(0x5c))),
          i8x16.lt_u(chunk, i8x16.splat(0x20)),
        ),
      )
      putV128(out, chunk)
      run = stops == 0 ? 16 : <usize>ctz<i32>(stops)
      if (run < 16 && run < end - at) {
        out = writeEscape(out + run, load<u8>(at + run))
        at += run + 1
        continue
      }
    } else {
      const word = load<u64>(at)
      const quotes = word ^ (ONES * 0x22)
      const slashes = word ^ (ONES * 0x5c)
      // A borrow spoils only bytes behind a hit, and the first hit counts.
      const stops =
        (((quotes - ONES) & ~quotes) | ((slashes - ONES) & ~slashes) | ((word - ONES * 0x20) & ~word)) & HIGHS
      put<u64>(out, word)
      run = stops == 0 ? 8 : <usize>(ctz<u64>(stops) >> 3)
      if (run < 8 && run < end - at) {
        out = writeEscape(out + run, load<u8>(at + run))
        at += run + 1
        continue
      }
    }
    run = min(run, end - at)
    at += run
    out += run
  }
  put<u8>(out, 0x22)
  return out + 1
}

function writeEscape(out: usize, byte: u8): usize {
  put<u8>(out, 0x5c)
  let letter: u8 = 0
  switch (byte) {
    case 0x08:
      letter = 0x62
      break
    case 0x09:
      letter = 0x74
      break
    case 0x0a:
      letter = 0x6e
      break
    case 0x0c:
      letter = 0x66
      break
    case 0x0d:
      letter = 0x72
      break
    case 0x22: case 0x5c:
      letter = byte
      break
  }
  if (letter != 0) {
    put<u8>(out + 1, letter)
    return out + 2
  }
  put<u32>(out + 1, 0x30303075 | (<u32>(byte >> 4) << 24))
  const low = byte & 15
  put<u8>(out + 5, low < 10 ? 0x30 + low : 0x57 + low)
  return out + 6
}

/** In quotes where another reading would not give the string back. */
function writeCsvString(out: usize, from: usize, length: u32, dialect: usize): usize {
  const delimiter = load<u32>(dialect, CSV_DIALECT_DELIMITER)
  const quote = load<u32>(dialect, CSV_DIALECT_QUOTE)
  const escape = load<u32>(dialect, CSV_DIALECT_ESCAPE)
  const end = from + <usize>length
  let wantsQuotes = isNullText(from, length, dialect)
  if (length != 0) {
    const first = <u32>load<u8>(from)
    if (first == load<u32>(dialect, CSV_DIALECT_COMMENT) || isSpace(first) || isSpace(load<u8>(end - 1))) {
      wantsQuotes = true
    }
  }
  let at = from
  while (at < end && !wantsQuotes) {
    const byte = <u32>load<u8>(at++)
    wantsQuotes = byte == delimiter || byte == quote || byte == 0x0a || byte == 0x0d
  }
  if (!wantsQuotes) {
    if (length <= 64) return copyText(out, from, length)
    copyTo(out, from, length)
    return out + <usize>length
  }
  put<u8>(out++, <u8>quote)
  for (at = from; at < end; at++) {
    const byte = load<u8>(at)
    if (<u32>byte == quote || <u32>byte == escape) put<u8>(out++, <u8>escape)
    put<u8>(out++, byte)
  }
  put<u8>(out, <u8>quote)
  return out + 1
}

// @ts-ignore: decorator
@inline
function isSpace(byte: u32): bool {
  return byte == 0x20 || byte == 0x09
}

function isNullText(from: usize, length: u32, dialect: usize): bool {
  const count = load<u32>(dialect, CSV_DIALECT_NULLS)
  const lengths = dialect + CSV_DIALECT_BYTES
  let bytes = lengths + (<usize>count << 2)
  for (let index: u32 = 0; index < count; index++) {
    const itsLength = load<u32>(lengths + (<usize>index << 2))
    if (itsLength == length && memory.compare(bytes, from, length) == 0) return true
    bytes += itsLength
  }
  return false
}
