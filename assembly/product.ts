/* The upper half of a 128-bit product, which WASM has no instruction for; the lower half is left * right. */

// @ts-ignore: decorator
@inline
export function multiplyHigh(left: u64, right: u64): u64 {
  const leftLow = left & 0xffffffff
  const leftHigh = left >> 32
  const rightLow = right & 0xffffffff
  const rightHigh = right >> 32
  const cross = leftHigh * rightLow + ((leftLow * rightLow) >> 32)
  const middle = leftLow * rightHigh + (cross & 0xffffffff)
  return leftHigh * rightHigh + (cross >> 32) + (middle >> 32)
}
