/* What `sabot top` shows of a job: pure text out of two answers of its server. */
import pc from 'picocolors'
import type { JobView, OperatorView } from '../http/job-views.js'
import { bytes, count, counted, took, watermark } from './words.js'

/** An answer, and when it came, ms of any clock. */
export interface Seen {
  readonly job: JobView
  readonly atMs: number
}

const HEADINGS = ['operator', 'in', 'out', 'rows/s', 'watermark', 'state', 'aside']

/** The lines of one job. Rates are those since `before`; without it, those since the job began. */
export function topLines(now: Seen, before: Seen | undefined): string[] {
  const { job } = now
  const depths = depthsOf(job)
  const rows = job.operators.map(operator => {
    return cells(operator, depths.get(operator.id) ?? 0, rateOf(operator, now, before))
  })
  const widths = HEADINGS.map((heading, column) => {
    return Math.max(heading.length, ...rows.map(row => plainLength(row[column] ?? '')))
  })
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => pad(cell, widths[column] ?? 0, isNumber(column)))
      .join('  ')
      .trimEnd()
  return [headline(job), checkpointLine(job), pc.dim(line(HEADINGS)), ...rows.map(line)]
}

function headline(job: JobView): string {
  const { name, status, rowsIn, rowsOut, rowsExpected, elapsedMs } = job
  const colour = status === 'failed' ? pc.red : status === 'running' || status === 'finished' ? pc.green : pc.yellow
  const share = rowsExpected ? ` (${Math.floor((100 * rowsIn) / rowsExpected)} %)` : ''
  const parts = [`${pc.bold(name)} ${colour(status)}`, `${counted(rowsIn, 'row')} in${share}`, `${count(rowsOut)} out`]
  return [...parts, took(elapsedMs)].join(pc.dim(' · '))
}

function checkpointLine({ checkpoints }: JobView): string {
  const { completed, failed, lastId, lastBytes, lastDurationMs, lastError } = checkpoints
  const parts = [counted(completed, 'checkpoint')]
  if (lastId !== null) parts.push(`the last is ${lastId} (${bytes(lastBytes)}, ${took(lastDurationMs)})`)
  if (failed > 0) parts.push(pc.red(`${count(failed)} failed`))
  if (lastError !== null) parts.push(pc.red(`${lastError.code}: ${lastError.message}`))
  return parts.join(pc.dim(' · '))
}

function cells(operator: OperatorView, depth: number, rate: number): string[] {
  const { rowsIn, rowsOut, gauges, dropped } = operator
  const aside = Object.entries(dropped).filter(([, rows]) => rows > 0)
  const { stateBytes, keys } = gauges
  const state = [
    ...(keys === undefined ? [] : [counted(keys, 'key')]),
    ...(stateBytes === undefined ? [] : [bytes(stateBytes)]),
  ]
  return [
    `${'  '.repeat(depth)}${operator.id}`,
    count(rowsIn),
    count(rowsOut),
    count(rate),
    watermark(watermarkMs(operator)),
    state.join(', '),
    aside.map(([reason, rows]) => pc.yellow(`${count(rows)} ${reason}`)).join(', '),
  ]
}

function rateOf({ id, rowsIn, rowsOut }: OperatorView, now: Seen, before: Seen | undefined): number {
  const earlier = before?.job.operators.find(operator => operator.id === id)
  // A source has rows in too; what a sink puts out is what came in.
  const rows = Math.max(rowsIn - (earlier?.rowsIn ?? 0), rowsOut - (earlier?.rowsOut ?? 0))
  const ms = before === undefined ? now.job.elapsedMs : now.atMs - before.atMs
  return ms > 0 && rows > 0 ? (rows * 1000) / ms : 0
}

/** Sources stand at the left, and what a row passes through further to the right. Operators come behind their inputs. */
function depthsOf({ operators }: JobView): ReadonlyMap<string, number> {
  const depths = new Map<string, number>()
  for (const { id, inputs } of operators) {
    depths.set(id, Math.max(0, ...inputs.map(input => (depths.get(input) ?? -1) + 1)))
  }
  return depths
}

function watermarkMs({ watermark: at }: Pick<OperatorView, 'watermark'>): number {
  if (at === null) return Number.NEGATIVE_INFINITY
  return at === 'end' ? Number.POSITIVE_INFINITY : at
}

function isNumber(column: number): boolean {
  return column >= 1 && column <= 3
}

function pad(cell: string, width: number, atStart: boolean): string {
  const space = ' '.repeat(Math.max(0, width - plainLength(cell)))
  return atStart ? `${space}${cell}` : `${cell}${space}`
}

const COLOURS = new RegExp(`${'\u001b'}\\[[0-9;]*m`, 'g')

function plainLength(text: string): number {
  return text.replace(COLOURS, '').length
}
