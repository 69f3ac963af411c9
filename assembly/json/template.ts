/*
 * The template: the bytes between the values of a record, learned from one record and expected of the next. A record
 * that has them is decoded value by value, without looking at a key; one that has not, or whose value does not suit its
 * column, is decoded anew by record.ts. So the template changes what a record costs, never what it means.
 *
 * Where records differ again and again, a template is not worth its trying: each miss takes credit that a hit gives
 * back in part; without credit it is learned anew; and when the new ones are no better, ever longer stretches of
 * records are decoded without.
 */
import { JSON_LIST } from '../abi'
import { SIMD } from '../build'
import { copyTo, fill } from '../guard'
import { writeNull } from './columns'
import { Decoder, Node, Slot } from './layout'
import { TRACE_BYTES } from './record'
import { skipValue } from './skip'
import { decodeList, decodePlain } from './value'

/** The most bytes between the values, each literal padded to 16. */
export const LITERAL_BYTES: u32 = 8192
const CREDIT_FULL: i32 = 64
const CREDIT_FIRST: i32 = 24
const CREDIT_MISS: i32 = 8
const PAUSE_MOST: u32 = 512

// @ts-ignore: decorator
@inline
export function usesTemplate(decoder: Decoder): bool {
  return decoder.slotCount != 0 && decoder.pauseLeft == 0
}

// @ts-ignore: decorator
@inline
function matches(at: usize, literal: usize, length: u32, mask: u32): bool {
  if (SIMD) {
    const equal = <u32>i8x16.bitmask(i8x16.eq(v128.load(at), v128.load(literal)))
    if ((equal & mask) != mask) return false
    return length <= 16 || matchesRest(at, literal, length)
  }
  return matchesWords(at, literal, length)
}

function matchesWords(at: usize, literal: usize, length: u32): bool {
  let rest = <i32>length
  while (rest > 8) {
    if (load<u64>(at) != load<u64>(literal)) return false
    at += 8
    literal += 8
    rest -= 8
  }
  return (load<u64>(at) ^ load<u64>(literal)) << (64 - (<u64>rest << 3)) == 0
}

function matchesRest(at: usize, literal: usize, length: u32): bool {
  return matchesWords(at + 16, literal + 16, length - 16)
}

/** As decodeRecord, up to and with what stands behind the record in its line; 0 when the template does not fit. */
export function decodeByTemplate(decoder: Decoder, at: usize): usize {
  const row = decoder.row
  let slot = decoder.slots
  const end = slot + <usize>decoder.slotCount * offsetof<Slot>()
  while (slot < end) {
    const expected = changetype<Slot>(slot)
    if (!matches(at, expected.literal, expected.length, expected.mask)) return 0
    at += expected.length
    if (expected.node == 0) {
      at = skipValue(at, decoder.brackets)
    } else {
      const node = changetype<Node>(expected.node)
      at =
        node.type == JSON_LIST
          ? decodeList(decoder, node, at, row)
          : decodePlain(decoder, node, at, row, decoder.defers != 0)
    }
    if (at == 0) return 0
    slot += offsetof<Slot>()
  }
  if (!matchesWords(at, decoder.tail, decoder.tailLength)) return 0
  for (let number: u32 = 0; number < decoder.templateAbsentCount; number++) {
    writeNull(changetype<Node>(<usize>load<u32>(decoder.templateAbsent + (<usize>number << 2))), row)
  }
  return at + decoder.tailLength
}

export function noteHit(decoder: Decoder): void {
  decoder.templateRecords++
  if (decoder.credit < CREDIT_FULL && ++decoder.credit == CREDIT_FULL) decoder.pause = 0
}

/** The record did not fit the template, or there was none to try. */
export function noteMiss(decoder: Decoder): void {
  if (decoder.pauseLeft != 0) decoder.pauseLeft--
  else decoder.credit -= CREDIT_MISS
}

/**
 * After a record by the full grammar, [start, end) with what stands behind it in its line: learns from it when the
 * template at hand has no credit left.
 */
export function considerLearning(decoder: Decoder, start: usize, end: usize): void {
  if (decoder.credit > 0 || decoder.pauseLeft != 0 || !decoder.learnable || decoder.traceCount == 0) return
  const wasTried = decoder.slotCount != 0
  if (!learn(decoder, start, end)) {
    decoder.slotCount = 0
    return
  }
  decoder.credit = CREDIT_FIRST
  if (wasTried) {
    decoder.pause = min<u32>(PAUSE_MOST, max<u32>(8, decoder.pause << 1))
    decoder.pauseLeft = decoder.pause
  }
}

function learn(decoder: Decoder, start: usize, end: usize): bool {
  const count = decoder.traceCount
  let literal = decoder.literals
  let from = start
  for (let number: u32 = 0; number <= count; number++) {
    const traced = decoder.trace + <usize>number * TRACE_BYTES
    const to = number == count ? end : <usize>load<u32>(traced)
    const length = to - from
    const padded = (length + 15) & ~15
    if (literal + padded > decoder.literals + LITERAL_BYTES) return false
    fill(literal, 0, padded)
    copyTo(literal, from, length)
    if (number == count) {
      decoder.tail = literal
      decoder.tailLength = <u32>length
    } else {
      const slot = changetype<Slot>(decoder.slots + <usize>number * offsetof<Slot>())
      slot.literal = literal
      slot.length = <u32>length
      slot.mask = length >= 16 ? 0xffff : (1 << <u32>length) - 1
      slot.node = <usize>load<u32>(traced, 8)
      from = <usize>load<u32>(traced, 4)
    }
    literal += padded
  }
  decoder.slotCount = count
  copyTo(decoder.templateAbsent, decoder.absent, <usize>decoder.absentCount << 2)
  decoder.templateAbsentCount = decoder.absentCount
  return true
}
