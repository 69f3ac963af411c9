#!/usr/bin/env node
/* npm run demo: three million flights of 2001, in the order in which they became known. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { Command, CommanderError } from 'commander'
import { formatDuration } from '../../core/duration.js'
import type { JobHandle, JobResult } from '../../runtime/job-handle.js'
import { loadJob } from '../cli/load.js'
import { rowRate } from '../cli/progress.js'
import { reportError } from '../cli/report-error.js'
import { durationOption } from '../cli/settings.js'
import { UsageError } from '../cli/usage-error.js'
import { nodeFiles } from '../files.js'
import { start } from '../run.js'
import { LiveArea } from '../terminal/live-area.js'
import { countLines, readResults } from './hourly-result.js'
import { LatestHour } from './latest-hour.js'
import { observedFiles } from './observed-files.js'
import { panelLines, type Totals, totalLines } from './panel.js'
import { printJson } from './print-json.js'

const REDRAW_MS = 100
const PLAIN_LINE_MS = 2000
/** The demo takes seconds: with a job's default of 10 s it would be over before its first checkpoint. */
const CHECKPOINT_INTERVAL_MS = 500

interface DemoOptions {
  readonly json?: true
  readonly bound?: number
  readonly resume?: true
  readonly checkpointDir?: string
  readonly checkpointInterval?: number
  readonly input?: string
  readonly output?: string
}

const HELP = `
Event time is the scheduled departure; a flight becomes known when it has left, its delay later. So records come out
of order, some by many hours, and the bound decides how long an hour waits for them.

Examples:
  $ npm run demo                                 watch it; results go to build/demo/hourly.ndjson
  $ npm run demo -- --bound 48h                  wait longer: nothing is late
  $ npm run demo -- --json > result.json         one JSON object and nothing else
  $ npm run demo -- --resume                     with checkpoints: kill it at any moment and start it again`

const root = dirname(createRequire(import.meta.url).resolve('sabot/package.json'))

async function demo(options: DemoOptions): Promise<number> {
  const input = options.input ?? fromHere('node_modules/vega-datasets/data/flights-3m.parquet')
  if (!existsSync(input)) {
    const way =
      options.input === undefined
        ? 'Run npm ci: it comes with vega-datasets, a development dependency'
        : 'Check --input'
    throw new UsageError('NO_INPUT', `The demo's flights are not there: no file ${input}. ${way}`)
  }
  const output = options.output ?? fromHere('build/demo/hourly.ndjson')
  const late = output.replace(/(\.[^./\\]*)?$/, '.late$1')
  const checkpointDirectory = options.checkpointDir ?? (options.resume ? fromHere('build/demo/checkpoints') : undefined)
  const latest = new LatestHour()
  const handle = await start(await loadJob(join(root, 'examples/flights.ts')), {
    parameters: {
      input,
      output,
      late,
      ...(options.bound === undefined ? {} : { bound: formatDuration(options.bound) }),
    },
    resume: options.resume ?? false,
    ...(checkpointDirectory === undefined ? {} : { checkpointDirectory }),
    checkpointInterval: options.checkpointInterval ?? CHECKPOINT_INTERVAL_MS,
    files: observedFiles(nodeFiles(), (path, bytes) => {
      if (path === output) latest.append(bytes)
    }),
  })
  const stopOnce = (): void => {
    process.once('SIGINT', () => process.exit(130))
    void handle.stop()
  }
  process.once('SIGINT', stopOnce)
  const endDisplay = options.json ? () => {} : showPanel(handle, latest)
  const result = await handle.ended
  endDisplay()
  return report(result, { output, late }, options.json ?? false)
}

async function report(result: JobResult, files: { output: string; late: string }, json: boolean): Promise<number> {
  if (result.error !== undefined) {
    reportError(result.error, { verbose: false })
    return 1
  }
  if (result.status !== 'finished') {
    process.stderr.write('stopped before the end; with --resume the next run goes on from the last checkpoint\n')
    return 130
  }
  const results = await readResults(files.output)
  const totals: Totals = {
    rows: result.metrics.rowsExpected ?? result.metrics.rowsIn,
    onTime: results.reduce((sum, { flights }) => sum + flights, 0),
    late: await countLines(files.late),
    windows: results.length,
  }
  if (json) await printJson(process.stdout, totals, results)
  else process.stdout.write(`${totalLines(totals, result, files).join('\n')}\n`)
  return 0
}

/** Redrawn in place on a terminal; a line now and then elsewhere. */
function showPanel(handle: JobHandle, latest: LatestHour): () => void {
  const rate = rowRate()
  const lines = (): string[] => {
    const metrics = handle.metrics()
    return panelLines(metrics, rate(metrics), latest.results())
  }
  const { stdout } = process
  stdout.write(
    'US flights of 2001 by airport and hour of scheduled departure, in the order in which they became known\n',
  )
  if (!stdout.isTTY) {
    const timer = setInterval(() => stdout.write(`${lines().slice(0, 3).join('\n')}\n`), PLAIN_LINE_MS)
    return () => clearInterval(timer)
  }
  const area = new LiveArea(stdout)
  const timer = setInterval(() => area.draw(lines()), REDRAW_MS)
  return () => {
    clearInterval(timer)
    area.draw(lines())
  }
}

/** A file of this repository, as seen from the working directory. */
function fromHere(path: string): string {
  return relative('.', join(root, path))
}

async function main(args: readonly string[]): Promise<number> {
  let exitCode = 0
  const program = new Command('npm run demo --')
    .description('three million US flights through event-time windows')
    .addOption(durationOption('--bound <duration>', 'how far out of order records may come (default: 2h)'))
    .option('--resume', 'go on from the newest checkpoint; from the start where there is none')
    .option(
      '--checkpoint-dir <directory>',
      'take checkpoints and keep them there (with --resume: build/demo/checkpoints)',
    )
    .addOption(durationOption('--checkpoint-interval <duration>', 'time between checkpoints (default: 500ms)'))
    .option('--input <file>', 'the flights, as Parquet (default: from vega-datasets)')
    .option('--output <file>', 'where results go (default: build/demo/hourly.ndjson); late records go beside it')
    .option('--json', 'print totals and all results as one JSON object, and nothing else')
    .addHelpText('after', HELP)
    .exitOverride()
    .action(async (options: DemoOptions) => {
      exitCode = await demo(options)
    })
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    reportError(error, { verbose: false })
    return 2
  }
}

const exitCode = await main(process.argv.slice(2))
process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)))
