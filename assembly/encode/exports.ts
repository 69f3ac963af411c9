/* The exported functions of encoding. They keep nothing: every region is the host's. */
import { ENCODE_SLACK, ENCODE_TEXT_FACTOR, ENCODE_TEXT_MORE } from '../abi'
import { put } from '../guard'
import { findInvalidUtf8, skipAscii } from '../text/utf8'
import { writeString } from './text'

export { encodeRows } from './rows'

/**
 * The texts of strings [from, to): u32 offsets[from + 1 .. to + 1) of `texts`, where offsets[from] stands. `texts`
 * holds
 * `capacity` bytes; the first string whose text may not fit is returned, or `to`.
 */
export function encodeTexts(
  strings: usize, bytes: usize, from: u32, to: u32, offsets: usize, texts: usize, capacity: u32, dialect: usize,
): u32 {
  let out = texts + <usize>load<u32>(offsets + (<usize>from << 2))
  const limit = <u64>texts + <u64>capacity
  for (let index = from; index < to; index++) {
    const string = strings + (<usize>index << 2)
    const start = load<u32>(string)
    const length = load<u32>(string, 4) - start
    if (<u64>out + <u64>length * ENCODE_TEXT_FACTOR + (ENCODE_TEXT_MORE + ENCODE_SLACK) > limit) return index
    out = writeString(out, bytes + <usize>start, length, dialect)
    put<u32>(offsets + (<usize>index << 2), <u32>(out - texts), 4)
  }
  return to
}

/** 1 if each of `count` strings within `size` bytes is UTF-8 by itself. */
export function encodeIsUtf8(strings: usize, bytes: usize, count: u32, size: u32): u32 {
  const end = bytes + <usize>size
  if (skipAscii(bytes, end) >= end) return 1
  for (let index: usize = 0; index < <usize>count; index++) {
    const to = min<u32>(load<u32>(strings + (index << 2), 4), size)
    const from = min<u32>(load<u32>(strings + (index << 2)), to)
    if (findInvalidUtf8(bytes + <usize>from, bytes + <usize>to) != 0) return 0
  }
  return 1
}
