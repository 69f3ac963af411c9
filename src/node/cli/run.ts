import { Command, Option } from 'commander'
import pc from 'picocolors'
import { formatDuration } from '../../core/duration.js'
import type { Job } from '../../graph/job.js'
import type { JobEvent, JobHandle } from '../../runtime/job-handle.js'
import { exponentialDelay } from '../../runtime/restart-strategy.js'
import { DirectoryCheckpointStorage } from '../directory-storage.js'
import { JobLog } from '../logs/job-log.js'
import type { ResumeFrom } from '../resume-from.js'
import { defaultCheckpointDirectory, type RunOptions, start } from '../run.js'
import { byteOutput } from '../standard-output.js'
import { LiveArea } from '../terminal/live-area.js'
import { counted } from '../terminal/words.js'
import { loadJob, parseJobSpecifier } from './load.js'
import { describeProgress, describeResult, resultToJSON } from './progress.js'
import { reportError } from './report-error.js'
import {
  durationOption,
  type HttpAddress,
  httpOption,
  maxParallelismOption,
  type Parameters,
  parallelismOption,
  restartsOption,
  setOption,
  verboseOption,
} from './settings.js'
import { UsageError } from './usage-error.js'

const HELP = `
Examples:
  $ sabot run flights.ts                        the default export, or the only job that the module exports
  $ sabot run jobs.ts:hourly                    the job that is exported as "hourly"
  $ sabot run flights.ts --set bound=48h        another value for a parameter (sabot explain lists them)
  $ sabot run flights.ts --resume               go on where the last run stopped or crashed
  $ sabot run flights.ts --resume 12            go on from checkpoint or savepoint 12 (sabot checkpoint ls)
  $ sabot run flights.ts --resume old/chk-00000012    from one elsewhere: its folder, or a file that was exported
  $ sabot run flights.ts --parallelism 4        keyed operators in four worker threads
  $ sabot run flights.ts --parallelism 4 --buffer-timeout 1ms    results sooner, at some cost
  $ sabot run flights.ts --resume --restarts 3  after a failure, run again from the newest checkpoint
  $ sabot run flights.ts --json > result.json   for programs

Checkpoints:
  They are taken only where they can be kept: with --checkpoint-dir D, or with --resume, whose default directory is
  .sabot/<job name>. --resume goes on from the newest whole checkpoint there, and begins from the start where there
  is none; so the same command line starts a job and restarts it after a crash. Without --resume a job begins from the
  start, and checkpoints of its earlier runs in D are removed, savepoints aside. Keep one directory for each job.
  State that fits no operator of the job is refused by name; --allow-non-restored drops it, and lets sources and sinks
  that are new begin at their start. Operators that are new begin empty.

Stopping:
  Ctrl-C stops reading, lets what was read flow through, takes a last checkpoint and ends with exit code 0. A second
  Ctrl-C quits at once with 130; the last complete checkpoint stays valid.

Timing:
  --checkpoint-interval says how often state is saved, --commit-interval how often what sinks prepared becomes visible,
  --buffer-timeout how long rows wait for a full batch on their way to another subtask. Longer is cheaper, shorter is
  sooner; results do not depend on any of them. --no-incremental keeps no copy of the state in memory, and writes more.

Watching:
  --http 9464 serves the state of the job on 127.0.0.1 while it runs: /metrics for Prometheus, /jobs as JSON, /health;
  sabot top shows it live. An address that other machines can reach (--http 0.0.0.0:9464) wants a token in the
  environment variable SABOT_HTTP_TOKEN, which whoever asks must send. --log json says what happens as one JSON object
  a line, instead of text.

Control:
  A job that runs with --http can be asked for more: sabot savepoint, sabot rescale 4, sabot stop --drain.

Exit codes: 0 finished or stopped, 1 the job failed, 2 it could not be started as asked.`

const REDRAW_MS = 100
const PLAIN_LINE_MS = 10_000

interface RunCommandOptions {
  readonly resume?: true | string
  readonly allowNonRestored?: true
  readonly checkpointDir?: string
  readonly checkpointInterval?: number
  readonly commitInterval?: number
  /** undefined: neither --incremental nor --no-incremental. */
  readonly incremental?: boolean
  readonly bufferTimeout?: number
  readonly set?: Parameters
  readonly parallelism?: number
  readonly maxParallelism?: number
  readonly restarts?: number
  readonly json?: true
  readonly http?: HttpAddress
  readonly log?: 'json'
  readonly verbose?: true
}

export function runCommand(done: (exitCode: number) => void): Command {
  return new Command('run')
    .description('run a job until its input ends or Ctrl-C stops it')
    .argument('<file[:export]>', 'a module that exports a job, TypeScript or JavaScript')
    .option(
      '--resume [checkpoint]',
      'go on from the newest checkpoint, or from the start where there is none; or from the one of that number or path',
    )
    .addOption(
      new Option('--allow-non-restored', 'drop state of operators that the job no longer has (with --resume)').implies({
        resume: true,
      }),
    )
    .option('--checkpoint-dir <directory>', 'take checkpoints and keep them there (with --resume: .sabot/<job name>)')
    .addOption(
      durationOption(
        '--checkpoint-interval <duration>',
        'time between checkpoints, such as 500ms or 1m (default: 10s)',
      ),
    )
    .addOption(
      durationOption(
        '--commit-interval <duration>',
        'time between checkpoints that make results visible, at least (default: each does)',
      ),
    )
    .option('--incremental', 'checkpoints write only what has changed since the one before (default)')
    .option('--no-incremental', 'each checkpoint writes all of the state')
    .addOption(setOption())
    .addOption(parallelismOption())
    .addOption(maxParallelismOption())
    .addOption(
      durationOption(
        '--buffer-timeout <duration>',
        'how long rows between parallel subtasks wait for a full batch (default: 10ms; 0ms: not at all)',
      ),
    )
    .addOption(restartsOption())
    .addOption(httpOption())
    .addOption(new Option('--log <format>', 'say what happens as JSON lines on standard error').choices(['json']))
    .option('--json', 'print the result as one JSON object on standard output, and nothing else there')
    .addOption(verboseOption())
    .addHelpText('after', HELP)
    .action(async (file: string, options: RunCommandOptions) => {
      done(await runJob(await loadJob(file), file, options))
    })
}

async function runJob(job: Job, file: string, options: RunCommandOptions): Promise<number> {
  const { json = false, verbose = false } = options
  const resume = resumeFrom(options)
  const checkpointDirectory =
    options.checkpointDir ?? (resume === false ? undefined : defaultCheckpointDirectory(job.name))
  const needsStorage = storageFlag(options)
  if (needsStorage !== undefined && checkpointDirectory === undefined) {
    throw new UsageError(
      'NO_CHECKPOINT_STORAGE',
      `${needsStorage} needs a place for checkpoints: add --checkpoint-dir D, or --resume`,
    )
  }
  const earlier =
    checkpointDirectory === undefined ? [] : await new DirectoryCheckpointStorage(checkpointDirectory).list()
  const log = options.log === 'json' ? new JobLog(job.name, process.stderr) : undefined
  const note = (text: string): void => (log === undefined ? writeNote(text) : log.note(text))
  let httpUrl: string | undefined
  const onListening = (url: string): void => {
    httpUrl = url
    if (log === undefined) note(`metrics at ${url}/metrics; sabot top ${url}`)
  }
  const handle = await start(job, {
    parameters: options.set ?? {},
    resume,
    ...inParallel(file, options),
    ...(checkpointDirectory === undefined ? {} : { checkpointDirectory }),
    ...(options.checkpointInterval === undefined ? {} : { checkpointInterval: options.checkpointInterval }),
    ...(options.commitInterval === undefined ? {} : { commitInterval: options.commitInterval }),
    ...(options.incremental === undefined ? {} : { incrementalCheckpoints: options.incremental }),
    ...(options.bufferTimeout === undefined ? {} : { bufferTimeout: options.bufferTimeout }),
    ...(options.maxParallelism === undefined ? {} : { maxParallelism: options.maxParallelism }),
    ...(options.http && { http: { ...options.http, token: process.env.SABOT_HTTP_TOKEN, onListening } }),
    onEvent: event =>
      log === undefined ? reportEvent(event, resumePath(options) ?? checkpointDirectory ?? '') : log.event(event),
    // With --json standard output belongs to the result: a job that prints its rows prints them beside it.
    standardOutput: byteOutput(json ? process.stderr : process.stdout),
  })
  if (resume === false && earlier.length > 0) {
    note(`starting from the beginning: ${counted(earlier.length, 'checkpoint')} of an earlier run removed`)
  }
  const removeSignalHandlers = stopOnSignals(handle, checkpointDirectory !== undefined, text => {
    if (log === undefined) process.stderr.write(`\n${pc.yellow(text)}\n`)
    else log.note(text)
  })
  log?.started(httpUrl)
  const endProgress = log === undefined ? showProgress(handle) : logProgress(handle, log)
  const result = await handle.ended
  endProgress()
  removeSignalHandlers()
  if (json) process.stdout.write(`${JSON.stringify(resultToJSON(handle.name, result))}\n`)
  if (log !== undefined) {
    log.ended(result)
  } else {
    if (!json) for (const line of describeResult(handle.name, result)) process.stderr.write(`${line}\n`)
    if (result.error !== undefined) reportError(result.error, { verbose })
  }
  return result.status === 'failed' ? 1 : 0
}

/** The first flag that says something of checkpoints which must be kept somewhere. */
function storageFlag({ checkpointInterval, commitInterval, incremental }: RunCommandOptions): string | undefined {
  if (checkpointInterval !== undefined) return '--checkpoint-interval'
  if (commitInterval !== undefined) return '--commit-interval'
  if (incremental === undefined) return undefined
  return incremental ? '--incremental' : '--no-incremental'
}

/** `--resume job.ts` is no path of a checkpoint: it stands before the job's file. */
export function bareResume(args: readonly string[]): string[] {
  const at = args.indexOf('--resume')
  const next = args[at + 1]
  if (at < 0 || next === undefined || !/\.[cm]?[jt]sx?(:\w+)?$/.test(next)) return [...args]
  return [...args.slice(0, at), next, '--resume', ...args.slice(at + 2)]
}

/** The path after --resume; a number there is a checkpoint in the job's own directory. */
function resumePath({ resume }: RunCommandOptions): string | undefined {
  return typeof resume === 'string' && !/^\d+$/.test(resume) ? resume : undefined
}

function resumeFrom({ resume, allowNonRestored }: RunCommandOptions): boolean | ResumeFrom {
  if (resume === undefined) return false
  return { allowNonRestored: allowNonRestored === true, ...(resume !== true && { checkpoint: resume }) }
}

/** More than one subtask is worth threads of their own; whoever can ask for more subtasks gets them later. */
function inParallel(file: string, { parallelism, restarts, http }: RunCommandOptions): Partial<RunOptions> {
  const { file: module, exportName } = parseJobSpecifier(file)
  const mayGrow = (parallelism ?? 1) > 1 || http !== undefined
  const workers = { module, fromParallelism: 2, ...(exportName !== undefined && { exportName }) }
  return {
    ...(parallelism !== undefined && { parallelism }),
    ...(mayGrow && { workers }),
    ...(restarts !== undefined && { restart: exponentialDelay({ attempts: restarts }) }),
  }
}

function reportEvent(event: JobEvent, directory: string): void {
  switch (event.kind) {
    case 'resumed':
      for (const { message } of event.passedOver) process.stderr.write(`${pc.yellow(`passed over: ${message}`)}\n`)
      writeNote(
        event.checkpointId === undefined
          ? `no checkpoint in ${directory}: starting from the beginning`
          : `resumed from checkpoint ${event.checkpointId} in ${directory}`,
      )
      if (event.dropped.length > 0) writeNote(`dropped the state of ${event.dropped.join(', ')}`)
      if (event.begun.length > 0) writeNote(`not in the checkpoint, so from the start: ${event.begun.join(', ')}`)
      return
    case 'rescaled':
      writeNote(`rescaled from ${event.from} to ${event.to}`)
      return
    case 'checkpoint-failed':
      process.stderr.write(`${pc.red(event.error.message)}\n`)
      return
    case 'restarting': {
      const { error, delayMs, restart } = event
      process.stderr.write(`${pc.red(error.message)}\n`)
      writeNote(`restart ${restart} in ${formatDuration(delayMs)}`)
      return
    }
    case 'checkpoint-completed':
      return
  }
}

function writeNote(text: string): void {
  process.stderr.write(`${pc.dim(text)}\n`)
}

function stopOnSignals(handle: JobHandle, withCheckpoints: boolean, say: (text: string) => void): () => void {
  let asked = false
  const onSignal = (signal: NodeJS.Signals): void => {
    if (asked) process.exit(signal === 'SIGINT' ? 130 : 143)
    asked = true
    const last = withCheckpoints ? ' and taking a last checkpoint' : ''
    say(`stopping: draining${last}; once more quits at once`)
    void handle.stop()
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  return () => process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
}

function logProgress(handle: JobHandle, log: JobLog): () => void {
  const timer = setInterval(() => log.progress(handle), PLAIN_LINE_MS)
  return () => clearInterval(timer)
}

/** A line that is redrawn on a terminal, a plain line now and then elsewhere. */
function showProgress(handle: JobHandle): () => void {
  const describe = describeProgress(handle.name)
  const { stderr } = process
  if (!stderr.isTTY) {
    const timer = setInterval(() => stderr.write(`${describe(handle.metrics())}\n`), PLAIN_LINE_MS)
    return () => clearInterval(timer)
  }
  const area = new LiveArea(stderr)
  const timer = setInterval(() => area.draw([describe(handle.metrics())]), REDRAW_MS)
  return () => {
    clearInterval(timer)
    area.clear()
  }
}
