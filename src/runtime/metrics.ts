import { addCounters } from '../core/json.js'
import type { JobGraph } from '../graph/job-graph.js'
import { type CheckpointCounters, newCheckpointCounters } from './coordinator.js'
import type { JobMetrics, OperatorMetrics } from './job-handle.js'
import type { TaskSource } from './source-splits.js'
import { bySplit, nameSplit, type SourcesBySplit } from './split-names.js'
import { OperatorNode, type TaskNode } from './task-node.js'
import { type InputWatermark, mergeInputs } from './watermark-report.js'
import type { Wiring } from './wiring.js'

/** What a subtask knows of an operator; the size of its state in a checkpoint is known where that is written. */
export type OperatorFigures = Omit<OperatorMetrics, 'checkpointBytes'>

/** What one subtask has counted: the figures of its operators, in the order of its chain. */
export interface SubtaskMetrics {
  readonly operators: readonly OperatorFigures[]
  /** Rows that each split of its sources will give; undefined where it does not know. */
  readonly rowsExpected: readonly (number | undefined)[]
}

/** How long a task has run, ms, and how much of that it waited for space in sinks and channels. */
export interface TaskTimes {
  readonly ranMs: number
  readonly backpressuredMs: number
  /** Time in which it held channels back until a barrier had come from all others. */
  readonly alignmentMs: number
}

export function subtaskMetrics({ subtask, job, nodes, sources }: Wiring, times: TaskTimes): SubtaskMetrics {
  const around: Surroundings = { job, sources, splits: bySplit(sources), times }
  const members = new Set(subtask.chain.nodes.map(({ id }) => id))
  return {
    operators: nodes
      .filter(node => node.kind !== 'exchange' && members.has(node.id))
      .map(node => metricsOf(node, around)),
    rowsExpected: sources.map(({ pump }) => pump.rowCount),
  }
}

/** The counters of a job out of those of its subtasks; before they run they are zero. */
export function collectMetrics(
  graph: JobGraph,
  subtasks: readonly SubtaskMetrics[],
  checkpoints: CheckpointCounters | undefined,
  times: { readonly elapsedMs: number; readonly takenAtMs: number },
): JobMetrics {
  const { stateBytes, ...counters } = checkpoints ?? newCheckpointCounters()
  const operators = graph.nodes.flatMap(({ id }) => {
    const found = merged(subtasks, id)
    return found === undefined ? [] : [{ ...found, checkpointBytes: stateBytes.get(id) ?? 0 }]
  })
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
    ...times,
    operators,
    checkpoints: counters,
  }
}

/** One operator's figures over its subtasks: counts are added, its watermark is the lowest. */
function merged(subtasks: readonly SubtaskMetrics[], id: string): OperatorFigures | undefined {
  const own = subtasks.flatMap(({ operators }) => operators.filter(operator => operator.id === id))
  const [first] = own
  if (first === undefined) return undefined
  const least = Math.min(...own.map(({ watermark }) => watermark))
  const sum = (field: Counted): number => own.reduce((total, operator) => total + operator[field], 0)
  return {
    ...first,
    rowsIn: sum('rowsIn'),
    rowsOut: sum('rowsOut'),
    bytesIn: sum('bytesIn'),
    bytesOut: sum('bytesOut'),
    busyMs: sum('busyMs'),
    backpressuredMs: sum('backpressuredMs'),
    alignmentMs: sum('alignmentMs'),
    idleMs: sum('idleMs'),
    watermarkSinceMs: own.find(({ watermark }) => watermark === least)?.watermarkSinceMs,
    inputs: mergeInputs(own.map(({ inputs }) => inputs)),
    watermark: least,
    dropped: added(own.map(({ dropped }) => dropped)),
    gauges: added(own.map(({ gauges }) => gauges)),
  }
}

type Counted = 'rowsIn' | 'rowsOut' | 'bytesIn' | 'bytesOut' | 'busyMs' | 'backpressuredMs' | 'alignmentMs' | 'idleMs'

function added(all: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {}
  for (const counters of all) addCounters(sums, counters)
  return sums
}

interface Surroundings {
  readonly job: JobGraph
  readonly sources: readonly TaskSource[]
  readonly splits: SourcesBySplit
  readonly times: TaskTimes
}

function metricsOf(node: TaskNode, around: Surroundings): OperatorFigures {
  const { id, kind, rowsIn, rowsOut, bytesIn, bytesOut, busyMs } = node
  const { ranMs, backpressuredMs, alignmentMs } = around.times
  const idleMs = Math.max(0, ranMs - backpressuredMs - busyMs)
  const counted = { id, kind, rowsIn, rowsOut, bytesIn, bytesOut, busyMs, backpressuredMs, alignmentMs, idleMs }
  const watermarkSinceMs = node.progress?.sinceMs
  if (!(node instanceof OperatorNode)) {
    const dropped: Record<string, number> = {}
    const gauges: Record<string, number> = {}
    for (const source of around.sources) {
      if (source.node !== node) continue
      addCounters(dropped, source.pump.dropped)
      addCounters(gauges, source.pump.gauges)
    }
    const inputs = node.progress?.all ?? []
    return { ...counted, watermark: node.lastWatermark, watermarkSinceMs, inputs, dropped, gauges }
  }
  const { reachedWatermark: watermark, dropped, gauges } = node
  return { ...counted, watermark, watermarkSinceMs, inputs: inputsOf(node, around), dropped, gauges }
}

function inputsOf({ id, operator, progress }: OperatorNode, { job, splits }: Surroundings): readonly InputWatermark[] {
  if (operator.splits === undefined) return progress?.all ?? []
  return operator.splits.map(({ split, watermark, movedAtMs, isIdle }): InputWatermark => {
    const { name, source } = nameSplit(job, id, split, splits)
    const status = source?.hasEnded === true ? 'ended' : isIdle ? 'idle' : 'active'
    return { name, watermark, sinceMs: movedAtMs, status }
  })
}
