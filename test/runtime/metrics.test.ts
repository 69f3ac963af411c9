/* What a job tells of its checkpoints: how long barriers were waited for, and how large state is. */
import { describe, expect, it } from 'vitest'
import { execute, type JobEvent, job, left, memory, ndjson, right } from '../../src/index.js'
import { xxh64Hex } from '../../src/kernel/hash.js'
import { inspectCheckpoint } from '../../src/state/checkpoint.js'
import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'
import { ManualClock, MemoryFiles } from '../../src/testing/index.js'
import { nextTurn } from '../platform/next-turn.js'
import { environment, observed } from './streams.js'

const ALIGNMENT_MS = 250

describe('the metrics of checkpoints', () => {
  it('tell how long channels were held back for a barrier, by operator and in all', async () => {
    const clock = new ManualClock()
    let answer: () => void = () => undefined
    const waits = new Promise<void>(resolve => {
      answer = resolve
    })
    let goOn: () => void = () => undefined
    const later = new Promise<void>(resolve => {
      goOn = resolve
    })
    const rows = Array.from({ length: 20 }, (_, n) => ({ key: n % 4, at: n }))
    let asked = 0
    const graph = job('aligned', j => {
      // Neither input ends before the checkpoint is complete.
      const held = () => observed(memory(rows), async read => (read === 1 ? later : undefined))
      const fast = j.from(held(), { idleness: 0 }).withTimestamps('at', { outOfOrderness: 0 })
      // A task that is full lets no barrier in.
      const slow = j
        .from(held(), { idleness: 0 })
        .asyncMap(
          async row => {
            asked += 1
            if (asked === 1) await waits
            return row
          },
          { key: 'f64', at: 'f64' },
          { capacity: 1 },
        )
        .withTimestamps('at', { outOfOrderness: 0 })
      fast
        .keyBy('key')
        .intervalJoin(slow.keyBy('key'), { from: -2, to: 2 })
        .select({ key: left('key'), at: right('at') })
        .as('pairs')
        .to(ndjson('out.ndjson'))
    }).plan()
    const storage = new MemoryCheckpointStorage()
    const events: JobEvent[] = []
    const handle = execute(graph, environment(new MemoryFiles(), clock), {
      parallelism: 2,
      checkpoints: { storage, intervalMs: 0 },
      onEvent: event => events.push(event),
    })
    const turns = async (): Promise<void> => {
      for (let turn = 0; turn < 20; turn++) await nextTurn()
    }
    while (asked === 0) await nextTurn()
    const taken = handle.checkpoint()
    await turns()
    clock.advance(ALIGNMENT_MS)
    answer()
    while (handle.metrics().checkpoints.completed === 0) {
      clock.advance(0)
      await nextTurn()
    }
    const id = await taken
    const { operators, checkpoints } = handle.metrics()
    const alignment = Object.fromEntries(operators.map(({ id: operator, alignmentMs }) => [operator, alignmentMs]))
    goOn()
    expect((await handle.ended).error).toBeUndefined()

    expect(checkpoints).toMatchObject({ completed: 1, lastAlignmentMs: ALIGNMENT_MS, lastDurationMs: ALIGNMENT_MS })
    expect(events).toContainEqual(
      expect.objectContaining({ kind: 'checkpoint-completed', checkpointId: id, alignmentMs: ALIGNMENT_MS }),
    )
    // Both subtasks of the join waited, sources never do.
    expect(alignment).toMatchObject({ 'source-1': 0, 'source-2': 0, pairs: 2 * ALIGNMENT_MS })

    // State is as large as its parts in the storage, over both subtasks.
    const kernel = environment().createKernel()
    const { operators: sealed } = await inspectCheckpoint(storage, id, bytes => xxh64Hex(kernel, bytes))
    const stored = new Map<string, number>()
    for (const { id: operator, parts } of sealed) {
      stored.set(
        operator,
        parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, stored.get(operator) ?? 0),
      )
    }
    expect(stored.get('pairs')).toBeGreaterThan(100)
    expect(new Map(operators.map(operator => [operator.id, operator.checkpointBytes]))).toEqual(stored)
  })
})
