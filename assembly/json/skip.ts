/*
 * Values that nobody wants: walked by the grammar without recursion, so that nesting costs one bit a level.
 */
import { JSON_SYNTAX, JSON_TOO_DEEP, LIMIT_JSON_DEPTH } from '../abi'
import { put } from '../guard'
import { fail } from './fault'
import { scanNumber } from './number'
import { scanText } from './string'

/** Where line feed is space: in arrays. In NDJSON it ends the record. */
let lineFeedIsSpace: bool = false

export function setLineFeedIsSpace(value: bool): void {
  lineFeedIsSpace = value
}

// @ts-ignore: decorator
@inline
export function skipSpace(at: usize): usize {
  while (isSpace(load<u8>(at))) at++
  return at
}

// @ts-ignore: decorator
@inline
function isSpace(byte: u8): bool {
  return byte == 0x20 || (byte <= 0x0d && (byte == 0x09 || byte == 0x0d || (byte == 0x0a && lineFeedIsSpace)))
}

/**
 * The end of the value at `at`, or 0. `brackets` has LIMIT_JSON_DEPTH bits: 1 for each open object, 0 for each array.
 */
export function skipValue(at: usize, brackets: usize): usize {
  let depth: u32 = 0
  while (true) {
    // A value begins here.
    switch (load<u8>(at)) {
      case 0x22: {
        at = scanText(at + 1)
        if (at == 0) return 0
        at++
        break
      }
      case 0x7b:
      case 0x5b: {
        if (depth == LIMIT_JSON_DEPTH) return fail(JSON_TOO_DEEP, at)
        const isObject = load<u8>(at) == 0x7b
        setBit(brackets, depth++, isObject)
        at = skipSpace(at + 1)
        if (load<u8>(at) == (isObject ? 0x7d : 0x5d)) {
          at++
          depth--
          break
        }
        if (isObject) {
          at = skipKey(at)
          if (at == 0) return 0
        }
        continue
      }
      case 0x74: {
        if (load<u32>(at) != 0x65757274) return fail(JSON_SYNTAX, at)
        at += 4
        break
      }
      case 0x66: {
        if (load<u32>(at, 1) != 0x65736c61) return fail(JSON_SYNTAX, at)
        at += 5
        break
      }
      case 0x6e: {
        if (load<u32>(at) != 0x6c6c756e) return fail(JSON_SYNTAX, at)
        at += 4
        break
      }
      default: {
        at = scanNumber(at)
        if (at == 0) return 0
      }
    }
    // A value has ended here: what may follow it?
    while (true) {
      if (depth == 0) return at
      at = skipSpace(at)
      const byte = load<u8>(at)
      const isObject = getBit(brackets, depth - 1)
      if (byte == 0x2c) {
        at = skipSpace(at + 1)
        if (isObject) {
          at = skipKey(at)
          if (at == 0) return 0
        }
        break
      }
      if (byte != (isObject ? 0x7d : 0x5d)) return fail(JSON_SYNTAX, at)
      at++
      depth--
    }
  }
}

/** From a key to the first byte of its value; 0 on a fault. */
function skipKey(at: usize): usize {
  if (load<u8>(at) != 0x22) return fail(JSON_SYNTAX, at)
  at = scanText(at + 1)
  if (at == 0) return 0
  at = skipSpace(at + 1)
  if (load<u8>(at) != 0x3a) return fail(JSON_SYNTAX, at)
  return skipSpace(at + 1)
}

function setBit(bits: usize, index: u32, value: bool): void {
  const at = bits + <usize>(index >> 3)
  const mask = 1 << (index & 7)
  put<u8>(at, <u8>(value ? load<u8>(at) | mask : load<u8>(at) & ~mask))
}

// @ts-ignore: decorator
@inline
function getBit(bits: usize, index: u32): bool {
  return ((load<u8>(bits + <usize>(index >> 3)) >> (index & 7)) & 1) == 1
}
