/* Files of data on the command line: what their names say, and the sources that read them. */
import { InvalidArgumentError, Option } from 'commander'
import { arrow } from '../../connectors/arrow.js'
import { avro } from '../../connectors/avro.js'
import { csv } from '../../connectors/csv-file.js'
import { csvFile } from '../../connectors/csv-sink.js'
import { json } from '../../connectors/json-file.js'
import { ndjson } from '../../connectors/ndjson.js'
import { parquet } from '../../connectors/parquet.js'
import { arrowFile, avroFile, parquetFile } from '../../connectors/table-sinks.js'
import { type Instant, type MillisecondRange, millisecondRange, type TimeRange } from '../../connectors/time-range.js'
import type { Sink } from '../../operators/sink.js'
import type { Source } from '../../operators/source.js'
import { UsageError } from './usage-error.js'

export type DataFormat = 'json' | 'csv' | 'parquet' | 'arrow' | 'avro'

export const DATA_FORMATS: readonly DataFormat[] = ['json', 'csv', 'parquet', 'arrow', 'avro']

export interface ReadingOptions {
  readonly delimiter?: string
  readonly skipInvalid?: true
  /** Of Parquet files only row groups that may have rows in it are read. */
  readonly timeRange?: MillisecondRange | undefined
}

export const FILES_HELP = `Files:
  json      .json .ndjson .jsonl: one object a line, or one array of objects
  csv       .csv, .tsv with tabs: the first record names the columns
  parquet   .parquet
  arrow     .arrow .feather .ipc (files), .arrows (streams)
  avro      .avro
  A FILE is a path, a directory, a quoted pattern such as 'logs/**/*.ndjson', a URL, or - for the standard input.
  .gz and .zst behind json and csv are decompressed on the way. Types are inferred from the first MiB of json and csv.`

const FORMATS: Readonly<Record<string, DataFormat>> = {
  json: 'json',
  ndjson: 'json',
  jsonl: 'json',
  csv: 'csv',
  tsv: 'csv',
  parquet: 'parquet',
  arrow: 'arrow',
  arrows: 'arrow',
  feather: 'arrow',
  ipc: 'arrow',
  avro: 'avro',
}

export function formatOption(flags: string, description: string, choices: readonly DataFormat[]): Option {
  return new Option(flags, description).choices(choices)
}

export function delimiterOption(): Option {
  return new Option(
    '--delimiter <character>',
    'between the fields of csv (default: a comma; a tab for .tsv)',
  ).argParser((text: string): string => {
    const character = text === '\\t' ? '\t' : text
    if (/^[\t !#$%&'()*/:;<=>?@[\\\]^`{|}~,]$/.test(character)) return character
    throw new InvalidArgumentError("Give one ASCII character such as ';', '|' or '\\t'.")
  })
}

export function skipInvalidOption(): Option {
  return new Option('--skip-invalid', 'go on without records that are malformed, and count them')
}

function optionsOf({ column, from, to }: MillisecondRange): TimeRange {
  return {
    ...(column === undefined ? {} : { column }),
    ...(Number.isFinite(from) ? { from } : {}),
    ...(Number.isFinite(to) ? { to } : {}),
  }
}

/** `--from` and `--to`. */
export function instantOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text: string): Instant => {
    const instant = /^-?\d+$/.test(text) ? Number(text) : text
    try {
      millisecondRange({ from: instant })
      return instant
    } catch {
      throw new InvalidArgumentError(
        "Give a date, a time with its zone such as '2001-01-31T12:00:00Z', or ms since 1970.",
      )
    }
  })
}

/** By the ending of its name, before .gz or .zst. @throws UsageError FORMAT_UNKNOWN */
export function formatOf(path: string, option: string): DataFormat {
  const format = FORMATS[endingOf(path)]
  if (format !== undefined) return format
  const known = Object.keys(FORMATS).map(ending => `.${ending}`)
  throw new UsageError(
    'FORMAT_UNKNOWN',
    `The name of ${path} does not tell its format: it ends in none of ${known.join(', ')}. Say it with ${option}`,
  )
}

export function delimiterOf(path: string, given: string | undefined): string {
  return given ?? (endingOf(path) === 'tsv' ? '\t' : ',')
}

export function sourceOf(
  path: string,
  format: DataFormat,
  { delimiter, skipInvalid, timeRange }: ReadingOptions,
): Source {
  const invalid = skipInvalid ? 'skip' : 'fail'
  if (format === 'json') return json(path, undefined, { invalid })
  if (format === 'csv') return csv(path, undefined, { invalid, delimiter: delimiterOf(path, delimiter) })
  if (format === 'arrow') return arrow(path)
  if (format === 'avro') return avro(path)
  return parquet(path, undefined, timeRange === undefined ? {} : { timeRange: optionsOf(timeRange) })
}

/** What writes a file of a format. */
export function sinkOf(path: string, format: DataFormat): Sink<unknown> {
  switch (format) {
    case 'json':
      return ndjson(path)
    case 'csv':
      return csvFile(path, { delimiter: delimiterOf(path, undefined) })
    case 'parquet':
      return parquetFile(path)
    case 'arrow':
      return arrowFile(path, { format: endingOf(path) === 'arrows' ? 'stream' : 'file' })
    case 'avro':
      return avroFile(path)
  }
}

function endingOf(path: string): string {
  return (
    path
      .toLowerCase()
      .replace(/\.(?:gz|zst)$/, '')
      .match(/\.(\w+)$/)?.[1] ?? ''
  )
}
