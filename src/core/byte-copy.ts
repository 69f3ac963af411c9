/* Copying short texts from anywhere to anywhere: a view for each, as `set(subarray(...))` makes, costs more than the copy. */

/** From here on the views pay. */
const LONG_BYTES = 256

/** A view for `copyBytes`. */
export function viewOf<B extends ArrayBufferLike>({ buffer, byteOffset, byteLength }: Uint8Array<B>): DataView<B> {
  return new DataView(buffer, byteOffset, byteLength)
}

/** Copies the bytes [from, to) of `source` to `at` in `target`. The two do not overlap. */
export function copyBytes(source: DataView, from: number, to: number, target: DataView, at: number): void {
  if (to - from > LONG_BYTES) {
    const bytes = new Uint8Array(source.buffer, source.byteOffset + from, to - from)
    new Uint8Array(target.buffer, target.byteOffset + at, to - from).set(bytes)
    return
  }
  const lastWord = to - 4
  while (from <= lastWord) {
    target.setInt32(at, source.getInt32(from, true), true)
    from += 4
    at += 4
  }
  while (from < to) target.setUint8(at++, source.getUint8(from++))
}
