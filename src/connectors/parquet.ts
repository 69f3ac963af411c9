import type { Batch } from '../core/batch.js'
import type { ReadableFile } from '../core/files.js'
import { Schema } from '../core/schema.js'
import { fieldsOf, type RowOf, type SchemaShape } from '../core/types.js'
import { openParquet, type ParquetFile } from '../formats/parquet.js'
import type { Source, SourceBatch, SourceContext } from '../operators/source.js'
import { inMemory } from './file-bytes.js'
import { checkReplayable, type FileInput } from './file-input.js'
import { fileSource, type SplitReader, type SplitRequest } from './file-source.js'
import { naming } from './naming.js'
import { rowOfKnown } from './row-position.js'

/**
 * The rows of Parquet files in their order. Only the declared columns are read, as the declared types:
 * `parquet('flights.parquet', { date: 'timestamp', delay: 'i32' })`. Without a declaration all columns are read as the
 * types that the first file has, which are known once it is opened. One row group is in memory at a time; a stream, or a
 * server without ranges, is read into memory first. Replayable; its position is a file and a row.
 * @throws SabotError FILE_NOT_FOUND, PARQUET_INVALID, MISSING_COLUMN, TYPE_MISMATCH, NULL_VALUE, OUT_OF_RANGE,
 *   UNSUPPORTED_TYPE, each naming the file; SOURCE_CHANGED on resuming when the file has another number of rows
 */
export function parquet<const Shape extends SchemaShape>(input: FileInput, columns: Shape): Source<RowOf<Shape>>
export function parquet(input: FileInput): Source
export function parquet(input: FileInput, columns?: SchemaShape): Source {
  return fileSource({
    input,
    format: { kind: 'parquet', openSplit: openParquetSplit },
    schema: columns && new Schema(fieldsOf(columns)),
  })
}

async function openParquetSplit({ file, schema, position, context }: SplitRequest): Promise<SplitReader> {
  const { name } = file
  const carrier = await file.open()
  if (position !== undefined) checkReplayable(file, carrier, undefined)
  const opened = await inMemory(carrier, name)
  try {
    const parquet = await naming(name, () => openParquet(opened, schema === undefined ? {} : { schema }))
    const row = rowOfKnown(position, parquet.rowCount, name)
    return new ParquetSplit({ name, opened, parquet, row, context })
  } catch (cause) {
    await opened.close()
    throw cause
  }
}

interface SplitInit {
  readonly name: string
  readonly opened: ReadableFile
  readonly parquet: ParquetFile
  readonly row: number
  readonly context: SourceContext
}

class ParquetSplit implements SplitReader {
  readonly rejected = 0
  readonly rowCount: number
  readonly schema: Schema
  private readonly init: SplitInit
  private row: number
  /** The row group at hand, and its first row. */
  private group: { readonly batch: Batch; readonly firstRow: number } | undefined
  private nextGroup = 0

  constructor(init: SplitInit) {
    const { parquet, row } = init
    this.init = init
    this.schema = parquet.schema
    this.rowCount = parquet.rowCount
    this.row = row
  }

  async read(): Promise<SourceBatch | undefined> {
    const { parquet, name, context } = this.init
    if (this.group === undefined || this.row >= this.group.firstRow + this.group.batch.length) {
      this.group = undefined
      const index = this.groupOfRow()
      const group = parquet.rowGroups[index]
      if (group === undefined) return undefined
      const batch = await naming(name, () => parquet.readRowGroup(index))
      this.nextGroup = index + 1
      this.group = { batch, firstRow: group.firstRow }
    }
    const { batch, firstRow } = this.group
    const from = this.row - firstRow
    const to = Math.min(from + context.batchRows, batch.length)
    this.row = firstRow + to
    const slice = from === 0 && to === batch.length ? batch : batch.slice(from, to)
    return { batch: slice, position: { row: this.row, rowCount: this.rowCount } }
  }

  close(): Promise<void> {
    return this.init.opened.close()
  }

  /** The first group, from the next one on, that has the next row or rows behind it; their number at the end. */
  private groupOfRow(): number {
    const { rowGroups } = this.init.parquet
    let index = this.nextGroup
    for (let group = rowGroups[index]; group !== undefined; group = rowGroups[++index]) {
      if (this.row < group.firstRow + group.rowCount) break
    }
    return index
  }
}
