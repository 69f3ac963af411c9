/*
 * Where the elements of an array begin and end. An element reaches to the comma or bracket behind it that stands in no
 * string and in no brackets of its own; so whatever is wrong inside, the next one is found where brackets and quotes
 * are in pairs. A scan goes on in the next chunk where it stopped.
 */
import { JSON_AFTER_END, JSON_NO_ARRAY, JSON_UNTERMINATED } from '../abi'
import { put } from '../guard'
import { Decoder } from './layout'
import { addReject } from './rejects'
import { skipSpace } from './skip'

export const ELEMENT_FOUND = 0
export const ELEMENT_INCOMPLETE = 1
export const ELEMENT_REFUSED = 2
export const ELEMENT_NO_MEMORY = 3

const BEFORE_ARRAY: u32 = 0
const FIRST_ELEMENT: u32 = 1
const ELEMENT: u32 = 2
const BEHIND_ARRAY: u32 = 3
/** The rest of the input is of no interest. */
const OVER: u32 = 4

const IN_STRING: u32 = 1
const BEHIND_BACKSLASH: u32 = 2

/** Space that ends at the end of the input is skipped too: nothing but 0x00 stands there while this looks. */
function stepOverSpace(decoder: Decoder): bool {
  put<u8>(decoder.buffer + decoder.filled, 0)
  decoder.start = <u32>(skipSpace(decoder.buffer + decoder.start) - decoder.buffer)
  decoder.scanned = decoder.start
  return decoder.start < decoder.filled
}

/** On ELEMENT_FOUND the next element, which may be empty or anything else, is [start, scanned). */
export function findElement(decoder: Decoder): i32 {
  if (decoder.phase == OVER) {
    decoder.start = decoder.filled
    decoder.scanned = decoder.filled
    return ELEMENT_INCOMPLETE
  }
  if (decoder.phase == BEFORE_ARRAY) {
    if (!stepOverSpace(decoder)) return decoder.final ? give(decoder, JSON_NO_ARRAY, 0) : ELEMENT_INCOMPLETE
    if (load<u8>(decoder.buffer + decoder.start) != 0x5b) return give(decoder, JSON_NO_ARRAY, 1)
    decoder.start++
    decoder.scanned = decoder.start
    decoder.phase = FIRST_ELEMENT
  }
  if (decoder.phase == BEHIND_ARRAY) {
    return stepOverSpace(decoder) ? give(decoder, JSON_AFTER_END, 1) : ELEMENT_INCOMPLETE
  }
  if (decoder.scanned == decoder.start) stepOverSpace(decoder)
  const end = scan(decoder)
  decoder.scanned = <u32>(end - decoder.buffer)
  if (decoder.scanned == decoder.filled) {
    if (!decoder.final) return ELEMENT_INCOMPLETE
    return give(decoder, JSON_UNTERMINATED, decoder.filled - decoder.start)
  }
  if (decoder.phase == FIRST_ELEMENT && end == decoder.buffer + decoder.start && load<u8>(end) == 0x5d) {
    nextElement(decoder)
    return findElement(decoder)
  }
  return ELEMENT_FOUND
}

/** Steps over the element found and the byte behind it. */
export function nextElement(decoder: Decoder): void {
  decoder.phase = load<u8>(decoder.buffer + decoder.scanned) == 0x2c ? ELEMENT : BEHIND_ARRAY
  decoder.start = decoder.scanned + 1
  decoder.scanned = decoder.start
}

/** Nothing more can be found: one reject says why. */
function give(decoder: Decoder, reason: u32, bytes: u32): i32 {
  if (!addReject(decoder, <u64>bytes + decoder.dropped, bytes, reason, 0, 0)) return ELEMENT_NO_MEMORY
  decoder.base += decoder.dropped
  decoder.dropped = 0
  decoder.phase = OVER
  return ELEMENT_REFUSED
}

/** The end of the element at hand, or of the input. */
function scan(decoder: Decoder): usize {
  const end = decoder.buffer + decoder.filled
  let at = decoder.buffer + decoder.scanned
  let depth = decoder.depth
  let inString = decoder.inString
  while (at < end) {
    const byte = load<u8>(at)
    if (inString != 0) {
      if (inString == BEHIND_BACKSLASH) inString = IN_STRING
      else if (byte == 0x5c) inString = BEHIND_BACKSLASH
      else if (byte == 0x22) inString = 0
    } else if (byte == 0x22) {
      inString = IN_STRING
    } else if (byte == 0x7b || byte == 0x5b) {
      depth++
    } else if (byte == 0x7d) {
      if (depth > 0) depth--
    } else if (byte == 0x5d) {
      if (depth == 0) break
      depth--
    } else if (byte == 0x2c && depth == 0) {
      break
    }
    at++
  }
  decoder.depth = depth
  decoder.inString = inString
  return at
}
