/*
 * The page headers of a column chunk, checked before its pages are decoded: a header that leads backwards or outside
 * would otherwise send the decoder round and round, or make it reserve memory for sizes that no page has.
 */
import { parquetHeader } from 'hyparquet/src/column.js'
import { SabotError } from '../core/errors.js'

export interface ColumnChunk {
  readonly name: string
  /** The chunk's first byte in the file. */
  readonly start: number
  readonly end: number
  readonly uncompressedBytes: number
  readonly valueCount: number
}

/**
 * Walks the pages of a chunk, whose bytes begin at file position `bufferStart` of `buffer`.
 * @throws SabotError PARQUET_INVALID with the position of the page that is damaged.
 */
export function checkPages(chunk: ColumnChunk, buffer: ArrayBuffer, bufferStart: number): void {
  const length = chunk.end - chunk.start
  const reader = { view: new DataView(buffer, chunk.start - bufferStart, length), offset: 0 }
  let values = 0
  // The decoder stops at the last byte too: some writers pad.
  while (reader.offset < length - 1 && values < chunk.valueCount) {
    const position = chunk.start + reader.offset
    let header: ReturnType<typeof parquetHeader>
    try {
      header = parquetHeader(reader)
    } catch (cause) {
      throw damaged(chunk, position, 'has no readable header', cause)
    }
    const { compressed_page_size: size, uncompressed_page_size: fullSize } = header
    const page = header.data_page_header ?? header.data_page_header_v2
    const count = page?.num_values ?? header.dictionary_page_header?.num_values ?? 0
    if (!(size >= 0 && reader.offset + size <= length)) throw damaged(chunk, position, `claims ${size} bytes`)
    if (!(fullSize >= 0 && fullSize <= chunk.uncompressedBytes))
      throw damaged(chunk, position, `claims ${fullSize} bytes`)
    if (!(count >= 0 && count <= chunk.valueCount)) throw damaged(chunk, position, `claims ${count} values`)
    reader.offset += size
    if (page !== undefined) values += count
  }
  if (values !== chunk.valueCount) {
    throw damaged(chunk, chunk.start + reader.offset, `ends the column with ${values} of ${chunk.valueCount} values`)
  }
}

function damaged({ name }: ColumnChunk, position: number, why: string, cause?: unknown): SabotError {
  const message = `Column ${name}: the page at byte ${position} ${why}`
  return new SabotError(
    'PARQUET_INVALID',
    message,
    { field: name, position },
    cause === undefined ? undefined : { cause },
  )
}
