/*
 * The canonical bytes of a composite key: its components in order, each a tag and a value. Equal keys have equal
 * bytes: -0 is written as 0 and every NaN as one.
 *
 *   null               | 0 |
 *   i32, bool          | 1 or 4 | u32 |
 *   i64, f64           | 2 or 3 | u64 |
 *   utf8               | 5 | length u32 | bytes |
 */
import { COMPONENT_BOOL, COMPONENT_F64, COMPONENT_I32, COMPONENT_I64, COMPONENT_NULL, COMPONENT_UTF8 } from '../abi'
import { javaHashBoolean, javaHashLong, javaHashUtf8 } from './java-hash'

/** Bytes of the component at `pointer` with its tag; 0 when it is malformed or leads past `end`. */
export function componentBytes(pointer: usize, end: usize): u32 {
  if (pointer >= end) return 0
  const tag = <i32>load<u8>(pointer)
  let bytes: u64 = 1
  if (tag == COMPONENT_I32 || tag == COMPONENT_BOOL) bytes = 5
  else if (tag == COMPONENT_I64 || tag == COMPONENT_F64) bytes = 9
  else if (tag == COMPONENT_UTF8) {
    if (<u64>pointer + 5 > <u64>end) return 0
    bytes = 5 + <u64>load<u32>(pointer, 1)
  } else if (tag != COMPONENT_NULL) return 0
  return <u64>pointer + bytes <= <u64>end ? <u32>bytes : 0
}

/** Whether bytes from outside are a composite key. */
export function isComposite(pointer: usize, length: u32): bool {
  const end = pointer + length
  while (pointer < end) {
    const bytes = componentBytes(pointer, end)
    if (bytes == 0) return false
    pointer += bytes
  }
  return length > 0
}

/** As Flink's tuples (org.apache.flink.api.java.tuple.TupleN.hashCode): h = 31 * h + component, from 0; null is 0. */
export function compositeHash(pointer: usize, length: u32): i32 {
  const end = pointer + length
  let hash = 0
  while (pointer < end) {
    const bytes = componentBytes(pointer, end)
    if (bytes == 0) return hash
    hash = hash * 31 + componentHash(pointer)
    pointer += bytes
  }
  return hash
}

function componentHash(pointer: usize): i32 {
  const tag = <i32>load<u8>(pointer)
  if (tag == COMPONENT_I32) return load<i32>(pointer, 1)
  if (tag == COMPONENT_BOOL) return javaHashBoolean(load<u32>(pointer, 1))
  if (tag == COMPONENT_I64 || tag == COMPONENT_F64) return javaHashLong(load<u64>(pointer, 1))
  if (tag == COMPONENT_UTF8) return javaHashUtf8(pointer + 5, load<u32>(pointer, 1))
  return 0
}

/** Where component `number` of a composite key begins; 0 when it has fewer. */
export function componentAt(pointer: usize, length: u32, number: u32): usize {
  const end = pointer + length
  while (number > 0) {
    const bytes = componentBytes(pointer, end)
    if (bytes == 0) return 0
    pointer += bytes
    number--
  }
  return pointer < end ? pointer : 0
}
