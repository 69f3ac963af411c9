import { SabotError } from '../core/errors.js'
import { DEFAULT_MAX_PARALLELISM } from '../core/key-groups.js'
import type { JobGraph } from '../graph/job-graph.js'
import type { RecoveredState, Recovery } from '../state/recovery.js'

/** What a job and a checkpoint do not have in common. */
export interface NonRestored {
  /** Operators whose state is dropped, since the job no longer has them. */
  readonly dropped: readonly string[]
  /** Sources and sinks that the checkpoint does not know: they begin at their start. */
  readonly begun: readonly string[]
}

/**
 * Refuses, by name, state that has no operator, or one of another kind or with other settings, and sources and sinks
 * without state. With `allowNonRestored` what has no counterpart is told instead; what has another one is refused still.
 * @throws SabotError STATE_WITHOUT_OPERATOR, STATE_MISMATCH, OPERATOR_WITHOUT_STATE
 */
export function checkFit(
  graph: JobGraph,
  { states, checkpointId, manifest }: Recovery,
  allowNonRestored = false,
): NonRestored {
  const dropped: string[] = []
  const begun: string[] = []
  const { maxParallelism = DEFAULT_MAX_PARALLELISM } = manifest
  if (maxParallelism !== graph.maxParallelism) {
    throw new SabotError(
      'STATE_MISMATCH',
      `Job ${graph.name} has ${graph.maxParallelism} key groups, but checkpoint ${checkpointId} holds its state in ` +
        `${maxParallelism}: it cannot resume from there. Begin anew`,
      { checkpointId, maxParallelism },
    )
  }
  for (const [id, subtasks] of states) {
    const [state] = subtasks
    if (state === undefined) continue
    const node = graph.nodes.find(candidate => candidate.id === id)
    if (node === undefined) {
      if (!subtasks.some(holdsState)) continue
      dropped.push(id)
      if (allowNonRestored) continue
      throw new SabotError(
        'STATE_WITHOUT_OPERATOR',
        `Checkpoint ${checkpointId} holds state of operator ${id} (${state.kind}), which the job no longer has. ` +
          `Give its successor that id with .as('${id}'), drop the state (allowNonRestored, --allow-non-restored), or ` +
          'begin anew',
        { operator: id, checkpointId },
      )
    }
    if (node.kind !== state.kind || JSON.stringify(node.settings) !== JSON.stringify(state.settings)) {
      throw new SabotError(
        'STATE_MISMATCH',
        `Operator ${id} is ${node.kind} ${JSON.stringify(node.settings)}, but checkpoint ${checkpointId} holds its state ` +
          `as ${state.kind} ${JSON.stringify(state.settings)}. Change it back, give the new operator another id, or begin anew`,
        { operator: id, checkpointId },
      )
    }
  }
  for (const { id, kind, role } of graph.nodes) {
    if (role.kind === 'operator' || states.has(id)) continue
    begun.push(id)
    if (allowNonRestored) continue
    throw new SabotError(
      'OPERATOR_WITHOUT_STATE',
      `The job has a ${kind} ${id} that checkpoint ${checkpointId} knows nothing of, so it cannot resume from there. ` +
        `Give it the id that it had with .as(...), let it begin at its start (allowNonRestored, --allow-non-restored), ` +
        'or begin anew',
      { operator: id, checkpointId },
    )
  }
  return { dropped, begun }
}

function holdsState({ state, parts }: RecoveredState): boolean {
  return state !== null || parts.length > 0
}
