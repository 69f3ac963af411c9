/*
 * Reading parts of version 1, which were in the order of key groups: a directory entry and a section a group with keys,
 *
 *   entry:        group u32 | 0 | offset u64 | bytes u64 | XXH64 of the section
 *   section:      a keys block (keys/blocks.ts), then for each live slice with keys of the group a slice block; padded
 *                 to 16
 *   slice block:  slice index f64 | count u32 | record bytes u32
 *                 ids u32[count], padded to 16 from the start of the section
 *                 records: count * record bytes
 */
import {
  RESULT_DETAIL, SNAPSHOT_AT_MAX_PARALLELISM, SNAPSHOT_AT_SECTIONS, SNAPSHOT_ENTRY_BYTES, STATUS_OK,
  STATUS_SNAPSHOT_CHECKSUM, STATUS_SNAPSHOT_CORRUPT, STATUS_SNAPSHOT_TRUNCATED,
} from '../abi'
import { xxh64 } from '../hash/xxh64'
import { keysReadBlock } from '../keys'
import { resultPtr } from '../memory'
import { AT_ROWS } from './aggregation'
import { Window } from './layout'
import {
  beginIds, directoryOf, ENTRY_BYTES, ENTRY_CHECKSUM, ENTRY_NUMBER, ENTRY_OFFSET, fail, idMap, paramsOf,
} from './part'
import { openSlice, readRecord } from './restore'
import { findSlice } from './slices'
import { PARAM_CURSOR, PARAM_HIGH_WATER } from './snapshot-layout'

const BLOCK_COUNT: usize = 8
const BLOCK_RECORD_BYTES: usize = 12
const BLOCK_HEAD: usize = 16

/** The directory covers the rest of the part without gaps; the sections of the wanted groups have their checksums. */
export function verifyVersion1(part: usize, length: usize, firstGroup: u32, lastGroup: u32): i32 {
  const sections = load<u32>(part, SNAPSHOT_AT_SECTIONS)
  const directory = directoryOf(part)
  const limit = load<u32>(part, SNAPSHOT_AT_MAX_PARALLELISM)
  let expected = <u64>(directory - part) + <u64>sections * <u64>SNAPSHOT_ENTRY_BYTES
  let leastGroup: u32 = 0
  for (let s: u32 = 0; s < sections; s++) {
    const entry = directory + <usize>s * <usize>SNAPSHOT_ENTRY_BYTES
    const group = load<u32>(entry, ENTRY_NUMBER)
    const bytes = load<u64>(entry, ENTRY_BYTES)
    if (group < leastGroup || group >= limit) return STATUS_SNAPSHOT_CORRUPT
    if (load<u64>(entry, ENTRY_OFFSET) != expected || bytes == 0 || (bytes & 15) != 0) return STATUS_SNAPSHOT_CORRUPT
    if (bytes > <u64>length - expected) return STATUS_SNAPSHOT_TRUNCATED
    if (group >= firstGroup && group <= lastGroup) {
      const sum = xxh64(part + <usize>expected, <usize>bytes, 0)
      if (sum != load<u64>(entry, ENTRY_CHECKSUM)) return fail(STATUS_SNAPSHOT_CHECKSUM, group)
    }
    expected += bytes
    leastGroup = group + 1
  }
  return expected == <u64>length ? STATUS_OK : STATUS_SNAPSHOT_CORRUPT
}

function readBlock(window: Window, ids: usize, count: u32, records: usize, index: f64, cursor: f64): i32 {
  const status = openSlice(window, index, cursor)
  if (status < 0) return status
  const slice = findSlice(window, index)!
  for (let number: u32 = 0; number < count; number++) {
    const from = records + <usize>number * <usize>window.recordBytes
    if (!(load<f64>(from, AT_ROWS) >= 1)) return STATUS_SNAPSHOT_CORRUPT
    const status = readRecord(window, slice, load<u32>(ids + (<usize>number << 2)), from, true)
    if (status < 0) return status
  }
  return STATUS_OK
}

/** Reads the slice blocks of a section from `block` on: a status. */
function readBlocks(window: Window, part: usize, block: usize, end: usize): i32 {
  const cursor = load<f64>(paramsOf(part), PARAM_CURSOR)
  // What is left behind the last block is padding.
  while (end - block >= BLOCK_HEAD) {
    const count = load<u32>(block, BLOCK_COUNT)
    const ids = block + BLOCK_HEAD
    const records = ((<u64>(ids - part) + (<u64>count << 2) + 15) & ~(<u64>15)) + <u64>part
    const behind = records + <u64>count * <u64>window.recordBytes
    if (count == 0 || load<u32>(block, BLOCK_RECORD_BYTES) != window.recordBytes) return STATUS_SNAPSHOT_CORRUPT
    if (behind > <u64>end) return STATUS_SNAPSHOT_TRUNCATED
    const status = readBlock(window, ids, count, <usize>records, load<f64>(block), cursor)
    if (status < 0) return status
    block = <usize>behind
  }
  return STATUS_OK
}

/** Reads the sections of the groups [firstGroup, lastGroup]: a status. */
export function readVersion1(window: Window, part: usize, firstGroup: u32, lastGroup: u32): i32 {
  const high = load<u32>(paramsOf(part), PARAM_HIGH_WATER)
  let status = beginIds(high)
  const sections = load<u32>(part, SNAPSHOT_AT_SECTIONS)
  for (let s: u32 = 0; s < sections && status == STATUS_OK; s++) {
    const entry = directoryOf(part) + <usize>s * <usize>SNAPSHOT_ENTRY_BYTES
    const group = load<u32>(entry, ENTRY_NUMBER)
    if (group < firstGroup || group > lastGroup) continue
    const section = part + <usize>load<u64>(entry, ENTRY_OFFSET)
    const end = section + <usize>load<u64>(entry, ENTRY_BYTES)
    const bytes = keysReadBlock(window.keys, section, end, idMap, high)
    if (bytes < 0) return bytes
    if (load<u32>(resultPtr(), RESULT_DETAIL) != group) return STATUS_SNAPSHOT_CORRUPT
    status = readBlocks(window, part, section + <usize>bytes, end)
  }
  return status
}
