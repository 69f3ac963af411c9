/*
 * The hybrid of run lengths and bit packing (https://parquet.apache.org/docs/file-format/data-pages/encodings/), in which
 * Parquet keeps levels, dictionary indices and truth values. Each run is held against the number of values that are to
 * come, so that no lying length makes it run on.
 */

/**
 * Fills `target` with values of `width` bits from byte `start` on.
 * @throws RangeError for runs that are longer than `target`, or than `bytes`
 */
export function readHybrid(bytes: Uint8Array, start: number, width: number, target: Int32Array): void {
  if (!(width >= 0 && width <= 32)) throw new RangeError(`values of ${width} bits are not known`)
  if (width === 0) {
    target.fill(0)
    return
  }
  const count = target.length
  let at = start
  for (let written = 0; written < count; ) {
    let header = 0
    for (let shift = 0; ; shift += 7) {
      if (at >= bytes.length || shift > 28) throw new RangeError('a run has no whole header')
      const byte = bytes[at++] ?? 0
      header += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) break
    }
    if (header % 2 === 1) {
      const groups = (header - 1) / 2
      const taken = Math.min(groups * 8, count - written)
      // The last group may be cut off behind its last value.
      if (taken === 0 || at + Math.ceil((taken * width) / 8) > bytes.length) {
        throw new RangeError(`a packed run claims ${groups * 8} values`)
      }
      unpack(bytes, at, width, target.subarray(written, written + taken))
      at += groups * width
      written += taken
    } else {
      const length = header / 2
      const valueBytes = (width + 7) >>> 3
      if (length > count - written || at + valueBytes > bytes.length)
        throw new RangeError(`a run claims ${length} values`)
      let value = 0
      for (let index = 0; index < valueBytes; index++) value |= (bytes[at + index] ?? 0) << (8 * index)
      target.fill(value, written, written + length)
      at += valueBytes
      written += length
    }
  }
}

function unpack(bytes: Uint8Array, start: number, width: number, target: Int32Array): void {
  if (width > 24) {
    unpackWide(bytes, start, width, target)
    return
  }
  const mask = (1 << width) - 1
  let at = start
  let bits = 0
  let held = 0
  for (let index = 0; index < target.length; index++) {
    while (held < width) {
      bits |= (bytes[at++] ?? 0) << held
      held += 8
    }
    target[index] = bits & mask
    bits >>>= width
    held -= width
  }
}

/** Values that do not fit into 32 bits together with the seven bits of a byte before them. */
function unpackWide(bytes: Uint8Array, start: number, width: number, target: Int32Array): void {
  for (let index = 0; index < target.length; index++) {
    let value = 0
    for (let bit = 0; bit < width; ) {
      const offset = index * width + bit
      const taken = Math.min(8 - (offset % 8), width - bit)
      const byte = bytes[start + Math.floor(offset / 8)] ?? 0
      value |= ((byte >>> (offset % 8)) & ((1 << taken) - 1)) << bit
      bit += taken
    }
    target[index] = value
  }
}
