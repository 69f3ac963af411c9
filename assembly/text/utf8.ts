/* Whether bytes are UTF-8: no surrogates, no overlong forms, nothing beyond U+10FFFF. */
import { SIMD } from '../build'

const HIGHS: u64 = 0x8080808080808080

/** Where [from, to) ceases to be UTF-8; 0 if nowhere. Reads up to 16 bytes past `to`. */
export function findInvalidUtf8(from: usize, to: usize): usize {
  let at = from
  while (at < to) {
    const byte = <u32>load<u8>(at)
    if (byte < 0x80) {
      at = skipAscii(at + 1, to)
      continue
    }
    const next = <u32>load<u8>(at, 1)
    let length: usize
    if (byte < 0xe0) {
      if (byte < 0xc2) return at
      length = 2
    } else if (byte < 0xf0) {
      if ((byte == 0xe0 && next < 0xa0) || (byte == 0xed && next > 0x9f)) return at
      length = 3
    } else {
      if (byte > 0xf4 || (byte == 0xf0 && next < 0x90) || (byte == 0xf4 && next > 0x8f)) return at
      length = 4
    }
    if (at + length > to) return at
    for (let number: usize = 1; number < length; number++) if ((load<u8>(at + number) & 0xc0) != 0x80) return at
    at += length
  }
  return 0
}

/** The first byte of [from, to) that is not ASCII, or a place at or behind `to`. */
export function skipAscii(from: usize, to: usize): usize {
  let at = from
  while (at < to) {
    if (SIMD) {
      const high = i8x16.bitmask(v128.load(at))
      if (high != 0) return at + <usize>ctz<i32>(high)
      at += 16
    } else {
      const high = load<u64>(at) & HIGHS
      if (high != 0) return at + <usize>(ctz<u64>(high) >> 3)
      at += 8
    }
  }
  return at
}
