import { pino } from 'pino'
import type { JobEvent, JobHandle, JobMetrics, JobResult } from '../../runtime/job-handle.js'
import { droppedByReason, eventTimeOf } from '../cli/progress.js'
import { errorToJSON } from '../cli/report-error.js'
import { watermarkToJSON } from '../terminal/words.js'

/** Where lines go: one call a line, line feed included. */
export interface LogOutput {
  write(line: string): void
}

/**
 * What happens to a job as JSON, one object a line: `time` (ISO 8601), `level` (info, warn, error), `job`, `event`, and
 * what belongs to it. Levels and names are stable; members may be added.
 */
export class JobLog {
  private readonly logger: ReturnType<typeof pino>

  constructor(job: string, output: LogOutput) {
    const options = {
      base: { job },
      messageKey: 'event',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label: string) => ({ level: label }) },
    }
    this.logger = pino(options, output)
  }

  started(httpUrl: string | undefined): void {
    this.logger.info(httpUrl === undefined ? {} : { httpUrl }, 'started')
  }

  note(text: string): void {
    this.logger.info({ text }, 'note')
  }

  event(event: JobEvent): void {
    const { kind, ...members } = event
    const rest: Record<string, unknown> = {}
    for (const [name, value] of Object.entries(members))
      rest[name] = Array.isArray(value) ? value.map(shown) : shown(value)
    const isBad = 'error' in members || ('passedOver' in members && members.passedOver.length > 0)
    if (isBad) this.logger.warn(rest, kind)
    else this.logger.info(rest, kind)
  }

  progress(handle: Pick<JobHandle, 'status' | 'metrics'>): void {
    this.logger.info({ status: handle.status, ...figures(handle.metrics()) }, 'progress')
  }

  ended({ status, error, resumedFrom, metrics }: JobResult): void {
    const members = { status, ...figures(metrics), ...(resumedFrom === undefined ? {} : { resumedFrom }) }
    if (error === undefined) this.logger.info(members, 'ended')
    else this.logger.error({ ...members, error: errorToJSON(error) }, 'ended')
  }
}

function figures(metrics: JobMetrics): Record<string, unknown> {
  const { rowsIn, rowsOut, rowsExpected, elapsedMs, checkpoints } = metrics
  const dropped = Object.fromEntries(droppedByReason(metrics))
  const watermark = watermarkToJSON(eventTimeOf(metrics))
  const { completed, failed, lastId } = checkpoints
  return { rowsIn, rowsOut, rowsExpected, elapsedMs, watermark, dropped, checkpoints: { completed, failed, lastId } }
}

function shown(value: unknown): unknown {
  return value instanceof Error ? errorToJSON(value) : value
}
