/* A file that is read forwards in pieces of the reader's choice, over larger pieces of the file. */
import type { ReadableFile } from '../core/files.js'

const CHUNK_BYTES = 262_144

export class ByteWindow {
  private readonly file: Pick<ReadableFile, 'read'>
  /** Bytes of the file from `start` on. */
  private bytes: Uint8Array = new Uint8Array()
  private start = 0

  constructor(file: Pick<ReadableFile, 'read'>) {
    this.file = file
  }

  /** `length` bytes from `offset`, fewer where the file ends. Offsets do not go back. Valid until the next call. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const end = this.start + this.bytes.length
    if (offset >= end) {
      this.bytes = new Uint8Array()
      this.start = offset
    }
    const parts: Uint8Array[] = [this.bytes.subarray(offset - this.start)]
    let have = parts[0]?.length ?? 0
    if (have >= length) return this.bytes.subarray(offset - this.start, offset - this.start + length)
    while (have < length) {
      // Not all at once: a length may lie.
      const part = await this.file.read(offset + have, CHUNK_BYTES)
      if (part.length === 0) break
      parts.push(part)
      have += part.length
    }
    const joined = new Uint8Array(have)
    let at = 0
    for (const part of parts) {
      joined.set(part, at)
      at += part.length
    }
    this.bytes = joined
    this.start = offset
    return joined.subarray(0, length)
  }
}
