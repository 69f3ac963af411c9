/*
 * LZ4 frames (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md) and their blocks, into as many bytes as are
 * known to come.
 */

const MAGIC = 0x184d2204

/** @throws RangeError for a frame that is damaged, or that does not give exactly `sizeBytes` */
export function decompressLz4Frame(frame: Uint8Array, sizeBytes: number): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  const output = new Uint8Array(sizeBytes)
  if (frame.length < 7 || view.getUint32(0, true) !== MAGIC) throw new RangeError('it is no LZ4 frame')
  const flags = frame[4] ?? 0
  if (flags >>> 6 !== 1) throw new RangeError(`LZ4 frames of version ${flags >>> 6} are not known`)
  const [hasBlockChecksum, hasContentSize, hasDictionary] = [flags & 0x10, flags & 0x08, flags & 0x01]
  if (hasDictionary !== 0) throw new RangeError('it needs a dictionary')
  let at = 7 + (hasContentSize === 0 ? 0 : 8)
  let written = 0
  for (;;) {
    if (at + 4 > frame.length) throw new RangeError('it ends in the middle')
    const header = view.getUint32(at, true)
    at += 4
    if (header === 0) break
    const size = header & 0x7fffffff
    if (at + size > frame.length) throw new RangeError(`a block claims ${size} bytes`)
    const block = frame.subarray(at, at + size)
    if (header >>> 31 === 0) written = unpack(block, output, written)
    else {
      if (written + size > sizeBytes) throw new RangeError('it unpacks to more than it says')
      output.set(block, written)
      written += size
    }
    at += size + (hasBlockChecksum === 0 ? 0 : 4)
  }
  if (written !== sizeBytes) throw new RangeError(`it unpacks to ${written} bytes instead of ${sizeBytes}`)
  return output
}

/** A block without a frame. @throws RangeError for one that is damaged, or that does not give exactly `sizeBytes` */
export function decompressLz4Block(block: Uint8Array, sizeBytes: number): Uint8Array {
  const output = new Uint8Array(sizeBytes)
  const written = unpack(block, output, 0)
  if (written !== sizeBytes) throw new RangeError(`it unpacks to ${written} bytes instead of ${sizeBytes}`)
  return output
}

/** A block: literals and matches by turns; a match may reach back into the blocks before. */
function unpack(block: Uint8Array, output: Uint8Array, start: number): number {
  let from = 0
  let to = start
  const lengthOf = (nibble: number): number => {
    let length = nibble
    if (nibble === 15) {
      let byte: number
      do {
        if (from >= block.length) throw new RangeError('a block ends in the middle')
        byte = block[from++] ?? 0
        length += byte
      } while (byte === 255)
    }
    return length
  }
  while (from < block.length) {
    const token = block[from++] ?? 0
    const literals = lengthOf(token >>> 4)
    if (from + literals > block.length || to + literals > output.length) throw new RangeError('literals lead outside')
    output.set(block.subarray(from, from + literals), to)
    from += literals
    to += literals
    if (from === block.length) break
    if (from + 2 > block.length) throw new RangeError('a block ends in the middle')
    const distance = (block[from] ?? 0) | ((block[from + 1] ?? 0) << 8)
    from += 2
    const length = lengthOf(token & 15) + 4
    if (distance === 0 || distance > to || to + length > output.length) throw new RangeError('a match leads outside')
    if (distance >= length) output.copyWithin(to, to - distance, to - distance + length)
    else for (let index = 0; index < length; index++) output[to + index] = output[to + index - distance] ?? 0
    to += length
  }
  return to
}
