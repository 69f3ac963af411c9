/*
 * Parquet files, a row group at a time. Values are decoded by hyparquet (MIT); this module checks the file against the
 * declared columns and against itself, and turns what comes of it into column batches.
 */
import type { RowGroup, SchemaTree } from 'hyparquet'
import { Batch } from '../core/batch.js'
import type { Column } from '../core/column.js'
import { SabotError } from '../core/errors.js'
import type { ReadableFile } from '../core/files.js'
import { nearestName } from '../core/nearest.js'
import { readSchema } from '../core/read-schema.js'
import { Schema } from '../core/schema.js'
import { type Field, fieldsOf, type RowOf, type SchemaShape } from '../core/types.js'
import { checkRows, decodeChunks, type LeafChunk, leavesOf } from './parquet-chunk.js'
import { columnDecoder } from './parquet-decode.js'
import { type ParquetMetadata, readExactly, readMetadata } from './parquet-metadata.js'
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
  /** Only some of the fields, in the order of the schema. */
  readRowGroup(index: number, fields: readonly string[] | undefined): Promise<Batch>
  /** What the statistics of a group tell of the times in a column of timestamps; undefined: nothing. */
  timesOf(index: number, field: string): ParquetTimes | undefined
}

/** ms; a time of finer units is cut towards −∞, as those of the rows are. */
export interface ParquetTimes {
  readonly earliest: number
  readonly latest: number
  readonly hasNulls: boolean
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
  const metadata = await readMetadata(file)
  const trees = new Map(metadata.tree.children.map(tree => [tree.element.name, tree]))
  const fields = options.columns === undefined ? options.schema?.fields : fieldsOf(options.columns)
  const schema = new Schema(fields ?? Array.from(trees.values(), derivedField))
  const columns = schema.fields.map(field => ({ field, tree: columnTree(trees, field) }))
  if (fields !== undefined) for (const { field, tree } of columns) checkDeclared(tree, field)
  return new OpenParquetFile(file, metadata, schema, columns)
}

interface FileColumn {
  readonly field: Field
  readonly tree: SchemaTree
}

class OpenParquetFile implements ParquetFile {
  readonly schema: Schema
  readonly rowCount: number
  readonly rowGroups: readonly ParquetRowGroup[]
  private readonly file: Pick<ReadableFile, 'sizeBytes' | 'read'>
  private readonly metadata: ParquetMetadata
  private readonly columns: readonly FileColumn[]

  constructor(
    file: Pick<ReadableFile, 'sizeBytes' | 'read'>,
    metadata: ParquetMetadata,
    schema: Schema,
    columns: readonly FileColumn[],
  ) {
    this.file = file
    this.metadata = metadata
    this.schema = schema
    this.columns = columns
    let firstRow = 0
    this.rowGroups = metadata.rowGroups.map(({ num_rows }) => {
      const group = { firstRow, rowCount: Number(num_rows) }
      firstRow += group.rowCount
      return group
    })
    this.rowCount = firstRow
  }

  async readRowGroup(index: number, fields?: readonly string[]): Promise<Batch> {
    const group = this.rowGroups[index]
    const described = this.metadata.rowGroups[index]
    if (group === undefined || described === undefined) {
      throw new RangeError(`The file has ${this.rowGroups.length} row groups, none at ${index}`)
    }
    const schema = readSchema(this.schema, fields)
    const columns: Column[] = []
    // One after the other: a column's decoded values are some tens of bytes a row until they are converted.
    for (const column of this.columns) {
      if (schema.has(column.field.name)) columns.push(await this.readColumn(column, described, group))
    }
    return new Batch({ schema, columns, rowCount: group.rowCount })
  }

  timesOf(index: number, field: string): ParquetTimes | undefined {
    const columns = this.metadata.rowGroups[index]?.columns
    const chunk = columns?.find(({ meta_data }) => samePath(meta_data?.path_in_schema, [field]))?.meta_data
    const { min_value, max_value, min, max, null_count } = chunk?.statistics ?? {}
    const [earliest, latest] = [min_value ?? min, max_value ?? max]
    if (typeof earliest !== 'number' || typeof latest !== 'number') return undefined
    return { earliest, latest, hasNulls: null_count !== 0n }
  }

  private async readColumn({ field, tree }: FileColumn, described: RowGroup, group: ParquetRowGroup): Promise<Column> {
    const { firstRow, rowCount } = group
    if (rowCount === 0) return columnDecoder(tree, field, rowCount, firstRow).finish()
    const chunks = await this.chunks(field.name, described, rowCount)
    const decoder = columnDecoder(tree, field, rowCount, firstRow)
    const shown = this.metadata.shownTree.children.find(({ element }) => element.name === field.name)
    if (shown !== undefined) await decodeChunks(shown, chunks, decoder)
    checkRows(decoder, rowCount, field.name, chunks[0]?.start)
    return decoder.finish()
  }

  /** The column chunks of a field in a group, several for nested types, as far as they are what the footer says. */
  private async chunks(name: string, { columns }: RowGroup, rowCount: number): Promise<LeafChunk[]> {
    const root = this.metadata.shownTree
    const tree = root.children.find(({ element }) => element.name === name)
    const chunks: LeafChunk[] = []
    for (const path of tree === undefined ? [] : leavesOf(tree, root)) {
      const leaf = path.at(-1)
      const chunk = columns.find(({ meta_data }) => samePath(meta_data?.path_in_schema, leaf?.path))?.meta_data
      if (chunk === undefined || chunk.type !== leaf?.element.type) {
        throw invalid(`Column ${name} is not described in each row group`, { field: name })
      }
      const start = Number(chunk.dictionary_page_offset || chunk.data_page_offset)
      const end = start + Number(chunk.total_compressed_size)
      if (!(start >= 4 && end >= start && end <= this.file.sizeBytes)) {
        throw invalid(`Column ${name} lies at bytes ${start} to ${end}, outside the file`, {
          field: name,
          position: start,
          sizeBytes: this.file.sizeBytes,
        })
      }
      const valueCount = Number(chunk.num_values)
      // A row of a list has a value for each element, and one where it is empty.
      const isFlat = path.length === 2 && leaf.element.repetition_type !== 'REPEATED'
      if (!(valueCount >= rowCount && valueCount <= (isFlat ? rowCount : MAX_NESTED_VALUES))) {
        throw invalid(`Column ${name} claims ${valueCount} values of ${rowCount} rows`, {
          field: name,
          position: start,
        })
      }
      const bytes = await readExactly(this.file, start, end - start)
      const uncompressedBytes = Number(chunk.total_uncompressed_size)
      chunks.push({ name, start, end, codec: chunk.codec, uncompressedBytes, valueCount, path, bytes })
    }
    return chunks
  }
}

/** Of one row group. */
const MAX_NESTED_VALUES = 2 ** 28

function samePath(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  return one?.length === other?.length && one?.every((part, index) => part === other?.[index]) === true
}

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

function invalid(message: string, details: Record<string, unknown>): SabotError {
  return new SabotError('PARQUET_INVALID', message, details)
}
