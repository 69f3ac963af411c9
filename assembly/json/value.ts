/*
 * One value into one row of a column. A fault here says why the column does not take the value; whether the value is
 * JSON at all is then for skipValue to say.
 */
import {
  JSON_BOOL, JSON_DECIMAL, JSON_F32, JSON_F64, JSON_I32, JSON_I64, JSON_LIST, JSON_NULL, JSON_OUT_OF_RANGE,
  JSON_SYNTAX, JSON_TEXT, JSON_TIMESTAMP, JSON_UTF8, JSON_WRONG_TYPE, LIMIT_TIMESTAMP,
} from '../abi'
import { put } from '../guard'
import { allocate, release } from '../memory'
import { addFixup, clearBit, reserveRows, setBit, writeBytes, writeListEnd, writeNull } from './columns'
import { FAULT_MEMORY, fail } from './fault'
import { codeOf } from './intern'
import { Decoder, Node, STATE_NULL } from './layout'
import {
  clearUndecided, digits, exponent, inexact, integer, negative, scanNumber, toDouble, toFloorInteger, toInteger,
  undecided,
} from './number'
import { skipSpace, skipValue } from './skip'
import { escaped, scanString, unescape } from './string'
import { millis, parseTimestamp } from './timestamp'

/** The end of the value at `at`, which row `row` of the column now holds; or 0. */
export function decodeValue(decoder: Decoder, node: Node, at: usize, row: u32): usize {
  return node.type == JSON_LIST ? decodeList(decoder, node, at, row) : decodeItem(decoder, node, at, row)
}

/** Of all types but lists. For the inner loop of the template; others call decodeValue. */
// @ts-ignore: decorator
@inline
export function decodePlain(decoder: Decoder, node: Node, at: usize, row: u32): usize {
  const slot = <usize>row
  switch (node.type) {
    case JSON_UTF8: {
      if (load<u8>(at) != 0x22) break
      const start = at + 1
      const end = scanString(start)
      if (end == 0) return 0
      let pointer = start
      let length = <u32>(end - start)
      if (escaped) {
        length = unescapeString(decoder, start, end)
        if (decoder.unescaped == 0) return fail(FAULT_MEMORY, at)
        pointer = decoder.unescaped
      }
      if (node.coded) {
        const code = codeOf(node, pointer, length)
        if (code < 0) {
          decoder.fullNode = changetype<usize>(node)
          return fail(-code, at)
        }
        put<i32>(node.values + (slot << 2), code)
      } else if (!writeBytes(decoder, node, row, pointer, length)) {
        return fail(FAULT_MEMORY, at)
      }
      return end + 1
    }
    case JSON_F64: {
      if (!beginsNumber(at)) break
      const end = scanNumber(at)
      if (end == 0) return 0
      put<f64>(node.values + (slot << 3), toDouble())
      if (undecided && !noteUndecided(decoder, node, row, at, end)) return fail(FAULT_MEMORY, at)
      return end
    }
    case JSON_I64: {
      if (!beginsNumber(at)) break
      const end = scanNumber(at)
      if (end == 0) return 0
      const reason = plainOrInteger(0)
      if (reason != 0) return fail(reason, at)
      put<i64>(node.values + (slot << 3), integer_)
      return end
    }
    case JSON_I32: {
      if (!beginsNumber(at)) break
      const end = scanNumber(at)
      if (end == 0) return 0
      const reason = plainOrInteger(0)
      if (reason != 0) return fail(reason, at)
      if (<i64><i32>integer_ != integer_) return fail(JSON_OUT_OF_RANGE, at)
      put<i32>(node.values + (slot << 2), <i32>integer_)
      return end
    }
    case JSON_TIMESTAMP: {
      let end: usize
      let time: i64
      if (load<u8>(at) == 0x22) {
        const start = at + 1
        end = scanString(start)
        if (end == 0) return 0
        let pointer = start
        let length = end - start
        if (escaped) {
          length = unescapeString(decoder, start, end)
          if (decoder.unescaped == 0) return fail(FAULT_MEMORY, at)
          pointer = decoder.unescaped
        }
        const reason = parseTimestamp(pointer, pointer + length)
        if (reason != 0) return fail(reason, at)
        time = millis
        end++
      } else {
        if (!beginsNumber(at)) break
        end = scanNumber(at)
        if (end == 0) return 0
        if (exponent == 0 && node.scale == 0 && !inexact && digits <= <u64>LIMIT_TIMESTAMP) {
          time = negative ? -<i64>digits : <i64>digits
        } else {
          const reason = toFloorInteger(node.scale)
          if (reason != 0) return fail(reason, at)
          time = integer
          if (time > LIMIT_TIMESTAMP || time < -LIMIT_TIMESTAMP) return fail(JSON_OUT_OF_RANGE, at)
        }
      }
      put<i64>(node.values + (slot << 3), time)
      return end
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
    case JSON_F32: {
      if (!beginsNumber(at)) break
      const end = scanNumber(at)
      if (end == 0) return 0
      put<f32>(node.values + (slot << 2), <f32>toDouble())
      if (undecided && !noteUndecided(decoder, node, row, at, end)) return fail(FAULT_MEMORY, at)
      return end
    }
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

/** The integer of plainOrInteger. */
let integer_: i64 = 0

// @ts-ignore: decorator
@inline
function plainOrInteger(shift: i32): u32 {
  if (exponent + shift == 0 && !inexact && digits <= 0x7fffffffffffffff) {
    integer_ = negative ? -<i64>digits : <i64>digits
    return 0
  }
  const reason = toInteger(shift)
  integer_ = integer
  return reason
}

function noteUndecided(decoder: Decoder, node: Node, row: u32, start: usize, end: usize): bool {
  clearUndecided()
  return addFixup(decoder, node, row, start, end)
}

/** The text of a string with escapes, at decoder.unescaped, which is 0 when there is no memory; its length. */
export function unescapeString(decoder: Decoder, start: usize, end: usize): u32 {
  const length = <u32>(end - start)
  if (length >= decoder.unescapedCapacity) {
    release(decoder.unescaped)
    decoder.unescapedCapacity = 0
    const capacity = max<u32>(length * 2, 1024)
    decoder.unescaped = allocate(capacity)
    if (decoder.unescaped == 0) return 0
    decoder.unescapedCapacity = capacity
  }
  const written = unescape(start, end, decoder.unescaped)
  // What reads a number from it must find an end.
  put<u8>(decoder.unescaped + <usize>written, 0x22)
  return written
}

/** A number, or a string that holds a number and nothing else. */
function decodeDecimal(decoder: Decoder, node: Node, at: usize, row: u32): usize {
  let end: usize
  if (load<u8>(at) == 0x22) {
    const start = at + 1
    end = scanString(start)
    if (end == 0) return 0
    let pointer = start
    let length = end - start
    if (escaped) {
      length = unescapeString(decoder, start, end)
      if (decoder.unescaped == 0) return fail(FAULT_MEMORY, at)
      pointer = decoder.unescaped
    }
    if (scanNumber(pointer) != pointer + length) return fail(JSON_WRONG_TYPE, at)
    end++
  } else {
    if (!beginsNumber(at)) return decodeNull(node, at, row)
    end = scanNumber(at)
    if (end == 0) return 0
  }
  const reason = plainOrInteger(node.scale)
  if (reason != 0) return fail(reason, at)
  put<i64>(node.values + (<usize>row << 3), integer_)
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
  return decodePlain(decoder, node, at, row)
}
