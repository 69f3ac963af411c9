/*
 * The bytes that are not decoded yet. The host asks for room behind them, writes a chunk there, and says how long it
 * is; so a record may begin in one chunk and end in any later one.
 *
 *   buffer           start                scanned            filled        capacity
 *   +----------------+--------------------+------------------+-------------+
 *   | decoded        | complete           | incomplete       | room        |
 *   +----------------+--------------------+------------------+-------------+
 *
 * Of a record that is longer than allowed only the first bytes are kept (`dropped` counts the others), so that memory
 * is bounded by the longest record allowed and one chunk.
 */
import { JSON_ARRAY, JSON_HEAD_BYTES, STATUS_ARGUMENT, STATUS_OK } from '../abi'
import { copyTo, put } from '../guard'
import { allocate, release } from '../memory'
import { Decoder } from './layout'

const LIMIT_CHUNK: u32 = 1073741824

/** Room for `bytes` bytes more; 0 when there is no memory. */
export function reserveInput(decoder: Decoder, bytes: u32): usize {
  if (decoder.start != 0) {
    const start = decoder.start
    copyTo(decoder.buffer, decoder.buffer + start, decoder.filled - start)
    decoder.base += <u64>start
    decoder.filled -= start
    decoder.scanned = decoder.scanned < start ? 0 : decoder.scanned - start
    decoder.start = 0
  }
  // One byte more for the line feed that the last line may lack.
  const needed = <u64>decoder.filled + <u64>bytes + 1
  if (bytes > LIMIT_CHUNK || needed > 0x7fffffff) return 0
  if (needed > <u64>decoder.capacity) {
    const capacity = <u32>max<u64>(needed, min<u64>(<u64>decoder.capacity * 2, 0x7fffffff))
    const buffer = allocate(capacity)
    if (buffer == 0) return 0
    copyTo(buffer, decoder.buffer, decoder.filled)
    release(decoder.buffer)
    decoder.buffer = buffer
    decoder.capacity = capacity
  }
  return decoder.buffer + decoder.filled
}

/** `bytes` bytes were written into the room; `final` says that nothing follows. */
export function takeInput(decoder: Decoder, bytes: u32, final: bool): i32 {
  if (decoder.final || decoder.filled + bytes >= decoder.capacity) return STATUS_ARGUMENT
  const from = decoder.filled
  decoder.filled += bytes
  decoder.total += <u64>bytes
  if (final) decoder.final = 1
  if (!decoder.begun && !begin(decoder)) return STATUS_OK
  if (decoder.format == JSON_ARRAY) return STATUS_OK
  if (final && decoder.filled > decoder.start && load<u8>(decoder.buffer + decoder.filled - 1) != 0x0a) {
    put<u8>(decoder.buffer + decoder.filled, 0x0a)
    decoder.filled++
  }
  // A line that ends in this chunk makes complete all that stands before it. What came before begin() is looked at too.
  const first = min<u32>(from, decoder.start)
  let end = decoder.filled
  while (end > first && load<u8>(decoder.buffer + end - 1) != 0x0a) end--
  if (end > first && end > decoder.start) decoder.scanned = end
  return STATUS_OK
}

/** Steps over a byte order mark; false while there are too few bytes to tell. */
function begin(decoder: Decoder): bool {
  const first = decoder.buffer + decoder.start
  const have = decoder.filled - decoder.start
  const mark = have > 0 && load<u8>(first) == 0xef
  if (mark && have < 3 && !decoder.final) return false
  if (have == 0 && !decoder.final) return false
  if (mark && have >= 3 && load<u16>(first, 1) == 0xbfbb) decoder.start += 3
  decoder.scanned = decoder.start
  decoder.begun = 1
  return true
}

/** The incomplete record at `start` may be too long: then lets go of all but its head. */
export function dropExcess(decoder: Decoder): void {
  const length = decoder.filled - decoder.start
  if (decoder.dropped == 0 && length <= decoder.maxRecordBytes) return
  if (length <= <u32>JSON_HEAD_BYTES) return
  decoder.dropped += <u64>(length - JSON_HEAD_BYTES)
  decoder.filled = decoder.start + JSON_HEAD_BYTES
  decoder.scanned = min<u32>(decoder.scanned, decoder.filled)
}

/** The byte of the input at which `start` stands. */
export function inputPosition(decoder: Decoder): u64 {
  return min<u64>(decoder.base + <u64>decoder.start, decoder.total)
}
