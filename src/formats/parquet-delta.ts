/*
 * Integers as differences in packed blocks: DELTA_BINARY_PACKED of
 * https://parquet.apache.org/docs/file-format/data-pages/encodings/. Sums wrap around in the width of the target.
 */

const MAX_BLOCK_VALUES = 1_048_576
const MAX_VARINT_BYTES = 10

/**
 * Fills `target` from byte `start` on, and gives the position behind what was read.
 * @throws RangeError for a header that cannot be, and for bytes that end too early
 */
export function readDeltas(bytes: Uint8Array, start: number, target: Int32Array | BigInt64Array): number {
  const reader = new DeltaReader(bytes, start)
  const [blockValues, miniblocks] = [Number(reader.varint()), Number(reader.varint())]
  const each = blockValues / miniblocks
  if (!(blockValues > 0 && blockValues <= MAX_BLOCK_VALUES && miniblocks > 0 && Number.isInteger(each / 8))) {
    throw new RangeError(`it has differences in blocks of ${blockValues} in ${miniblocks} parts`)
  }
  const count = Number(reader.varint())
  if (count !== target.length) throw new RangeError(`it has differences of ${count} values instead of ${target.length}`)
  let value = reader.zigzag()
  if (count > 0) store(target, 0, value)
  for (let written = 1; written < count; ) {
    const least = reader.zigzag()
    const widths = reader.take(miniblocks)
    for (let block = 0; block < miniblocks && written < count; block++) {
      const width = widths[block] ?? 0
      if (width > 64) throw new RangeError(`it has differences of ${width} bits`)
      const taken = Math.min(each, count - written)
      reader.need(Math.ceil((taken * width) / 8))
      for (let index = 0; index < taken; index++) {
        const low = reader.bits(index * width, Math.min(width, 32))
        const high = width > 32 ? reader.bits(index * width + 32, width - 32) : 0
        const difference = high === 0 ? BigInt(low) : (BigInt(high) << 32n) | BigInt(low)
        value = BigInt.asIntN(64, value + least + difference)
        store(target, written++, value)
      }
      reader.at += (each * width) / 8
    }
  }
  return Math.min(reader.at, bytes.length)
}

function store(target: Int32Array | BigInt64Array, index: number, value: bigint): void {
  if (target instanceof BigInt64Array) target[index] = value
  else target[index] = Number(BigInt.asIntN(32, value))
}

class DeltaReader {
  at: number
  private readonly bytes: Uint8Array

  constructor(bytes: Uint8Array, start: number) {
    this.bytes = bytes
    this.at = start
  }

  need(length: number): void {
    if (this.at + length > this.bytes.length) throw new RangeError('its differences end too early')
  }

  take(length: number): Uint8Array {
    this.need(length)
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  varint(): bigint {
    let value = 0n
    for (let index = 0; index < MAX_VARINT_BYTES; index++) {
      this.need(1)
      const byte = this.bytes[this.at++] ?? 0
      value |= BigInt(byte & 0x7f) << BigInt(7 * index)
      if (byte < 0x80) return value
    }
    throw new RangeError('a number of its differences is too long')
  }

  zigzag(): bigint {
    const value = this.varint()
    return (value >> 1n) ^ -(value & 1n)
  }

  /** An unsigned number of up to 32 bits, so many bits behind the position. */
  bits(offset: number, width: number): number {
    let value = 0
    for (let bit = 0; bit < width; ) {
      const from = offset + bit
      const taken = Math.min(8 - (from % 8), width - bit)
      const byte = this.bytes[this.at + Math.floor(from / 8)] ?? 0
      value += ((byte >>> (from % 8)) & ((1 << taken) - 1)) * 2 ** bit
      bit += taken
    }
    return value
  }
}
