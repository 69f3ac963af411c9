/*
 * Where windows and slices lie. The same rules as src/core/window-geometry.ts, by index:
 *   slice j  = [offset + j * sliceMs, + sliceMs)           sliceMs = gcd(size, slide)
 *   window w = [offset + w * slide, + size)                the slices w * slicesPerSlide, + slicesPerWindow
 * With sizes and slides up to LIMIT_WINDOW every boundary is a whole number below 2^53, so all of it is exact.
 */
import { LIMIT_SLICES_PER_WINDOW, LIMIT_WINDOW } from '../abi'
import { Window } from './layout'

// @ts-ignore: decorator
@inline
function isWhole(value: f64): bool {
  return Math.floor(value) == value
}

/** The number of the first bad argument of size, slide, offset (1, 2, 3), or 0; sets the geometry when all are good. */
export function setGeometry(window: Window, sizeMs: f64, slideMs: f64, offsetMs: f64): u32 {
  if (!(sizeMs > 0 && sizeMs <= <f64>LIMIT_WINDOW) || !isWhole(sizeMs)) return 1
  if (!(slideMs > 0 && slideMs <= <f64>LIMIT_WINDOW) || !isWhole(slideMs)) return 2
  if (!(Math.abs(offsetMs) < slideMs) || !isWhole(offsetMs)) return 3
  let a = <u64>sizeMs
  let b = <u64>slideMs
  while (b != 0) {
    const rest = a % b
    a = b
    b = rest
  }
  const sliceMs = <f64>a
  if (sizeMs / sliceMs > <f64>LIMIT_SLICES_PER_WINDOW) return 2
  window.sizeMs = sizeMs
  window.slideMs = slideMs
  window.offsetMs = offsetMs
  window.sliceMs = sliceMs
  window.slicesPerMs = 1 / sliceMs
  window.slicesPerWindow = sizeMs / sliceMs
  window.slicesPerSlide = slideMs / sliceMs
  return 0
}

/** The slice of a timestamp; the product with the reciprocal may be off by one at a boundary. */
export function sliceIndexOf(window: Window, timestamp: f64): f64 {
  const distance = timestamp - window.offsetMs
  const index = Math.floor(distance * window.slicesPerMs)
  const rest = distance - index * window.sliceMs
  return rest < 0 ? index - 1 : rest >= window.sliceMs ? index + 1 : index
}

export function sliceStart(window: Window, slice: f64): f64 {
  return window.offsetMs + slice * window.sliceMs
}

/** The first window that contains a slice. */
export function firstWindowOf(window: Window, slice: f64): f64 {
  return Math.ceil((slice - window.slicesPerWindow + 1) / window.slicesPerSlide)
}

/** The last window that starts at or before a slice; it contains the slice unless isGap(). */
export function lastWindowOf(window: Window, slice: f64): f64 {
  return Math.floor(slice / window.slicesPerSlide)
}

/** Whether a slice lies between windows, which happens when the slide is longer than the size. */
export function isGap(window: Window, slice: f64): bool {
  return slice - lastWindowOf(window, slice) * window.slicesPerSlide >= window.slicesPerWindow
}

export function windowStart(window: Window, index: f64): f64 {
  return window.offsetMs + index * window.slideMs
}

/** Rule 2 of time: the watermark at which a window fires. Without allowed lateness its rows are late from there on. */
export function fireAt(window: Window, index: f64): f64 {
  return windowStart(window, index) + window.sizeMs - 1
}

/** The first window that has not fired at a watermark. */
export function firstUnfired(window: Window, watermark: f64): f64 {
  return Math.floor((watermark + 1 - window.sizeMs - window.offsetMs) / window.slideMs) + 1
}
