import { Command, InvalidArgumentError, Option } from 'commander'
import { stdout } from '../../connectors/stdout.js'
import { type Instant, type MillisecondRange, millisecondRange } from '../../connectors/time-range.js'
import type { Batch } from '../../core/batch.js'
import { SabotError } from '../../core/errors.js'
import type { Schema } from '../../core/schema.js'
import type { SinkWriter } from '../../operators/sink.js'
import type { SourceReader } from '../../operators/source.js'
import { nodeEnvironment } from '../environment.js'
import { count, counted } from '../terminal/words.js'
import {
  DATA_FORMATS,
  type DataFormat,
  delimiterOption,
  FILES_HELP,
  formatOf,
  formatOption,
  instantOption,
  type ReadingOptions,
  skipInvalidOption,
  sourceOf,
} from './data-files.js'
import { EventTimeStats, rowsInRange, timeFieldOf } from './event-time-stats.js'
import { reportError } from './report-error.js'
import { verboseOption } from './settings.js'
import { shapeText } from './shape-text.js'
import { UsageError } from './usage-error.js'

const HELP = `
Examples:
  $ sabot cat clicks.ndjson                   the rows, one JSON object a line
  $ sabot cat trips.csv.gz --head 5           the first five
  $ sabot cat flights.parquet --schema        the columns and their types, as a program declares them
  $ sabot cat clicks.ndjson --stats           rows, time range, how far out of order, and the watermark bound to choose
  $ sabot cat clicks.ndjson --stats --time at by another column of times than the first
  $ sabot cat flights.parquet --from 2001-01-01 --to 2001-01-02T06:00:00Z
                                              rows with a time in the range; row groups of Parquet outside are not read
  $ sabot cat part-*.csv > all.ndjson         several files, one after the other

${FILES_HELP}

Exit codes: 0 done, 1 a file could not be read to its end, 2 it could not be started as asked.`

const BATCH_ROWS = 8192

interface CatOptions extends ReadingOptions {
  readonly format?: DataFormat
  readonly head?: number
  readonly schema?: true
  readonly stats?: true
  readonly time?: string
  readonly from?: Instant
  readonly to?: Instant
  readonly verbose?: true
}

export function catCommand(done: (exitCode: number) => void): Command {
  return new Command('cat')
    .description('show what is in files of data: rows, schema, time range and order')
    .argument('<files...>', 'files of JSON, CSV, Parquet, Arrow or Avro')
    .addOption(formatOption('--format <format>', 'what the files are, where their names do not tell', DATA_FORMATS))
    .addOption(new Option('--head <n>', 'read the first n rows only').argParser(parseCount))
    .option('--schema', 'show the columns and their types instead of rows')
    .option('--stats', 'show counts, time range, out-of-orderness and a watermark bound instead of rows')
    .option(
      '--time <column>',
      'the column of event times for --stats, --from and --to (default: the first of timestamps)',
    )
    .addOption(instantOption('--from <time>', 'only rows with a time from here on'))
    .addOption(instantOption('--to <time>', 'only rows with a time before this'))
    .addOption(delimiterOption())
    .addOption(skipInvalidOption())
    .addOption(verboseOption())
    .addHelpText('after', HELP)
    .action(async (paths: string[], options: CatOptions) => {
      const files = paths.map(path => ({ path, format: options.format ?? formatOf(path, '--format') }))
      done(await cat(files, options))
    })
}

function parseCount(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Give a whole number of rows.')
}

interface DataFile {
  readonly path: string
  readonly format: DataFormat
}

async function cat(files: readonly DataFile[], options: CatOptions): Promise<number> {
  const { files: storage, standardOutput, createKernel, clock } = nodeEnvironment()
  const kernel = createKernel()
  const asRows = options.schema === undefined && options.stats === undefined
  const writer = await stdout().open({ state: undefined, files: storage, kernel, standardOutput, clock })
  const timeRange = rangeOf(options)
  const view = new CatView(options, timeRange, asRows ? writer : undefined)
  for (const { path, format } of files) {
    if (view.isFull) break
    // What cannot be opened ends with 2, as nothing that was asked for has been done for it.
    const context = { position: undefined, batchRows: BATCH_ROWS, files: storage, kernel, clock }
    const reader = await sourceOf(path, format, {
      ...options,
      timeRange: timeRange && { ...timeRange, column: options.time },
    }).open(context)
    try {
      await view.read(path, reader)
    } catch (error) {
      if (error instanceof SabotError && error.code === 'OUTPUT_CLOSED') return 0
      if (!(error instanceof SabotError)) throw error
      reportError(error, { verbose: options.verbose === true })
      return 1
    } finally {
      await reader.close()
    }
  }
  view.end(files.length)
  return 0
}

/** @throws UsageError INVALID_OPTION */
function rangeOf({ from, to }: CatOptions): MillisecondRange | undefined {
  if (from === undefined && to === undefined) return undefined
  try {
    return millisecondRange({ ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) })
  } catch {
    throw new UsageError('INVALID_OPTION', `--from ${from} is behind --to ${to}`)
  }
}

/** What is shown of the files, one after the other. */
class CatView {
  private readonly options: CatOptions
  private readonly range: MillisecondRange | undefined
  private readonly writer: SinkWriter | undefined
  private readonly schemas: { readonly path: string; readonly schema: Schema | undefined }[] = []
  private times: EventTimeStats | undefined
  private rows = 0
  private invalid = 0

  constructor(options: CatOptions, range: MillisecondRange | undefined, writer: SinkWriter | undefined) {
    this.options = options
    this.range = range
    this.writer = writer
  }

  get isFull(): boolean {
    return this.rows >= (this.options.head ?? Number.POSITIVE_INFINITY)
  }

  async read(path: string, reader: SourceReader): Promise<void> {
    let schema: Schema | undefined
    while (!this.isFull) {
      const next = await reader.read()
      if (next === undefined) break
      schema ??= next.batch.schema
      // One batch tells the schema.
      if (this.writer === undefined && this.options.stats === undefined) break
      await this.take(this.inRange(next.batch))
    }
    this.schemas.push({ path, schema })
    this.invalid += Object.values(reader.dropped ?? {}).reduce((sum, rows) => sum + rows, 0)
  }

  end(fileCount: number): void {
    const { schema: withSchema, stats } = this.options
    if (withSchema) {
      for (const { path, schema } of this.schemas) {
        const text = schema === undefined ? '(no records)' : shapeText(schema)
        process.stdout.write(fileCount === 1 ? `${text}\n` : `${path}: ${text}\n`)
      }
    }
    if (stats) {
      const lines: [string, string][] = [['rows', count(this.rows)]]
      if (this.invalid > 0) lines.push(['invalid records', count(this.invalid)])
      lines.push(...(this.times?.describe() ?? [['event time', 'no column of timestamps; name one with --time']]))
      for (const [name, text] of lines) process.stdout.write(`${name.padEnd(16)} ${text}\n`)
    } else if (this.invalid > 0) {
      process.stderr.write(`${counted(this.invalid, 'invalid record')} left out\n`)
    }
  }

  private inRange(batch: Batch): Batch {
    const { range } = this
    if (range === undefined) return batch
    const field = timeFieldOf(batch.schema, this.options.time)
    if (field === undefined)
      throw new UsageError('NO_SUCH_COLUMN', 'There is no column of timestamps: name one with --time')
    return batch.select(rowsInRange(batch, field, range))
  }

  private async take(batch: Batch): Promise<void> {
    const left = (this.options.head ?? Number.POSITIVE_INFINITY) - this.rows
    const part = batch.length <= left ? batch : batch.slice(0, left)
    this.rows += part.length
    if (this.writer !== undefined) {
      await this.writer.write(part)
      return
    }
    const field = timeFieldOf(part.schema, this.options.time)
    if (field === undefined) return
    this.times ??= new EventTimeStats(field)
    this.times.add(part)
  }
}
