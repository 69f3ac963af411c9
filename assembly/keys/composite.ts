/*
 * Composite keys from a list of columns: each row's canonical bytes are built in the scratch region, then coded as a
 * byte key. A column is described by a record (abi.ts, COMPONENT_ constants). A null component is part of the key; the
 * composite key itself is never null.
 */
import {
  COMPONENT_AT_BYTES, COMPONENT_AT_ENTRIES, COMPONENT_AT_OFFSETS, COMPONENT_AT_TYPE, COMPONENT_AT_VALIDITY,
  COMPONENT_AT_VALUES, COMPONENT_BOOL, COMPONENT_DICTIONARY, COMPONENT_F64, COMPONENT_I32, COMPONENT_I64,
  COMPONENT_NULL, COMPONENT_RECORD_BYTES, COMPONENT_UTF8, LIMIT_COMPONENTS, RESULT_DETAIL, RESULT_ROW, STATUS_ARGUMENT,
  STATUS_MEMORY_LIMIT, STATUS_OK, STATUS_UNKNOWN_CODE,
} from '../abi'
import { copyTo, put } from '../guard'
import { allocate, release, resultPtr } from '../memory'
import { areWithin, bytesKeyId, hashKeyBytes } from './bytes'
import { isRowNull } from './entries'
import { canonicalF64, isColumnType } from './values'
import { KeyIndex } from './layout'

const MIN_SCRATCH: u32 = 1024
/** Head of a string component: tag and length. */
const STRING_HEAD: u32 = 5

function reserveScratch(index: KeyIndex, bytes: u32): i32 {
  if (bytes <= index.scratchBytes) return STATUS_OK
  if (bytes > 0x7fffffff) return STATUS_MEMORY_LIMIT
  const size = max<u32>(MIN_SCRATCH, bytes + (bytes >> 1))
  const scratch = allocate(size)
  if (scratch == 0) return STATUS_MEMORY_LIMIT
  copyTo(scratch, index.scratch, index.scratchBytes)
  release(index.scratch)
  index.scratch = scratch
  index.scratchBytes = size
  return STATUS_OK
}

/**
 * Appends the component of `row`, of `rows` in the columns, behind `used` bytes of scratch; the bytes used then, or a
 * negative status.
 */
function appendComponent(index: KeyIndex, component: usize, row: u32, rows: u32, used: u32): i32 {
  const type = <i32>load<u32>(component, COMPONENT_AT_TYPE)
  const validity = <usize>load<u32>(component, COMPONENT_AT_VALIDITY)
  const values = <usize>load<u32>(component, COMPONENT_AT_VALUES)
  const room = reserveScratch(index, used + 9)
  if (room < 0) return room
  const at = index.scratch + used
  if (validity != 0 && isRowNull(validity, row)) {
    put<u8>(at, <u8>COMPONENT_NULL)
    return <i32>(used + 1)
  }
  if (type == COMPONENT_I32 || type == COMPONENT_BOOL) {
    const value = load<u32>(values + (<usize>row << 2))
    put<u8>(at, <u8>type)
    put<u32>(at, type == COMPONENT_BOOL ? u32(value != 0) : value, 1)
    return <i32>(used + 5)
  }
  if (type == COMPONENT_I64 || type == COMPONENT_F64) {
    const value = load<u64>(values + (<usize>row << 3))
    put<u8>(at, <u8>type)
    put<u64>(at, type == COMPONENT_F64 ? canonicalF64(value) : value, 1)
    return <i32>(used + 9)
  }
  let entry = row
  let entries = rows
  if (type == COMPONENT_DICTIONARY) {
    entry = load<u32>(values + (<usize>row << 2))
    entries = load<u32>(component, COMPONENT_AT_ENTRIES)
    if (entry >= entries) return STATUS_UNKNOWN_CODE
  }
  const offsets = <usize>load<u32>(component, COMPONENT_AT_OFFSETS)
  const start = load<u32>(offsets + (<usize>entry << 2))
  const end = load<u32>(offsets + (<usize>entry << 2), 4)
  const highest = load<u32>(offsets + (<usize>entries << 2))
  if (!areWithin(start, end, load<u32>(offsets), highest)) return STATUS_ARGUMENT
  const length = end - start
  if (<u64>used + <u64>length > 0x3fffffff) return STATUS_MEMORY_LIMIT
  const status = reserveScratch(index, used + STRING_HEAD + length)
  if (status < 0) return status
  const head = index.scratch + used
  put<u8>(head, <u8>COMPONENT_UTF8)
  put<u32>(head, length, 1)
  copyTo(head + STRING_HEAD, <usize>load<u32>(component, COMPONENT_AT_BYTES) + start, length)
  return <i32>(used + STRING_HEAD + length)
}

function rowKeyId(index: KeyIndex, components: usize, count: u32, row: u32, rows: u32): i32 {
  let used = 0
  for (let number: u32 = 0; number < count; number++) {
    used = appendComponent(index, components + <usize>number * COMPONENT_RECORD_BYTES, row, rows, <u32>used)
    if (used < 0) {
      put<u32>(resultPtr(), number, RESULT_DETAIL)
      return used
    }
  }
  return bytesKeyId(index, index.scratch, <u32>used, hashKeyBytes(index, index.scratch, <u32>used))
}

export function codeComposite(
  index: KeyIndex, components: usize, count: u32, from: u32, to: u32, ids: usize,
): i32 {
  if (count == 0 || count > <u32>LIMIT_COMPONENTS) {
    put<u32>(resultPtr(), 2, RESULT_DETAIL)
    return STATUS_ARGUMENT
  }
  for (let number: u32 = 0; number < count; number++) {
    const type = <i32>load<u32>(components + <usize>number * COMPONENT_RECORD_BYTES, COMPONENT_AT_TYPE)
    if (!isColumnType(type)) {
      put<u32>(resultPtr(), from, RESULT_ROW)
      put<u32>(resultPtr(), number, RESULT_DETAIL)
      return STATUS_ARGUMENT
    }
  }
  for (let row = from; row < to; row++) {
    const id = rowKeyId(index, components, count, row, to)
    if (id < 0) {
      put<u32>(resultPtr(), row, RESULT_ROW)
      return id
    }
    put<u32>(ids + (<usize>row << 2), <u32>id)
  }
  return <i32>(to - from)
}
