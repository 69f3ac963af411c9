/*
 * From the input to rows. A record is decoded at once, on trust that it is complete and good. Where it is not, its end
 * is looked for byte by byte (scan.ts): if it is not there yet the record waits for more input, else it goes to the
 * side
 * list. A record that memory or a full dictionary stopped is taken back whole.
 *
 * A quote that does not close would swallow all that follows. So when a record ends inside of quotes, with the input or
 * by being too large, only its first line is rejected, and reading goes on behind that line. What is read again is
 * bounded by a multiple of the input (`recoveredBytes`); beyond it the whole record is rejected. All of this depends on
 * the
 * input only, not on how it is cut.
 */
import {
  CSV_HEADER, CSV_UNTERMINATED, JSON_BATCH_FULL, JSON_HEAD_BYTES, JSON_MORE_INPUT, JSON_TOO_LARGE, RESULT_POINTER,
  RESULT_SIZE, STATUS_MEMORY_LIMIT,
} from '../abi'
import { put } from '../guard'
import { beginPlain, setBit } from '../json/columns'
import { FAULT_MEMORY, fault, faultAt, isStop } from '../json/fault'
import { dropExcess, inputPosition } from '../json/input'
import { beginDictionary } from '../json/intern'
import { Node, nodeAt } from '../json/layout'
import { addReject, rejectsAreFull } from '../json/rejects'
import { resultPtr } from '../memory'
import { CsvDecoder } from './layout'
import { decodeRecord, refusedBy } from './record'
import { beginScan, countLineEnds, isInsideQuotes, isLineEnd, isScanningComment, scanRecord } from './scan'

/** Nothing to report: go on with the next record. */
const NEXT: i32 = 3
/** How often, on average, a byte may be read in vain for quotes that do not close. */
const RECOVERY_FACTOR: u64 = 4

/** Decodes until the input or the batch is used up. */
export function decodeRows(decoder: CsvDecoder): i32 {
  if (!decoder.begun) return JSON_MORE_INPUT
  while (decoder.row < decoder.batchRows && decoder.full == 0 && !rejectsAreFull(decoder)) {
    const record = decoder.buffer + decoder.start
    if (decoder.start >= decoder.filled || record >= decoder.limit) return JSON_MORE_INPUT
    const first = <u32>load<u8>(record)
    let outcome = NEXT
    if (decoder.pending) {
      outcome = resume(decoder)
    } else if (isLineEnd(first) && decoder.width != 1) {
      stepOver(decoder, record)
    } else if (first == decoder.comment || decoder.width == 0) {
      beginScan(decoder, first == decoder.comment)
      outcome = resume(decoder)
    } else {
      const fixups = decoder.fixupCount
      const end = decodeRecord(decoder, record)
      if (end != 0 && end < decoder.limit && <u32>(end - record) <= decoder.maxRecordBytes) {
        if (decoder.quoted) decoder.lines += <u64>countLineEnds(record, end)
        stepOver(decoder, end)
        decoder.row++
      } else {
        outcome = setAside(decoder, end, fixups)
      }
    }
    if (outcome != NEXT) return outcome
  }
  return JSON_BATCH_FULL
}

/** Moves `start` behind the line end at `end`, which is the end of the last record's line even if there is none. */
function stepOver(decoder: CsvDecoder, end: usize): void {
  const filled = decoder.buffer + decoder.filled
  let next = end + 1
  if (end >= filled) {
    next = filled
  } else if (load<u8>(end) == 0x0d && next < filled && load<u8>(next) == 0x0a) {
    next++
  }
  decoder.start = <u32>(next - decoder.buffer)
  decoder.lines++
}

/** The record at `start` was not decoded, or not to an end that counts (`end`). */
function setAside(decoder: CsvDecoder, end: usize, fixups: u32): i32 {
  const reason: u32 = end == 0 ? fault : 0
  const at = faultAt
  decoder.fixupCount = fixups
  for (let index: u32 = 1; index < decoder.nodeCount; index++) setBit(nodeAt(decoder, index).validity, decoder.row)
  if (isStop(reason)) return stop(decoder, reason)
  beginScan(decoder, false)
  if (!scanRecord(decoder)) {
    const outcome = continueOrWait(decoder)
    if (outcome != JSON_BATCH_FULL) return outcome
  }
  const place = at >= decoder.buffer + decoder.start && at <= decoder.buffer + decoder.scanned
    ? <u32>(at - decoder.buffer) - decoder.start : 0
  return reject(decoder, reason, refusedBy, place)
}

/** Looks on for the end of the record at `start`. */
function resume(decoder: CsvDecoder): i32 {
  if (!scanRecord(decoder)) {
    const outcome = continueOrWait(decoder)
    if (outcome != JSON_BATCH_FULL) return outcome
  }
  // A comment is one line, however long.
  if (isScanningComment(decoder)) {
    leave(decoder)
    return NEXT
  }
  if (decoder.dropped != 0 || decoder.scanned - decoder.start > decoder.maxRecordBytes) {
    return reject(decoder, JSON_TOO_LARGE, 0, 0)
  }
  if (decoder.width == 0) {
    put<u32>(resultPtr(), <u32>decoder.buffer + decoder.start, RESULT_POINTER)
    put<u32>(resultPtr(), decoder.scanned - decoder.start, RESULT_SIZE)
    return CSV_HEADER
  }
  // Complete now: it is decoded from its first byte.
  decoder.pending = 0
  return NEXT
}

/**
 * No end is found yet: JSON_BATCH_FULL when it turns out to be at `scanned`, and the record is to be taken as it is.
 */
function continueOrWait(decoder: CsvDecoder): i32 {
  if (!decoder.oversize && decoder.scanned - decoder.start > decoder.maxRecordBytes) {
    if (isInsideQuotes(decoder) && recover(decoder)) return reject(decoder, CSV_UNTERMINATED, 0, 0)
    decoder.oversize = 1
    if (scanRecord(decoder)) return JSON_BATCH_FULL
  }
  if (decoder.final) {
    if (decoder.oversize || !isInsideQuotes(decoder)) return JSON_BATCH_FULL
    recover(decoder)
    return reject(decoder, CSV_UNTERMINATED, 0, 0)
  }
  // A CR that is held back is not scanned yet.
  if (!decoder.oversize || decoder.scanned < decoder.filled) return JSON_MORE_INPUT
  const head = <usize>decoder.start + JSON_HEAD_BYTES
  decoder.droppedLines += <u64>countLineEnds(decoder.buffer + head, decoder.buffer + decoder.filled)
  dropExcess(decoder)
  return JSON_MORE_INPUT
}

/** Takes the record at `start` to end with its first line, if it has one and not too much was read in vain so far. */
function recover(decoder: CsvDecoder): bool {
  const length = <u64>(decoder.scanned - decoder.start)
  const recovered = decoder.recoveredBytes + length
  if (recovered > (inputPosition(decoder) + length) * RECOVERY_FACTOR || decoder.width == 0) return false
  const end = decoder.buffer + decoder.scanned
  let at = decoder.buffer + decoder.start
  while (at < end && !isLineEnd(load<u8>(at))) at++
  if (at >= end) return false
  decoder.recoveredBytes = recovered
  decoder.scanned = <u32>(at - decoder.buffer)
  return true
}

/** Puts the record [start, scanned) on the side list and steps over it. */
function reject(decoder: CsvDecoder, why: u32, node: u32, at: u32): i32 {
  const length = decoder.scanned - decoder.start
  const tooLarge = decoder.dropped != 0 || length > decoder.maxRecordBytes
  const reason: u32 = tooLarge ? JSON_TOO_LARGE : why
  const kept = tooLarge ? min<u32>(length, JSON_HEAD_BYTES) : length
  const size = <u64>length + decoder.dropped
  if (!addReject(decoder, size, kept, reason, tooLarge ? 0 : node, tooLarge ? 0 : at)) return STATUS_MEMORY_LIMIT
  leave(decoder)
  return NEXT
}

/** Moves `start` behind the record, comment or header [start, scanned). */
export function leave(decoder: CsvDecoder): void {
  const end = decoder.buffer + decoder.scanned
  decoder.lines += decoder.droppedLines + <u64>countLineEnds(decoder.buffer + decoder.start, end)
  decoder.base += decoder.dropped
  decoder.dropped = 0
  decoder.droppedLines = 0
  decoder.pending = 0
  stepOver(decoder, end)
}

/**
 * Memory or a full dictionary stopped the record. A dictionary begins anew with the next batch, or now if this one is
 * empty; what one record alone fills is not coded.
 */
function stop(decoder: CsvDecoder, reason: u32): i32 {
  if (reason == FAULT_MEMORY) return STATUS_MEMORY_LIMIT
  if (decoder.row > 0) return JSON_BATCH_FULL
  const node = changetype<Node>(decoder.fullNode)
  const renewed = node.renewedAt == decoder.lines + 1
  node.renewedAt = decoder.lines + 1
  return (renewed ? beginPlain(node) : beginDictionary(node)) ? NEXT : STATUS_MEMORY_LIMIT
}
