import { addCounters, countersMember, type Json, memberOf } from '../core/json.js'
import type { Subtask } from '../graph/execution-graph.js'
import type { RecoveredState } from '../state/recovery.js'

/** What one operator of a subtask begins with. */
export interface RestoredNode {
  /** Empty: it begins anew. Several: it was another number of subtasks, and takes what is its own. */
  readonly states: readonly RecoveredState[]
  readonly rowsIn: number
  readonly rowsOut: number
}

/** By operator id. */
export type RestoredStates = ReadonlyMap<string, RestoredNode>

/**
 * What the operators of a subtask begin with: where there are as many subtasks as before, the state of the one of equal
 * index; else those of all. Counters are of the operator, not of a subtask: the first takes those of all, as operators
 * do by themselves when they are given all states.
 */
export function restoredStates(
  { chain, index }: Subtask,
  states: ReadonlyMap<string, readonly RecoveredState[]>,
): RestoredStates {
  const restored = new Map<string, RestoredNode>()
  for (const { id } of chain.nodes) {
    const former = states.get(id) ?? []
    const counted = index === 0 ? former : []
    const own = former[index]
    restored.set(id, {
      states: own !== undefined && former.length === chain.parallelism ? [withCounters(own, counted)] : former,
      rowsIn: counted.reduce((sum, { rowsIn }) => sum + rowsIn, 0),
      rowsOut: counted.reduce((sum, { rowsOut }) => sum + rowsOut, 0),
    })
  }
  return restored
}

/** The state with the counters of others in the place of its own. */
function withCounters(own: RecoveredState, counted: readonly RecoveredState[]): RecoveredState {
  if (memberOf(own.state, 'dropped') === undefined) return own
  const dropped: Record<string, number> = {}
  for (const { state } of counted) addCounters(dropped, countersMember(state, 'dropped'))
  return { ...own, state: { ...(own.state as { readonly [name: string]: Json }), dropped } }
}
