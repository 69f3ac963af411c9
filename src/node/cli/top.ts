import { Command } from 'commander'
import { DEFAULT_METRICS_PORT } from '../http/metrics-server.js'
import { LiveArea } from '../terminal/live-area.js'
import { type Seen, topLines } from '../terminal/top-view.js'
import { DEFAULT_URL, fetchJobs, urlOf } from './server.js'
import { durationOption } from './settings.js'

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
