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

/**
 * The states that a worker with these subtasks needs: of its operators, and with the parts that `restoredStates` gives to
 * one of them. What others restore comes without its parts, which are what is large.
 */
export function statesFor(
  subtasks: readonly Subtask[],
  states: ReadonlyMap<string, readonly RecoveredState[]>,
): ReadonlyMap<string, readonly RecoveredState[]> {
  const own = new Map<string, readonly RecoveredState[]>()
  for (const { id, indexes, parallelism } of operatorsOf(subtasks)) {
    const former = states.get(id)
    if (former === undefined) continue
    const isRescaled = former.length !== parallelism
    own.set(
      id,
      former.map((state, index) => (isRescaled || indexes.has(index) ? state : { ...state, parts: [] })),
    )
  }
  return own
}

function* operatorsOf(subtasks: readonly Subtask[]) {
  for (const chain of new Set(subtasks.map(subtask => subtask.chain))) {
    const indexes = new Set(subtasks.filter(subtask => subtask.chain === chain).map(({ index }) => index))
    for (const { id } of chain.nodes) yield { id, indexes, parallelism: chain.parallelism }
  }
}

/** The state with the counters of others in the place of its own. */
function withCounters(own: RecoveredState, counted: readonly RecoveredState[]): RecoveredState {
  if (memberOf(own.state, 'dropped') === undefined) return own
  const dropped: Record<string, number> = {}
  for (const { state } of counted) addCounters(dropped, countersMember(state, 'dropped'))
  return { ...own, state: { ...(own.state as { readonly [name: string]: Json }), dropped } }
}
