/* Blocks of Snappy (https://github.com/google/snappy/blob/main/format_description.txt), checked at every length. */

/** What a block says that it unpacks to. @throws RangeError for a block without a whole length */
export function snappySize(block: Uint8Array): { readonly sizeBytes: number; readonly headerBytes: number } {
  let sizeBytes = 0
  for (let index = 0; index < 5 && index < block.length; index++) {
    const byte = block[index] ?? 0
    sizeBytes += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) return { sizeBytes, headerBytes: index + 1 }
  }
  throw new RangeError('it has no whole length')
}

/** @throws RangeError for a block that is damaged, or that does not give exactly `sizeBytes` */
export function decompressSnappy(block: Uint8Array, sizeBytes: number): Uint8Array {
  const header = snappySize(block)
  if (header.sizeBytes !== sizeBytes) {
    throw new RangeError(`it unpacks to ${header.sizeBytes} bytes instead of ${sizeBytes}`)
  }
  const output = new Uint8Array(sizeBytes)
  let from = header.headerBytes
  let to = 0
  const number = (bytes: number): number => {
    if (from + bytes > block.length) throw new RangeError('it ends in the middle')
    let value = 0
    for (let index = 0; index < bytes; index++) value += (block[from++] ?? 0) * 2 ** (8 * index)
    return value
  }
  while (from < block.length) {
    const tag = block[from++] ?? 0
    const kind = tag & 3
    if (kind === 0) {
      const short = tag >>> 2
      const length = (short < 60 ? short : number(short - 59)) + 1
      if (from + length > block.length || to + length > sizeBytes) throw new RangeError('literals lead outside')
      output.set(block.subarray(from, from + length), to)
      from += length
      to += length
      continue
    }
    const length = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1
    const distance = kind === 1 ? number(1) + (tag >>> 5) * 256 : number(kind === 2 ? 2 : 4)
    if (distance === 0 || distance > to || to + length > sizeBytes) throw new RangeError('a copy leads outside')
    for (let index = 0; index < length; index++) output[to + index] = output[to + index - distance] ?? 0
    to += length
  }
  if (to !== sizeBytes) throw new RangeError(`it unpacks to ${to} bytes instead of ${sizeBytes}`)
  return output
}
