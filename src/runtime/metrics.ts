import type { CheckpointCounters } from './coordinator.js'
import type { JobMetrics, OperatorMetrics } from './job-handle.js'
import { OperatorNode, type TaskNode } from './task-node.js'
import type { Wiring } from './wiring.js'

const NO_CHECKPOINTS: CheckpointCounters = {
  completed: 0,
  failed: 0,
  lastId: undefined,
  lastBytes: 0,
  lastDurationMs: 0,
  lastError: undefined,
}

/** A snapshot of all counters; before the job is wired they are zero. */
export function collectMetrics(
  wiring: Wiring | undefined,
  checkpoints: CheckpointCounters | undefined,
  elapsedMs: number,
): JobMetrics {
  const { sources = [], sinks = [], nodes = [] } = wiring ?? {}
  return {
    rowsIn: sources.reduce((total, { node }) => total + node.rowsIn, 0),
    rowsOut: sinks.reduce((total, { rowsOut }) => total + rowsOut, 0),
    rowsExpected: sources.reduce<number | undefined>(
      (total, { pump }) => (total === undefined || pump.rowCount === undefined ? undefined : total + pump.rowCount),
      0,
    ),
    elapsedMs,
    operators: nodes.map(node => metricsOf(node, sources.find(source => source.node === node)?.pump.dropped)),
    checkpoints: { ...(checkpoints ?? NO_CHECKPOINTS) },
  }
}

function metricsOf(node: TaskNode, droppedBySource: Readonly<Record<string, number>> = {}): OperatorMetrics {
  const { id, kind, rowsIn, rowsOut } = node
  if (!(node instanceof OperatorNode)) {
    return { id, kind, rowsIn, rowsOut, watermark: node.lastWatermark, dropped: { ...droppedBySource }, gauges: {} }
  }
  const { reachedWatermark: watermark, dropped, gauges } = node
  return { id, kind, rowsIn, rowsOut, watermark, dropped, gauges }
}
