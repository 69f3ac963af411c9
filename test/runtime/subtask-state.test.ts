import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ExecutionGraph } from '../../src/graph/execution-graph.js'
import { workerOfSlot } from '../../src/runtime/remote/worker-channels.js'
import { restoredStates, statesFor } from '../../src/runtime/subtask-state.js'
import type { RecoveredState } from '../../src/state/recovery.js'
import { inMemory, sensorJob } from './streams.js'

const graph = sensorJob([inMemory([])]).plan()

function statesOf(parallelism: number): Map<string, RecoveredState[]> {
  const execution = new ExecutionGraph(graph, parallelism)
  const states = new Map<string, RecoveredState[]>()
  for (const { chain, index } of execution.subtasks) {
    for (const { id, kind, settings } of chain.nodes) {
      const parts = [{ name: 'rows', bytes: new Uint8Array(100).fill(index) }]
      const state = {
        id,
        subtask: index,
        kind,
        settings,
        rowsIn: index + 1,
        rowsOut: 2,
        state: { dropped: { late: 3 } },
      }
      states.set(id, [...(states.get(id) ?? []), { ...state, parts }])
    }
  }
  return states
}

const bytesOf = (states: ReadonlyMap<string, readonly RecoveredState[]>): number =>
  [...states.values()]
    .flat()
    .reduce((sum, { parts }) => sum + parts.reduce((all, { bytes }) => all + bytes.length, 0), 0)

describe('the state that a worker is sent', () => {
  it('is what its subtasks restore, and nothing that others restore', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 4 }),
        (former, parallelism, workers) => {
          const all = statesOf(former)
          const { subtasks } = new ExecutionGraph(graph, parallelism)
          let sent = 0
          for (let worker = 0; worker < workers; worker++) {
            const own = subtasks.filter(({ slot }) => workerOfSlot(slot, workers) === worker)
            const states = statesFor(own, all)
            for (const subtask of own) expect(restoredStates(subtask, states)).toEqual(restoredStates(subtask, all))
            sent += bytesOf(states)
          }
          if (former === parallelism) expect(sent).toBe(bytesOf(all))
        },
      ),
    )
  })
})
