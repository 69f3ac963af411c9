/*
 * Structs of Thrift's compact protocol, checked before hyparquet makes objects of them: it takes lengths as they are
 * written, and a lying one would have it reserve memory for lists that are not there, or go round in varints without end.
 */

const STOP = 0
const MAX_DEPTH = 64
const MAX_VARINT_BYTES = 10
const MAX_LENGTH_BYTES = 5

/** @throws RangeError for a struct from `start` on that does not end within the bytes, or nests too deep */
export function checkThriftStruct(bytes: Uint8Array, start: number): void {
  let at = start
  const need = (length: number): void => {
    if (!(length >= 0 && at + length <= bytes.length)) throw new RangeError(`it ends within a value at byte ${at}`)
  }
  const varint = (maxBytes: number): number => {
    let value = 0
    for (let index = 0; index < maxBytes; index++) {
      need(1)
      const byte = bytes[at++] ?? 0
      value += (byte & 0x7f) * 2 ** (7 * index)
      if (byte < 0x80) return value
    }
    throw new RangeError(`a number before byte ${at} is too long`)
  }
  const skip = (length: number): void => {
    need(length)
    at += length
  }
  const element = (type: number, depth: number): void => {
    switch (type) {
      case 1: // true
      case 2: // false
        return
      case 3: // byte
        skip(1)
        return
      case 4: // i16
      case 5: // i32
      case 6: // i64
        varint(MAX_VARINT_BYTES)
        return
      case 7: // double
        skip(8)
        return
      case 8: // binary
        skip(varint(MAX_LENGTH_BYTES))
        return
      case 9: {
        if (depth > MAX_DEPTH) throw new RangeError(`it nests deeper than ${MAX_DEPTH}`)
        need(1)
        const header = bytes[at++] ?? 0
        const size = header >>> 4 === 15 ? varint(MAX_LENGTH_BYTES) : header >>> 4
        // Every element takes a byte, truth values too.
        need(size)
        const isBool = (header & 15) === 1 || (header & 15) === 2
        for (let index = 0; index < size; index++) element(isBool ? 3 : header & 15, depth + 1)
        return
      }
      case 12:
        struct(depth + 1)
        return
      default:
        throw new RangeError(`a value before byte ${at} has the unknown type ${type}`)
    }
  }
  const struct = (depth: number): void => {
    if (depth > MAX_DEPTH) throw new RangeError(`it nests deeper than ${MAX_DEPTH}`)
    for (;;) {
      need(1)
      const header = bytes[at++] ?? 0
      if ((header & 15) === STOP) return
      if (header >>> 4 === 0) varint(MAX_LENGTH_BYTES)
      element(header & 15, depth)
    }
  }
  struct(0)
}
