/* The metrics of jobs as Prometheus reads them. Times are in seconds, as its conventions ask. */
import type { JobHandle, JobMetrics, OperatorMetrics } from '../../runtime/job-handle.js'
import { type Labels, type Metric, prometheusText, type Sample, snakeCase } from './prometheus-text.js'

/** A job as it is shown. */
export type WatchedJob = Pick<JobHandle, 'name' | 'status' | 'metrics'>

type Type = Metric['type']
type JobFigure = readonly [name: string, type: Type, help: string, of: (metrics: JobMetrics) => number | undefined]
type OperatorFigure = readonly [
  name: string,
  type: Type,
  help: string,
  of: (operator: OperatorMetrics, takenAtMs: number) => number | undefined,
]

const seconds = (ms: number): number => ms / 1000

const JOB_FIGURES: readonly JobFigure[] = [
  ['sabot_job_rows_in_total', 'counter', 'Rows that the sources gave.', ({ rowsIn }) => rowsIn],
  ['sabot_job_rows_out_total', 'counter', 'Rows that went to the sinks.', ({ rowsOut }) => rowsOut],
  ['sabot_job_rows_expected', 'gauge', 'Rows that the sources will give in all.', ({ rowsExpected }) => rowsExpected],
  ['sabot_job_elapsed_seconds', 'gauge', 'Time since the job was started.', ({ elapsedMs }) => seconds(elapsedMs)],
  ['sabot_checkpoints_completed_total', 'counter', 'Checkpoints taken.', ({ checkpoints }) => checkpoints.completed],
  ['sabot_checkpoints_failed_total', 'counter', 'Checkpoints given up.', ({ checkpoints }) => checkpoints.failed],
  ['sabot_checkpoint_last_id', 'gauge', 'Number of the last checkpoint.', ({ checkpoints }) => checkpoints.lastId],
  [
    'sabot_checkpoint_last_size_bytes',
    'gauge',
    'Size of the last checkpoint.',
    ({ checkpoints }) => (checkpoints.lastId === undefined ? undefined : checkpoints.lastBytes),
  ],
  [
    'sabot_checkpoint_last_written_bytes',
    'gauge',
    'Bytes that were written for the last checkpoint; the rest of it is of checkpoints before.',
    ({ checkpoints }) => (checkpoints.lastId === undefined ? undefined : checkpoints.lastWrittenBytes),
  ],
  [
    'sabot_checkpoint_last_duration_seconds',
    'gauge',
    'Time from the barrier of the last checkpoint until it was complete.',
    ({ checkpoints }) => (checkpoints.lastId === undefined ? undefined : seconds(checkpoints.lastDurationMs)),
  ],
  [
    'sabot_checkpoint_last_alignment_seconds',
    'gauge',
    'Longest time for which a task held channels back for the barrier of the last checkpoint.',
    ({ checkpoints }) => (checkpoints.lastId === undefined ? undefined : seconds(checkpoints.lastAlignmentMs)),
  ],
]

const OPERATOR_FIGURES: readonly OperatorFigure[] = [
  ['sabot_operator_rows_in_total', 'counter', 'Rows that came to the operator.', ({ rowsIn }) => rowsIn],
  ['sabot_operator_rows_out_total', 'counter', 'Rows that the operator put out.', ({ rowsOut }) => rowsOut],
  ['sabot_operator_bytes_in_total', 'counter', 'Bytes of the rows that came in, in columns.', ({ bytesIn }) => bytesIn],
  ['sabot_operator_bytes_out_total', 'counter', 'Bytes of the rows put out, in columns.', ({ bytesOut }) => bytesOut],
  ['sabot_operator_busy_seconds_total', 'counter', 'Time that it worked.', ({ busyMs }) => seconds(busyMs)],
  [
    'sabot_operator_backpressured_seconds_total',
    'counter',
    'Time that its tasks waited for space downstream.',
    ({ backpressuredMs }) => seconds(backpressuredMs),
  ],
  [
    'sabot_operator_alignment_seconds_total',
    'counter',
    'Time that its tasks held channels back until a barrier had come from all others.',
    ({ alignmentMs }) => seconds(alignmentMs),
  ],
  [
    'sabot_operator_checkpoint_bytes',
    'gauge',
    'Bytes of its state in the last checkpoint.',
    ({ checkpointBytes }) => checkpointBytes,
  ],
  ['sabot_operator_idle_seconds_total', 'counter', 'The rest of the time.', ({ idleMs }) => seconds(idleMs)],
  [
    'sabot_operator_watermark_lag_seconds',
    'gauge',
    'How far the watermark of the operator is behind processing time.',
    ({ watermark }, takenAtMs) => (Number.isFinite(watermark) ? seconds(takenAtMs - watermark) : undefined),
  ],
  [
    'sabot_operator_watermark_seconds',
    'gauge',
    'Event time that the operator has reached, since the epoch; +Inf: its input has ended.',
    ({ watermark }) => seconds(watermark),
  ],
]

/** The metrics of all jobs, in the text format of Prometheus. */
export function jobMetricsText(jobs: readonly WatchedJob[]): string {
  const taken = jobs.map(job => ({ job: job.name, status: job.status, metrics: job.metrics() }))
  const all = taken.flatMap(({ job, metrics }) => {
    const { takenAtMs } = metrics
    return metrics.operators.map(operator => {
      return { labels: { job, operator: operator.id, kind: operator.kind }, operator, takenAtMs }
    })
  })
  return prometheusText([
    {
      name: 'sabot_job_status',
      type: 'gauge',
      help: 'Always 1: the status is in the label.',
      samples: taken.map(({ job, status }) => ({ labels: { job, status }, value: 1 })),
    },
    ...JOB_FIGURES.map(([name, type, help, of]): Metric => {
      return { name, type, help, samples: taken.flatMap(({ job, metrics }) => sampleOf({ job }, of(metrics))) }
    }),
    ...OPERATOR_FIGURES.map(([name, type, help, of]): Metric => {
      const samples = all.flatMap(({ labels, operator, takenAtMs }) => sampleOf(labels, of(operator, takenAtMs)))
      return { name, type, help, samples }
    }),
    {
      name: 'sabot_operator_dropped_total',
      type: 'counter',
      help: 'Rows that did not go the main way, by reason.',
      samples: all.flatMap(({ labels, operator }) =>
        Object.entries(operator.dropped).map(([reason, value]) => ({ labels: { ...labels, reason }, value })),
      ),
    },
    {
      name: 'sabot_input_watermark_seconds',
      type: 'gauge',
      help: 'Event time that an input of the operator, or a split of its source, has reached.',
      samples: all.flatMap(({ labels, operator }) =>
        operator.inputs.flatMap(({ name, status, watermark }) =>
          sampleOf({ ...labels, input: name, status }, seconds(watermark)),
        ),
      ),
    },
    ...gaugeMetrics(all),
  ])
}

/** -Infinity is a watermark that is not there yet. */
function sampleOf(labels: Labels, value: number | undefined): Sample[] {
  return value === undefined || value === Number.NEGATIVE_INFINITY ? [] : [{ labels, value }]
}

/** The gauges of operators, such as stateBytes, as sabot_operator_state_bytes. */
function gaugeMetrics(all: readonly { readonly labels: Labels; readonly operator: OperatorMetrics }[]): Metric[] {
  const samples = new Map<string, Sample[]>()
  for (const { labels, operator } of all) {
    // Gauges whose names are one in snake case are one sample: the format takes no series twice.
    for (const [gauge, value] of new Map(Object.entries(operator.gauges).map(([name, at]) => [snakeCase(name), at]))) {
      const of = samples.get(gauge) ?? []
      of.push({ labels, value })
      samples.set(gauge, of)
    }
  }
  return [...samples].map(([gauge, of]): Metric => {
    const help = `Gauge ${gauge} of the operator.`
    return { name: `sabot_operator_${gauge}`, type: 'gauge', help, samples: of }
  })
}
