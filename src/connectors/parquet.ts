import type { Batch } from '../core/batch.js'
import type { ReadableFile } from '../core/files.js'
import { Schema } from '../core/schema.js'
import { fieldsOf, type RowOf, type SchemaShape } from '../core/types.js'
import { openParquet, type ParquetFile } from '../formats/parquet.js'
import type { Source, SourceBatch, SourceContext, SourceReader } from '../operators/source.js'
import { naming } from './naming.js'
import { rowOfKnown } from './row-position.js'

/**
 * The rows of a Parquet file in their order. Only the declared columns are read, as the declared types:
 * `parquet('flights.parquet', { date: 'timestamp', delay: 'i32' })`. Without a declaration all columns are read as the
 * types that the file has, which are known once it is opened. One row group is in memory at a time. Replayable; its
 * position is the row.
 * @throws SabotError FILE_NOT_FOUND, PARQUET_INVALID, MISSING_COLUMN, TYPE_MISMATCH, NULL_VALUE, OUT_OF_RANGE,
 *   UNSUPPORTED_TYPE, each naming the file; SOURCE_CHANGED on resuming when the file has another number of rows
 */
export function parquet<const Shape extends SchemaShape>(path: string, columns: Shape): Source<RowOf<Shape>>
export function parquet(path: string): Source
export function parquet(path: string, columns?: SchemaShape): Source {
  return {
    kind: 'parquet',
    description: path,
    schema: columns && new Schema(fieldsOf(columns)),
    replayable: true,
    open: async context => {
      const file = await context.files.openRead(path)
      try {
        const opened = await naming(path, () =>
          columns === undefined ? openParquet(file) : openParquet(file, { columns }),
        )
        return new ParquetReader(path, file, opened, context)
      } catch (cause) {
        await file.close()
        throw cause
      }
    },
  }
}

class ParquetReader implements SourceReader {
  readonly rowCount: number
  private readonly path: string
  private readonly file: ReadableFile
  private readonly parquet: ParquetFile
  private readonly batchRows: number
  private row: number
  /** The row group at hand, and its first row. */
  private group: { readonly batch: Batch; readonly firstRow: number } | undefined
  private nextGroup = 0

  constructor(path: string, file: ReadableFile, parquet: ParquetFile, { position, batchRows }: SourceContext) {
    this.path = path
    this.file = file
    this.parquet = parquet
    this.rowCount = parquet.rowCount
    this.batchRows = batchRows
    this.row = rowOfKnown(position, parquet.rowCount, path)
  }

  async read(): Promise<SourceBatch | undefined> {
    if (this.group === undefined || this.row >= this.group.firstRow + this.group.batch.length) {
      this.group = undefined
      const index = this.groupOfRow()
      const group = this.parquet.rowGroups[index]
      if (group === undefined) return undefined
      const batch = await naming(this.path, () => this.parquet.readRowGroup(index))
      this.nextGroup = index + 1
      this.group = { batch, firstRow: group.firstRow }
    }
    const { batch, firstRow } = this.group
    const from = this.row - firstRow
    const to = Math.min(from + this.batchRows, batch.length)
    this.row = firstRow + to
    const slice = from === 0 && to === batch.length ? batch : batch.slice(from, to)
    return { batch: slice, position: { row: this.row, rowCount: this.rowCount } }
  }

  close(): Promise<void> {
    return this.file.close()
  }

  /** The first group, from the next one on, that has the next row or rows behind it; their number at the end. */
  private groupOfRow(): number {
    const { rowGroups } = this.parquet
    let index = this.nextGroup
    for (let group = rowGroups[index]; group !== undefined; group = rowGroups[++index]) {
      if (this.row < group.firstRow + group.rowCount) break
    }
    return index
  }
}
