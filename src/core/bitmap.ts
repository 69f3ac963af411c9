/*
 * Bitmaps in Arrow's order: bit i of a bitmap is bit (i mod 8), least significant first, of byte (i div 8).
 */

export function bitmapBytes(length: number): number {
  return (length + 7) >>> 3
}

export function getBit(bitmap: Uint8Array, index: number): boolean {
  return (((bitmap[index >>> 3] ?? 0) >>> (index & 7)) & 1) === 1
}

export function setBit(bitmap: Uint8Array, index: number, value: boolean): void {
  const at = index >>> 3
  const mask = 1 << (index & 7)
  const byte = bitmap[at] ?? 0
  bitmap[at] = value ? byte | mask : byte & ~mask
}

/** A bitmap of `length` set bits; the bits behind them are 0. */
export function filledBitmap(length: number): Uint8Array {
  const bitmap = new Uint8Array(bitmapBytes(length)).fill(0xff)
  if ((length & 7) !== 0) bitmap[length >>> 3] = (1 << (length & 7)) - 1
  return bitmap
}

/** How many of the first `length` bits are set. */
export function countSetBits(bitmap: Uint8Array, length: number): number {
  let count = 0
  const whole = length >>> 3
  for (let at = 0; at < whole; at++) count += popCount(bitmap[at] ?? 0)
  if ((length & 7) !== 0) count += popCount((bitmap[whole] ?? 0) & ((1 << (length & 7)) - 1))
  return count
}

function popCount(byte: number): number {
  const pairs = byte - ((byte >>> 1) & 0x55)
  const nibbles = (pairs & 0x33) + ((pairs >>> 2) & 0x33)
  return (nibbles + (nibbles >>> 4)) & 0x0f
}

/** The bits at the given positions, in their order. */
export function gatherBits(bitmap: Uint8Array, positions: Uint32Array): Uint8Array {
  const result = new Uint8Array(bitmapBytes(positions.length))
  for (let index = 0; index < positions.length; index++) {
    const from = positions[index] ?? 0
    const bit = ((bitmap[from >>> 3] ?? 0) >>> (from & 7)) & 1
    const at = index >>> 3
    result[at] = (result[at] ?? 0) | (bit << (index & 7))
  }
  return result
}

/** The bits [from, to): a view where `from` is a whole byte, a shifted copy otherwise. Bits behind are undefined. */
export function sliceBits(bitmap: Uint8Array, from: number, to: number): Uint8Array {
  const bytes = bitmapBytes(to - from)
  const start = from >>> 3
  const shift = from & 7
  if (shift === 0) return bitmap.subarray(start, start + bytes)
  const result = new Uint8Array(bytes)
  for (let at = 0; at < bytes; at++) {
    result[at] = ((bitmap[start + at] ?? 0) >>> shift) | ((bitmap[start + at + 1] ?? 0) << (8 - shift))
  }
  return result
}
