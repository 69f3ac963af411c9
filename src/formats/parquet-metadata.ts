/*
 * The footer of a Parquet file, read and held against itself: what it claims of schema, rows and places is what all the
 * rest goes by.
 */
import { type FileMetaData, parquetMetadata, parquetSchema, type SchemaTree } from 'hyparquet'
import { SabotError } from '../core/errors.js'
import type { ReadableFile } from '../core/files.js'
import { shownElement } from './parquet-decode.js'
import { checkThriftStruct } from './parquet-thrift.js'
import { TIMESTAMP_PARSERS } from './parquet-values.js'

export interface ParquetMetadata {
  /** With the elements of the file. */
  readonly tree: SchemaTree
  /** With the elements that hyparquet is shown. */
  readonly shownTree: SchemaTree
  readonly rowGroups: FileMetaData['row_groups']
}

/** 'PAR1' */
const MAGIC = 0x31524150
/** Of a footer; wide files have some megabytes. */
const MAX_FOOTER_BYTES = 64 * 1_048_576
/** Of one row group, whose columns are in memory as a whole. */
const MAX_GROUP_ROWS = 2 ** 26
const MAX_FIXED_BYTES = 1_048_576
const MAX_DECIMAL_SCALE = 1_000

/** @throws SabotError PARQUET_INVALID when the file is foreign, truncated, or its footer damaged */
export async function readMetadata(file: Pick<ReadableFile, 'sizeBytes' | 'read'>): Promise<ParquetMetadata> {
  const { sizeBytes } = file
  if (sizeBytes < 12) throw invalid(`A Parquet file has at least 12 bytes, this one has ${sizeBytes}`, 0)
  const tail = await readExactly(file, sizeBytes - 8, 8)
  const ending = new DataView(tail.buffer)
  if (ending.getUint32(4, true) !== MAGIC) {
    throw invalid('The file does not end as a Parquet file does: it is something else, or truncated', sizeBytes - 4)
  }
  const length = ending.getUint32(0, true)
  if (length > sizeBytes - 12 || length > MAX_FOOTER_BYTES) {
    throw invalid(`The footer of the Parquet file claims ${length} bytes`, sizeBytes - 8)
  }
  const footer = await readExactly(file, sizeBytes - 8 - length, length + 8)
  try {
    checkThriftStruct(footer, 0)
    return checked(parquetMetadata(footer, { geoparquet: false, parsers: STATISTICS_PARSERS }))
  } catch (cause) {
    const because = cause instanceof Error ? `: ${cause.message}` : ''
    throw invalid(`The footer of the Parquet file cannot be read${because}`, sizeBytes - 8 - length, cause)
  }
}

/** Times in ms. Texts of statistics are of no use here. */
const STATISTICS_PARSERS = { ...TIMESTAMP_PARSERS, stringFromBytes: () => undefined }

/** @throws SabotError PARQUET_INVALID where the file ends before */
export async function readExactly(
  file: Pick<ReadableFile, 'read'>,
  offset: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await file.read(offset, length)
  if (bytes.length !== length) {
    throw invalid(
      `The file ends at byte ${offset + bytes.length}, before byte ${offset + length}`,
      offset + bytes.length,
    )
  }
  const { buffer } = bytes
  // Values are read in place where they are aligned: from the beginning of a buffer of their own.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) return new Uint8Array(buffer)
  return new Uint8Array(bytes)
}

/** @throws RangeError for what cannot be */
function checked(metadata: FileMetaData): ParquetMetadata {
  for (const { name, type, type_length, scale, logical_type, num_children } of metadata.schema) {
    if (typeof name !== 'string') throw new RangeError('a column has no name')
    if (num_children !== undefined && !(num_children >= 0 && num_children < metadata.schema.length)) {
      throw new RangeError(`${name} claims ${num_children} columns below it`)
    }
    if (
      type === 'FIXED_LEN_BYTE_ARRAY' &&
      !(type_length !== undefined && type_length > 0 && type_length <= MAX_FIXED_BYTES)
    ) {
      throw new RangeError(`${name} has values of ${type_length} bytes`)
    }
    const scales = [scale ?? 0, logical_type?.type === 'DECIMAL' ? logical_type.scale : 0]
    if (!scales.every(each => each >= 0 && each <= MAX_DECIMAL_SCALE)) throw new RangeError(`${name} has a wrong scale`)
  }
  const tree = parquetSchema(metadata)
  if (tree.count !== metadata.schema.length)
    throw new RangeError(`its columns are ${tree.count} of ${metadata.schema.length}`)
  for (const [index, { num_rows, columns }] of metadata.row_groups.entries()) {
    if (!(num_rows >= 0n && num_rows <= BigInt(MAX_GROUP_ROWS))) {
      throw new RangeError(`row group ${index} claims ${num_rows} rows, of ${MAX_GROUP_ROWS} at most`)
    }
    for (const { meta_data: chunk, file_path } of columns) {
      if (chunk === undefined) throw new RangeError(`row group ${index} has a column without a description`)
      if (file_path !== undefined && file_path !== '') throw new RangeError('its columns stand in other files')
    }
  }
  const shown = { ...metadata, schema: metadata.schema.map(shownElement) }
  return { tree, shownTree: parquetSchema(shown), rowGroups: metadata.row_groups }
}

function invalid(message: string, position: number, cause?: unknown): SabotError {
  return new SabotError('PARQUET_INVALID', message, { position }, cause === undefined ? undefined : { cause })
}
