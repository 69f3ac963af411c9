import type { JobMetrics, OperatorMetrics } from './job-handle.js'

/** The figures of an operator that has not run. */
export function emptyOperatorMetrics(id: string, kind: string): OperatorMetrics {
  return {
    id,
    kind,
    rowsIn: 0,
    rowsOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    busyMs: 0,
    backpressuredMs: 0,
    alignmentMs: 0,
    idleMs: 0,
    watermark: Number.NEGATIVE_INFINITY,
    watermarkSinceMs: undefined,
    inputs: [],
    checkpointBytes: 0,
    dropped: {},
    gauges: {},
  }
}

/** The figures of a job that has not run. */
export const EMPTY_JOB_METRICS: JobMetrics = {
  rowsIn: 0,
  rowsOut: 0,
  rowsExpected: undefined,
  elapsedMs: 0,
  takenAtMs: 0,
  operators: [],
  checkpoints: {
    completed: 0,
    failed: 0,
    lastId: undefined,
    lastBytes: 0,
    lastWrittenBytes: 0,
    lastDurationMs: 0,
    lastAlignmentMs: 0,
    lastError: undefined,
  },
}
