/*
 * Parquet files, a row group at a time. The pages are decoded by hyparquet (MIT) and fzstd (MIT); this module checks
 * the file against the declared columns, and turns what they give into column batches.
 */
import { decompress } from 'fzstd'
import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
  parquetSchema,
  type SchemaTree,
} from 'hyparquet'
import { Batch } from '../core/batch.js'
import type { Column } from '../core/column.js'
import { SabotError } from '../core/errors.js'
import type { ReadableFile } from '../core/files.js'
import { nearestName } from '../core/nearest.js'
import { Schema } from '../core/schema.js'
import { type Field, fieldsOf, type RowOf, type SchemaShape } from '../core/types.js'
import { columnDecoder, shownElement } from './parquet-decode.js'
import { type ColumnChunk, checkPages } from './parquet-pages.js'
import { checkDeclared, derivedField } from './parquet-types.js'

export interface ParquetRowGroup {
  /** Rows of the file before this group. */
  readonly firstRow: number
  readonly rowCount: number
}

export interface ParquetFile<Row = unknown> {
  readonly schema: Schema<Row>
  readonly rowCount: number
  readonly rowGroups: readonly ParquetRowGroup[]
  /**
   * The rows of one group. utf8 columns have a dictionary of their own (plain strings where there are more than 65,536).
   * @throws SabotError NULL_VALUE or OUT_OF_RANGE with column and row of the file; PARQUET_INVALID for damaged data.
   */
  readRowGroup(index: number): Promise<Batch<Row>>
}

/**
 * Opens a Parquet file by its footer. With `columns`, or a `schema`, only these are read, as the declared types: integers may be
 * narrowed (each value is checked), integers and floats read as f64, all units of timestamps as ms. Without, all
 * columns are read as the types that the file has.
 * @throws SabotError PARQUET_INVALID when the file is foreign or truncated; MISSING_COLUMN, naming the columns that are
 *   there; TYPE_MISMATCH when a declared type cannot hold a column; UNSUPPORTED_TYPE when an undeclared one has none.
 */
export async function openParquet<const Shape extends SchemaShape>(
  file: Pick<ReadableFile, 'sizeBytes' | 'read'>,
  options: { readonly columns: Shape },
): Promise<ParquetFile<RowOf<Shape>>>
export async function openParquet(
  file: Pick<ReadableFile, 'sizeBytes' | 'read'>,
  options?: { readonly schema?: Schema },
): Promise<ParquetFile>
export async function openParquet(
  file: Pick<ReadableFile, 'sizeBytes' | 'read'>,
  options: { readonly columns?: SchemaShape; readonly schema?: Schema } = {},
): Promise<ParquetFile> {
  const buffer = asyncBuffer(file)
  const metadata = await readMetadata(buffer)
  const trees = new Map(parquetSchema(metadata).children.map(tree => [tree.element.name, tree]))
  const fields = options.columns === undefined ? options.schema?.fields : fieldsOf(options.columns)
  const schema = new Schema(fields ?? Array.from(trees.values(), derivedField))
  const columns = schema.fields.map(field => ({ field, tree: columnTree(trees, field) }))
  if (fields !== undefined) for (const { field, tree } of columns) checkDeclared(tree, field)
  return new OpenParquetFile(buffer, metadata, schema, columns)
}

interface FileColumn {
  readonly field: Field
  readonly tree: SchemaTree
}

class OpenParquetFile implements ParquetFile {
  readonly schema: Schema
  readonly rowCount: number
  readonly rowGroups: readonly ParquetRowGroup[]
  private readonly buffer: AsyncBuffer
  private readonly metadata: FileMetaData
  private readonly columns: readonly FileColumn[]

  constructor(buffer: AsyncBuffer, metadata: FileMetaData, schema: Schema, columns: readonly FileColumn[]) {
    this.buffer = buffer
    this.metadata = { ...metadata, schema: metadata.schema.map(shownElement) }
    this.schema = schema
    this.columns = columns
    let firstRow = 0
    this.rowGroups = metadata.row_groups.map(({ num_rows }) => {
      const group = { firstRow, rowCount: Number(num_rows) }
      firstRow += group.rowCount
      return group
    })
    this.rowCount = firstRow
  }

  async readRowGroup(index: number): Promise<Batch> {
    const group = this.rowGroups[index]
    if (group === undefined) throw new RangeError(`The file has ${this.rowGroups.length} row groups, none at ${index}`)
    const columns: Column[] = []
    // One after the other: a column's decoded values are some tens of bytes a row until they are converted.
    for (const column of this.columns) columns.push(await this.readColumn(column, index, group))
    return new Batch({ schema: this.schema, columns, rowCount: group.rowCount })
  }

  private async readColumn({ field, tree }: FileColumn, index: number, group: ParquetRowGroup): Promise<Column> {
    const { firstRow, rowCount } = group
    const decoder = columnDecoder(tree, field, rowCount, firstRow)
    if (rowCount === 0) return decoder.finish()
    const chunks = this.chunks(field.name, index)
    const file = await this.chunkBuffer(chunks)
    const position = chunks[0]?.start
    let failure: unknown
    try {
      await parquetRead({
        file,
        metadata: this.metadata,
        columns: [field.name],
        rowStart: firstRow,
        rowEnd: firstRow + rowCount,
        utf8: false,
        parsers: decoder.parsers,
        compressors: { ZSTD: (bytes, outputLength) => decompress(bytes, new Uint8Array(outputLength)) },
        onChunk: ({ columnData }) => {
          // hyparquet drops what a callback throws.
          try {
            if (failure === undefined) decoder.add(columnData)
          } catch (error) {
            failure = error
          }
        },
      })
      if (failure !== undefined) throw failure
    } catch (error) {
      if (error instanceof SabotError) throw error
      throw invalid(
        `Column ${field.name} of row group ${index} cannot be decoded`,
        { field: field.name, position },
        error,
      )
    }
    if (decoder.rows !== rowCount) {
      throw invalid(`Column ${field.name} of row group ${index} has ${decoder.rows} rows instead of ${rowCount}`, {
        field: field.name,
        position,
      })
    }
    return decoder.finish()
  }

  /** The column chunks of a field in a group, several for nested types. */
  private chunks(name: string, index: number): ColumnChunk[] {
    const chunks: ColumnChunk[] = []
    for (const { meta_data: chunk } of this.metadata.row_groups[index]?.columns ?? []) {
      if (chunk?.path_in_schema[0] !== name) continue
      const start = Number(chunk.dictionary_page_offset || chunk.data_page_offset)
      const end = start + Number(chunk.total_compressed_size)
      if (!(start >= 4 && end >= start && end <= this.buffer.byteLength)) {
        throw invalid(`Column ${name} of row group ${index} lies at bytes ${start} to ${end}, outside the file`, {
          field: name,
          position: start,
          sizeBytes: this.buffer.byteLength,
        })
      }
      const uncompressedBytes = Number(chunk.total_uncompressed_size)
      chunks.push({ name, start, end, uncompressedBytes, valueCount: Number(chunk.num_values) })
    }
    return chunks
  }

  /** The file as far as these chunks go, read at once and checked. The chunks of one column lie side by side. */
  private async chunkBuffer(chunks: readonly ColumnChunk[]): Promise<AsyncBuffer> {
    const start = Math.min(...chunks.map(chunk => chunk.start))
    const end = Math.max(...chunks.map(chunk => chunk.end))
    const bytes = await this.buffer.slice(start, end)
    for (const chunk of chunks) checkPages(chunk, bytes, start)
    return {
      byteLength: this.buffer.byteLength,
      slice: (from, to = this.buffer.byteLength) => {
        return from >= start && to <= end ? bytes.slice(from - start, to - start) : this.buffer.slice(from, to)
      },
    }
  }
}

async function readMetadata(buffer: AsyncBuffer): Promise<FileMetaData> {
  if (buffer.byteLength < 12) {
    throw invalid(`A Parquet file has at least 12 bytes, this one has ${buffer.byteLength}`, { position: 0 })
  }
  const magic = new DataView(await buffer.slice(buffer.byteLength - 4, buffer.byteLength))
  if (magic.getUint32(0, true) !== MAGIC) {
    throw invalid('The file does not end as a Parquet file does: it is something else, or truncated', {
      position: buffer.byteLength - 4,
    })
  }
  try {
    return await parquetMetadataAsync(buffer, { geoparquet: false })
  } catch (error) {
    if (error instanceof SabotError) throw error
    throw invalid('The footer of the Parquet file cannot be read', { position: buffer.byteLength - 8 }, error)
  }
}

/** 'PAR1' */
const MAGIC = 0x31524150

function columnTree(trees: ReadonlyMap<string, SchemaTree>, { name }: Field): SchemaTree {
  const tree = trees.get(name)
  if (tree !== undefined) return tree
  const known = [...trees.keys()]
  const nearest = nearestName(name, known)
  const hint = nearest === undefined ? '' : ` Did you mean ${JSON.stringify(nearest)}?`
  throw new SabotError(
    'MISSING_COLUMN',
    `The file has no column ${JSON.stringify(name)}.${hint} It has ${known.join(', ')}.`,
    {
      field: name,
      known,
      nearest,
    },
  )
}

function asyncBuffer(file: Pick<ReadableFile, 'sizeBytes' | 'read'>): AsyncBuffer {
  const byteLength = file.sizeBytes
  return {
    byteLength,
    async slice(start, end = byteLength) {
      const bytes = await file.read(start, end - start)
      if (bytes.length !== end - start) {
        throw invalid(`The file ends at byte ${start + bytes.length}, before byte ${end}`, {
          position: start + bytes.length,
        })
      }
      const { buffer } = bytes
      if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.length) return buffer
      // Not bytes.slice(): a Buffer of Node is a Uint8Array whose slice is a view of its pool.
      return new Uint8Array(bytes).buffer
    },
  }
}

function invalid(message: string, details: Record<string, unknown>, cause?: unknown): SabotError {
  const because = cause instanceof Error ? `: ${cause.message}` : ''
  return new SabotError('PARQUET_INVALID', message + because, details, cause === undefined ? undefined : { cause })
}
