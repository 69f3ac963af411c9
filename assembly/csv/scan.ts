/*
 * Where a record ends, byte by byte and in steps: used for records that are incomplete or rejected, where the fields do
 * not lead to the end. Its grammar is that of field.ts.
 */
import { CsvDecoder } from './layout'

const FIELD_START: u32 = 0
const PLAIN: u32 = 1
/** From here on inside quotes. */
const QUOTED: u32 = 2
const ESCAPED: u32 = 3
/** A quote inside quotes: the closing one, or the first of two. */
const QUOTE_SEEN: u32 = 4
const COMMENT: u32 = 5

// @ts-ignore: decorator
@inline
export function isLineEnd(byte: u32): bool {
  return byte == 0x0a || byte == 0x0d
}

// @ts-ignore: decorator
@inline
export function isBlank(byte: u32): bool {
  return byte == 0x20 || byte == 0x09
}

export function beginScan(decoder: CsvDecoder, isComment: bool): void {
  decoder.scanned = decoder.start
  decoder.scanState = isComment ? COMMENT : FIELD_START
  decoder.pending = 1
  decoder.oversize = u32(isComment)
}

export function isScanningComment(decoder: CsvDecoder): bool {
  return decoder.scanState == COMMENT
}

/** The input ends, so far, inside of quotes. */
export function isInsideQuotes(decoder: CsvDecoder): bool {
  return decoder.scanState == QUOTED || decoder.scanState == ESCAPED
}

/**
 * Whether the line end of the record is found; it stands at `scanned`. The search ends with the input, or one byte
 * behind the longest record allowed, unless that is known already.
 */
export function scanRecord(decoder: CsvDecoder): bool {
  let end = decoder.final ? decoder.buffer + decoder.filled : decoder.limit
  if (!decoder.oversize) end = min(end, decoder.buffer + decoder.start + decoder.maxRecordBytes + 1)
  const delimiter = decoder.delimiter
  const quote = decoder.quote
  const escape = decoder.escape
  let at = decoder.buffer + decoder.scanned
  let state = decoder.scanState
  let found = false
  while (at < end) {
    const byte = <u32>load<u8>(at)
    if (state == QUOTED) {
      if (byte == quote) state = escape == quote ? QUOTE_SEEN : PLAIN
      else if (byte == escape) state = ESCAPED
    } else if (state == ESCAPED || (state == QUOTE_SEEN && byte == quote)) {
      state = QUOTED
    } else if (isLineEnd(byte)) {
      found = true
      break
    } else if (state != COMMENT) {
      if (byte == delimiter) state = FIELD_START
      else if (state == FIELD_START && byte == quote) state = QUOTED
      else if (state != FIELD_START || !decoder.trim || !isBlank(byte)) state = PLAIN
    }
    at++
  }
  decoder.scanned = <u32>(at - decoder.buffer)
  decoder.scanState = state
  return found
}

/** Line ends in [from, to): LF, CRLF, and CR alone. */
export function countLineEnds(from: usize, to: usize): u32 {
  let count: u32 = 0
  for (let at = from; at < to; at++) {
    const byte = load<u8>(at)
    if (byte == 0x0a || (byte == 0x0d && load<u8>(at, 1) != 0x0a)) count++
  }
  return count
}
