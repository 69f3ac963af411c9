/* Jobs as JSON, for /jobs and those who read it. */
import type { Json } from '../../core/json.js'
import type { JobGraph } from '../../graph/job-graph.js'
import { emptyOperatorMetrics } from '../../runtime/empty-metrics.js'
import { describeHolder, type InputWatermark, watermarkReport } from '../../runtime/watermark-report.js'
import type { JobControl } from './job-control.js'
import type { WatchedJob } from './job-metrics-text.js'

/** A job and what is known of it before it runs. */
export interface ServedJob {
  readonly handle: WatchedJob
  readonly graph: JobGraph
  /** What can be asked of it over HTTP; undefined: it can only be looked at. */
  readonly control?: JobControl
}

/** What /jobs says of a job. JSON has no infinities: watermarks are ms, "end", or null where there is none yet. */
export interface JobView {
  readonly name: string
  readonly status: string
  readonly rowsIn: number
  readonly rowsOut: number
  readonly rowsExpected: number | null
  readonly elapsedMs: number
  readonly takenAtMs: number
  readonly operators: readonly OperatorView[]
  readonly checkpoints: {
    readonly completed: number
    readonly failed: number
    readonly lastId: number | null
    readonly lastBytes: number
    readonly lastWrittenBytes: number
    readonly lastDurationMs: number
    readonly lastAlignmentMs: number
    readonly lastError: { readonly code: string; readonly message: string } | null
  }
}

/** An input, or a split of the source: see InputWatermark. */
export interface InputView {
  readonly name: string
  readonly status: string
  readonly watermark: number | 'end' | null
  readonly sinceMs: number | null
}

export interface OperatorView {
  readonly id: string
  readonly kind: string
  readonly description: string
  /** The ids of the operators whose output flows in. */
  readonly inputs: readonly string[]
  readonly rowsIn: number
  readonly rowsOut: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly busyMs: number
  readonly backpressuredMs: number
  readonly alignmentMs: number
  readonly idleMs: number
  readonly watermark: number | 'end' | null
  /** How far it is behind processing time; null where there is none, or its input has ended. */
  readonly watermarkLagMs: number | null
  readonly watermarkSinceMs: number | null
  /** Who holds the watermark, in words; null where the operator has no inputs. */
  readonly heldBy: string | null
  readonly inputWatermarks: readonly InputView[]
  readonly checkpointBytes: number
  readonly dropped: Readonly<Record<string, number>>
  readonly gauges: Readonly<Record<string, number>>
}

export function jobView({ handle, graph }: ServedJob): JobView {
  const { operators, checkpoints, rowsExpected, ...metrics } = handle.metrics()
  const { lastError, lastId, ...counted } = checkpoints
  return {
    name: handle.name,
    status: handle.status,
    ...metrics,
    rowsExpected: rowsExpected ?? null,
    operators: graph.nodes.map(({ id, kind, description, inputs }): OperatorView => {
      const found = operators.find(operator => operator.id === id) ?? emptyOperatorMetrics(id, kind)
      const [told] = watermarkReport({ operators: [found] })
      return {
        ...found,
        description,
        inputs: inputs.map(({ from }) => from),
        watermark: watermarkJson(found.watermark),
        watermarkLagMs: Number.isFinite(found.watermark) ? metrics.takenAtMs - found.watermark : null,
        watermarkSinceMs: found.watermarkSinceMs ?? null,
        heldBy: told === undefined ? null : describeHolder(told),
        inputWatermarks: found.inputs.map(inputView),
      }
    }),
    checkpoints: {
      ...counted,
      lastId: lastId ?? null,
      lastError: lastError === undefined ? null : { code: lastError.code, message: lastError.message },
    },
  }
}

function inputView({ name, status, watermark, sinceMs }: InputWatermark): InputView {
  return { name, status, watermark: watermarkJson(watermark), sinceMs: sinceMs ?? null }
}

function watermarkJson(ms: number): number | 'end' | null {
  if (ms === Number.POSITIVE_INFINITY) return 'end'
  return Number.isFinite(ms) ? ms : null
}

/** Whether what /jobs/NAME answered looks like a job: it comes over the wire. */
export function isJobView(value: unknown): value is JobView {
  if (typeof value !== 'object' || value === null) return false
  const { name, status, operators, checkpoints } = value as { readonly [key: string]: Json }
  return typeof name === 'string' && typeof status === 'string' && Array.isArray(operators) && isObject(checkpoints)
}

function isObject(value: Json | undefined): boolean {
  return typeof value === 'object' && value !== null
}
