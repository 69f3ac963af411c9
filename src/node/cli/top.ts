import { Command } from 'commander'
import { isJobView, type JobView } from '../http/job-views.js'
import { DEFAULT_METRICS_PORT } from '../http/metrics-server.js'
import { LiveArea } from '../terminal/live-area.js'
import { type Seen, topLines } from '../terminal/top-view.js'
import { durationOption } from './settings.js'
import { UsageError } from './usage-error.js'

const DEFAULT_URL = `http://127.0.0.1:${DEFAULT_METRICS_PORT}`
const DEFAULT_INTERVAL_MS = 1000
const FINAL = new Set(['finished', 'stopped', 'cancelled', 'failed'])

const HELP = `
Examples:
  $ sabot run flights.ts --http ${DEFAULT_METRICS_PORT}       a job that tells of itself
  $ sabot top                                look at it, live
  $ sabot top http://127.0.0.1:8080 --once   print what it tells now, and end

A server that other machines can reach wants a token: set SABOT_HTTP_TOKEN, for the job and for sabot top.`

interface TopOptions {
  readonly once?: boolean
  readonly interval?: number
}

export function topCommand(done: (exitCode: number) => void): Command {
  return new Command('top')
    .description('show a running job live: its operators, rates, watermarks, state and checkpoints')
    .argument('[url]', 'where the job serves (sabot run --http)', DEFAULT_URL)
    .option('--once', 'print once and end; so it does where the output is no terminal')
    .addOption(durationOption('--interval <duration>', 'time between two looks (default: 1s)'))
    .addHelpText('after', HELP)
    .action(async (url: string, options: TopOptions) => {
      await showTop(urlOf(url), options)
      done(0)
    })
}

async function showTop(url: URL, { once = false, interval = DEFAULT_INTERVAL_MS }: TopOptions): Promise<void> {
  const { stdout } = process
  const before = new Map<string, Seen>()
  const look = async (): Promise<{ readonly lines: string[]; readonly isOver: boolean }> => {
    const jobs = await fetchJobs(url)
    const lines = jobs.flatMap((job, index) => {
      const now: Seen = { job, atMs: performance.now() }
      const shown = topLines(now, before.get(job.name))
      before.set(job.name, now)
      return index === 0 ? shown : ['', ...shown]
    })
    return { lines, isOver: jobs.every(({ status }) => FINAL.has(status)) }
  }
  const first = await look()
  if (once || !stdout.isTTY) {
    stdout.write(`${first.lines.join('\n')}\n`)
    return
  }
  const area = new LiveArea(stdout)
  area.draw(first.lines)
  for (let { isOver } = first; !isOver; ) {
    await new Promise(resolve => setTimeout(resolve, interval))
    const next = await look().catch(() => undefined)
    // The server goes when its job ends: what was seen last stays.
    if (next === undefined) return
    area.draw(next.lines)
    isOver = next.isOver
  }
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  throw new UsageError('INVALID_URL', `${text} is no address of a server: write it as ${DEFAULT_URL}`)
}

async function fetchJobs(url: URL): Promise<readonly JobView[]> {
  const token = process.env.SABOT_HTTP_TOKEN
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}
  let response: Response
  try {
    response = await fetch(new URL('/jobs', url), { headers })
  } catch (cause) {
    throw new UsageError(
      'SERVER_UNREACHABLE',
      `Nothing answers at ${url.origin}: start the job with "sabot run FILE --http ${url.port || DEFAULT_METRICS_PORT}"`,
      { cause },
    )
  }
  if (response.status === 401) {
    throw new UsageError('TOKEN_REQUIRED', `${url.origin} wants a token: set SABOT_HTTP_TOKEN to that of the job`)
  }
  const jobs: unknown = response.ok ? await response.json().catch(() => undefined) : undefined
  if (!Array.isArray(jobs) || !jobs.every(isJobView)) {
    throw new UsageError('SERVER_UNREACHABLE', `What answers at ${url.origin} is no job of Sabot (${response.status})`)
  }
  return jobs
}
