/* A job's metrics and its result, in words and as JSON. */
import pc from 'picocolors'
import type { JobMetrics, JobResult } from '../../runtime/job-handle.js'
import { bytes, count, counted, took, watermark, watermarkToJSON } from '../terminal/words.js'
import { errorToJSON } from './report-error.js'

/** How far back rows per second look, ms. */
const RATE_WINDOW_MS = 2000
/** The speed of a handful of rows is that of starting. */
const FEWEST_ROWS_FOR_SPEED = 1000

/** Makes one line of progress from metrics; it remembers the ones before, for the rate. */
export function describeProgress(name: string): (metrics: JobMetrics) => string {
  const rate = rowRate()
  return metrics => {
    const { rowsIn, rowsExpected, checkpoints } = metrics
    const share = rowsExpected ? ` (${Math.floor((100 * rowsIn) / rowsExpected)} %)` : ''
    const parts = [
      `${pc.bold(name)} ${counted(rowsIn, 'row')}${share}`,
      `${count(rate(metrics))} rows/s`,
      `watermark ${watermark(eventTimeOf(metrics))}`,
      ...droppedByReason(metrics).map(([reason, rows]) => pc.yellow(`${reason} ${count(rows)}`)),
    ]
    if (checkpoints.lastId !== undefined) parts.push(`checkpoint ${checkpoints.lastId}`)
    if (checkpoints.lastError !== undefined) parts.push(pc.red(checkpoints.lastError.message))
    return parts.join(pc.dim(' · '))
  }
}

/** Rows per second over the last two seconds. */
export function rowRate(): (metrics: JobMetrics) => number {
  const seen: { rowsIn: number; elapsedMs: number }[] = [{ rowsIn: 0, elapsedMs: 0 }]
  return ({ rowsIn, elapsedMs }) => {
    seen.push({ rowsIn, elapsedMs })
    while (seen.length > 2 && (seen[1]?.elapsedMs ?? 0) <= elapsedMs - RATE_WINDOW_MS) seen.shift()
    const first = seen[0] ?? { rowsIn: 0, elapsedMs: 0 }
    return elapsedMs > first.elapsedMs ? ((rowsIn - first.rowsIn) * 1000) / (elapsedMs - first.elapsedMs) : 0
  }
}

/** The watermark that holds the job's windows: the lowest that came to an operator behind timestamps. */
export function eventTimeOf({ operators }: JobMetrics): number {
  const known = operators.map(operator => operator.watermark).filter(ms => ms > Number.NEGATIVE_INFINITY)
  return known.length === 0 ? Number.NEGATIVE_INFINITY : Math.min(...known)
}

/** Rows that were dropped or sent aside in the whole job, by reason. */
export function droppedByReason({ operators }: JobMetrics): [reason: string, rows: number][] {
  const sums = new Map<string, number>()
  for (const { dropped } of operators) {
    for (const [reason, rows] of Object.entries(dropped)) {
      if (rows > 0) sums.set(reason, (sums.get(reason) ?? 0) + rows)
    }
  }
  return [...sums]
}

/** What came of a job, in lines. */
export function describeResult(name: string, result: JobResult): string[] {
  const { metrics, status } = result
  const { rowsIn, rowsOut, elapsedMs, checkpoints } = metrics
  const colour = status === 'finished' ? pc.green : status === 'failed' ? pc.red : pc.yellow
  const speed =
    rowsIn >= FEWEST_ROWS_FOR_SPEED && elapsedMs > 0 ? ` (${count((rowsIn * 1000) / elapsedMs)} rows/s)` : ''
  const lines = [
    `${colour(`${name} ${status}`)}: ${counted(rowsIn, 'row')} in, ${count(rowsOut)} out, ${took(elapsedMs)}${speed}`,
  ]
  if (result.resumedFrom !== undefined) lines.push(`  resumed from checkpoint ${result.resumedFrom}`)
  for (const { id, dropped } of metrics.operators) {
    for (const [reason, rows] of Object.entries(dropped)) {
      if (rows > 0) lines.push(`  ${id}: ${counted(rows, 'row')} ${pc.yellow(reason)}`)
    }
  }
  if (checkpoints.completed > 0) {
    const size = `${bytes(checkpoints.lastBytes)}, ${took(checkpoints.lastDurationMs)}`
    lines.push(`  ${counted(checkpoints.completed, 'checkpoint')}; the last is ${checkpoints.lastId} (${size})`)
  }
  if (checkpoints.failed > 0) lines.push(pc.red(`  ${counted(checkpoints.failed, 'checkpoint')} failed`))
  if (checkpoints.lastError !== undefined) lines.push(pc.red(`  ${checkpoints.lastError.message}`))
  return lines
}

export function resultToJSON(name: string, result: JobResult): object {
  const { operators, checkpoints, ...metrics } = result.metrics
  return {
    job: name,
    status: result.status,
    ...metrics,
    resumedFrom: result.resumedFrom ?? null,
    lastCheckpoint: result.lastCheckpoint ?? null,
    operators: operators.map(operator => ({
      ...operator,
      watermark: watermarkToJSON(operator.watermark),
      inputs: operator.inputs.map(input => ({ ...input, watermark: watermarkToJSON(input.watermark) })),
    })),
    checkpoints: {
      ...checkpoints,
      lastError: checkpoints.lastError === undefined ? undefined : errorToJSON(checkpoints.lastError),
    },
    ...(result.error === undefined ? {} : { error: errorToJSON(result.error) }),
  }
}
