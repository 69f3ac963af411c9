/*
 * The part of an operator in a snapshot, as abi.ts draws it: header, parameters, a directory of two sections, the keys
 * (keys/section.ts), the state. Little-endian; the bytes are a function of the state alone.
 */
import {
  LIMIT_KEYS, MISMATCH_COLUMNS, MISMATCH_KEY_KIND, MISMATCH_MAX_PARALLELISM, NO_ID, RESULT_DETAIL, RESULT_SIZE,
  RESULT_STATUS, SNAPSHOT_AT_CHECKSUM, SNAPSHOT_AT_KEY_KIND, SNAPSHOT_AT_KIND, SNAPSHOT_AT_MAGIC,
  SNAPSHOT_AT_MAX_PARALLELISM, SNAPSHOT_AT_PARAMS_BYTES, SNAPSHOT_AT_SECTIONS, SNAPSHOT_AT_SEED,
  SNAPSHOT_AT_TOTAL_BYTES, SNAPSHOT_AT_VERSION, SNAPSHOT_ENTRY_BYTES, SNAPSHOT_HEADER_BYTES, SNAPSHOT_MAGIC,
  SNAPSHOT_VERSION, STATUS_ARGUMENT, STATUS_MEMORY_LIMIT, STATUS_OK, STATUS_SNAPSHOT_CHECKSUM, STATUS_SNAPSHOT_CORRUPT,
  STATUS_SNAPSHOT_FOREIGN, STATUS_SNAPSHOT_MISMATCH, STATUS_SNAPSHOT_TRUNCATED, STATUS_SNAPSHOT_VERSION,
} from '../abi'
import { fill, put } from '../guard'
import { xxh64 } from '../hash/xxh64'
import { KeyIndex } from '../keys/layout'
import { isSection, readSection, sectionBytes, sectionHigh, writeSection } from '../keys/section'
import { allocate, release, resultPtr } from '../memory'
import { Aggregation, columnAt } from './aggregation'

export const ENTRY_NUMBER: usize = 0
export const ENTRY_OFFSET: usize = 8
export const ENTRY_BYTES: usize = 16
export const ENTRY_CHECKSUM: usize = 24

const SECTIONS: u32 = 2
const KEYS: u32 = 0
const STATE: u32 = 1
const LIMIT_SNAPSHOT: u64 = 0xfff00000
const HEADER_DETAIL: u32 = 0xffffffff

export function fail(status: i32, detail: u32): i32 {
  put<u32>(resultPtr(), detail, RESULT_DETAIL)
  return status
}

/** As fail(), for a call that returns a pointer. */
export function failNull(status: i32, detail: u32): usize {
  put<i32>(resultPtr(), fail(status, detail), RESULT_STATUS)
  return 0
}

// @ts-ignore: decorator
@inline
function pad16(bytes: u32): u32 {
  return (bytes + 15) & ~15
}

// @ts-ignore: decorator
@inline
export function paramsOf(part: usize): usize {
  return part + <usize>SNAPSHOT_HEADER_BYTES
}

// @ts-ignore: decorator
@inline
export function directoryOf(part: usize): usize {
  return paramsOf(part) + <usize>load<u32>(part, SNAPSHOT_AT_PARAMS_BYTES)
}

// @ts-ignore: decorator
@inline
function entryOf(part: usize, section: u32): usize {
  return directoryOf(part) + <usize>section * <usize>SNAPSHOT_ENTRY_BYTES
}

/** XXH64 of the header before its checksum; it is the seed of the XXH64 of parameters and directory. */
function headerChecksum(part: usize): u64 {
  const head = xxh64(part, <usize>SNAPSHOT_AT_CHECKSUM, 0)
  const rest = <usize>load<u32>(part, SNAPSHOT_AT_PARAMS_BYTES)
    + <usize>load<u32>(part, SNAPSHOT_AT_SECTIONS) * <usize>SNAPSHOT_ENTRY_BYTES
  return xxh64(paramsOf(part), rest, head)
}

// ---- column specifications, at the end of the parameters: count u32, u32[count] -----------------------------------

/** Bytes of parameters that are `fixed` long before the columns. */
// @ts-ignore: decorator
@inline
export function paramsBytes(fixed: u32, columns: u32): u32 {
  return pad16(fixed + 4 + (columns << 2))
}

// ---- write ----------------------------------------------------------------------------------------------------------

/**
 * Begins a part with a state section of `stateBytes`: header, parameters (zero but for the columns, which stand behind
 * `fixed` bytes), keys. 0 when it is too large for the memory.
 */
export function beginPart(state: Aggregation, kind: u32, fixed: u32, stateBytes: u64): usize {
  const index = changetype<KeyIndex>(state.keys)
  const params = paramsBytes(fixed, state.columnCount)
  const keys = sectionBytes(index)
  const before = <u64>SNAPSHOT_HEADER_BYTES + <u64>params + <u64>(SECTIONS * SNAPSHOT_ENTRY_BYTES)
  const total = before + keys + stateBytes
  const part: usize = total > LIMIT_SNAPSHOT ? 0 : allocate(<usize>total)
  if (part == 0) return 0
  fill(part, 0, <usize>before)
  put<u32>(part, SNAPSHOT_MAGIC, SNAPSHOT_AT_MAGIC)
  put<u32>(part, SNAPSHOT_VERSION, SNAPSHOT_AT_VERSION)
  put<u32>(part, kind, SNAPSHOT_AT_KIND)
  put<u32>(part, index.kind, SNAPSHOT_AT_KEY_KIND)
  put<u32>(part, index.maxParallelism, SNAPSHOT_AT_MAX_PARALLELISM)
  put<u32>(part, SECTIONS, SNAPSHOT_AT_SECTIONS)
  put<u32>(part, params, SNAPSHOT_AT_PARAMS_BYTES)
  put<u64>(part, total, SNAPSHOT_AT_TOTAL_BYTES)
  put<u64>(part, index.seed, SNAPSHOT_AT_SEED)
  const columns = paramsOf(part) + fixed
  put<u32>(columns, state.columnCount)
  for (let c: u32 = 0; c < state.columnCount; c++) put<u32>(columns + (<usize>c << 2), columnAt(state, c).spec, 4)
  putSection(part, KEYS, before, keys)
  putSection(part, STATE, before + keys, stateBytes)
  writeSection(index, part + <usize>before, <usize>keys)
  return part
}

function putSection(part: usize, section: u32, offset: u64, bytes: u64): void {
  const entry = entryOf(part, section)
  put<u32>(entry, section, ENTRY_NUMBER)
  put<u64>(entry, offset, ENTRY_OFFSET)
  put<u64>(entry, bytes, ENTRY_BYTES)
}

/** Where the state section begins, and how long it is. */
// @ts-ignore: decorator
@inline
export function stateOf(part: usize): usize {
  return part + <usize>load<u64>(entryOf(part, STATE), ENTRY_OFFSET)
}

// @ts-ignore: decorator
@inline
export function stateBytesOf(part: usize): usize {
  return <usize>load<u64>(entryOf(part, STATE), ENTRY_BYTES)
}

function sectionChecksum(part: usize, entry: usize): u64 {
  return xxh64(part + <usize>load<u64>(entry, ENTRY_OFFSET), <usize>load<u64>(entry, ENTRY_BYTES), 0)
}

/** Writes the checksums of a part that is filled, and hands it out: its pointer. */
export function sealPart(state: Aggregation, part: usize): usize {
  for (let section: u32 = 0; section < SECTIONS; section++) {
    const entry = entryOf(part, section)
    put<u64>(entry, sectionChecksum(part, entry), ENTRY_CHECKSUM)
  }
  put<u64>(part, headerChecksum(part), SNAPSHOT_AT_CHECKSUM)
  state.snapshot = part
  put<i32>(resultPtr(), STATUS_OK, RESULT_STATUS)
  put<u32>(resultPtr(), load<u32>(part, SNAPSHOT_AT_TOTAL_BYTES), RESULT_SIZE)
  return part
}

// ---- read -----------------------------------------------------------------------------------------------------------

/** Header, length, and the checksum over all before the sections, of a part of any version: a status. */
export function verifyHeader(state: Aggregation, part: usize, length: usize, kind: u32, fixed: u32): i32 {
  const index = changetype<KeyIndex>(state.keys)
  if (length < <usize>SNAPSHOT_HEADER_BYTES) return STATUS_SNAPSHOT_TRUNCATED
  if (load<u32>(part, SNAPSHOT_AT_MAGIC) != <u32>SNAPSHOT_MAGIC) return STATUS_SNAPSHOT_FOREIGN
  if (load<u32>(part, SNAPSHOT_AT_VERSION) > <u32>SNAPSHOT_VERSION) return STATUS_SNAPSHOT_VERSION
  if (load<u64>(part, SNAPSHOT_AT_TOTAL_BYTES) != <u64>length) return STATUS_SNAPSHOT_TRUNCATED
  const params = load<u32>(part, SNAPSHOT_AT_PARAMS_BYTES)
  const before = <u64>params + <u64>load<u32>(part, SNAPSHOT_AT_SECTIONS) * <u64>SNAPSHOT_ENTRY_BYTES
  if (before > <u64>length - <u64>SNAPSHOT_HEADER_BYTES) return STATUS_SNAPSHOT_TRUNCATED
  if (load<u64>(part, SNAPSHOT_AT_CHECKSUM) != headerChecksum(part)) {
    return fail(STATUS_SNAPSHOT_CHECKSUM, HEADER_DETAIL)
  }
  if (load<u32>(part, SNAPSHOT_AT_VERSION) == 0) return STATUS_SNAPSHOT_CORRUPT
  if (load<u32>(part, SNAPSHOT_AT_KIND) != kind) return STATUS_SNAPSHOT_FOREIGN
  if (load<i32>(part, SNAPSHOT_AT_KEY_KIND) != index.kind) return fail(STATUS_SNAPSHOT_MISMATCH, MISMATCH_KEY_KIND)
  if (load<u32>(part, SNAPSHOT_AT_MAX_PARALLELISM) != index.maxParallelism) {
    return fail(STATUS_SNAPSHOT_MISMATCH, MISMATCH_MAX_PARALLELISM)
  }
  if (params < paramsBytes(fixed, 0)) return STATUS_SNAPSHOT_CORRUPT
  const columns = paramsOf(part) + fixed
  if (load<u32>(columns) != state.columnCount) return fail(STATUS_SNAPSHOT_MISMATCH, MISMATCH_COLUMNS)
  if (params != paramsBytes(fixed, state.columnCount)) return STATUS_SNAPSHOT_CORRUPT
  for (let c: u32 = 0; c < state.columnCount; c++) {
    if (load<u32>(columns + (<usize>c << 2), 4) != columnAt(state, c).spec) {
      return fail(STATUS_SNAPSHOT_MISMATCH, MISMATCH_COLUMNS)
    }
  }
  return STATUS_OK
}

/** The two sections cover the rest of the part and have their checksums, and the keys are well formed: a status. */
export function verifySections(state: Aggregation, part: usize, length: usize): i32 {
  if (load<u32>(part, SNAPSHOT_AT_SECTIONS) != SECTIONS) return STATUS_SNAPSHOT_CORRUPT
  let expected = <u64>(entryOf(part, SECTIONS) - part)
  for (let section: u32 = 0; section < SECTIONS; section++) {
    const entry = entryOf(part, section)
    const bytes = load<u64>(entry, ENTRY_BYTES)
    if (load<u32>(entry, ENTRY_NUMBER) != section || load<u64>(entry, ENTRY_OFFSET) != expected) {
      return STATUS_SNAPSHOT_CORRUPT
    }
    if (bytes > <u64>length - expected) return STATUS_SNAPSHOT_TRUNCATED
    if (sectionChecksum(part, entry) != load<u64>(entry, ENTRY_CHECKSUM)) return fail(STATUS_SNAPSHOT_CHECKSUM, section)
    expected += bytes
  }
  if (expected != <u64>length) return STATUS_SNAPSHOT_CORRUPT
  const keys = entryOf(part, KEYS)
  const section = part + <usize>load<u64>(keys, ENTRY_OFFSET)
  const sound = isSection(changetype<KeyIndex>(state.keys), section, <usize>load<u64>(keys, ENTRY_BYTES))
  return sound ? STATUS_OK : STATUS_SNAPSHOT_CORRUPT
}

// While a state section is read: where ids are told (u32[partHigh], 0 where keys keep their ids), and whether every key
// of the part is wanted.
export let idMap: usize = 0
let partHigh: u32 = 0
export let isWhole: bool = false

/** Reads the wanted keys: a status. Then idOf() tells ids, until endRead(). */
export function readKeys(state: Aggregation, part: usize, firstGroup: u32, lastGroup: u32): i32 {
  const index = changetype<KeyIndex>(state.keys)
  const section = part + <usize>load<u64>(entryOf(part, KEYS), ENTRY_OFFSET)
  isWhole = firstGroup == 0 && lastGroup >= index.maxParallelism - 1
  idMap = 0
  if (index.count != 0 || index.pendingCount != 0) {
    const status = beginIds(sectionHigh(section))
    if (status < 0) return status
  }
  return readSection(index, section, firstGroup, lastGroup, idMap)
}

/** Makes an empty map for ids below `high`: a status. */
export function beginIds(high: u32): i32 {
  partHigh = high
  idMap = high > <u32>LIMIT_KEYS ? 0 : allocate(max<usize>(<usize>high << 2, 4))
  if (idMap == 0) return STATUS_MEMORY_LIMIT
  fill(idMap, 0xff, <usize>high << 2)
  return STATUS_OK
}

/** The id now of a key that had id `old`, where there is an idMap; NO_ID for one that is not there. */
// @ts-ignore: decorator
@inline
export function idOf(old: u32): u32 {
  return old < partHigh ? load<u32>(idMap + (<usize>old << 2)) : <u32>NO_ID
}

export function endRead(): void {
  release(idMap)
  idMap = 0
}

/** Whether parts may be restored, and from which groups: a status. */
export function mayRestore(state: Aggregation, firstGroup: u32, lastGroup: u32): i32 {
  if (state.used) return fail(STATUS_ARGUMENT, 0)
  return firstGroup > lastGroup ? fail(STATUS_ARGUMENT, 4) : STATUS_OK
}

/** Takes a part's watermark over: the lowest of the parts'. */
export function restoreWatermark(state: Aggregation, watermark: f64): void {
  state.watermark = state.restored ? min<f64>(state.watermark, watermark) : watermark
  state.before = state.watermark
  state.restored = 1
}
