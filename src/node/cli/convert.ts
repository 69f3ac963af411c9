import type { Stats } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { Command } from 'commander'
import { job } from '../../graph/job.js'
import { run } from '../run.js'
import {
  DATA_FORMATS,
  type DataFormat,
  delimiterOption,
  FILES_HELP,
  formatOf,
  formatOption,
  type ReadingOptions,
  sinkOf,
  skipInvalidOption,
  sourceOf,
} from './data-files.js'
import { describeResult } from './progress.js'
import { reportError } from './report-error.js'
import { verboseOption } from './settings.js'
import { UsageError } from './usage-error.js'

const HELP = `
Examples:
  $ sabot convert flights.parquet flights.csv
  $ sabot convert trips.csv.gz trips.ndjson.gz
  $ sabot convert trips.ndjson trips.parquet
  $ sabot convert export.txt rows.ndjson --from csv --delimiter ';'
  $ sabot convert log.ndjson log.csv --skip-invalid --force

${FILES_HELP}
  JSON is written one object a line. Lists and objects become JSON texts in csv. Of json and csv
  the output may end in .gz too, or in .zst where this Node can compress so.

Exit codes: 0 done, 1 it failed and nothing is left of the output, 2 it could not be started as asked.`

interface ConvertOptions extends ReadingOptions {
  readonly from?: DataFormat
  readonly to?: DataFormat
  readonly force?: true
  readonly verbose?: true
}

export function convertCommand(done: (exitCode: number) => void): Command {
  return new Command('convert')
    .description('write the rows of one file in another format')
    .argument('<input>', 'a file of JSON, CSV, Parquet, Arrow or Avro')
    .argument('<output>', 'the file to write, of any of these; one that exists is not overwritten')
    .addOption(formatOption('--from <format>', 'what the input is, where its name does not tell', DATA_FORMATS))
    .addOption(formatOption('--to <format>', 'what the output shall be, where its name does not tell', DATA_FORMATS))
    .option('--force', 'overwrite the output')
    .addOption(delimiterOption())
    .addOption(skipInvalidOption())
    .addOption(verboseOption())
    .addHelpText('after', HELP)
    .action(async (input: string, output: string, options: ConvertOptions) => {
      done(await convert(input, output, options))
    })
}

async function convert(input: string, output: string, options: ConvertOptions): Promise<number> {
  const from = options.from ?? formatOf(input, '--from')
  const to = options.to ?? formatOf(output, '--to')
  if (/\.(?:gz|zst)$/i.test(output) && to !== 'json' && to !== 'csv') {
    throw new UsageError(
      'FORMAT_UNKNOWN',
      `${output}: files of ${to} compress within, not as a whole. Name it without the ending`,
    )
  }
  const [before, after] = [await fileAt(input), await fileAt(output)]
  if (before === undefined) throw new UsageError('NO_SUCH_FILE', `There is no file ${input}. Name the input first`)
  if (after !== undefined && before.ino === after.ino && before.dev === after.dev) {
    throw new UsageError('FILE_EXISTS', `${output} is the input itself. Name another file for the output`)
  }
  if (after !== undefined && !options.force) {
    throw new UsageError('FILE_EXISTS', `${output} exists already. Name another file, or overwrite it with --force`)
  }
  const conversion = job('convert', j => {
    const rows = j.from(sourceOf(input, from, options), { idleness: 0 })
    rows.to(sinkOf(output, to))
  })
  const result = await run(conversion)
  for (const line of describeResult('convert', result)) process.stderr.write(`${line}\n`)
  if (result.error === undefined) return 0
  reportError(result.error, { verbose: options.verbose === true })
  await rm(output, { force: true })
  return 1
}

async function fileAt(path: string): Promise<Stats | undefined> {
  return stat(path).catch(() => undefined)
}
