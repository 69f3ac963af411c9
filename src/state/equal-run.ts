/* Comparing bytes, four at a time where both stand alike. */

/**
 * How many bytes are equal from `a[from]` and `b[to]` on, up to `limit`; `aWords` and `bWords` are views of the same
 * bytes (`wordsOf`).
 */
export function equalRun(
  a: Uint8Array,
  b: Uint8Array,
  aWords: Int32Array,
  bWords: Int32Array,
  from: number,
  to: number,
  limit: number,
): number {
  let run = 0
  if (((from ^ to) & 3) === 0) {
    while (run < limit && ((from + run) & 3) !== 0) {
      if (a[from + run] !== b[to + run]) return run
      run++
    }
    const words = (limit - run) >>> 2
    const first = (from + run) >>> 2
    const shift = ((to + run) >>> 2) - first
    const end = first + words
    let at = first
    while (at < end && aWords[at] === bWords[at + shift]) at++
    run += (at - first) * 4
  }
  while (run < limit && a[from + run] === b[to + run]) run++
  return run
}

/** The whole words of bytes that begin at a multiple of 4. */
export function wordsOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2)
}

/** The same bytes, at an address that is a multiple of 4. */
export function aligned(bytes: Uint8Array): Uint8Array {
  return (bytes.byteOffset & 3) === 0 ? bytes : new Uint8Array(bytes)
}
