/*
 * From the input to rows: the template first, then the full grammar, then the side list. A record that memory or a full
 * dictionary stopped is taken back whole; the input is where it was before it.
 */
import {
  JSON_ARRAY, JSON_BATCH_FULL, JSON_HEAD_BYTES, JSON_MORE_INPUT, JSON_OBJECT, JSON_SYNTAX, JSON_TOO_LARGE,
  STATUS_MEMORY_LIMIT,
} from '../abi'
import { beginPlain, setBit } from './columns'
import { ELEMENT_FOUND, ELEMENT_INCOMPLETE, ELEMENT_NO_MEMORY, findElement, nextElement } from './elements'
import { FAULT_MEMORY, fail, fault, faultAt, isStop } from './fault'
import { dropExcess } from './input'
import { beginDictionary } from './intern'
import { Decoder, isElement, Node, nodeAt } from './layout'
import { codePending, isPendingFull } from './pending'
import { decodeRecord, refusedBy } from './record'
import { addReject, rejectsAreFull } from './rejects'
import { setLineFeedIsSpace, skipSpace } from './skip'
import { lone, setLone } from './string'
import { considerLearning, decodeByTemplate, noteHit, noteMiss, usesTemplate } from './template'

const RECORD_TAKEN = 0

/** Decodes until the input or the batch is used up: JSON_MORE_INPUT, JSON_BATCH_FULL, or a negative status. */
export function decodeRows(decoder: Decoder): i32 {
  if (!decoder.begun) return JSON_MORE_INPUT
  setLineFeedIsSpace(decoder.format == JSON_ARRAY)
  return decoder.format == JSON_ARRAY ? decodeElements(decoder) : decodeLines(decoder)
}

// @ts-ignore: decorator
@inline
function isFull(decoder: Decoder): bool {
  return decoder.row == decoder.batchRows || decoder.full != 0 || rejectsAreFull(decoder)
}

function decodeLines(decoder: Decoder): i32 {
  decoder.defers = 1
  while (true) {
    if (isFull(decoder) || decoder.start >= decoder.scanned) {
      if (!codeBlock(decoder)) continue
      if (isFull(decoder)) return JSON_BATCH_FULL
      dropExcess(decoder)
      return JSON_MORE_INPUT
    }
    const line = decoder.buffer + decoder.start
    if (decoder.dropped == 0 && usesTemplate(decoder)) {
      if (isPendingFull(decoder) && !codeBlock(decoder)) continue
      if (decoder.pendingStringCount == 0) mark(decoder)
      const pending = decoder.pendingStringCount
      const fixups = decoder.fixupCount
      setLone(0)
      const next = decodeByTemplate(decoder, line)
      if (next != 0 && <u32>(next - line) - 1 <= decoder.maxRecordBytes) {
        decoder.start += <u32>(next - line)
        noteHit(decoder)
        acceptRow(decoder)
        continue
      }
      decoder.fixupCount = fixups
      decoder.pendingStringCount = pending
    }
    if (!codeBlock(decoder)) continue
    const outcome = decodeLine(decoder, line)
    if (outcome != RECORD_TAKEN) return outcome
  }
}

/** No string is pending here. */
function mark(decoder: Decoder): void {
  decoder.markStart = decoder.start
  decoder.markRow = decoder.row
  decoder.markFixups = decoder.fixupCount
  decoder.markLone = decoder.loneSurrogates
}

/**
 * Codes the pending strings. Where a dictionary or memory has no room for one, the rows since the mark, which are all
 * of the template, are taken back, to be decoded anew with each string coded at once; false then.
 */
function codeBlock(decoder: Decoder): bool {
  if (codePending(decoder)) return true
  const rows = decoder.row - decoder.markRow
  decoder.row = decoder.markRow
  decoder.start = decoder.markStart
  decoder.fixupCount = decoder.markFixups
  decoder.lines -= <u64>rows
  decoder.templateRecords -= <u64>rows
  decoder.loneSurrogates = decoder.markLone
  decoder.full = 0
  decoder.defers = 0
  return false
}

function decodeLine(decoder: Decoder, line: usize): i32 {
  const fixups = decoder.fixupCount
  setLone(0)
  let end: usize = 0
  if (decoder.dropped == 0) {
    const first = skipSpace(line)
    end = first
    if (load<u8>(first) != 0x0a) {
      end = decodeRecord(decoder, first)
      if (end != 0) {
        end = skipSpace(end)
        if (load<u8>(end) != 0x0a) end = fail(JSON_SYNTAX, end)
      }
    }
    if (end != 0 && <u32>(end - line) <= decoder.maxRecordBytes) {
      decoder.start += <u32>(end + 1 - line)
      if (end == first) {
        decoder.lines++
        return RECORD_TAKEN
      }
      noteMiss(decoder)
      considerLearning(decoder, line, end + 1)
      acceptRow(decoder)
      return RECORD_TAKEN
    }
    if (end == 0 && isStop(fault)) return stop(decoder, fixups)
  }
  const tooLarge = decoder.dropped != 0 || end != 0
  let lineEnd = line
  while (load<u8>(lineEnd) != 0x0a) lineEnd++
  return rejectRecord(decoder, lineEnd, tooLarge, fixups) ? RECORD_TAKEN : STATUS_MEMORY_LIMIT
}

function decodeElements(decoder: Decoder): i32 {
  while (!isFull(decoder)) {
    const found = findElement(decoder)
    if (found == ELEMENT_NO_MEMORY) return STATUS_MEMORY_LIMIT
    if (found == ELEMENT_INCOMPLETE) {
      dropExcess(decoder)
      return JSON_MORE_INPUT
    }
    if (found != ELEMENT_FOUND) continue
    const outcome = decodeElement(decoder)
    if (outcome != RECORD_TAKEN) return outcome
  }
  return JSON_BATCH_FULL
}

function decodeElement(decoder: Decoder): i32 {
  const element = decoder.buffer + decoder.start
  const elementEnd = decoder.buffer + decoder.scanned
  const fixups = decoder.fixupCount
  const tooLarge = decoder.dropped != 0 || <u32>(elementEnd - element) > decoder.maxRecordBytes
  if (!tooLarge) {
    if (usesTemplate(decoder)) {
      setLone(0)
      if (decodeByTemplate(decoder, element) == elementEnd) {
        nextElement(decoder)
        noteHit(decoder)
        acceptRow(decoder)
        return RECORD_TAKEN
      }
      decoder.fixupCount = fixups
    }
    setLone(0)
    let end = decodeRecord(decoder, element)
    if (end != 0 && skipSpace(end) != elementEnd) end = fail(JSON_SYNTAX, end)
    if (end != 0) {
      noteMiss(decoder)
      considerLearning(decoder, element, elementEnd)
      nextElement(decoder)
      acceptRow(decoder)
      return RECORD_TAKEN
    }
    if (isStop(fault)) return stop(decoder, fixups)
  }
  return rejectRecord(decoder, elementEnd, tooLarge, fixups) ? RECORD_TAKEN : STATUS_MEMORY_LIMIT
}

// @ts-ignore: decorator
@inline
function acceptRow(decoder: Decoder): void {
  decoder.row++
  decoder.lines++
  decoder.loneSurrogates += <u64>lone
}

/** Puts the record [start, end) on the side list and steps over it and the byte behind it. */
function rejectRecord(decoder: Decoder, end: usize, isTooLarge: bool, fixups: u32): bool {
  takeBack(decoder, fixups)
  const record = decoder.buffer + decoder.start
  const length = <u32>(end - record)
  const tooLarge = isTooLarge || length > decoder.maxRecordBytes
  const reason: u32 = tooLarge ? JSON_TOO_LARGE : fault
  const kept = tooLarge ? min<u32>(length, JSON_HEAD_BYTES) : length
  const node: u32 = tooLarge ? 0 : refusedBy
  const at: u32 = tooLarge ? 0 : <u32>(faultAt - record)
  if (!addReject(decoder, <u64>length + decoder.dropped, kept, reason, node, at)) return false
  decoder.base += decoder.dropped
  decoder.dropped = 0
  if (decoder.format == JSON_ARRAY) nextElement(decoder)
  else decoder.start += length + 1
  decoder.lines++
  return true
}

/** The row is as before the record. */
function takeBack(decoder: Decoder, fixups: u32): void {
  decoder.fixupCount = fixups
  for (let index: u32 = 1; index < decoder.nodeCount; index++) {
    const node = nodeAt(decoder, index)
    if (node.type != JSON_OBJECT && !isElement(node)) setBit(node.validity, decoder.row)
  }
}

/**
 * Memory or a full dictionary stopped the record. A dictionary begins anew with the next batch, or now if this one is
 * empty; what one record alone fills is not coded.
 */
function stop(decoder: Decoder, fixups: u32): i32 {
  takeBack(decoder, fixups)
  if (fault == FAULT_MEMORY) return STATUS_MEMORY_LIMIT
  const node = changetype<Node>(decoder.fullNode)
  node.wasFull = 1
  if (decoder.row > 0) return JSON_BATCH_FULL
  const renewed = node.renewedAt == decoder.lines + 1
  node.renewedAt = decoder.lines + 1
  return (renewed ? beginPlain(node) : beginDictionary(node)) ? RECORD_TAKEN : STATUS_MEMORY_LIMIT
}
