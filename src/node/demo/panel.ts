/* What the demo shows while it runs, and at its end. */
import pc from 'picocolors'
import type { JobMetrics, JobResult } from '../../runtime/job-handle.js'
import { droppedByReason, eventTimeOf } from '../cli/progress.js'
import { bytes, count, counted, time, took, watermark } from '../terminal/words.js'
import type { HourlyResult } from './hourly-result.js'

const BAR_CELLS = 40
const AIRPORTS = 5
/** A mean over fewer flights says little about an airport. */
const FEWEST_FLIGHTS = 3

/** The lines of the live summary. */
export function panelLines(metrics: JobMetrics, rowsPerSecond: number, latest: readonly HourlyResult[]): string[] {
  const { rowsIn, rowsExpected = 0, checkpoints } = metrics
  const share = rowsExpected > 0 ? Math.min(1, rowsIn / rowsExpected) : 0
  const filled = Math.round(share * BAR_CELLS)
  const bar = pc.cyan('█'.repeat(filled)) + pc.dim('░'.repeat(BAR_CELLS - filled))
  const state = [`watermark ${pc.bold(watermark(eventTimeOf(metrics)))}`, `${count(openWindows(metrics))} windows open`]
  if (checkpoints.lastId !== undefined) {
    state.push(
      `checkpoint ${checkpoints.lastId} (${bytes(checkpoints.lastBytes)}, ${took(checkpoints.lastDurationMs)})`,
    )
  }
  const dropped = droppedByReason(metrics).map(([reason, rows]) => `${count(rows)} ${reason}`)
  if (checkpoints.lastError !== undefined) state.push(pc.red(checkpoints.lastError.message))
  return [
    `${bar} ${Math.floor(share * 100)} %  ${counted(rowsIn, 'row')}  ${count(rowsPerSecond)} rows/s`,
    state.join(pc.dim(' · ')),
    `records set aside: ${dropped.length === 0 ? 'none' : pc.yellow(dropped.join(', '))}`,
    '',
    ...airportLines(latest),
  ]
}

function openWindows({ operators }: JobMetrics): number {
  return operators.reduce((sum, { gauges }) => sum + (gauges.openWindows ?? 0), 0)
}

function airportLines(latest: readonly HourlyResult[]): string[] {
  const hour = latest[0]?.windowStart
  const busiest = [...latest].sort((a, b) => b.flights - a.flights || (a.origin < b.origin ? -1 : 1))
  const delayed = latest.filter(({ flights }) => flights >= FEWEST_FLIGHTS)
  delayed.sort((a, b) => b.meanDelay - a.meanDelay || (a.origin < b.origin ? -1 : 1))
  const title = hour === undefined ? 'no hour is complete yet' : `hour from ${time(Date.parse(hour))} UTC`
  const lines = [`${pc.bold(title.padEnd(36))}${pc.dim('busiest'.padEnd(20))}${pc.dim('most delayed')}`]
  for (let rank = 0; rank < AIRPORTS; rank++) {
    const busy = busiest[rank]
    const late = delayed[rank]
    const left = busy === undefined ? '' : `${busy.origin} ${counted(busy.flights, 'flight')}`
    const right =
      late === undefined ? '' : `${late.origin} ${late.meanDelay.toFixed(1)} min, ${percent(late.delayedShare)} delayed`
    lines.push(`${' '.repeat(36)}${left.padEnd(20)}${right}`.trimEnd())
  }
  return lines
}

export interface Totals {
  readonly rows: number
  readonly onTime: number
  readonly late: number
  readonly windows: number
}

/** The lines at the end. */
export function totalLines(
  totals: Totals,
  { metrics, resumedFrom }: JobResult,
  files: { output: string; late: string },
): string[] {
  const { rows, onTime, late, windows } = totals
  const { elapsedMs, rowsIn, checkpoints } = metrics
  const lines = [
    `${pc.green('finished')} in ${took(elapsedMs)}: ${counted(rowsIn, 'row')} read, ${count((rowsIn * 1000) / elapsedMs)} rows/s`,
    `  ${counted(rows, 'flight')} = ${count(onTime)} on time + ${count(late)} late (${percent(late / rows)})`,
    `  ${counted(windows, 'window')} (airport and hour) in ${files.output}`,
    `  late records in ${files.late}`,
  ]
  if (resumedFrom !== undefined) lines.push(`  resumed from checkpoint ${resumedFrom}`)
  if (checkpoints.completed > 0) lines.push(`  ${counted(checkpoints.completed, 'checkpoint')} taken`)
  return lines
}

function percent(share: number): string {
  return Number.isFinite(share) ? `${(share * 100).toFixed(share < 0.1 ? 2 : 0)} %` : '0 %'
}
