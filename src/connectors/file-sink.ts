/*
 * Rows into files of a directory, exactly once. A file is in one of three states, after Flink's FileSink:
 *
 *   in progress   .part-7.ndjson.inprogress   rows are added; a checkpoint holds its size, and resuming cuts it to that
 *   pending       .part-7.ndjson.inprogress   whole and durable; its checkpoint is not complete yet
 *   committed     part-7.ndjson               renamed when the checkpoint was complete: it never changes again
 *
 * Parts are numbered in the order in which they are begun, over all directories. What a job that resumes finds with a
 * later number than its checkpoint knows was written behind it, and is removed; a part that was committed behind it is
 * taken back.
 */
import type { Batch } from '../core/batch.js'
import { type Duration, parseDuration } from '../core/duration.js'
import { describeValue, SabotError } from '../core/errors.js'
import type { AppendableFile, Directories, Files } from '../core/files.js'
import { type Json, memberOf, numberMember } from '../core/json.js'
import type { ArrowWriteOptions } from '../formats/arrow-ipc-write.js'
import type { AvroWriteOptions } from '../formats/avro-write.js'
import { compressedEncoding } from '../formats/compressed-encoding.js'
import type { FileEncoder, FileEncoding } from '../formats/file-encoder.js'
import type { ParquetWriteOptions } from '../formats/parquet-write.js'
import { arrowEncoding, avroEncoding, parquetEncoding } from '../formats/table-encoders.js'
import { type CsvFileEncoding, csvEncoding, ndjsonEncoding } from '../formats/text-encoders.js'
import type { Sink, SinkContext, SinkWriter } from '../operators/sink.js'
import { type FilePart, inProgressName, leftOvers, partName } from './file-parts.js'
import { partitionRows } from './partition-path.js'

export interface FileSinkOptions {
  readonly format: 'ndjson' | 'csv' | 'parquet' | 'avro' | 'arrow'
  readonly csv?: CsvFileEncoding
  readonly parquet?: ParquetWriteOptions
  readonly avro?: AvroWriteOptions
  readonly arrow?: ArrowWriteOptions
  /** Of ndjson and csv; the others compress within. zstd only where the environment has it. */
  readonly compression?: 'gzip' | 'zstd'
  /** Columns whose values are directories: `['day', 'country']` gives `day=2024-01-01/country=DE/part-0.csv`. */
  readonly partitionBy?: string | readonly string[]
  /**
   * A directory for each window of event time of this length, from 1970 on: `window=2024-01-01T00-00-00.000Z`. Its file
   * ends when the watermark has passed the window.
   */
  readonly window?: Duration
  /** When a file ends and another begins. A file is looked at when rows or a checkpoint come. */
  readonly roll?: {
    /** Default 128 MiB. */
    readonly sizeBytes?: number
    /** Since the file was begun, by processing time; default: never. */
    readonly interval?: Duration
    readonly rows?: number
  }
  /** Files that are open at once, at most; the one that had no row for longest ends. Default 100. */
  readonly maxOpenFiles?: number
}

const DEFAULT_SIZE_BYTES = 134_217_728
const DEFAULT_OPEN_FILES = 100

/**
 * Rows into files of a directory: rolling by size, time or rows, partitioned by columns or windows of event time.
 * Exactly-once: files get their names when the checkpoint that they belong to is complete, or the input has ended; who
 * reads `part-*` sees only rows that are final. Without checkpoints that is at the end of the input.
 *
 * A fresh start removes the parts of an earlier run from the directory.
 * @throws TypeError for options that contradict one another. Writing throws SabotError FILE_UNWRITABLE; UNKNOWN_FIELD and
 *   UNSUPPORTED_TYPE for partitions; NO_TIMESTAMPS for windows without event time; SINK_CHANGED and FILE_TRUNCATED on
 *   resuming when the directory or the format is another, or parts are gone
 */
export function fileSink(directory: string, options: FileSinkOptions): Sink<unknown> {
  const settings = resolve(directory, options)
  return {
    kind: 'files',
    description: `${settings.encoding.format} in ${directory}`,
    guarantee: 'exactly-once',
    open: context => FileSinkWriter.open(settings, context),
  }
}

interface Settings {
  readonly directory: string
  readonly encoding: FileEncoding
  readonly columns: readonly string[]
  readonly windowMs: number | undefined
  readonly rollBytes: number
  readonly rollMs: number
  readonly rollRows: number
  readonly maxOpenFiles: number
}

function resolve(directory: string, options: FileSinkOptions): Settings {
  const { partitionBy = [], window, roll = {}, maxOpenFiles = DEFAULT_OPEN_FILES } = options
  const windowMs = window === undefined ? undefined : parseDuration(window)
  const settings = {
    directory: directory.replace(/\/+$/, ''),
    encoding: encodingOf(options),
    columns: typeof partitionBy === 'string' ? [partitionBy] : partitionBy,
    windowMs,
    rollBytes: roll.sizeBytes ?? DEFAULT_SIZE_BYTES,
    rollMs: roll.interval === undefined ? Number.POSITIVE_INFINITY : parseDuration(roll.interval),
    rollRows: roll.rows ?? Number.POSITIVE_INFINITY,
    maxOpenFiles,
  }
  const { rollBytes, rollMs, rollRows } = settings
  for (const [name, value] of Object.entries({ window: windowMs ?? 1, rollBytes, rollMs, rollRows, maxOpenFiles })) {
    if (!(value >= 1)) throw new TypeError(`${name} is a number from 1 on, not ${describeValue(value)}`)
  }
  return settings
}

function encodingOf(options: FileSinkOptions): FileEncoding {
  const { format, compression } = options
  if (compression !== undefined && compression !== 'gzip' && compression !== 'zstd') {
    throw new TypeError(`compression is 'gzip' or 'zstd', not ${describeValue(compression)}`)
  }
  const lines = format === 'ndjson' ? ndjsonEncoding() : format === 'csv' ? csvEncoding(options.csv) : undefined
  if (lines !== undefined) return compression === undefined ? lines : compressedEncoding(lines, compression)
  if (compression !== undefined) {
    throw new TypeError(`${format} is compressed within: set ${format}: { compression } instead of compression`)
  }
  if (format === 'parquet') return parquetEncoding(options.parquet)
  if (format === 'avro') return avroEncoding(options.avro)
  if (format === 'arrow') return arrowEncoding(options.arrow)
  throw new TypeError(`format is ndjson, csv, parquet, avro or arrow, not ${describeValue(format)}`)
}

/** A part that rows are added to. */
interface OpenPart extends FilePart {
  readonly file: AppendableFile
  readonly encoder: FileEncoder
  readonly begunMs: number
  rows: number
  /** When rows came last, counted in batches. */
  usedAt: number
  /** The end of its window. */
  readonly windowEnd: number
}

class FileSinkWriter implements SinkWriter {
  private readonly settings: Settings
  private readonly context: SinkContext
  private readonly directories: Directories
  private readonly open = new Map<string, OpenPart>()
  /** Whole and durable, to be renamed when the checkpoint in preparation is complete. */
  private finished: FilePart[] = []
  /** By checkpoint. */
  private readonly prepared = new Map<number, readonly FilePart[]>()
  private nextPart = 0
  private batches = 0
  private watermark = Number.NEGATIVE_INFINITY

  private constructor(settings: Settings, context: SinkContext, directories: Directories) {
    this.settings = settings
    this.context = context
    this.directories = directories
  }

  static async open(settings: Settings, context: SinkContext): Promise<FileSinkWriter> {
    const { directories } = context.files
    const { directory, encoding } = settings
    if (directories === undefined) {
      throw new SabotError(
        'FILE_UNWRITABLE',
        `${directory}: these files have no directories, which a fileSink() needs`,
        {
          path: directory,
        },
      )
    }
    const writer = new FileSinkWriter(settings, context, directories)
    try {
      if (context.state === undefined) await leftOvers(directories, directory, encoding.format, 0, new Set())
      else await writer.restore(context.state)
      return writer
    } catch (cause) {
      await writer.close()
      throw cause
    }
  }

  async write(batch: Batch): Promise<void> {
    this.batches += 1
    const { windowMs } = this.settings
    const { timestamps } = batch
    if (windowMs !== undefined && timestamps === undefined) {
      throw new SabotError('NO_TIMESTAMPS', 'fileSink() by windows needs event time: call withTimestamps before', {})
    }
    const windowOf =
      windowMs === undefined || timestamps === undefined
        ? undefined
        : (row: number) => windowName(Math.floor((timestamps[row] ?? 0) / windowMs) * windowMs)
    for (const [partition, rows] of partitionRows(batch, this.settings.columns, windowOf)) {
      const start = windowMs === undefined ? 0 : Math.floor((timestamps?.[rows[0] ?? 0] ?? 0) / windowMs) * windowMs
      const part =
        this.open.get(partition) ?? (await this.begin(partition, start + (windowMs ?? Number.POSITIVE_INFINITY)))
      await part.file.append(await part.encoder.encode(batch.with({ selection: rows })))
      part.rows += rows.length
      part.usedAt = this.batches
    }
    this.noteWatermark(batch)
    await this.rollDue()
  }

  async prepare(checkpointId: number): Promise<Json> {
    await this.rollDue()
    const open: Json[] = []
    for (const part of this.open.values()) {
      const { bytes, state } = await part.encoder.suspend()
      await part.file.append(bytes)
      await part.file.flush()
      const { partition, number, rows, begunMs, windowEnd, file } = part
      open.push({
        ...{ partition, number, rows, begunMs, sizeBytes: file.sizeBytes, encoder: state },
        windowEnd: Number.isFinite(windowEnd) ? windowEnd : null,
      })
    }
    // Those of checkpoints that are not complete belong to this one, too.
    const pending = [...this.prepared.values()].flat().concat(this.finished)
    this.prepared.clear()
    this.prepared.set(checkpointId, pending)
    this.finished = []
    const { directory, encoding } = this.settings
    const files = pending.map(({ partition, number }) => ({ partition, number }))
    return { directory, format: encoding.format, nextPart: this.nextPart, open, pending: files }
  }

  async commit(checkpointId: number): Promise<void> {
    for (const [id, parts] of this.prepared) {
      if (id > checkpointId) continue
      for (const part of parts) await this.publish(part)
      this.prepared.delete(id)
    }
  }

  async finish(): Promise<void> {
    for (const part of [...this.open.values()]) await this.end(part)
    for (const part of [...this.prepared.values()].flat().concat(this.finished)) await this.publish(part)
    this.prepared.clear()
    this.finished = []
  }

  async close(): Promise<void> {
    for (const { file, encoder } of this.open.values()) {
      encoder.destroy()
      await file.close()
    }
    this.open.clear()
  }

  private async begin(partition: string, windowEnd: number): Promise<OpenPart> {
    if (this.open.size >= this.settings.maxOpenFiles) {
      const [idle] = [...this.open.values()].sort((a, b) => a.usedAt - b.usedAt || a.number - b.number)
      if (idle !== undefined) await this.end(idle)
    }
    const part = { partition, number: this.nextPart }
    this.nextPart += 1
    const file = await this.context.files.openAppend(this.temporary(part))
    await file.truncate(0)
    return this.add(part, file, { resumed: undefined, begunMs: this.context.clock.now(), rows: 0, windowEnd })
  }

  private add(
    part: FilePart,
    file: AppendableFile,
    from: {
      readonly resumed: { readonly state: Json; readonly sizeBytes: number } | undefined
      readonly begunMs: number
      readonly rows: number
      readonly windowEnd: number
    },
  ): OpenPart {
    const { resumed, begunMs, rows, windowEnd } = from
    const encoder = this.settings.encoding.encoder({ kernel: this.context.kernel, resumed })
    const open: OpenPart = { ...part, file, encoder, begunMs, rows, usedAt: this.batches, windowEnd }
    this.open.set(part.partition, open)
    return open
  }

  private noteWatermark({ watermarks, rowCount }: Batch): void {
    if (this.settings.windowMs === undefined || watermarks === undefined) return
    this.watermark = Math.max(this.watermark, watermarks[rowCount - 1] ?? Number.NEGATIVE_INFINITY)
  }

  private async rollDue(): Promise<void> {
    const { rollBytes, rollMs, rollRows } = this.settings
    const now = this.context.clock.now()
    for (const part of [...this.open.values()]) {
      const isFull = part.file.sizeBytes >= rollBytes || part.rows >= rollRows
      if (isFull || now - part.begunMs >= rollMs || part.windowEnd - 1 <= this.watermark) await this.end(part)
    }
  }

  /** In progress to pending. */
  private async end(part: OpenPart): Promise<void> {
    const { file, encoder, partition, number } = part
    await file.append(await encoder.end())
    await file.flush()
    this.open.delete(partition)
    encoder.destroy()
    await file.close()
    this.finished.push({ partition, number })
  }

  /** Pending to committed; what was committed before a crash stays so. */
  private async publish(part: FilePart): Promise<void> {
    try {
      await this.directories.rename(this.temporary(part), this.committed(part))
    } catch (cause) {
      if (!(cause instanceof SabotError) || cause.code !== 'FILE_NOT_FOUND') throw cause
      if (!(await isThere(this.context.files, this.committed(part)))) throw gone(this.committed(part), cause)
    }
  }

  private async restore(state: Json): Promise<void> {
    const { directory, encoding } = this.settings
    if (memberOf(state, 'directory') !== directory || memberOf(state, 'format') !== encoding.format) {
      const [before, format] = [memberOf(state, 'directory'), memberOf(state, 'format')]
      throw new SabotError(
        'SINK_CHANGED',
        `At the checkpoint the rows went to ${String(format)} in ${String(before)}, now they would go to ` +
          `${encoding.format} in ${directory}: resume with the old ones, or begin anew without resuming`,
        { directory, before: before ?? null },
      )
    }
    this.nextPart = numberMember(state, 'nextPart', 0)
    const open = listMember(state, 'open')
    const pending = listMember(state, 'pending')
    const kept = new Set([...open, ...pending].map(part => numberMember(part, 'number', -1)))
    for (const part of pending) await this.publish(partOf(part))
    for (const entry of open) await this.reopen(entry)
    await leftOvers(this.directories, directory, encoding.format, this.nextPart, kept)
  }

  private async reopen(entry: Json): Promise<void> {
    const part = partOf(entry)
    const [temporary, committed] = [this.temporary(part), this.committed(part)]
    const sizeBytes = numberMember(entry, 'sizeBytes', 0)
    // Committed by a later checkpoint that is not resumed from.
    if (!(await isThere(this.context.files, temporary)) && (await isThere(this.context.files, committed))) {
      await this.directories.rename(committed, temporary)
    }
    if (!(await isThere(this.context.files, temporary))) throw gone(temporary, undefined)
    const file = await this.context.files.openAppend(temporary)
    try {
      await file.truncate(sizeBytes)
    } catch (cause) {
      await file.close()
      throw cause
    }
    this.add(part, file, {
      resumed: { state: memberOf(entry, 'encoder') ?? null, sizeBytes },
      begunMs: numberMember(entry, 'begunMs', 0),
      rows: numberMember(entry, 'rows', 0),
      windowEnd: numberMember(entry, 'windowEnd', Number.POSITIVE_INFINITY),
    })
  }

  private temporary(part: FilePart): string {
    return `${this.folder(part)}${inProgressName(part.number, this.settings.encoding.format)}`
  }

  private committed(part: FilePart): string {
    return `${this.folder(part)}${partName(part.number, this.settings.encoding.format)}`
  }

  private folder({ partition }: FilePart): string {
    return `${this.settings.directory}/${partition === '' ? '' : `${partition}/`}`
  }
}

function listMember(state: Json, name: string): readonly Json[] {
  const list = memberOf(state, name)
  return Array.isArray(list) ? (list as readonly Json[]) : []
}

function partOf(entry: Json): FilePart {
  const partition = memberOf(entry, 'partition')
  return { partition: typeof partition === 'string' ? partition : '', number: numberMember(entry, 'number', 0) }
}

function windowName(startMs: number): string {
  return new Date(startMs).toISOString().replace(/:/g, '-')
}

async function isThere(files: Files, path: string): Promise<boolean> {
  try {
    await (await files.openRead(path)).close()
    return true
  } catch (cause) {
    if (cause instanceof SabotError && cause.code === 'FILE_NOT_FOUND') return false
    throw cause
  }
}

function gone(path: string, cause: unknown): SabotError {
  return new SabotError(
    'FILE_TRUNCATED',
    `${path} is gone, but held rows of the checkpoint: restore it, or begin anew without resuming`,
    { path },
    cause === undefined ? undefined : { cause },
  )
}
