/*
 * Columns of keys as they are copied in: integers and floats widened to the width of their key kind, booleans to u32,
 * strings with the bytes that their rows use.
 */
import type { Region } from './memory.js'
import type { Kernel } from './module.js'

export type Int32Values = Int32Array | Uint32Array
export type Int64Values = BigInt64Array | BigUint64Array
export type FloatValues = Float64Array | Float32Array

/** Strings as Arrow has them: row r is bytes [offsets[r], offsets[r + 1]). Offsets need not begin at 0. */
export interface Utf8Values {
  readonly offsets: Int32Array
  readonly bytes: Uint8Array
}

/** Pointer of a validity bitmap that was copied in; 0 when there is none. */
export function writeValidity(region: Region, validity: Uint8Array | undefined): number {
  return validity === undefined ? 0 : region.write(validity)
}

export function writeFloats(kernel: Kernel, region: Region, values: FloatValues): number {
  if (values instanceof Float64Array) return region.write(values)
  const pointer = region.reserve(values.length * 8)
  new Float64Array(kernel.buffer, pointer, values.length).set(values)
  return pointer
}

/** `rows` bits, least significant first, as u32 each. */
export function writeBooleans(kernel: Kernel, region: Region, bits: Uint8Array, rows: number): number {
  const pointer = region.reserve(rows * 4)
  const target = new Uint32Array(kernel.buffer, pointer, rows)
  for (let row = 0; row < rows; row++) target[row] = ((bits[row >> 3] ?? 0) >> (row & 7)) & 1
  return pointer
}

/**
 * Copies offsets and the bytes between the first and the last of them. The pointer to the bytes is such that an
 * offset can be added to it as it is.
 */
export function writeUtf8(
  offsetsRegion: Region,
  bytesRegion: Region,
  { offsets, bytes }: Utf8Values,
): { offsets: number; bytes: number } {
  const first = offsets[0] ?? 0
  const last = offsets[offsets.length - 1] ?? 0
  if (first < 0 || last < first || last > bytes.length) {
    throw new TypeError(`String offsets from ${first} to ${last} do not fit ${bytes.length} bytes`)
  }
  const offsetsPointer = offsetsRegion.write(offsets)
  return { offsets: offsetsPointer, bytes: (bytesRegion.write(bytes.subarray(first, last)) - first) >>> 0 }
}
