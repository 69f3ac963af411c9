/* What `sabot top` shows of a job: pure text out of two answers of its server. */
import pc from 'picocolors'
import type { JobView, OperatorView } from '../http/job-views.js'
import { bytes, count, counted, took, watermark } from './words.js'

/** An answer, and when it came, ms of any clock. */
export interface Seen {
  readonly job: JobView
  readonly atMs: number
}

const HEADINGS = ['operator', 'in', 'out', 'rows/s', 'busy', 'blocked', 'watermark', 'behind', 'state', 'aside']
const LAST_NUMBER = 5

/** The lines of one job. Rates are those since `before`; without it, those since the job began. */
export function topLines(now: Seen, before: Seen | undefined): string[] {
  const { job } = now
  const depths = depthsOf(job)
  const rows = job.operators.map(operator => {
    return cells(operator, depths.get(operator.id) ?? 0, now, before)
  })
  const widths = HEADINGS.map((heading, column) => {
    return Math.max(heading.length, ...rows.map(row => plainLength(row[column] ?? '')))
  })
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => pad(cell, widths[column] ?? 0, isNumber(column)))
      .join('  ')
      .trimEnd()
  const lines = rows.flatMap((row, index) => [line(row), ...holderLines(job.operators[index], widths[0] ?? 0)])
  return [headline(job), checkpointLine(job), pc.dim(line(HEADINGS)), ...lines]
}

/** Where several inputs or splits meet: who holds the watermark. */
function holderLines(operator: OperatorView | undefined, indent: number): string[] {
  if (operator === undefined || operator.heldBy === null || operator.inputWatermarks.length < 2) return []
  return [pc.dim(`${' '.repeat(indent)}  ${operator.heldBy}`)]
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

function cells(operator: OperatorView, depth: number, now: Seen, before: Seen | undefined): string[] {
  const { rowsIn, rowsOut, gauges, dropped } = operator
  const earlier = before?.job.operators.find(({ id }) => id === operator.id)
  const shares = sharesOf(operator, earlier)
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
    count(rateOf(operator, earlier, now, before)),
    shares.busy,
    shares.blocked,
    watermark(watermarkMs(operator)),
    lagOf(operator, now),
    state.join(', '),
    aside.map(([reason, rows]) => pc.yellow(`${count(rows)} ${reason}`)).join(', '),
  ]
}

/** The shares of the time since the last look. */
function sharesOf(
  now: OperatorView,
  earlier: OperatorView | undefined,
): { readonly busy: string; readonly blocked: string } {
  const busy = now.busyMs - (earlier?.busyMs ?? 0)
  const blocked = now.backpressuredMs - (earlier?.backpressuredMs ?? 0)
  const all = busy + blocked + now.idleMs - (earlier?.idleMs ?? 0)
  const share = (part: number): string => (all > 0 ? `${Math.round((100 * part) / all)} %` : '')
  return { busy: share(busy), blocked: share(blocked) }
}

/** How far event time is behind processing time. */
function lagOf(operator: OperatorView, { job }: Seen): string {
  const at = watermarkMs(operator)
  return Number.isFinite(at) ? took(Math.max(0, job.takenAtMs - at)) : ''
}

function rateOf(
  { rowsIn, rowsOut }: OperatorView,
  earlier: OperatorView | undefined,
  now: Seen,
  before: Seen | undefined,
): number {
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
  return column >= 1 && column <= LAST_NUMBER
}

function pad(cell: string, width: number, atStart: boolean): string {
  const space = ' '.repeat(Math.max(0, width - plainLength(cell)))
  return atStart ? `${space}${cell}` : `${cell}${space}`
}

const COLOURS = new RegExp(`${'\u001b'}\\[[0-9;]*m`, 'g')

function plainLength(text: string): number {
  return text.replace(COLOURS, '').length
}
