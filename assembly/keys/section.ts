/*
 * The keys of a snapshot: all keys of an index, by id. Little-endian, a multiple of 8 bytes long, padding zero.
 *
 *   0          4        8            12           16             16 + 8 * ceil(high / 64)
 *   +----------+--------+------------+------------+--------------+-----------------------+-------------------+
 *   | count    | high   | null key's | text bytes | used ids     | groups, padded to 8   | keys, padded to 8 |
 *   |          |        | id + 1     |            | (bitmap u64) |                       |                   |
 *   +----------+--------+------------+------------+--------------+-----------------------+-------------------+
 *
 *   high: ids in use are below it        groups, keys: one for each used id, ids ascending; the null key's is 0
 *   groups: u8[count], or u16[count] where there are more than 256 key groups
 *   keys:   KEY_32, KEY_BOOL           u32[count]
 *           KEY_64, KEY_F64            u64[count]
 *           KEY_UTF8, KEY_COMPOSITE    ends u32[count] of each key's bytes in the text, then the text
 *
 * Everything goes in the order of ids, in which it stands in memory: a snapshot in the order of key groups is read and
 * written as many streams as there are groups, several times slower.
 */
import { KEY_32, KEY_COMPOSITE, LIMIT_KEYS, STATUS_OK, STATUS_SNAPSHOT_CORRUPT } from '../abi'
import { copyTo, fill, put } from '../guard'
import { keyBytesAt, keyBytesLength, reserveArena } from './arena'
import { insertString, insertValue, isCanonical } from './blocks'
import { hashKeyBytes } from './bytes'
import { isComposite } from './composite-bytes'
import { insertNullAt } from './entries'
import { beginTable, countKey, fillTable } from './fill-table'
import { freeIdsLift } from './free-ids'
import { inUse, nextId, reserveIds } from './ids'
import { groupOf, isBytesKind, isWideKind, KeyIndex, PENDING, STATE_SHIFT, stateAt, valueShift } from './layout'
import { renewTable, reserveTable } from './table'

const AT_COUNT: usize = 0
const AT_HIGH: usize = 4
const AT_NULL: usize = 8
const AT_TEXT: usize = 12
const HEAD: usize = 16

// @ts-ignore: decorator
@inline
function pad8(bytes: u64): u64 {
  return (bytes + 7) & ~(<u64>7)
}

// @ts-ignore: decorator
@inline
function wordsOf(high: u32): u32 {
  return (high + 63) >> 6
}

/** log2 of the bytes of a group. */
// @ts-ignore: decorator
@inline
function groupShift(index: KeyIndex): usize {
  return index.maxParallelism > 256 ? 1 : 0
}

// @ts-ignore: decorator
@inline
function groupsBytes(index: KeyIndex, count: u32): u64 {
  return pad8(<u64>count << <u64>groupShift(index))
}

/** Bytes of the keys, without padding: texts have 4-byte ends. */
// @ts-ignore: decorator
@inline
function keysBytes(index: KeyIndex, count: u32, text: u32): u64 {
  return isBytesKind(index.kind) ? (<u64>count << 2) + <u64>text : <u64>count << <u64>valueShift(index.kind)
}

function sizeOf(index: KeyIndex, count: u32, high: u32, text: u32): u64 {
  return <u64>HEAD + (<u64>wordsOf(high) << 3) + groupsBytes(index, count) + pad8(keysBytes(index, count, text))
}

/** The used ids of word `word` of those below `high`. */
// @ts-ignore: decorator
@inline
export function usedIds(index: KeyIndex, word: u32): u64 {
  const high = index.highWater
  const first = word << 6
  if (first >= high) return 0
  const used = ~load<u64>(index.free + (<usize>word << 3))
  return high - first < 64 ? used & ((<u64>1 << <u64>(high - first)) - 1) : used
}

// ---- write ----------------------------------------------------------------------------------------------------------

export function sectionBytes(index: KeyIndex): u64 {
  return sizeOf(index, index.count, index.highWater, index.arenaLive)
}

/** Writes the section, `size` bytes long. */
export function writeSection(index: KeyIndex, section: usize, size: usize): void {
  const high = index.highWater
  const words = wordsOf(high)
  const count = index.count
  const wideGroups = groupShift(index) != 0
  const bytesKind = isBytesKind(index.kind)
  const wide = isWideKind(index.kind)
  put<u32>(section, count, AT_COUNT)
  put<u32>(section, high, AT_HIGH)
  put<u32>(section, index.nullId, AT_NULL)
  put<u32>(section, index.arenaLive, AT_TEXT)
  const used = section + HEAD
  let group = used + (<usize>words << 3)
  let key = group + <usize>groupsBytes(index, count)
  const text = key + (<usize>count << 2)
  let textAt = text
  for (let word: u32 = 0; word < words; word++) {
    let bits = usedIds(index, word)
    put<u64>(used + (<usize>word << 3), bits)
    for (; bits != 0; bits &= bits - 1) {
      const id = (word << 6) + <u32>ctz<u64>(bits)
      if (wideGroups) put<u16>(group, <u16>groupOf(index, id))
      else put<u8>(group, <u8>groupOf(index, id))
      group += wideGroups ? 2 : 1
      if (bytesKind) {
        const length = keyBytesLength(index, id)
        copyTo(textAt, keyBytesAt(index, id), length)
        textAt += length
        put<u32>(key, <u32>(textAt - text))
        key += 4
      } else if (wide) {
        put<u64>(key, load<u64>(index.values + (<usize>id << 3)))
        key += 8
      } else {
        put<u32>(key, load<u32>(index.values + (<usize>id << 2)))
        key += 4
      }
    }
  }
  // Paddings.
  const keys = used + (<usize>words << 3) + <usize>groupsBytes(index, count)
  fill(group, 0, keys - group)
  const keysEnd = bytesKind ? textAt : key
  fill(keysEnd, 0, section + size - keysEnd)
}

// ---- read -----------------------------------------------------------------------------------------------------------

/** Ids in a section are below this; also of a section that is not yet checked. */
export function sectionHigh(section: usize): u32 {
  return load<u32>(section, AT_HIGH)
}

/** Whether a section of `size` bytes is well formed, save for the keys themselves. */
export function isSection(index: KeyIndex, section: usize, size: usize): bool {
  if (size < HEAD) return false
  const count = load<u32>(section, AT_COUNT)
  const high = load<u32>(section, AT_HIGH)
  const nullWord = load<u32>(section, AT_NULL)
  const textSize = load<u32>(section, AT_TEXT)
  if (high > <u32>LIMIT_KEYS || count > high || nullWord > high || textSize > 0x7fffffff) return false
  if (sizeOf(index, count, high, textSize) != <u64>size) return false
  const words = wordsOf(high)
  const used = section + HEAD
  let ids: u32 = 0
  for (let word: u32 = 0; word < words; word++) ids += <u32>popcnt<u64>(load<u64>(used + (<usize>word << 3)))
  if (ids != count) return false
  if ((high & 63) != 0 && load<u64>(used + (<usize>(words - 1) << 3)) >> <u64>(high & 63) != 0) return false
  if (nullWord != 0) {
    const id = nullWord - 1
    if (((load<u64>(used + (<usize>(id >> 6) << 3)) >> <u64>(id & 63)) & 1) == 0) return false
  }
  if (!isBytesKind(index.kind)) return textSize == 0
  const ends = used + (<usize>words << 3) + <usize>groupsBytes(index, count)
  let last: u32 = 0
  for (let number: u32 = 0; number < count; number++) {
    const end = load<u32>(ends + (<usize>number << 2))
    if (end < last) return false
    last = end
  }
  return last == textSize
}

/** The text that waits in the arena while keys of a section take it over, one after the other. */
let arenaText: usize = 0

/** One key of a section into an index without keys, under its own id; false when it is no such key. */
// @ts-ignore: decorator
@inline
function keep(index: KeyIndex, id: u32, group: u32, value: u64, bytesKind: bool, wide: bool, nullWord: u32): bool {
  put<u64>(stateAt(index, id), (<u64>group << 32) | <u64>PENDING)
  if (bytesKind) {
    const length = <u32>(value >> 32)
    const from = index.arena + <usize>(<u32>value)
    put<u64>(index.values + (<usize>id << 3), value)
    if (id + 1 == nullWord) return length == 0
    index.arenaLive += length
    const hash = hashKeyBytes(index, from, length)
    put<u32>(index.pending + (<usize>id << 2), hash)
    countKey(index, hash, false)
    return index.kind != KEY_COMPOSITE || isComposite(from, length)
  }
  if (wide) put<u64>(index.values + (<usize>id << 3), value)
  else put<u32>(index.values + (<usize>id << 2), <u32>value)
  if (id + 1 == nullWord) return value == 0
  countKey(index, value, wide)
  return isCanonical(index.kind, value)
}

/**
 * keep() of the 64 keys of 4 bytes from id `first` on, none of them null, when all of them are wanted; false when one
 * has no key group.
 */
function keepWord(index: KeyIndex, first: u32, group: usize, key: usize): bool {
  const states = stateAt(index, first)
  const values = index.values + (<usize>first << 2)
  const most = index.maxParallelism
  let good = true
  for (let bit: usize = 0; bit < 64; bit++) {
    const keyGroup = <u32>load<u8>(group + bit)
    const value = load<u32>(key + (bit << 2))
    good = good && keyGroup < most
    put<u64>(states + (bit << STATE_SHIFT), (<u64>keyGroup << 32) | <u64>PENDING)
    put<u32>(values + (bit << 2), value)
    countKey(index, value, false)
  }
  return good
}

/** One key of a section into an index with keys, under its own id or the lowest free one; or a negative status. */
function insert(index: KeyIndex, old: u32, value: u64, isNull: bool): i32 {
  const id = inUse(index, old) ? nextId(index) : old
  let own: i32
  if (isNull) {
    if (index.nullId != 0) return STATUS_SNAPSHOT_CORRUPT
    insertNullAt(index, id)
    own = 0
  } else if (isBytesKind(index.kind)) {
    const from = arenaText + <usize>(<u32>value)
    const length = <u32>(value >> 32)
    own = insertString(index, from, length, id)
  } else {
    own = insertValue(index, value, id)
  }
  return own < 0 ? own : <i32>id
}

/**
 * Reads the keys of the groups [firstGroup, lastGroup] of a section that isSection(): a status. Without `idMap` the
 * index has no keys, and every key keeps its id; else idMap[old id], all NO_ID before, becomes the new id. Keys are
 * pending then. What fails as corrupt leaves an index to be destroyed.
 */
export function readSection(index: KeyIndex, section: usize, firstGroup: u32, lastGroup: u32, idMap: usize): i32 {
  const count = load<u32>(section, AT_COUNT)
  const high = load<u32>(section, AT_HIGH)
  const nullWord = load<u32>(section, AT_NULL)
  const textSize = load<u32>(section, AT_TEXT)
  const words = wordsOf(high)
  const bytesKind = isBytesKind(index.kind)
  const wide = isWideKind(index.kind)
  const wideGroups = groupShift(index) != 0
  const used = section + HEAD
  let group = used + (<usize>words << 3)
  let key = group + <usize>groupsBytes(index, count)
  const text = key + (<usize>count << 2)
  // A key goes to the high water only when every id below it is in use.
  let status = reserveIds(index, max<u32>(high, index.count + count))
  if (status == STATUS_OK && bytesKind) status = reserveArena(index, textSize)
  // Without an idMap the table is filled at the end (fill-table.ts).
  if (status == STATUS_OK) {
    status = idMap == 0 ? renewTable(index, count) : reserveTable(index, index.tableCount + count)
  }
  if (status < 0) return status
  let textBase: u32 = 0
  if (idMap == 0 && bytesKind) {
    copyTo(index.arena + index.arenaTop, text, textSize)
    textBase = index.arenaTop
    index.arenaTop += textSize
  }
  arenaText = text
  let kept: u32 = 0
  let keptHigh: u32 = 0
  let start: u32 = 0
  const wholeWords = index.kind == KEY_32 && !wideGroups && idMap == 0 && firstGroup == 0
    && lastGroup >= index.maxParallelism - 1
  if (idMap == 0) beginTable(index)
  for (let word: u32 = 0; word < words; word++) {
    let own: u64 = 0
    let bits = load<u64>(used + (<usize>word << 3))
    if (wholeWords && bits == ~(<u64>0) && nullWord - 1 - (word << 6) >= 64) {
      if (!keepWord(index, word << 6, group, key)) return STATUS_SNAPSHOT_CORRUPT
      group += 64
      key += 256
      own = bits
      bits = 0
    }
    for (; bits != 0; bits &= bits - 1) {
      const bit = ctz<u64>(bits)
      const id = (word << 6) + <u32>bit
      const keyGroup = wideGroups ? <u32>load<u16>(group) : <u32>load<u8>(group)
      group += wideGroups ? 2 : 1
      let value: u64
      if (bytesKind) {
        const end = load<u32>(key)
        value = (<u64>(end - start) << 32) | <u64>(textBase + start)
        start = end
        key += 4
      } else if (wide) {
        value = load<u64>(key)
        key += 8
      } else {
        value = <u64>load<u32>(key)
        key += 4
      }
      if (keyGroup >= index.maxParallelism) return STATUS_SNAPSHOT_CORRUPT
      if (keyGroup < firstGroup || keyGroup > lastGroup) continue
      if (idMap == 0) {
        if (!keep(index, id, keyGroup, value, bytesKind, wide, nullWord)) return STATUS_SNAPSHOT_CORRUPT
        own |= <u64>1 << bit
      } else {
        const taken = insert(index, id, value, id + 1 == nullWord)
        if (taken < 0) return taken
        if (groupOf(index, taken) != keyGroup) return STATUS_SNAPSHOT_CORRUPT
        put<u32>(idMap + (<usize>id << 2), <u32>taken)
      }
    }
    if (idMap != 0) continue
    put<u64>(index.free + (<usize>word << 3), ~own)
    if (own == 0) continue
    kept += <u32>popcnt<u64>(own)
    keptHigh = (word << 6) + 64 - <u32>clz<u64>(own)
  }
  return idMap != 0 ? STATUS_OK : settleIn(index, kept, keptHigh, words, nullWord)
}

/** After keep(): ids, pending list and table; a status. */
function settleIn(index: KeyIndex, kept: u32, high: u32, words: u32, nullWord: u32): i32 {
  const free = index.free
  const last = wordsOf(high)
  fill(free + (<usize>last << 3), 0, <usize>(words - last) << 3)
  if ((high & 63) != 0) {
    const at = free + (<usize>(last - 1) << 3)
    put<u64>(at, load<u64>(at) & ((<u64>1 << <u64>(high & 63)) - 1))
  }
  freeIdsLift(free, index.capacity)
  index.highWater = high
  index.freeCount = high - kept
  index.count = kept
  if (nullWord != 0 && inUse(index, nullWord - 1)) index.nullId = nullWord
  index.tableCount = kept - u32(index.nullId != 0)
  if (!fillTable(index)) return STATUS_SNAPSHOT_CORRUPT
  let pending = index.pending
  for (let word: u32 = 0; word < last; word++) {
    for (let bits = usedIds(index, word); bits != 0; bits &= bits - 1) {
      put<u32>(pending, (word << 6) + <u32>ctz<u64>(bits))
      pending += 4
    }
  }
  index.pendingCount = kept
  return STATUS_OK
}
