/*
 * Levels and values of one page of a leaf column. What repeats, and what has lengths, is held against the page before
 * anything is made of it; the rest is hyparquet's.
 */
import type { DecodedArray, ParquetType, SchemaElement } from 'hyparquet'
import { byteStreamSplit } from 'hyparquet/src/encoding.js'
import { readPlain } from 'hyparquet/src/plain.js'
import { readDeltas } from './parquet-delta.js'
import { readHybrid } from './parquet-hybrid.js'
import type { Page } from './parquet-pages.js'

export interface LeafColumn {
  readonly type: ParquetType
  readonly element: SchemaElement
  readonly maxDefinition: number
  readonly maxRepetition: number
}

export interface PageLevels {
  /** Of each value, nulls among them; undefined where the column has none. */
  readonly repetition: Int32Array | undefined
  readonly definition: Int32Array | undefined
  /** Values that are there. */
  readonly present: number
  /** The page behind its levels. */
  readonly values: Uint8Array
}

/** What one page's strings come to at most where they share beginnings. */
const MAX_PREFIXED_BYTES = 256 * 1_048_576
/** Each is some hundred bytes until it is a dictionary code. */
const MAX_PAGE_STRINGS = 4_194_304

/** @throws RangeError for levels that are damaged */
export function readLevels({ levels, values, valueCount }: Page, leaf: LeafColumn): PageLevels {
  let rest = values
  const read = (max: number, section: Uint8Array | undefined): Int32Array | undefined => {
    if (max === 0) return undefined
    let bytes = section
    if (bytes === undefined) {
      const length = rest.length < 4 ? rest.length : viewOf(rest).getUint32(0, true)
      if (4 + length > rest.length) throw new RangeError(`its levels claim ${length} bytes`)
      bytes = rest.subarray(4, 4 + length)
      rest = rest.subarray(4 + length)
    }
    const target = new Int32Array(valueCount)
    readHybrid(bytes, 0, 32 - Math.clz32(max), target)
    for (const level of target) if (level > max) throw new RangeError(`it has the level ${level} of ${max}`)
    return target
  }
  const repetition = read(leaf.maxRepetition, levels?.repetition)
  const definition = read(leaf.maxDefinition, levels?.definition)
  let present = valueCount
  for (const level of definition ?? []) if (level !== leaf.maxDefinition) present--
  return { repetition, definition, present, values: rest }
}

export function isDictionaryCoded({ encoding }: Page): boolean {
  return encoding === 'PLAIN_DICTIONARY' || encoding === 'RLE_DICTIONARY'
}

/** @throws RangeError for indices that are damaged, or lead outside the dictionary */
export function readIndices(bytes: Uint8Array, count: number, dictionarySize: number): Int32Array {
  const indices = new Int32Array(count)
  if (count === 0) return indices
  const width = bytes[0]
  if (width === undefined) throw new RangeError('it has no indices')
  readHybrid(bytes, 1, width, indices)
  for (const index of indices) {
    if (!(index >= 0 && index < dictionarySize)) throw new RangeError(`it has no entry ${index} in ${dictionarySize}`)
  }
  return indices
}

/** @throws RangeError for values that are damaged */
export function readValues(page: Page, bytes: Uint8Array, count: number, { type, element }: LeafColumn): DecodedArray {
  if (count === 0) return []
  if (type.endsWith('BYTE_ARRAY') && count > MAX_PAGE_STRINGS) throw new RangeError(`it has ${count} strings`)
  switch (page.encoding) {
    case 'PLAIN':
      return plain(bytes, count, type, element.type_length)
    case 'RLE': {
      if (type !== 'BOOLEAN') break
      const target = new Int32Array(count)
      // Of the second version of pages too: the size of the runs stands before them.
      readHybrid(bytes.subarray(4), 0, 1, target)
      return Array.from(target, bit => bit === 1)
    }
    case 'BYTE_STREAM_SPLIT':
      needBytes(bytes, count * widthOf(type, element.type_length))
      return byteStreamSplit({ view: viewOf(bytes), offset: 0 }, count, type, element.type_length)
    case 'DELTA_BINARY_PACKED': {
      if (type !== 'INT32' && type !== 'INT64') break
      const target = type === 'INT32' ? new Int32Array(count) : new BigInt64Array(count)
      readDeltas(bytes, 0, target)
      return target
    }
    case 'DELTA_LENGTH_BYTE_ARRAY': {
      const lengths = new Int32Array(count)
      return strings(bytes, lengths, readDeltas(bytes, 0, lengths))
    }
    case 'DELTA_BYTE_ARRAY': {
      const [prefixes, lengths] = [new Int32Array(count), new Int32Array(count)]
      const at = readDeltas(bytes, readDeltas(bytes, 0, prefixes), lengths)
      return prefixed(strings(bytes, lengths, at), prefixes)
    }
    default:
  }
  throw new RangeError(`its encoding ${page.encoding} is not known for ${type}`)
}

function plain(bytes: Uint8Array, count: number, type: ParquetType, length: number | undefined): DecodedArray {
  const view = viewOf(bytes)
  if (type !== 'BYTE_ARRAY') {
    needBytes(bytes, type === 'BOOLEAN' ? Math.ceil(count / 8) : count * widthOf(type, length))
    return readPlain({ view, offset: 0 }, type, count, length)
  }
  needBytes(bytes, count * 4)
  const values: Uint8Array[] = new Array(count)
  let at = 0
  for (let index = 0; index < count; index++) {
    needBytes(bytes, at + 4)
    const size = view.getUint32(at, true)
    needBytes(bytes, at + 4 + size)
    values[index] = bytes.subarray(at + 4, at + 4 + size)
    at += 4 + size
  }
  return values
}

function strings(bytes: Uint8Array, lengths: Int32Array, start: number): Uint8Array[] {
  let at = start
  return Array.from(lengths, length => {
    if (length < 0) throw new RangeError(`it has a value of ${length} bytes`)
    needBytes(bytes, at + length)
    at += length
    return bytes.subarray(at - length, at)
  })
}

function prefixed(suffixes: readonly Uint8Array[], prefixes: Int32Array): Uint8Array[] {
  let last: Uint8Array = new Uint8Array()
  let total = 0
  return suffixes.map((suffix, index) => {
    const length = prefixes[index] ?? 0
    if (!(length >= 0 && length <= last.length))
      throw new RangeError(`it has a prefix of ${length} of ${last.length} bytes`)
    total += length
    if (total > MAX_PREFIXED_BYTES) throw new RangeError(`its strings share more than ${MAX_PREFIXED_BYTES} bytes`)
    const value = new Uint8Array(length + suffix.length)
    value.set(last.subarray(0, length))
    value.set(suffix, length)
    last = value
    return value
  })
}

function widthOf(type: ParquetType, length: number | undefined): number {
  switch (type) {
    case 'INT32':
    case 'FLOAT':
      return 4
    case 'INT64':
    case 'DOUBLE':
      return 8
    case 'INT96':
      return 12
    default:
      if (length === undefined || !(length > 0)) throw new RangeError(`its ${type} has no length`)
      return length
  }
}

function needBytes(bytes: Uint8Array, length: number): void {
  if (length > bytes.length) throw new RangeError(`it needs ${length} bytes, and has ${bytes.length}`)
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView<ArrayBuffer> {
  return new DataView(buffer as ArrayBuffer, byteOffset, length)
}
