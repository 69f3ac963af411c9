/*
 * Strings of the template's records that are still to be coded. A dictionary of thousands of entries is not in the
 * first-level cache, and a look-up that waits for memory would hold up the decoding. So a block of strings is looked up
 * together: their slots first, all at once, then what the slots lead to. In each column strings are coded in the order
 * of the rows.
 *
 *   entry, 32 bytes:   node u32 | row u32 | pointer u32 | length u32 | hash u64 | its first slot u32 | 0
 */
import { put } from '../guard'
import { codeOfHash, codeOfSlot, slotOf, textHash } from './intern'
import { Decoder, Node } from './layout'

const ENTRY_BYTES: usize = 32
/** A block that has so many before a record is coded first. */
const FULL: u32 = 128
/** Those, and the strings of one record more. */
export const PENDING_BYTES: usize = <usize>(FULL + 256) * ENTRY_BYTES

// @ts-ignore: decorator
@inline
export function isPendingFull(decoder: Decoder): bool {
  return decoder.pendingStringCount >= FULL
}

// @ts-ignore: decorator
@inline
export function defer(decoder: Decoder, node: Node, row: u32, pointer: usize, length: u32): void {
  const at = decoder.pendingStrings + <usize>decoder.pendingStringCount * ENTRY_BYTES
  put<u32>(at, <u32>changetype<usize>(node))
  put<u32>(at, row, 4)
  put<u32>(at, <u32>pointer, 8)
  put<u32>(at, length, 12)
  decoder.pendingStringCount++
}

/** Codes the pending strings; false when a dictionary has no room for one, or there is no memory. */
export function codePending(decoder: Decoder): bool {
  const from = decoder.pendingStrings
  const end = from + <usize>decoder.pendingStringCount * ENTRY_BYTES
  decoder.pendingStringCount = 0
  decoder.unescapedTop = 0
  for (let at = from; at < end; at += ENTRY_BYTES) {
    const hash = textHash(load<u32>(at, 8), load<u32>(at, 12))
    put<u64>(at, hash, 16)
    put<u32>(at, slotOf(changetype<Node>(<usize>load<u32>(at)), hash), 24)
  }
  for (let at = from; at < end; at += ENTRY_BYTES) {
    const node = changetype<Node>(<usize>load<u32>(at))
    const pointer = <usize>load<u32>(at, 8)
    const length = load<u32>(at, 12)
    const hash = load<u64>(at, 16)
    let code = codeOfSlot(node, load<u32>(at, 24), pointer, length, hash)
    if (code < 0) {
      code = codeOfHash(node, pointer, length, hash)
      if (code < 0) return false
    }
    put<i32>(node.values + (<usize>load<u32>(at, 4) << 2), code)
  }
  return true
}
