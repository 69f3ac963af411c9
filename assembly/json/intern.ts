/*
 * Strings to codes of a column's dictionary. The entries stand in Arrow's layout (offsets and bytes); beside them a
 * table, which grows to at most twice the entries that a dictionary may have.
 *
 *   slot:  0        4        8          entry:  0            8           16       24
 *          +--------+--------+                  +------------+-----------+--------+
 *          | code+1 | hash   |                  | first word | last word | length |
 *          +--------+--------+                  +------------+-----------+--------+
 *
 * The two words are the first and the last 8 bytes, which overlap below 16; up to there they and the length are the
 * whole string. A dictionary is full at LIMIT_JSON_ENTRIES, at LIMIT_BYTES, or when hostile strings make a search long.
 */
import { LIMIT_JSON_ENTRIES } from '../abi'
import { copyTo, put } from '../guard'
import { allocate, allocateZeroed, reallocate, release } from '../memory'
import { FAULT_FULL, FAULT_MEMORY } from './fault'
import { Node } from './layout'

const MIN_SLOTS: u32 = 256
const SLOT_SHIFT: usize = 3
const ENTRY_BYTES: usize = 24
const LIMIT_BYTES: u32 = 16777216
/** At half full no chain of honest strings comes near this. */
const LIMIT_SEARCH: u32 = 512

const MULTIPLIER: u64 = 0x9e3779b97f4a7c15
const FINAL_MULTIPLIER: u64 = 0xd6e8feb86659fd93

/** The code of a string, which is added when new; or -FAULT_FULL or -FAULT_MEMORY. */
// @ts-ignore: decorator
@inline
export function codeOf(node: Node, pointer: usize, length: u32): i32 {
  let head: u64
  let last: u64 = 0
  if (length >= 8) {
    head = load<u64>(pointer)
    last = load<u64>(pointer + <usize>length - 8)
  } else {
    head = length == 0 ? 0 : load<u64>(pointer) & (~<u64>0 >> (64 - (<u64>length << 3)))
  }
  const hash = hashOf(pointer, length, head, last)
  const mask = node.tableMask
  let slot = <u32>hash & mask
  let steps: u32 = 0
  while (true) {
    const at = node.table + (<usize>slot << SLOT_SHIFT)
    const code = load<u32>(at)
    if (code == 0) return addEntry(node, pointer, length, head, last, hash)
    if (load<u32>(at, 4) == <u32>(hash >> 32)) {
      const entry = node.entryWords + <usize>(code - 1) * ENTRY_BYTES
      if (load<u64>(entry) == head && load<u64>(entry, 8) == last && load<u32>(entry, 16) == length) {
        if (length <= 16 || sameMiddle(node, code - 1, pointer, length)) return <i32>(code - 1)
      }
    }
    slot = (slot + 1) & mask
    if (++steps == LIMIT_SEARCH) return -<i32>FAULT_FULL
  }
}

// @ts-ignore: decorator
@inline
function hashOf(pointer: usize, length: u32, head: u64, last: u64): u64 {
  return length <= 16 ? hashWords(head, last, length) : hashLong(pointer, length, head, last)
}

// @ts-ignore: decorator
@inline
function hashWords(head: u64, last: u64, length: u32): u64 {
  const hash = (head ^ <u64>length) * MULTIPLIER
  return mixed(hash ^ (hash >> 32) ^ last)
}

/** Bits of a product depend on lower bits only: so the upper half is folded down before and after. */
// @ts-ignore: decorator
@inline
function mixed(hash: u64): u64 {
  hash = (hash ^ (hash >> 32)) * FINAL_MULTIPLIER
  return hash ^ (hash >> 32)
}

function hashLong(pointer: usize, length: u32, head: u64, last: u64): u64 {
  let hash = hashWords(head, last, length)
  if (length <= 32) {
    hash = (hash ^ load<u64>(pointer, 8)) * MULTIPLIER
    return mixed(hash ^ (hash >> 32) ^ load<u64>(pointer + <usize>length - 16))
  }
  const end = pointer + <usize>length - 8
  for (let at = pointer + 8; at < end; at += 8) {
    hash = (hash ^ load<u64>(at)) * MULTIPLIER
    hash ^= hash >> 29
  }
  return mixed(hash)
}

/** Whether the bytes between the first and the last 8 are those of an entry of the same length. */
function sameMiddle(node: Node, code: u32, pointer: usize, length: u32): bool {
  const entry = node.arena + <usize>load<u32>(node.entryOffsets + (<usize>code << 2))
  if (length <= 32) {
    const back = <usize>length - 16
    return load<u64>(entry, 8) == load<u64>(pointer, 8) && load<u64>(entry + back) == load<u64>(pointer + back)
  }
  const end = <usize>length - 8
  for (let at: usize = 8; at < end; at += 8) {
    if (load<u64>(entry + at) != load<u64>(pointer + at)) return false
  }
  return true
}

function addEntry(node: Node, pointer: usize, length: u32, head: u64, last: u64, hash: u64): i32 {
  const code = node.entries
  const top = load<u32>(node.entryOffsets + (<usize>code << 2))
  if (code == LIMIT_JSON_ENTRIES || (code > 0 && top + length > LIMIT_BYTES)) return -<i32>FAULT_FULL
  if (!reserve(node, top + length)) return -<i32>FAULT_MEMORY
  copyTo(node.arena + top, pointer, length)
  put<u32>(node.entryOffsets + (<usize>code << 2), top + length, 4)
  const entry = node.entryWords + <usize>code * ENTRY_BYTES
  put<u64>(entry, head)
  put<u64>(entry, last, 8)
  put<u32>(entry, length, 16)
  node.entries = code + 1
  place(node.table, node.tableMask, <u32>hash, <u32>(hash >> 32), code + 1)
  return <i32>code
}

function place(table: usize, mask: u32, home: u32, hash: u32, code: u32): void {
  let slot = home & mask
  while (load<u32>(table + (<usize>slot << SLOT_SHIFT)) != 0) slot = (slot + 1) & mask
  const at = table + (<usize>slot << SLOT_SHIFT)
  put<u32>(at, code)
  put<u32>(at, hash, 4)
}

/** Room for one entry more that ends at `bytes`. */
function reserve(node: Node, bytes: u32): bool {
  if (bytes > node.arenaCapacity) {
    const capacity = max<u32>(bytes, node.arenaCapacity << 1)
    const arena = reallocate(node.arena, capacity)
    if (arena == 0) return false
    node.arena = arena
    node.arenaCapacity = capacity
  }
  if (node.entries == node.entryCapacity) {
    const capacity = node.entryCapacity << 1
    const words = reallocate(node.entryWords, <usize>capacity * ENTRY_BYTES)
    if (words == 0) return false
    node.entryWords = words
    const offsets = reallocate(node.entryOffsets, (<usize>capacity + 1) << 2)
    if (offsets == 0) return false
    node.entryOffsets = offsets
    node.entryCapacity = capacity
  }
  return node.entries < (node.tableMask + 1) >> 1 || growTable(node)
}

function growTable(node: Node): bool {
  const slots = (node.tableMask + 1) << 1
  const table = allocateZeroed(<usize>slots << SLOT_SHIFT)
  if (table == 0) return false
  // In the order of the codes, each by its own hash again.
  for (let code: u32 = 0; code < node.entries; code++) {
    const entry = node.entryWords + <usize>code * ENTRY_BYTES
    const length = load<u32>(entry, 16)
    const bytes = node.arena + <usize>load<u32>(node.entryOffsets + (<usize>code << 2))
    const hash = hashOf(bytes, length, load<u64>(entry), load<u64>(entry, 8))
    place(table, slots - 1, <u32>hash, <u32>(hash >> 32), code + 1)
  }
  release(node.table)
  node.table = table
  node.tableMask = slots - 1
  return true
}

/** An empty dictionary in place of none or of the one at hand; false when there is no memory. */
export function beginDictionary(node: Node): bool {
  releaseDictionary(node)
  node.table = allocateZeroed(<usize>MIN_SLOTS << SLOT_SHIFT)
  node.tableMask = MIN_SLOTS - 1
  node.entryCapacity = MIN_SLOTS
  node.entryOffsets = allocate((MIN_SLOTS + 1) << 2)
  node.entryWords = allocate(<usize>MIN_SLOTS * ENTRY_BYTES)
  node.arenaCapacity = 4096
  node.arena = allocate(4096)
  if (node.table == 0 || node.entryOffsets == 0 || node.entryWords == 0 || node.arena == 0) {
    releaseDictionary(node)
    return false
  }
  put<u32>(node.entryOffsets, 0)
  node.generation++
  return true
}

export function releaseDictionary(node: Node): void {
  release(node.table)
  release(node.entryOffsets)
  release(node.entryWords)
  release(node.arena)
  node.table = 0
  node.entryOffsets = 0
  node.entryWords = 0
  node.arena = 0
  node.entries = 0
  node.codedRows = 0
}
