/*
 * The pages of a column chunk, unpacked one at a time. Headers are checked before anything is reserved for what they
 * claim: one that leads backwards or outside would send a decoder round and round, or have it take memory for sizes that
 * no page has.
 */
import type { CompressionCodec, Encoding, PageHeader } from 'hyparquet'
import { parquetHeader } from 'hyparquet/src/column.js'
import { SabotError } from '../core/errors.js'
import { gunzipWhole } from './avro-codec.js'
import { decompressLz4Block } from './lz4-frame.js'
import { checkThriftStruct } from './parquet-thrift.js'
import { decompressSnappy } from './snappy.js'
import { loadZstd } from './zstd.js'

export interface ColumnChunk {
  readonly name: string
  /** The chunk's first byte in the file. */
  readonly start: number
  readonly end: number
  readonly codec: CompressionCodec
  readonly uncompressedBytes: number
  /** Nulls are values here, and empty lists. */
  readonly valueCount: number
}

/** A page whose sizes hold together. */
export interface Page {
  /** Of its header in the file. */
  readonly position: number
  readonly isDictionary: boolean
  readonly valueCount: number
  readonly encoding: Encoding
  /** Repetition levels, then definition levels; undefined where they stand at the head of `values`, each with its size. */
  readonly levels: { readonly repetition: Uint8Array; readonly definition: Uint8Array } | undefined
  readonly values: Uint8Array
}

/** A page that says that it unpacks to more than this is believed up to 100 times its size. */
const FREE_PAGE_BYTES = 64 * 1_048_576
const MAX_RATIO = 100

/**
 * The pages of a chunk in their order; `bytes` are those of the chunk.
 * @throws SabotError PARQUET_INVALID with the position of the page that is damaged
 */
export async function* pagesOf(chunk: ColumnChunk, bytes: Uint8Array<ArrayBuffer>): AsyncGenerator<Page> {
  const headers = pageHeaders(chunk, bytes)
  for (const { header, position, at } of headers) {
    const packed = bytes.subarray(at, at + header.compressed_page_size)
    try {
      yield await unpacked(header, position, packed, chunk.codec)
    } catch (cause) {
      throw damagedPage(chunk, position, 'cannot be unpacked', cause)
    }
  }
}

/** What is wrong with a page, and where. */
export function damagedPage({ name }: ColumnChunk, position: number, why: string, cause?: unknown): SabotError {
  if (cause instanceof SabotError) return cause
  const because = cause instanceof Error ? `: ${cause.message}` : ''
  const message = `Column ${name}: the page at byte ${position} ${why}${because}`
  return new SabotError(
    'PARQUET_INVALID',
    message,
    { field: name, position },
    cause === undefined ? undefined : { cause },
  )
}

interface PlacedHeader {
  readonly header: PageHeader
  readonly position: number
  /** Where the page's own bytes begin in the chunk. */
  readonly at: number
}

/** All of a chunk, so that it is known to hold what it claims before the first value is decoded. */
function pageHeaders(chunk: ColumnChunk, bytes: Uint8Array<ArrayBuffer>): PlacedHeader[] {
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), offset: 0 }
  const headers: PlacedHeader[] = []
  let values = 0
  // Some writers pad the end.
  while (values < chunk.valueCount && reader.offset < bytes.length - 1) {
    const position = chunk.start + reader.offset
    let header: PageHeader
    try {
      checkThriftStruct(bytes, reader.offset)
      header = parquetHeader(reader)
    } catch (cause) {
      throw damagedPage(chunk, position, 'has no readable header', cause)
    }
    const { compressed_page_size: size, uncompressed_page_size: fullSize } = header
    if (!(isSize(size) && reader.offset + size <= bytes.length)) {
      throw damagedPage(chunk, position, `claims ${size} bytes`)
    }
    const mostBytes = Math.min(chunk.uncompressedBytes, Math.max(FREE_PAGE_BYTES, size * MAX_RATIO))
    if (!(isSize(fullSize) && fullSize <= mostBytes)) {
      throw damagedPage(chunk, position, `claims ${fullSize} bytes`)
    }
    const page = header.data_page_header ?? header.data_page_header_v2
    const count = page?.num_values ?? header.dictionary_page_header?.num_values ?? 0
    if (!(isSize(count) && count <= chunk.valueCount)) throw damagedPage(chunk, position, `claims ${count} values`)
    if (isRead(header)) headers.push({ header, position, at: reader.offset })
    reader.offset += size
    if (page !== undefined && isRead(header)) values += count
  }
  if (values !== chunk.valueCount) {
    const position = chunk.start + reader.offset
    throw damagedPage(chunk, position, `ends the column with ${values} of ${chunk.valueCount} values`)
  }
  return headers
}

/** A damaged header has any kind of value anywhere. */
function isSize(value: unknown): boolean {
  return typeof value === 'number' && value >= 0
}

/** Pages of an index are passed over. */
function isRead({ type, data_page_header, data_page_header_v2, dictionary_page_header }: PageHeader): boolean {
  switch (type) {
    case 'DATA_PAGE':
      return data_page_header !== undefined
    case 'DATA_PAGE_V2':
      return data_page_header_v2 !== undefined
    case 'DICTIONARY_PAGE':
      return dictionary_page_header !== undefined
    default:
      return false
  }
}

async function unpacked(
  header: PageHeader,
  position: number,
  packed: Uint8Array<ArrayBuffer>,
  codec: CompressionCodec,
): Promise<Page> {
  const { data_page_header: v1, data_page_header_v2: v2, uncompressed_page_size: fullSize } = header
  if (header.type !== 'DATA_PAGE_V2') {
    const described = header.type === 'DATA_PAGE' ? v1 : header.dictionary_page_header
    if (described === undefined) throw new RangeError('its header has no counts')
    const { num_values: valueCount, encoding } = described
    const values = await unpack(packed, codec, fullSize)
    return {
      position,
      isDictionary: header.type === 'DICTIONARY_PAGE',
      valueCount,
      encoding,
      levels: undefined,
      values,
    }
  }
  if (v2 === undefined) throw new RangeError('its header has no counts')
  const { repetition_levels_byte_length: repetition, definition_levels_byte_length: definition } = v2
  if (!isSize(repetition) || !isSize(definition) || repetition + definition > Math.min(packed.length, fullSize)) {
    throw new RangeError(`it claims ${repetition} and ${definition} bytes of levels`)
  }
  const levelBytes = repetition + definition
  const rest = packed.subarray(levelBytes)
  return {
    position,
    isDictionary: false,
    valueCount: v2.num_values,
    encoding: v2.encoding,
    levels: { repetition: packed.subarray(0, repetition), definition: packed.subarray(repetition, levelBytes) },
    values: await unpack(rest, v2.is_compressed === false ? 'UNCOMPRESSED' : codec, fullSize - levelBytes),
  }
}

async function unpack(packed: Uint8Array<ArrayBuffer>, codec: CompressionCodec, size: number): Promise<Uint8Array> {
  const bytes = await unpackBytes(packed, codec, size)
  if (bytes.length !== size) throw new RangeError(`it has ${bytes.length} bytes instead of ${size}`)
  return bytes
}

async function unpackBytes(packed: Uint8Array, codec: CompressionCodec, size: number): Promise<Uint8Array> {
  if (size === 0) return new Uint8Array()
  switch (codec) {
    case 'UNCOMPRESSED':
      return packed
    case 'SNAPPY':
      return decompressSnappy(packed, size)
    case 'ZSTD':
      return (await loadZstd()).decompress(packed, size)
    case 'GZIP':
      return gunzipWhole(packed)
    case 'LZ4_RAW':
      return decompressLz4Block(packed, size)
    default:
      throw new RangeError(`it is compressed by ${codec}, which is not read here`)
  }
}
