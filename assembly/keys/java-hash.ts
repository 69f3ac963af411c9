/*
 * Key groups as Flink assigns them: murmur(key.hashCode()) mod maxParallelism, hashCode as in Java.
 * Formulas: org.apache.flink.util.MathUtils.murmurHash, KeyGroupRangeAssignment.assignToKeyGroup; java.lang.Long,
 * Double, Boolean, String hashCode. A null key hashes as 0.
 */

/** MathUtils.murmurHash: non-negative. */
export function flinkMurmur(code: i32): i32 {
  let hash = <u32>code * 0xcc9e2d51
  hash = rotl<u32>(hash, 15) * 0x1b873593
  hash = rotl<u32>(hash, 13) * 5 + 0xe6546b64
  hash ^= 4
  hash = (hash ^ (hash >> 16)) * 0x85ebca6b
  hash = (hash ^ (hash >> 13)) * 0xc2b2ae35
  const result = <i32>(hash ^ (hash >> 16))
  // The absolute value, 0 for the one that has none. Without a branch: half of all hashes are negative.
  const sign = result >> 31
  return ((result ^ sign) - sign) & i32.MAX_VALUE
}

/** flinkMurmur of four at once. */
// @ts-ignore: decorator
@inline
export function flinkMurmurs(codes: v128): v128 {
  let hash = i32x4.mul(codes, i32x4.splat(0xcc9e2d51))
  hash = i32x4.mul(rotated(hash, 15), i32x4.splat(0x1b873593))
  hash = i32x4.add(i32x4.mul(rotated(hash, 13), i32x4.splat(5)), i32x4.splat(0xe6546b64))
  hash = v128.xor(hash, i32x4.splat(4))
  hash = i32x4.mul(v128.xor(hash, i32x4.shr_u(hash, 16)), i32x4.splat(0x85ebca6b))
  hash = i32x4.mul(v128.xor(hash, i32x4.shr_u(hash, 13)), i32x4.splat(0xc2b2ae35))
  hash = v128.xor(hash, i32x4.shr_u(hash, 16))
  return v128.and(i32x4.abs(hash), i32x4.splat(i32.MAX_VALUE))
}

// @ts-ignore: decorator
@inline
function rotated(words: v128, bits: i32): v128 {
  return v128.or(i32x4.shl(words, bits), i32x4.shr_u(words, 32 - bits))
}

// @ts-ignore: decorator
@inline
export function keyGroupOfHash(code: i32, maxParallelism: u32): u32 {
  const hash = <u32>flinkMurmur(code)
  // Most are powers of two, for which there is no need to divide.
  return (maxParallelism & (maxParallelism - 1)) == 0 ? hash & (maxParallelism - 1) : hash % maxParallelism
}

// @ts-ignore: decorator
@inline
export function javaHashLong(value: u64): i32 {
  return <i32>(<u32>value ^ <u32>(value >> 32))
}

// @ts-ignore: decorator
@inline
export function javaHashBoolean(value: u32): i32 {
  return value != 0 ? 1231 : 1237
}

/**
 * String.hashCode over the UTF-16 units of UTF-8 bytes. Bytes that are not UTF-8 are decoded by their lead byte alone,
 * never past the end, so that every byte string has one stable hash.
 */
export function javaHashUtf8(pointer: usize, length: u32): i32 {
  const end = pointer + length
  let hash: u32 = 0
  while (pointer < end) {
    const lead = <u32>load<u8>(pointer++)
    if (lead < 0x80) {
      hash = hash * 31 + lead
      continue
    }
    let more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1
    let point = lead & (0x3f >> more)
    while (more > 0 && pointer < end) {
      point = (point << 6) | (<u32>load<u8>(pointer++) & 0x3f)
      more--
    }
    if (point >= 0x10000) {
      hash = hash * 31 + (0xd7c0 + (point >> 10))
      hash = hash * 31 + (0xdc00 | (point & 0x3ff))
    } else {
      hash = hash * 31 + point
    }
  }
  return <i32>hash
}
