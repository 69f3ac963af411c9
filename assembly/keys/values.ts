/*
 * Canonical forms and types of key values.
 */
import { COMPONENT_DICTIONARY, COMPONENT_I32 } from '../abi'

const CANONICAL_NAN: u64 = 0x7ff8000000000000

/** -0 is 0, and every NaN is one. */
// @ts-ignore: decorator
@inline
export function canonicalF64(bits: u64): u64 {
  const magnitude = bits & 0x7fffffffffffffff
  if (magnitude == 0) return 0
  // What lies above infinity, sign aside, is NaN.
  return magnitude > 0x7ff0000000000000 ? CANONICAL_NAN : bits
}

export function isColumnType(type: i32): bool {
  return type >= COMPONENT_I32 && type <= COMPONENT_DICTIONARY
}
