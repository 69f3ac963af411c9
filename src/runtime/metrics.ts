import { addCounters } from '../core/json.js'
import type { JobGraph } from '../graph/job-graph.js'
import type { CheckpointCounters } from './coordinator.js'
import type { JobMetrics, OperatorMetrics } from './job-handle.js'
import type { TaskSource } from './source-splits.js'
import { OperatorNode, type TaskNode } from './task-node.js'
import type { Wiring } from './wiring.js'

/** What one subtask has counted: the figures of its operators, in the order of its chain. */
export interface SubtaskMetrics {
  readonly operators: readonly OperatorMetrics[]
  /** Rows that each split of its sources will give; undefined where it does not know. */
  readonly rowsExpected: readonly (number | undefined)[]
}

const NO_CHECKPOINTS: CheckpointCounters = {
  completed: 0,
  failed: 0,
  lastId: undefined,
  lastBytes: 0,
  lastDurationMs: 0,
  lastError: undefined,
}

export function subtaskMetrics({ subtask, nodes, sources }: Wiring): SubtaskMetrics {
  const members = new Set(subtask.chain.nodes.map(({ id }) => id))
  return {
    operators: nodes
      .filter(node => node.kind !== 'exchange' && members.has(node.id))
      .map(node => metricsOf(node, sources)),
    rowsExpected: sources.map(({ pump }) => pump.rowCount),
  }
}

/** The counters of a job out of those of its subtasks; before they run they are zero. */
export function collectMetrics(
  graph: JobGraph,
  subtasks: readonly SubtaskMetrics[],
  checkpoints: CheckpointCounters | undefined,
  elapsedMs: number,
): JobMetrics {
  const operators = subtasks.length === 0 ? [] : graph.nodes.flatMap(({ id }) => merged(subtasks, id) ?? [])
  const rowsOf = (kind: 'source' | 'sink', field: 'rowsIn' | 'rowsOut'): number => {
    const members = new Set(graph.nodes.filter(({ role }) => role.kind === kind).map(({ id }) => id))
    return operators.reduce((sum, operator) => sum + (members.has(operator.id) ? operator[field] : 0), 0)
  }
  return {
    rowsIn: rowsOf('source', 'rowsIn'),
    rowsOut: rowsOf('sink', 'rowsOut'),
    rowsExpected: subtasks
      .flatMap(({ rowsExpected }) => rowsExpected)
      .reduce<number | undefined>((sum, rows) => (sum === undefined || rows === undefined ? undefined : sum + rows), 0),
    elapsedMs,
    operators,
    checkpoints: { ...(checkpoints ?? NO_CHECKPOINTS) },
  }
}

/** One operator's figures over its subtasks: counts are added, its watermark is the lowest. */
function merged(subtasks: readonly SubtaskMetrics[], id: string): OperatorMetrics | undefined {
  const own = subtasks.flatMap(({ operators }) => operators.filter(operator => operator.id === id))
  const [first] = own
  if (first === undefined) return undefined
  const sum = (field: 'rowsIn' | 'rowsOut'): number => own.reduce((total, operator) => total + operator[field], 0)
  return {
    ...first,
    rowsIn: sum('rowsIn'),
    rowsOut: sum('rowsOut'),
    watermark: Math.min(...own.map(({ watermark }) => watermark)),
    dropped: added(own.map(({ dropped }) => dropped)),
    gauges: added(own.map(({ gauges }) => gauges)),
  }
}

function added(all: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {}
  for (const counters of all) addCounters(sums, counters)
  return sums
}

function metricsOf(node: TaskNode, sources: readonly TaskSource[]): OperatorMetrics {
  const { id, kind, rowsIn, rowsOut } = node
  if (!(node instanceof OperatorNode)) {
    const dropped: Record<string, number> = {}
    for (const source of sources) if (source.node === node) addCounters(dropped, source.pump.dropped)
    return { id, kind, rowsIn, rowsOut, watermark: node.lastWatermark, dropped, gauges: {} }
  }
  const { reachedWatermark: watermark, dropped, gauges } = node
  return { id, kind, rowsIn, rowsOut, watermark, dropped, gauges }
}
