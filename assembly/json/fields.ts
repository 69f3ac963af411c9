/*
 * The wanted fields of an object, by key: open addressing over a fingerprint of the key's first and last 8 bytes.
 *
 *   slot:  0             8        12       16
 *          +-------------+--------+--------+
 *          | fingerprint | length | node   |
 *          +-------------+--------+--------+
 */
import { sameBytes } from '../keys/arena'
import { put } from '../guard'
import { allocateZeroed } from '../memory'
import { Decoder, Node, nodeAt } from './layout'

// @ts-ignore: decorator
@inline
function fingerprint(key: usize, length: u32): u64 {
  if (length >= 8) return load<u64>(key) ^ rotl<u64>(load<u64>(key + <usize>length - 8), 29)
  return length == 0 ? 0 : load<u64>(key) & (~<u64>0 >> (64 - (<u64>length << 3)))
}

// @ts-ignore: decorator
@inline
function home(print: u64, length: u32): u32 {
  const product = (print ^ <u64>length) * 0x9e3779b97f4a7c15
  return <u32>(product >> 32) ^ <u32>(product >> 57)
}

/** The node of a field, 0 when nobody wants it. */
// @ts-ignore: decorator
@inline
export function findField(object: Node, key: usize, length: u32): usize {
  if (object.fields == 0) return 0
  const print = fingerprint(key, length)
  const mask = object.fieldMask
  let slot = home(print, length) & mask
  while (true) {
    const at = object.fields + (<usize>slot << 4)
    const node = <usize>load<u32>(at, 12)
    if (node == 0) return 0
    if (load<u64>(at) == print && load<u32>(at, 8) == length) {
      if (length <= 8 || sameBytes(changetype<Node>(node).key, key, length)) return node
    }
    slot = (slot + 1) & mask
  }
}

/** Makes the table of an object's fields; false when there is no memory. */
export function indexFields(decoder: Decoder, object: Node): bool {
  let count: u32 = 0
  for (let index: u32 = 1; index < decoder.nodeCount; index++) {
    if (nodeAt(decoder, index).parent == changetype<usize>(object)) count++
  }
  if (count == 0) return true
  let slots: u32 = 4
  while (slots < count * 3) slots <<= 1
  object.fields = allocateZeroed(<usize>slots << 4)
  if (object.fields == 0) return false
  object.fieldMask = slots - 1
  for (let index: u32 = 1; index < decoder.nodeCount; index++) {
    const node = nodeAt(decoder, index)
    if (node.parent != changetype<usize>(object)) continue
    const print = fingerprint(node.key, node.keyLength)
    let slot = home(print, node.keyLength) & object.fieldMask
    while (load<u32>(object.fields + (<usize>slot << 4), 12) != 0) slot = (slot + 1) & object.fieldMask
    const at = object.fields + (<usize>slot << 4)
    put<u64>(at, print)
    put<u32>(at, node.keyLength, 8)
    put<u32>(at, <u32>changetype<usize>(node), 12)
  }
  return true
}
