/*
 * One value into one row of a column. A fault here says why the column does not take the value; whether the value is
 * JSON at all is then for skipValue to say.
 */
import {
  JSON_BOOL, JSON_DECIMAL, JSON_F32, JSON_F64, JSON_I32, JSON_LIST, JSON_NULL, JSON_OUT_OF_RANGE, JSON_SYNTAX,
  JSON_TEXT, JSON_TIMESTAMP, JSON_UTF8, JSON_WRONG_TYPE, LIMIT_TIMESTAMP,
} from '../abi'
import { put } from '../guard'
import { allocate, release } from '../memory'
import { addFixup, clearBit, reserveRows, setBit, writeBytes, writeListEnd, writeNull } from './columns'
import { FAULT_MEMORY, fail } from './fault'
import { codeOf } from './intern'
import { Decoder, Node, STATE_NULL } from './layout'
import {
  clearUndecided, integer, isPlainInteger, scanNumber, toDouble, toFloorInteger, toInteger, undecided,
} from './number'
import { defer } from './pending'
import { skipSpace, skipValue } from './skip'
import { escaped, scanString, scanText, unescape } from './string'
import { millis, parseTimestamp } from './timestamp'

/** The end of the value at `at`, which row `row` of the column now holds; or 0. */
export function decodeValue(decoder: Decoder, node: Node, at: usize, row: u32): usize {
  return node.type == JSON_LIST ? decodeList(decoder, node, at, row) : decodeItem(decoder, node, at, row)
}

/** Of all types but lists. For the inner loop of the template; others call decodeValue. */
// @ts-ignore: decorator
@inline
export function decodePlain(decoder: Decoder, node: Node, at: usize, row: u32, defers: bool): usize {
  const type = node.type
  if (type == JSON_UTF8) {
    if (load<u8>(at) != 0x22) return decodeNull(node, at, row)
    let pointer = at + 1
    const end = scanString(pointer)
    if (end == 0) return 0
    let length = <u32>(end - pointer)
    if (escaped) {
      pointer = unescapeString(decoder, pointer, end)
      if (pointer == 0) return fail(FAULT_MEMORY, at)
      length = unescapedLength
      if (defers) decoder.unescapedTop += length + 1
    }
    if (!node.coded) {
      if (!writeBytes(decoder, node, row, pointer, length)) return fail(FAULT_MEMORY, at)
    } else if (defers) {
      defer(decoder, node, row, pointer, length)
    } else {
      const code = codeOf(node, pointer, length)
      if (code < 0) {
        decoder.fullNode = changetype<usize>(node)
        return fail(-code, at)
      }
      put<i32>(node.values + (<usize>row << 2), code)
    }
    return end + 1
  }
  if (type < JSON_I32 || type > JSON_TIMESTAMP || !beginsNumber(at)) return decodeOther(decoder, node, at, row)
  const end = scanNumber(at)
  if (end == 0) return 0
  if (type == JSON_F64 || type == JSON_F32) {
    const value = toDouble()
    if (type == JSON_F64) put<f64>(node.values + (<usize>row << 3), value)
    else put<f32>(node.values + (<usize>row << 2), <f32>value)
    if (undecided && !noteUndecided(decoder, node, row, at, end)) return fail(FAULT_MEMORY, at)
    return end
  }
  if (type == JSON_TIMESTAMP) {
    const reason = node.scale == 0 && isPlainInteger() ? 0 : toFloorInteger(node.scale)
    if (reason != 0) return fail(reason, at)
    if (integer > LIMIT_TIMESTAMP || integer < -LIMIT_TIMESTAMP) return fail(JSON_OUT_OF_RANGE, at)
  } else {
    const reason = isPlainInteger() ? 0 : toInteger(0)
    if (reason != 0) return fail(reason, at)
    if (type == JSON_I32) {
      if (<i64><i32>integer != integer) return fail(JSON_OUT_OF_RANGE, at)
      put<i32>(node.values + (<usize>row << 2), <i32>integer)
      return end
    }
  }
  put<i64>(node.values + (<usize>row << 3), integer)
  return end
}

/** What is no string in a column of strings and no number in one of numbers. */
function decodeOther(decoder: Decoder, node: Node, at: usize, row: u32): usize {
  switch (node.type) {
    case JSON_TIMESTAMP: {
      if (load<u8>(at) != 0x22) break
      let pointer = at + 1
      const end = scanText(pointer)
      if (end == 0) return 0
      let textEnd = end
      if (escaped) {
        pointer = unescapeString(decoder, pointer, end)
        if (pointer == 0) return fail(FAULT_MEMORY, at)
        textEnd = pointer + <usize>unescapedLength
      }
      const reason = parseTimestamp(pointer, textEnd)
      if (reason != 0) return fail(reason, at)
      put<i64>(node.values + (<usize>row << 3), millis)
      return end + 1
    }
    case JSON_BOOL: {
      const word = load<u32>(at)
      if (word == 0x65757274) {
        setBit(node.values, row)
        return at + 4
      }
      if (word == 0x736c6166 && load<u8>(at, 4) == 0x65) {
        clearBit(node.values, row)
        return at + 5
      }
      break
    }
    case JSON_DECIMAL:
      return decodeDecimal(decoder, node, at, row)
    case JSON_TEXT: {
      if (load<u32>(at) == 0x6c6c756e) break
      const end = skipValue(at, decoder.brackets)
      if (end == 0) return 0
      return writeBytes(decoder, node, row, at, <u32>(end - at)) ? end : fail(FAULT_MEMORY, at)
    }
  }
  return decodeNull(node, at, row)
}

function decodeNull(node: Node, at: usize, row: u32): usize {
  if (load<u32>(at) != 0x6c6c756e) return fail(JSON_WRONG_TYPE, at)
  if (!node.nullable) return fail(JSON_NULL, at)
  writeNull(node, row)
  node.state = STATE_NULL
  return at + 4
}

// @ts-ignore: decorator
@inline
function beginsNumber(at: usize): bool {
  const byte = <u32>load<u8>(at)
  return byte - 0x30 < 10 || byte == 0x2d
}

function noteUndecided(decoder: Decoder, node: Node, row: u32, start: usize, end: usize): bool {
  clearUndecided()
  return addFixup(decoder, node, row, start, end)
}

/** Bytes of the text that unescapeString gave. */
export let unescapedLength: u32 = 0

/**
 * The text of a string with escapes, unescapedLength bytes; 0 when there is no memory, or no room behind the texts of
 * pending strings, which stay where they are.
 */
export function unescapeString(decoder: Decoder, start: usize, end: usize): usize {
  const length = <u32>(end - start)
  if (decoder.unescapedTop + length >= decoder.unescapedCapacity) {
    if (decoder.unescapedTop != 0) return 0
    release(decoder.unescaped)
    decoder.unescapedCapacity = 0
    const capacity = max<u32>(length * 2, 16384)
    decoder.unescaped = allocate(capacity)
    if (decoder.unescaped == 0) return 0
    decoder.unescapedCapacity = capacity
  }
  const text = decoder.unescaped + <usize>decoder.unescapedTop
  unescapedLength = unescape(start, end, text)
  // What reads a number from it must find an end.
  put<u8>(text + <usize>unescapedLength, 0x22)
  return text
}

/** A number, or a string that holds a number and nothing else. */
function decodeDecimal(decoder: Decoder, node: Node, at: usize, row: u32): usize {
  let end: usize
  if (load<u8>(at) == 0x22) {
    let pointer = at + 1
    end = scanText(pointer)
    if (end == 0) return 0
    let textEnd = end
    if (escaped) {
      pointer = unescapeString(decoder, pointer, end)
      if (pointer == 0) return fail(FAULT_MEMORY, at)
      textEnd = pointer + <usize>unescapedLength
    }
    if (scanNumber(pointer) != textEnd) return fail(JSON_WRONG_TYPE, at)
    end++
  } else {
    if (!beginsNumber(at)) return decodeNull(node, at, row)
    end = scanNumber(at)
    if (end == 0) return 0
  }
  const reason = toInteger(node.scale)
  if (reason != 0) return fail(reason, at)
  put<i64>(node.values + (<usize>row << 3), integer)
  return end
}

export function decodeList(decoder: Decoder, node: Node, at: usize, row: u32): usize {
  if (load<u8>(at) != 0x5b) return decodeNull(node, at, row)
  const element = changetype<Node>(node.element)
  let count = load<u32>(node.offsets + (<usize>row << 2))
  at = skipSpace(at + 1)
  if (load<u8>(at) != 0x5d) {
    while (true) {
      if (!reserveRows(element, count + 1)) return fail(FAULT_MEMORY, at)
      setBit(element.validity, count)
      at = decodeItem(decoder, element, at, count)
      if (at == 0) return 0
      count++
      at = skipSpace(at)
      const byte = load<u8>(at)
      if (byte == 0x5d) break
      if (byte != 0x2c) return fail(JSON_SYNTAX, at)
      at = skipSpace(at + 1)
    }
  }
  writeListEnd(decoder, node, row, count)
  return at + 1
}

function decodeItem(decoder: Decoder, node: Node, at: usize, row: u32): usize {
  return decodePlain(decoder, node, at, row, false)
}
