/*
 * Reading keys back by id. An id that is not in use reads as null. Strings go into a region of the index, valid until
 * the next such call; RESULT_POINTER and RESULT_SIZE tell where.
 */
import {
  COMPONENT_BOOL, COMPONENT_F64, COMPONENT_I32, COMPONENT_I64, COMPONENT_NULL, COMPONENT_UTF8, RESULT_DETAIL,
  RESULT_POINTER, RESULT_ROW, RESULT_SIZE, STATUS_ARGUMENT, STATUS_MEMORY_LIMIT,
} from '../abi'
import { copyTo, put } from '../guard'
import { allocate, release, resultPtr } from '../memory'
import { keyBytesAt, keyBytesLength } from './arena'
import { componentAt } from './composite-bytes'
import { fixedKeyAt } from './fixed'
import { inUse } from './ids'
import { KeyIndex } from './layout'

const MIN_OUTPUT: u32 = 1024

/** Writes the bit of `row`, rows ascending; nothing to do where the caller wants no validity. */
// @ts-ignore: decorator
@inline
function putValid(validity: usize, row: u32, valid: bool): void {
  if (validity == 0) return
  const at = validity + (row >> 3)
  const before: u32 = (row & 7) == 0 ? 0 : load<u8>(at)
  put<u8>(at, <u8>(before | (u32(valid) << (row & 7))))
}

// @ts-ignore: decorator
@inline
function hasValue(index: KeyIndex, id: u32): bool {
  return id + 1 != index.nullId && inUse(index, id)
}

export function readFixed(index: KeyIndex, ids: usize, count: u32, out: usize, validity: usize, wide: bool): i32 {
  for (let row: u32 = 0; row < count; row++) {
    const id = load<u32>(ids + (<usize>row << 2))
    const valid = hasValue(index, id)
    const key = valid ? fixedKeyAt(index, id) : 0
    if (wide) put<u64>(out + (<usize>row << 3), key)
    else put<u32>(out + (<usize>row << 2), <u32>key)
    putValid(validity, row, valid)
  }
  return <i32>count
}

function reserveOutput(index: KeyIndex, bytes: u64): bool {
  if (bytes <= <u64>index.outputBytes) return true
  if (bytes > 0x7fffffff) return false
  const size = max<u32>(MIN_OUTPUT, <u32>(bytes + (bytes >> 2)))
  const output = allocate(size)
  if (output == 0) return false
  release(index.output)
  index.output = output
  index.outputBytes = size
  return true
}

export function readUtf8(index: KeyIndex, ids: usize, count: u32, offsets: usize, validity: usize): i32 {
  let total: u64 = 0
  for (let row: u32 = 0; row < count; row++) {
    const id = load<u32>(ids + (<usize>row << 2))
    if (hasValue(index, id)) total += <u64>keyBytesLength(index, id)
  }
  if (!reserveOutput(index, total)) return STATUS_MEMORY_LIMIT
  const output = index.output
  let used: u32 = 0
  for (let row: u32 = 0; row < count; row++) {
    const id = load<u32>(ids + (<usize>row << 2))
    const valid = hasValue(index, id)
    put<u32>(offsets + (<usize>row << 2), used)
    if (valid) {
      const length = keyBytesLength(index, id)
      copyTo(output + used, keyBytesAt(index, id), length)
      used += length
    }
    putValid(validity, row, valid)
  }
  put<u32>(offsets + (<usize>count << 2), used)
  put<u32>(resultPtr(), <u32>output, RESULT_POINTER)
  put<u32>(resultPtr(), used, RESULT_SIZE)
  return <i32>count
}

/** The component of a composite key, 0 where the key or the component is null; 1 where its type is another. */
function typedComponent(index: KeyIndex, id: u32, component: u32, type: i32): usize {
  if (!hasValue(index, id)) return 0
  const at = componentAt(keyBytesAt(index, id), keyBytesLength(index, id), component)
  if (at == 0) return 1
  const tag = <i32>load<u8>(at)
  if (tag == COMPONENT_NULL) return 0
  return tag == type ? at : 1
}

function wrongComponent(row: u32): i32 {
  put<u32>(resultPtr(), row, RESULT_ROW)
  put<u32>(resultPtr(), 4, RESULT_DETAIL)
  return STATUS_ARGUMENT
}

/** Component `component` of composite keys. For strings `out` takes the offsets and the bytes go to the output. */
export function readComponent(
  index: KeyIndex, ids: usize, count: u32, component: u32, type: i32, out: usize, validity: usize,
): i32 {
  if (type == COMPONENT_UTF8) return readUtf8Component(index, ids, count, component, out, validity)
  const wide = type == COMPONENT_I64 || type == COMPONENT_F64
  if (!wide && type != COMPONENT_I32 && type != COMPONENT_BOOL) return wrongComponent(0)
  for (let row: u32 = 0; row < count; row++) {
    const at = typedComponent(index, load<u32>(ids + (<usize>row << 2)), component, type)
    if (at == 1) return wrongComponent(row)
    if (wide) put<u64>(out + (<usize>row << 3), at == 0 ? 0 : load<u64>(at, 1))
    else put<u32>(out + (<usize>row << 2), at == 0 ? 0 : load<u32>(at, 1))
    putValid(validity, row, at != 0)
  }
  return <i32>count
}

function readUtf8Component(
  index: KeyIndex, ids: usize, count: u32, component: u32, offsets: usize, validity: usize,
): i32 {
  let total: u64 = 0
  for (let row: u32 = 0; row < count; row++) {
    const at = typedComponent(index, load<u32>(ids + (<usize>row << 2)), component, COMPONENT_UTF8)
    if (at == 1) return wrongComponent(row)
    if (at != 0) total += <u64>load<u32>(at, 1)
  }
  if (!reserveOutput(index, total)) return STATUS_MEMORY_LIMIT
  let used: u32 = 0
  for (let row: u32 = 0; row < count; row++) {
    const at = typedComponent(index, load<u32>(ids + (<usize>row << 2)), component, COMPONENT_UTF8)
    put<u32>(offsets + (<usize>row << 2), used)
    if (at != 0) {
      const length = load<u32>(at, 1)
      copyTo(index.output + used, at + 5, length)
      used += length
    }
    putValid(validity, row, at != 0)
  }
  put<u32>(offsets + (<usize>count << 2), used)
  put<u32>(resultPtr(), <u32>index.output, RESULT_POINTER)
  put<u32>(resultPtr(), used, RESULT_SIZE)
  return <i32>count
}
