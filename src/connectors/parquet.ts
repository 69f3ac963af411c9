import { Batch } from '../core/batch.js'
import { SabotError } from '../core/errors.js'
import type { ReadableFile } from '../core/files.js'
import { readSchema } from '../core/read-schema.js'
import { Schema } from '../core/schema.js'
import { fieldsOf, type RowOf, type SchemaShape, typeName } from '../core/types.js'
import { openParquet, type ParquetFile } from '../formats/parquet.js'
import type { Source, SourceBatch, SourceContext } from '../operators/source.js'
import { inMemory } from './file-bytes.js'
import { checkReplayable, type FileInput } from './file-input.js'
import { type FileSplitOptions, isOf } from './file-share.js'
import { fileSource, type SplitReader, type SplitRequest } from './file-source.js'
import { naming } from './naming.js'
import { rowOfKnown } from './row-position.js'
import { describeRange, type MillisecondRange, millisecondRange, type TimeRange } from './time-range.js'

export interface ParquetOptions extends FileSplitOptions {
  /**
   * Only rows with a time in this range. Row groups of which the statistics tell that they have none are not read (the
   * gauge `rowGroupsSkipped` counts them); of the others the rows are held against it.
   */
  readonly timeRange?: TimeRange
}

/**
 * The rows of Parquet files in their order. Only the declared columns are read, as the declared types:
 * `parquet('flights.parquet', { date: 'timestamp', delay: 'i32' })`. Without a declaration all columns are read as the
 * types that the first file has, which are known once it is opened. One row group is in memory at a time; a stream, or a
 * server without ranges, is read into memory first. Replayable; its position is a file and a row.
 * @throws SabotError FILE_NOT_FOUND, PARQUET_INVALID, MISSING_COLUMN, TYPE_MISMATCH, NULL_VALUE, OUT_OF_RANGE,
 *   UNSUPPORTED_TYPE, each naming the file; SOURCE_CHANGED on resuming when the file has another number of rows.
 *   TypeError for a range that is none
 */
export function parquet<const Shape extends SchemaShape>(
  input: FileInput,
  columns: Shape,
  options?: ParquetOptions,
): Source<RowOf<Shape>>
export function parquet(input: FileInput, columns?: undefined, options?: ParquetOptions): Source
export function parquet(input: FileInput, columns?: SchemaShape, { timeRange, splits }: ParquetOptions = {}): Source {
  const range = timeRange && millisecondRange(timeRange)
  return fileSource({
    input,
    splits,
    format: { kind: 'parquet', isShared: true, openSplit: request => openParquetSplit(request, range) },
    schema: columns && new Schema(fieldsOf(columns)),
    details: range && describeRange(range),
  })
}

async function openParquetSplit(request: SplitRequest, range: MillisecondRange | undefined): Promise<SplitReader> {
  const { file, schema, position, context, fields, share } = request
  const { name } = file
  const carrier = await file.open()
  if (position !== undefined) checkReplayable(file, carrier, undefined)
  const opened = await inMemory(carrier, name)
  try {
    const parquet = await naming(name, () =>
      openParquet(opened, schema === undefined ? {} : { schema: withTime(schema, range) }),
    )
    const known = schema ?? parquet.schema
    const times = range && (await naming(name, () => new TimeFilter(range, known, parquet)))
    const row = rowOfKnown(position, parquet.rowCount, name)
    const isOwn = share && ((group: number) => isOf(share, file.slot + group))
    return new ParquetSplit({ name, opened, parquet, row, context, schema: known, fields, times, isOwn })
  } catch (cause) {
    await opened.close()
    throw cause
  }
}

/** The column of times is read where it is not declared, too. */
function withTime(schema: Schema, { column }: Partial<MillisecondRange> = {}): Schema {
  if (column === undefined || schema.has(column)) return schema
  return new Schema([...schema.fields, { name: column, type: 'timestamp', nullable: true }])
}

/** Which row groups, and which of their rows, are in a range of time. */
class TimeFilter {
  readonly column: string
  private readonly range: MillisecondRange
  private readonly file: ParquetFile

  /** @throws SabotError MISSING_COLUMN, TYPE_MISMATCH where there is no such column of timestamps */
  constructor(range: MillisecondRange, schema: Schema, file: ParquetFile) {
    const column = range.column ?? schema.fields.find(({ type }) => type === 'timestamp')?.name
    if (column === undefined || !file.schema.has(column)) {
      throw new SabotError('MISSING_COLUMN', 'There is no column of timestamps to hold against timeRange: name it', {
        known: file.schema.names,
      })
    }
    const { type } = file.schema.field(column)
    if (type !== 'timestamp') {
      throw new SabotError('TYPE_MISMATCH', `timeRange goes by column ${column}, which is read as ${typeName(type)}`, {
        field: column,
        expected: 'timestamp',
        actual: typeName(type),
      })
    }
    this.range = range
    this.column = column
    this.file = file
  }

  excludes(group: number): boolean {
    const times = this.file.timesOf(group, this.column)
    const { from, to } = this.range
    return times !== undefined && (times.latest < from || times.earliest >= to)
  }

  /** The rows of a group that are in the range; undefined: all. */
  rowsOf(group: number, batch: Batch): Uint32Array | undefined {
    const { from, to } = this.range
    const times = this.file.timesOf(group, this.column)
    if (times !== undefined && !times.hasNulls && times.earliest >= from && times.latest < to) return undefined
    const column = batch.column(this.column)
    const rows = new Uint32Array(batch.rowCount)
    let count = 0
    for (let row = 0; row < batch.rowCount; row++) {
      const time = column.value(row)
      if (typeof time === 'number' && time >= from && time < to) rows[count++] = row
    }
    return rows.subarray(0, count)
  }
}

interface SplitInit {
  readonly name: string
  readonly opened: ReadableFile
  readonly parquet: ParquetFile
  readonly row: number
  readonly context: SourceContext
  /** Of the rows, before it is known which fields are wanted. */
  readonly schema: Schema
  readonly fields: readonly string[] | undefined
  readonly times: TimeFilter | undefined
  /** The row groups that this split reads; undefined: all. */
  readonly isOwn: ((group: number) => boolean) | undefined
}

interface ReadGroup {
  readonly batch: Batch
  readonly firstRow: number
  /** Those that are in the range, ascending; undefined: all. */
  readonly rows: Uint32Array | undefined
}

class ParquetSplit implements SplitReader {
  readonly rejected = 0
  readonly rowCount: number | undefined
  readonly schema: Schema
  private readonly init: SplitInit
  private row: number
  /** The row group at hand. */
  private group: ReadGroup | undefined
  private nextGroup = 0
  private groupsRead = 0
  private groupsSkipped = 0

  constructor(init: SplitInit) {
    const { parquet, row, schema, times, isOwn } = init
    this.init = init
    this.schema = schema
    this.rowCount = times === undefined && isOwn === undefined ? parquet.rowCount : undefined
    this.row = row
  }

  get gauges(): Readonly<Record<string, number>> {
    return { rowGroupsRead: this.groupsRead, rowGroupsSkipped: this.groupsSkipped }
  }

  async read(): Promise<SourceBatch | undefined> {
    const { parquet, context } = this.init
    for (;;) {
      const group = this.group ?? (await this.readNextGroup())
      if (group === undefined) return undefined
      const { batch, firstRow, rows } = group
      const from = this.row - firstRow
      const to = Math.min(from + context.batchRows, batch.length)
      this.row = firstRow + to
      if (to === batch.length) this.group = undefined
      const part = from === 0 && to === batch.length ? batch : batch.slice(from, to)
      const kept = rows === undefined ? part : within(part, rows, from, to)
      if (kept.length > 0) return { batch: kept, position: { row: this.row, rowCount: parquet.rowCount } }
    }
  }

  close(): Promise<void> {
    return this.init.opened.close()
  }

  /** The next group that is not outside the range, from the one on that has the next row; undefined: there is none. */
  private async readNextGroup(): Promise<ReadGroup | undefined> {
    const { parquet, name, schema, fields, times, isOwn } = this.init
    for (let index = this.nextGroup; index < parquet.rowGroups.length; index++) {
      const { firstRow, rowCount } = parquet.rowGroups[index] ?? { firstRow: 0, rowCount: 0 }
      this.nextGroup = index + 1
      if (this.row >= firstRow + rowCount) continue
      if (isOwn?.(index) === false) {
        this.row = firstRow + rowCount
        continue
      }
      if (times?.excludes(index) === true) {
        this.groupsSkipped += 1
        this.row = firstRow + rowCount
        continue
      }
      const wanted = readSchema(schema, fields)
      const decoded = times === undefined ? wanted.names : [...wanted.names, times.column]
      const read = await naming(name, () => parquet.readRowGroup(index, decoded))
      this.groupsRead += 1
      const batch = only(read, wanted)
      this.group = { batch, firstRow, rows: times?.rowsOf(index, read) }
      return this.group
    }
    return undefined
  }
}

/** The batch with these of its columns. */
function only(batch: Batch, schema: Schema): Batch {
  if (batch.schema.equals(schema)) return batch
  return new Batch({ schema, columns: schema.names.map(name => batch.column(name)), rowCount: batch.rowCount })
}

/** Of rows [from, to) of a group, those among `rows`. */
function within(part: Batch, rows: Uint32Array, from: number, to: number): Batch {
  const kept = rows.subarray(firstFrom(rows, from), firstFrom(rows, to))
  return kept.length === part.length ? part : part.select(kept.map(row => row - from)).compact()
}

/** The index of the first of ascending numbers that is not below `least`. */
function firstFrom(numbers: Uint32Array, least: number): number {
  let [low, high] = [0, numbers.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((numbers[middle] ?? 0) < least) low = middle + 1
    else high = middle
  }
  return low
}
