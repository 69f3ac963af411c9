/*
 * What has changed from the bytes of a part to those of the same part at a later checkpoint. Little-endian:
 *
 *   "SPAT" u32 | version u32 | bytes of the base f64 | bytes of the result f64 | edits up to the end
 *   edit:   copy | skip | length | the literal, so many bytes
 *
 * An edit copies the next `copy` bytes of the base, then writes the literal; in the base the next edit begins `skip`
 * bytes behind the copy. Numbers are varints of 7 bits a byte, the low ones first; skip has its sign in the lowest bit.
 */
import { SabotError } from '../core/errors.js'

const MAGIC = 0x54415053
const VERSION = 1
const HEAD_BYTES = 24

/** Writes a patch, edit by edit. */
export class PatchWriter {
  private bytes = new Uint8Array(1024)
  private end = HEAD_BYTES

  get length(): number {
    return this.end
  }

  edit(copy: number, skip: number, literal: Uint8Array): void {
    this.reserve(30 + literal.length)
    this.varint(copy)
    this.varint(skip < 0 ? -2 * skip - 1 : 2 * skip)
    this.varint(literal.length)
    this.bytes.set(literal, this.end)
    this.end += literal.length
  }

  finish(baseBytes: number, resultBytes: number): Uint8Array {
    const view = new DataView(this.bytes.buffer)
    view.setUint32(0, MAGIC, true)
    view.setUint32(4, VERSION, true)
    view.setFloat64(8, baseBytes, true)
    view.setFloat64(16, resultBytes, true)
    return this.bytes.slice(0, this.end)
  }

  private varint(value: number): void {
    let rest = value
    while (rest >= 128) {
      this.bytes[this.end++] = (rest % 128) + 128
      rest = Math.floor(rest / 128)
    }
    this.bytes[this.end++] = rest
  }

  private reserve(more: number): void {
    const needed = this.end + more
    if (needed <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2))
    grown.set(this.bytes.subarray(0, this.end))
    this.bytes = grown
  }
}

/**
 * The result of a patch. It may be made in the place of the base, whose bytes are then no longer what they were.
 * @throws SabotError SNAPSHOT_FOREIGN, SNAPSHOT_VERSION, SNAPSHOT_TRUNCATED; SNAPSHOT_MISMATCH for another base
 */
export function applyPatch(base: Uint8Array, patch: Uint8Array): Uint8Array {
  const resultBytes = checkHead(base, patch)
  const { total, inPlace } = survey(base, patch)
  if (total !== resultBytes) throw damaged(`its edits make ${total} bytes instead of ${resultBytes}`)
  const result = inPlace ? base : new Uint8Array(resultBytes)
  const reader = new EditReader(patch)
  let from = 0
  let to = 0
  while (reader.next()) {
    const { copy, skip, literalAt, literalBytes } = reader
    if (!inPlace) result.set(base.subarray(from, from + copy), to)
    result.set(patch.subarray(literalAt, literalAt + literalBytes), to + copy)
    from += copy + skip
    to += copy + literalBytes
  }
  return result
}

function checkHead(base: Uint8Array, patch: Uint8Array): number {
  const view = new DataView(patch.buffer, patch.byteOffset, patch.byteLength)
  if (patch.length < HEAD_BYTES || view.getUint32(0, true) !== MAGIC) {
    throw new SabotError('SNAPSHOT_FOREIGN', 'These bytes are not the changes of a part')
  }
  const version = view.getUint32(4, true)
  if (version !== VERSION) {
    throw new SabotError('SNAPSHOT_VERSION', `Changes of format ${version}: this Sabot reads ${VERSION}`, { version })
  }
  const baseBytes = view.getFloat64(8, true)
  if (baseBytes !== base.length) {
    throw new SabotError('SNAPSHOT_MISMATCH', `The changes are to ${baseBytes} bytes, not to ${base.length}`, {
      expected: baseBytes,
      actual: base.length,
    })
  }
  return view.getFloat64(16, true)
}

/** How many bytes the edits make, all of them within their bounds, and whether each byte stays where it is. */
function survey(base: Uint8Array, patch: Uint8Array): { total: number; inPlace: boolean } {
  const reader = new EditReader(patch)
  let from = 0
  let to = 0
  let moves = false
  while (reader.next()) {
    const { copy, skip, literalBytes } = reader
    moves ||= copy > 0 && from !== to
    if (from + copy > base.length) throw damaged(`it copies from beyond the ${base.length} bytes of its base`)
    from += copy + skip
    to += copy + literalBytes
    if (from < 0 || from > base.length) throw damaged(`it leads to byte ${from} of ${base.length}`)
  }
  return { total: to, inPlace: !moves && to === base.length }
}

class EditReader {
  copy = 0
  skip = 0
  literalAt = 0
  literalBytes = 0
  private readonly bytes: Uint8Array
  private at = HEAD_BYTES

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  next(): boolean {
    if (this.at === this.bytes.length) return false
    this.copy = this.varint()
    const skip = this.varint()
    this.skip = skip % 2 === 0 ? skip / 2 : -(skip + 1) / 2
    this.literalBytes = this.varint()
    this.literalAt = this.at
    this.at += this.literalBytes
    if (this.at > this.bytes.length) throw truncated()
    return true
  }

  private varint(): number {
    let value = 0
    for (let unit = 1; unit < 2 ** 53; unit *= 128) {
      const byte = this.bytes[this.at++]
      if (byte === undefined) throw truncated()
      value += (byte & 127) * unit
      if (byte < 128) return value
    }
    throw damaged('a number in it is too long')
  }
}

function truncated(): SabotError {
  return new SabotError('SNAPSHOT_TRUNCATED', 'The changes of a part end in the middle of an edit')
}

function damaged(reason: string): SabotError {
  return new SabotError('SNAPSHOT_CORRUPT', `The changes of a part are damaged: ${reason}`, { reason })
}
