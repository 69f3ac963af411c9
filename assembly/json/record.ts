/*
 * One record by the full grammar, keys in any order. Wanted objects nest as deep as the schema does, and a node knows
 * its parent, so there is no stack.
 *
 * Of fields that stand twice the last counts, as with JSON.parse; of an object that stands twice, nothing of the first
 * is left. So a value that a column refuses is only noted, and decides when the record is over.
 */
import {
  JSON_MISSING, JSON_NOT_AN_OBJECT, JSON_NULL, JSON_OBJECT, JSON_STRUCT, JSON_SYNTAX, JSON_WRONG_TYPE,
} from '../abi'
import { put } from '../guard'
import { dropFixups, setBit, writeNull } from './columns'
import { FAULT_MEMORY, fail, fault, isStop } from './fault'
import { findField } from './fields'
import { Decoder, isElement, isObject, Node, nodeAt, STATE_NULL, STATE_VALUE } from './layout'
import { skipSpace, skipValue } from './skip'
import { escaped, lone, scanString, setLone } from './string'
import { decodeValue, unescapedLength, unescapeString } from './value'

export const TRACE_BYTES: usize = 12
export const TRACE_VALUES: u32 = 256
/** In place of a node. */
const NO_MEMORY: usize = 1

/** The node that refused the record, 0 when no column did. */
export let refusedBy: u32 = 0
let fixupsBefore: u32 = 0

/** From the brace of a record to behind its end, its values in row decoder.row; 0 on a fault. */
export function decodeRecord(decoder: Decoder, start: usize): usize {
  refusedBy = 0
  fixupsBefore = decoder.fixupCount
  decoder.traceCount = 0
  decoder.learnable = 1
  beginSerial(decoder)
  if (load<u8>(start) != 0x7b) return fail(JSON_NOT_AN_OBJECT, start)
  const serial = decoder.serial
  let object = nodeAt(decoder, 0)
  let at = skipSpace(start + 1)
  let closed = load<u8>(at) == 0x7d
  while (true) {
    while (closed) {
      at++
      if (object.parent == 0) return finish(decoder, at)
      object = changetype<Node>(object.parent)
      at = skipSpace(at)
      closed = load<u8>(at) == 0x7d
      if (closed) continue
      if (load<u8>(at) != 0x2c) return fail(JSON_SYNTAX, at)
      at = skipSpace(at + 1)
    }
    // A key begins here.
    if (load<u8>(at) != 0x22) return fail(JSON_SYNTAX, at)
    const key = at + 1
    const keyEnd = scanString(key)
    if (keyEnd == 0) return 0
    const field = escaped ? findEscapedField(decoder, object, key, keyEnd) : findField(object, key, <u32>(keyEnd - key))
    if (field == NO_MEMORY) return fail(FAULT_MEMORY, key)
    at = load<u8>(keyEnd, 1) == 0x3a ? keyEnd + 1 : skipSpace(keyEnd + 1)
    if (load<u8>(at) != 0x3a) return fail(JSON_SYNTAX, at)
    at = skipSpace(at + 1)
    let end: usize
    if (field == 0) {
      end = skipValue(at, decoder.brackets)
      if (end == 0) return 0
      trace(decoder, at, end, 0)
    } else {
      const node = changetype<Node>(field)
      if (node.seen == serial) forget(decoder, node)
      node.seen = serial
      node.state = STATE_VALUE
      if (isObject(node.type)) {
        if (load<u8>(at) == 0x7b) {
          object = node
          at = skipSpace(at + 1)
          closed = load<u8>(at) == 0x7d
          continue
        }
        end = skipValue(at, decoder.brackets)
        if (end == 0) return 0
        node.state = load<u8>(at) == 0x6e ? STATE_NULL : JSON_WRONG_TYPE
        decoder.learnable = 0
      } else {
        end = decodeValue(decoder, node, at, decoder.row)
        if (end == 0) {
          const reason = fault
          if (isStop(reason)) return 0
          end = skipValue(at, decoder.brackets)
          if (end == 0) return 0
          node.state = reason
        }
        trace(decoder, at, end, field)
      }
    }
    at = skipSpace(end)
    const byte = load<u8>(at)
    if (byte == 0x2c) at = skipSpace(at + 1)
    else if (byte == 0x7d) closed = true
    else return fail(JSON_SYNTAX, at)
  }
}

/** A number for this record that no node has. */
function beginSerial(decoder: Decoder): void {
  if (++decoder.serial != 0) return
  for (let index: u32 = 0; index < decoder.nodeCount; index++) nodeAt(decoder, index).seen = 0
  decoder.serial = 1
}

/** As findField, or NO_MEMORY. A key with a lone surrogate is no field: a schema's names are well formed. */
function findEscapedField(decoder: Decoder, object: Node, key: usize, end: usize): usize {
  const before = lone
  const text = unescapeString(decoder, key, end)
  if (text == 0) return NO_MEMORY
  if (lone != before) {
    setLone(before)
    return 0
  }
  return findField(object, text, unescapedLength)
}

// @ts-ignore: decorator
@inline
function trace(decoder: Decoder, start: usize, end: usize, node: usize): void {
  if (decoder.traceCount == TRACE_VALUES) {
    decoder.learnable = 0
    return
  }
  const at = decoder.trace + <usize>decoder.traceCount * TRACE_BYTES
  put<u32>(at, <u32>start)
  put<u32>(at, <u32>end, 4)
  put<u32>(at, <u32>node, 8)
  decoder.traceCount++
}

/** A field stands twice: what the record said of it, and of all below it, is void. */
function forget(decoder: Decoder, node: Node): void {
  decoder.learnable = 0
  if (node.type != JSON_OBJECT) setBit(node.validity, decoder.row)
  dropFixups(decoder, fixupsBefore, node)
  if (!isObject(node.type)) return
  for (let index = node.index + 1; index < decoder.nodeCount; index++) {
    const child = nodeAt(decoder, index)
    if (child.parent != changetype<usize>(node) || child.seen != decoder.serial) continue
    forget(decoder, child)
    child.seen = 0
  }
}

/** The record is over at `end`: nulls where nothing was said, and 0 if a column refuses what was. */
function finish(decoder: Decoder, end: usize): usize {
  const row = decoder.row
  decoder.absentCount = 0
  for (let index: u32 = 1; index < decoder.nodeCount; index++) {
    const node = nodeAt(decoder, index)
    if (isElement(node)) continue
    const parent = changetype<Node>(node.parent)
    const isThere = node.seen == decoder.serial
    const state = parent.parent != 0 && parent.state != STATE_VALUE ? STATE_NULL : isThere ? node.state : STATE_NULL
    if (state == STATE_VALUE) continue
    // Below a struct that is null every column is; on the way to a column, a null is as good as nothing.
    const below = parent.type == JSON_STRUCT && parent.state != STATE_VALUE
    if (state != STATE_NULL) return refuse(node, state, end)
    if (node.type != JSON_OBJECT) {
      const isNull = isThere && node.state == STATE_NULL
      if (!below && !node.nullable) return refuse(node, isNull ? JSON_NULL : JSON_MISSING, end)
      writeNull(node, row)
      if (!isThere) noteAbsent(decoder, node)
    }
    node.state = STATE_NULL
  }
  return end
}

function refuse(node: Node, reason: u32, at: usize): usize {
  refusedBy = node.index
  return fail(reason, at)
}

/** For the template: records like this one say nothing of the column. */
function noteAbsent(decoder: Decoder, node: Node): void {
  put<u32>(decoder.absent + (<usize>decoder.absentCount << 2), <u32>changetype<usize>(node))
  decoder.absentCount++
}
