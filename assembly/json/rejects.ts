/* The side list of rejected records. */
import {
  JSON_REJECT_AT, JSON_REJECT_BYTES, JSON_REJECT_KEPT, JSON_REJECT_LINE, JSON_REJECT_NODE, JSON_REJECT_POSITION,
  JSON_REJECT_REASON, JSON_REJECT_RECORD_BYTES, JSON_REJECT_SIZE,
} from '../abi'
import { copyTo, put } from '../guard'
import { allocate, reallocate } from '../memory'
import { inputPosition } from './input'
import { Decoder } from './layout'

/** A batch ends when so much is rejected, so that the list is bounded. */
const FULL_REJECTS: u32 = 1024
const FULL_BYTES: u32 = 1048576

// @ts-ignore: decorator
@inline
export function rejectsAreFull(decoder: Decoder): bool {
  return decoder.rejectCount >= FULL_REJECTS || decoder.rejectBytesTop >= FULL_BYTES
}

/**
 * Notes that the record at `start`, of `size` bytes in all, is rejected, and keeps its first `kept` bytes; `at` is
 * where in the record the reason was noticed. False when there is no memory.
 */
export function addReject(decoder: Decoder, size: u64, kept: u32, reason: u32, node: u32, at: u32): bool {
  if (decoder.rejectCount == decoder.rejectCapacity) {
    const capacity = max<u32>(16, decoder.rejectCapacity << 1)
    const bytes = <usize>capacity * JSON_REJECT_RECORD_BYTES
    const region = decoder.rejects == 0 ? allocate(bytes) : reallocate(decoder.rejects, bytes)
    if (region == 0) return false
    decoder.rejects = region
    decoder.rejectCapacity = capacity
  }
  const top = decoder.rejectBytesTop
  if (top + kept > decoder.rejectBytesCapacity) {
    const capacity = max<u32>(top + kept, max<u32>(4096, decoder.rejectBytesCapacity << 1))
    const region = decoder.rejectBytes == 0 ? allocate(capacity) : reallocate(decoder.rejectBytes, capacity)
    if (region == 0) return false
    decoder.rejectBytes = region
    decoder.rejectBytesCapacity = capacity
  }
  copyTo(decoder.rejectBytes + top, decoder.buffer + decoder.start, kept)
  const record = decoder.rejects + <usize>decoder.rejectCount * JSON_REJECT_RECORD_BYTES
  put<f64>(record, <f64>inputPosition(decoder), JSON_REJECT_POSITION)
  put<f64>(record, <f64>(decoder.lines + 1), JSON_REJECT_LINE)
  put<f64>(record, <f64>size, JSON_REJECT_SIZE)
  put<u32>(record, reason, JSON_REJECT_REASON)
  put<u32>(record, node, JSON_REJECT_NODE)
  put<u32>(record, top, JSON_REJECT_BYTES)
  put<u32>(record, kept, JSON_REJECT_KEPT)
  put<u32>(record, at, JSON_REJECT_AT)
  decoder.rejectCount++
  decoder.rejectBytesTop = top + kept
  return true
}
