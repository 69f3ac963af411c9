import { addCounters } from '../core/json.js'
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
  const { sources = [], sourceNodes = [], sinks = [], nodes = [] } = wiring ?? {}
  return {
    rowsIn: sourceNodes.reduce((total, { rowsIn }) => total + rowsIn, 0),
    rowsOut: sinks.reduce((total, { rowsOut }) => total + rowsOut, 0),
    rowsExpected: sources.reduce<number | undefined>(
      (total, { pump }) => (total === undefined || pump.rowCount === undefined ? undefined : total + pump.rowCount),
      0,
    ),
    elapsedMs,
    operators: nodes.map(node => {
      const droppedBySource: Record<string, number> = {}
      for (const source of sources) if (source.node === node) addCounters(droppedBySource, source.pump.dropped)
      return metricsOf(node, droppedBySource)
    }),
    checkpoints: { ...(checkpoints ?? NO_CHECKPOINTS) },
  }
}

function metricsOf(node: TaskNode, droppedBySource: Readonly<Record<string, number>>): OperatorMetrics {
  const { id, kind, rowsIn, rowsOut } = node
  if (!(node instanceof OperatorNode)) {
    return { id, kind, rowsIn, rowsOut, watermark: node.lastWatermark, dropped: droppedBySource, gauges: {} }
  }
  const { reachedWatermark: watermark, dropped, gauges } = node
  return { id, kind, rowsIn, rowsOut, watermark, dropped, gauges }
}
