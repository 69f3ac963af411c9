/*
 * Strings to codes of a column's dictionary. The entries stand in Arrow's layout (offsets and bytes); beside them a
 * table, which grows to at most four times the entries that a dictionary may have. Both are small, since of many
 * entries they are what misses the caches.
 *
 *   slot u32:  code + 1 in the low 17 bits, 0 where empty; 15 bits of the hash
 *   entry:     0            4             8             16
 *              +------------+-------------+-------------+
 *              | length u32 | first bytes | last 8 bytes|
 *              +------------+-------------+-------------+
 *
 * Up to 12 bytes the entry is the whole string; below 8 the first bytes are 0 and the last are all. A dictionary is
 * full at LIMIT_JSON_ENTRIES, at LIMIT_BYTES, or when hostile strings make a search long.
 */
import { LIMIT_JSON_ENTRIES } from '../abi'
import { copyTo, put } from '../guard'
import { allocate, allocateZeroed, reallocate, release } from '../memory'
import { FAULT_FULL, FAULT_MEMORY } from './fault'
import { Node } from './layout'

const MIN_SLOTS: u32 = 256
const SLOT_SHIFT: usize = 2
const ENTRY_SHIFT: usize = 4
/** Of a slot: the code + 1, and the bits of the hash. */
const SLOT_CODE: u32 = 0x1ffff
const SLOT_HASH: u32 = ~SLOT_CODE
const LIMIT_BYTES: u32 = 16777216
/** At half full no chain of honest strings comes near this. */
const LIMIT_SEARCH: u32 = 512

const MULTIPLIER: u64 = 0x9e3779b97f4a7c15
const FINAL_MULTIPLIER: u64 = 0xd6e8feb86659fd93

/** The code of a string, which is added when new; or -FAULT_FULL or -FAULT_MEMORY. */
export function codeOf(node: Node, pointer: usize, length: u32): i32 {
  return codeOfHash(node, pointer, length, textHash(pointer, length))
}

// @ts-ignore: decorator
@inline
function headOf(pointer: usize, length: u32): u64 {
  if (length >= 8) return load<u64>(pointer)
  return length == 0 ? 0 : load<u64>(pointer) & (~<u64>0 >> (64 - (<u64>length << 3)))
}

// @ts-ignore: decorator
@inline
function lastOf(pointer: usize, length: u32): u64 {
  return length >= 8 ? load<u64>(pointer + <usize>length - 8) : 0
}

// @ts-ignore: decorator
@inline
export function textHash(pointer: usize, length: u32): u64 {
  return hashOf(pointer, length, headOf(pointer, length), lastOf(pointer, length))
}

/** The first two words of an entry. */
// @ts-ignore: decorator
@inline
function startWord(pointer: usize, length: u32): u64 {
  return length < 8 ? <u64>length : (load<u64>(pointer) << 32) | <u64>length
}

/** The last two words of an entry. */
// @ts-ignore: decorator
@inline
function endWord(pointer: usize, length: u32): u64 {
  return length < 8 ? headOf(pointer, length) : load<u64>(pointer + <usize>length - 8)
}

/** The slot at which the search for a hash begins. */
// @ts-ignore: decorator
@inline
export function slotOf(node: Node, hash: u64): u32 {
  return load<u32>(node.table + (<usize>(<u32>hash & node.tableMask) << SLOT_SHIFT))
}

/** The code in a slot, which may be an old state of it, if it is that of the string; else -1. */
// @ts-ignore: decorator
@inline
export function codeOfSlot(node: Node, slot: u32, pointer: usize, length: u32, hash: u64): i32 {
  const code = <i32>(slot & SLOT_CODE) - 1
  if (code < 0 || ((slot ^ <u32>(hash >> 32)) & SLOT_HASH) != 0) return -1
  const entry = node.entryWords + (<usize>code << ENTRY_SHIFT)
  if (load<u64>(entry) != startWord(pointer, length) || load<u64>(entry, 8) != endWord(pointer, length)) return -1
  return length <= 12 || sameMiddle(node, code, pointer, length) ? code : -1
}

/** As codeOf, of a string whose hash is known. */
export function codeOfHash(node: Node, pointer: usize, length: u32, hash: u64): i32 {
  const mask = node.tableMask
  let home = <u32>hash & mask
  let steps: u32 = 0
  while (true) {
    const slot = load<u32>(node.table + (<usize>home << SLOT_SHIFT))
    if (slot == 0) return addEntry(node, pointer, length, hash)
    const code = codeOfSlot(node, slot, pointer, length, hash)
    if (code >= 0) return code
    home = (home + 1) & mask
    if (++steps == LIMIT_SEARCH) return -<i32>FAULT_FULL
  }
}

// @ts-ignore: decorator
@inline
function hashOf(pointer: usize, length: u32, head: u64, last: u64): u64 {
  const hash = hashWords(head, last, length)
  if (length <= 16) return hash
  return length <= 32 ? hashMiddle(pointer, length, hash) : hashLong(pointer, length, hash)
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

// @ts-ignore: decorator
@inline
function hashMiddle(pointer: usize, length: u32, hash: u64): u64 {
  hash = (hash ^ load<u64>(pointer, 8)) * MULTIPLIER
  return mixed(hash ^ (hash >> 32) ^ load<u64>(pointer + <usize>length - 16))
}

function hashLong(pointer: usize, length: u32, hash: u64): u64 {
  const end = pointer + <usize>length - 8
  for (let at = pointer + 8; at < end; at += 8) {
    hash = (hash ^ load<u64>(at)) * MULTIPLIER
    hash ^= hash >> 29
  }
  return mixed(hash)
}

/** Whether the bytes between the first 4 and the last 8 are those of an entry of the same length. */
function sameMiddle(node: Node, code: i32, pointer: usize, length: u32): bool {
  const entry = node.arena + <usize>load<u32>(node.entryOffsets + (<usize>code << 2))
  const end = <usize>length - 8
  for (let at: usize = 4; at < end; at += 8) {
    if (load<u64>(entry + at) != load<u64>(pointer + at)) return false
  }
  return true
}

function addEntry(node: Node, pointer: usize, length: u32, hash: u64): i32 {
  const code = node.entries
  const top = load<u32>(node.entryOffsets + (<usize>code << 2))
  if (code == LIMIT_JSON_ENTRIES || (code > 0 && top + length > LIMIT_BYTES)) return -<i32>FAULT_FULL
  if (!reserve(node, top + length)) return -<i32>FAULT_MEMORY
  copyTo(node.arena + top, pointer, length)
  put<u32>(node.entryOffsets + (<usize>code << 2), top + length, 4)
  const entry = node.entryWords + (<usize>code << ENTRY_SHIFT)
  put<u64>(entry, startWord(pointer, length))
  put<u64>(entry, endWord(pointer, length), 8)
  node.entries = code + 1
  place(node.table, node.tableMask, hash, code)
  return <i32>code
}

function place(table: usize, mask: u32, hash: u64, code: u32): void {
  let home = <u32>hash & mask
  while (load<u32>(table + (<usize>home << SLOT_SHIFT)) != 0) home = (home + 1) & mask
  put<u32>(table + (<usize>home << SLOT_SHIFT), (<u32>(hash >> 32) & SLOT_HASH) | (code + 1))
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
    const words = reallocate(node.entryWords, <usize>capacity << ENTRY_SHIFT)
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
    const offset = node.entryOffsets + (<usize>code << 2)
    const start = load<u32>(offset)
    place(table, slots - 1, textHash(node.arena + start, load<u32>(offset, 4) - start), code)
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
  node.entryWords = allocate(<usize>MIN_SLOTS << ENTRY_SHIFT)
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
