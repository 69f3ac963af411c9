/* One field into one row of a column. Numbers, times and dictionaries are those of JSON. */
import {
  JSON_BOOL, JSON_DECIMAL, JSON_F32, JSON_F64, JSON_I32, JSON_NULL, JSON_OUT_OF_RANGE, JSON_TIMESTAMP,
  JSON_UTF8, JSON_UTF8_INVALID, JSON_WRONG_TYPE, LIMIT_TIMESTAMP,
} from '../abi'
import { put } from '../guard'
import { addFixup, clearBit, setBit, writeBytes, writeNull } from '../json/columns'
import { FAULT_MEMORY, fail } from '../json/fault'
import { codeOf } from '../json/intern'
import { Node } from '../json/layout'
import { clearUndecided, integer, scanNumber, toDouble, toFloorInteger, toInteger, undecided } from '../json/number'
import { millis, parseTimestamp } from '../json/timestamp'
import { findInvalidUtf8 } from '../text/utf8'
import {
  findFieldEnd, isFieldEnd, locate, reserveScratch, textEnd, textHigh, textQuoted, textStart,
} from './field'
import { CsvDecoder, FAULT_INCOMPLETE } from './layout'

/** The end of the field at `at`, which row `row` of the column now holds; or 0. */
// @ts-ignore: decorator
@inline
export function decodeField(decoder: CsvDecoder, node: Node, at: usize, row: u32): usize {
  if (node.type == JSON_UTF8) {
    const first = <u32>load<u8>(at)
    if (first != decoder.quote && !decoder.trim) {
      const end = findFieldEnd(decoder, at)
      if (end >= decoder.limit) return fail(FAULT_INCOMPLETE, end)
      return takeString(decoder, node, row, at, end, false) ? end : 0
    }
    const end = locate(decoder, at)
    return end != 0 && takeString(decoder, node, row, textStart, textEnd, textQuoted) ? end : 0
  }
  if (decoder.plainNumbers && node.type != JSON_BOOL && beginsNumber(at)) {
    if (node.type == JSON_TIMESTAMP && load<u8>(at, 4) == 0x2d) return decodeText(decoder, node, at, row)
    const end = scanNumber(at)
    if (end != 0 && isFieldEnd(decoder, load<u8>(end))) {
      if (end >= decoder.limit) return fail(FAULT_INCOMPLETE, end)
      return takeNumber(decoder, node, row, at, end) ? end : 0
    }
  }
  return decodeText(decoder, node, at, row)
}

// @ts-ignore: decorator
@inline
function beginsNumber(at: usize): bool {
  const byte = <u32>load<u8>(at)
  return byte - 0x30 < 10 || byte == 0x2d
}

/** Whether the column takes the string [start, end); textHigh is of it. */
function takeString(decoder: CsvDecoder, node: Node, row: u32, start: usize, end: usize, quoted: bool): bool {
  const length = <u32>(end - start)
  if (node.nullable && !quoted && isNullText(decoder, start, length)) {
    writeNull(node, row)
    return true
  }
  if (textHigh) {
    const wrong = findInvalidUtf8(start, end)
    if (wrong != 0) return fail(JSON_UTF8_INVALID, wrong) != 0
  }
  if (node.coded) {
    const code = codeOf(node, start, length)
    if (code < 0) {
      decoder.fullNode = changetype<usize>(node)
      return fail(-code, start) != 0
    }
    put<i32>(node.values + (<usize>row << 2), code)
    return true
  }
  return writeBytes(decoder, node, row, start, length) || fail(FAULT_MEMORY, start) != 0
}

/** Whether the column takes the number [start, end) that was scanned last. */
function takeNumber(decoder: CsvDecoder, node: Node, row: u32, start: usize, end: usize): bool {
  const type = node.type
  if (type == JSON_F64 || type == JSON_F32) {
    const value = toDouble()
    if (type == JSON_F64) put<f64>(node.values + (<usize>row << 3), value)
    else put<f32>(node.values + (<usize>row << 2), <f32>value)
    if (!undecided) return true
    clearUndecided()
    return addFixup(decoder, node, row, start, end) || fail(FAULT_MEMORY, start) != 0
  }
  const reason =
    type == JSON_TIMESTAMP ? toFloorInteger(node.scale) : toInteger(type == JSON_DECIMAL ? node.scale : 0)
  if (reason != 0) return fail(reason, start) != 0
  const value = integer
  if (type == JSON_I32) {
    if (<i64><i32>value != value) return fail(JSON_OUT_OF_RANGE, start) != 0
    put<i32>(node.values + (<usize>row << 2), <i32>value)
    return true
  }
  if (type == JSON_TIMESTAMP && (value > LIMIT_TIMESTAMP || value < -LIMIT_TIMESTAMP)) {
    return fail(JSON_OUT_OF_RANGE, start) != 0
  }
  put<i64>(node.values + (<usize>row << 3), value)
  return true
}

/** All that is no plain number: quotes, blanks, nulls, other types, other ways to write a number. */
function decodeText(decoder: CsvDecoder, node: Node, at: usize, row: u32): usize {
  const end = locate(decoder, at)
  if (end == 0) return 0
  const length = <u32>(textEnd - textStart)
  if (isNullText(decoder, textStart, length)) {
    if (!node.nullable) return fail(JSON_NULL, at)
    writeNull(node, row)
    return end
  }
  if (node.type == JSON_BOOL) return takeBool(node, row) ? end : fail(JSON_WRONG_TYPE, at)
  if (beginsNumber(textStart) && scanNumber(textStart) == textEnd) {
    return takeNumber(decoder, node, row, textStart, textEnd) ? end : 0
  }
  if (node.type == JSON_TIMESTAMP) {
    const reason = parseTimestamp(textStart, textEnd)
    if (reason != 0) return fail(reason, at)
    put<i64>(node.values + (<usize>row << 3), millis)
    return end
  }
  if ((node.type == JSON_F64 || node.type == JSON_F32) && takeNonFinite(node, row)) return end
  return takeLooseNumber(decoder, node, row) ? end : 0
}

function isNullText(decoder: CsvDecoder, start: usize, length: u32): bool {
  if (length > decoder.longestNull) return false
  const count = decoder.nullCount
  let bytes = decoder.nulls + (<usize>count << 2)
  for (let index: u32 = 0; index < count; index++) {
    const itsLength = load<u32>(decoder.nulls + (<usize>index << 2))
    if (itsLength == length && memory.compare(bytes, start, length) == 0) return true
    bytes += itsLength
  }
  return false
}

// @ts-ignore: decorator
@inline
function isDigit(at: usize): bool {
  return <u32>load<u8>(at) - 0x30 < 10
}

/** Up to 8 bytes of the text, ASCII letters in lower case; 0 when it is empty or longer. */
function shortText(from: usize): u64 {
  const length = textEnd - from
  if (length == 0 || length > 8) return 0
  const word = (load<u64>(from) | 0x2020202020202020) & (~<u64>0 >> (64 - (<u64>length << 3)))
  for (let at = from; at < textEnd; at++) {
    const letter = (<u32>load<u8>(at) | 0x20) - 0x61
    if (letter > 25 && <u32>load<u8>(at) - 0x30 > 9) return 0
  }
  return word
}

/** true, t and 1, false, f and 0, in capitals or not. */
function takeBool(node: Node, row: u32): bool {
  const text = shortText(textStart)
  if (text == 0x65757274 || text == 0x74 || text == 0x31) {
    setBit(node.values, row)
    return true
  }
  if (text != 0x65736c6166 && text != 0x66 && text != 0x30) return false
  clearBit(node.values, row)
  return true
}

/** NaN, Infinity and inf, with a sign or not, in capitals or not. */
function takeNonFinite(node: Node, row: u32): bool {
  const sign = load<u8>(textStart)
  const text = shortText(sign == 0x2d || sign == 0x2b ? textStart + 1 : textStart)
  let value: f64
  if (text == 0x6e616e) value = NaN
  else if (text == 0x666e69 || text == 0x7974696e69666e69) value = sign == 0x2d ? -Infinity : Infinity
  else return false
  if (node.type == JSON_F64) put<f64>(node.values + (<usize>row << 3), value)
  else put<f32>(node.values + (<usize>row << 2), <f32>value)
  return true
}

/** Numbers that JSON does not know: +1, 007, .5 and 5. are written anew as JSON has them. */
function takeLooseNumber(decoder: CsvDecoder, node: Node, row: u32): bool {
  let at = textStart
  const end = textEnd
  if (at == decoder.unescaped) return fail(JSON_WRONG_TYPE, at) != 0
  if (!reserveScratch(decoder, <u32>(end - at) + 2)) return fail(FAULT_MEMORY, at) != 0
  let out = decoder.unescaped
  const sign = load<u8>(at)
  if (sign == 0x2d) put<u8>(out++, sign)
  if (sign == 0x2d || sign == 0x2b) at++
  while (at + 1 < end && load<u8>(at) == 0x30 && isDigit(at + 1)) at++
  if (load<u8>(at) == 0x2e && isDigit(at + 1)) put<u8>(out++, 0x30)
  else if (!isDigit(at)) return fail(JSON_WRONG_TYPE, textStart) != 0
  let points = 0
  while (at < end) {
    const byte = load<u8>(at++)
    // A point with no digit behind it is left out.
    if (byte == 0x2e && points++ == 0 && (at == end || (load<u8>(at) | 0x20) == 0x65)) continue
    put<u8>(out++, byte)
  }
  put<u8>(out, 0)
  const start = decoder.unescaped
  if (scanNumber(start) != out) return fail(JSON_WRONG_TYPE, textStart) != 0
  return takeNumber(decoder, node, row, start, out)
}
