/* Little-endian bytes, written and read from front to back: what operators' snapshots are made of. */
import { SabotError } from './errors.js'
import { decodeUtf8, encodeUtf8 } from './utf8.js'

/** A buffer that grows as it is written. */
export class ByteWriter {
  private bytes: Uint8Array = new Uint8Array(256)
  private view: DataView = new DataView(this.bytes.buffer)
  private end = 0

  /** Bytes written. */
  get length(): number {
    return this.end
  }

  u8(value: number): void {
    this.reserve(1)
    this.view.setUint8(this.end, value)
    this.end += 1
  }

  u32(value: number): void {
    this.reserve(4)
    this.view.setUint32(this.end, value, true)
    this.end += 4
  }

  f64(value: number): void {
    this.reserve(8)
    this.view.setFloat64(this.end, value, true)
    this.end += 8
  }

  /** The bytes of a typed array as they are in memory, without their length. */
  raw(array: ArrayBufferView): void {
    this.reserve(array.byteLength)
    this.bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), this.end)
    this.end += array.byteLength
  }

  /** Bytes behind their length, u32. */
  block(bytes: Uint8Array): void {
    this.u32(bytes.length)
    this.raw(bytes)
  }

  /** A text as UTF-8 behind its length, u32. */
  text(text: string): void {
    this.block(encodeUtf8(text))
  }

  /** What was written, as a copy of its own; the writer is empty afterwards. */
  finish(): Uint8Array {
    const written = this.bytes.slice(0, this.end)
    this.end = 0
    return written
  }

  private reserve(more: number): void {
    const needed = this.end + more
    if (needed <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2))
    grown.set(this.bytes.subarray(0, this.end))
    this.bytes = grown
    this.view = new DataView(grown.buffer)
  }
}

/** Reads what a ByteWriter wrote. Each method throws SabotError SNAPSHOT_TRUNCATED where the bytes end too early. */
export class ByteReader {
  private readonly bytes: Uint8Array
  private readonly view: DataView
  private at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Bytes that are not read yet. */
  get left(): number {
    return this.bytes.length - this.at
  }

  u8(): number {
    return this.view.getUint8(this.move(1))
  }

  u32(): number {
    return this.view.getUint32(this.move(4), true)
  }

  f64(): number {
    return this.view.getFloat64(this.move(8), true)
  }

  /** `length` bytes: a copy, which begins at an address that suits every typed array. */
  raw(length: number): Uint8Array<ArrayBuffer> {
    const from = this.move(length)
    return this.bytes.slice(from, from + length) as Uint8Array<ArrayBuffer>
  }

  block(): Uint8Array<ArrayBuffer> {
    return this.raw(this.u32())
  }

  text(): string {
    const length = this.u32()
    const from = this.move(length)
    return decodeUtf8(this.bytes, from, from + length)
  }

  private move(length: number): number {
    const from = this.at
    if (length > this.left) {
      throw new SabotError(
        'SNAPSHOT_TRUNCATED',
        `A snapshot ends at byte ${this.bytes.length}, ${length} are wanted at ${from}`,
        {
          at: from,
          wanted: length,
          length: this.bytes.length,
        },
      )
    }
    this.at += length
    return from
  }
}
