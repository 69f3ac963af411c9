/* Short texts, copied by words. What stands behind them, up to 15 bytes, is overwritten. */
import { SIMD } from '../build'
import { put, putV128 } from '../guard'

/** Behind the copy. */
// @ts-ignore: decorator
@inline
export function copyText(out: usize, from: usize, length: u32): usize {
  if (SIMD) {
    putV128(out, v128.load(from))
    for (let at: usize = 16; at < <usize>length; at += 16) putV128(out + at, v128.load(from + at))
  } else {
    for (let at: usize = 0; at < <usize>length; at += 8) put<u64>(out + at, load<u64>(from + at))
  }
  return out + <usize>length
}
