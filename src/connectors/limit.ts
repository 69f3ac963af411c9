import { describeValue } from '../core/errors.js'
import type { Source, SourceReader } from '../operators/source.js'
import { Pace } from './pace.js'

export interface LimitOptions {
  /** By processing time, from when the job starts or resumes. */
  readonly rowsPerSecond: number
}

/** Rows are given in pieces of this time, so that they come evenly. */
const PIECE_MS = 50

/**
 * A source that gives its rows no faster than asked for: to spare a service, or to watch a job. Its rows, positions and
 * schema are those of the source.
 * @throws TypeError for a rate that is none
 */
export function limit<Row>(source: Source<Row>, { rowsPerSecond }: LimitOptions): Source<Row> {
  if (!(rowsPerSecond > 0 && Number.isFinite(rowsPerSecond))) {
    throw new TypeError(`rowsPerSecond is a number above 0, not ${describeValue(rowsPerSecond)}`)
  }
  return {
    kind: source.kind,
    description: `${source.description}, ${rowsPerSecond} rows a second`,
    schema: source.schema,
    replayable: source.replayable,
    hasDeadLetters: source.hasDeadLetters === true,
    ...(source.project === undefined
      ? {}
      : { project: fields => limit(source.project?.(fields) ?? source, { rowsPerSecond }) }),
    open: async (context): Promise<SourceReader> => {
      const batchRows = Math.min(context.batchRows, Math.max(1, Math.floor((rowsPerSecond * PIECE_MS) / 1000)))
      const reader = await source.open({ ...context, batchRows })
      const pace = new Pace(context.clock)
      const startMs = context.clock.now()
      let rows = 0
      return {
        get rowCount() {
          return reader.rowCount
        },
        get dropped() {
          return reader.dropped ?? {}
        },
        get gauges() {
          return reader.gauges ?? {}
        },
        read: async () => {
          const next = await reader.read()
          if (next === undefined) return undefined
          rows += next.batch.length
          return (await pace.until(startMs + (rows * 1000) / rowsPerSecond)) ? next : undefined
        },
        close: () => {
          pace.close()
          return reader.close()
        },
      }
    },
  }
}
