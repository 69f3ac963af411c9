import { describe, expect, it } from 'vitest'
import { execute, generator, type JobHandle, job, type Sink } from '../../src/index.js'
import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'
import { ManualClock } from '../../src/testing/index.js'
import { environment, observed } from './streams.js'

/** A sink that only says what it was told. */
function telling(said: string[]): Sink<{ readonly n: number }> {
  return {
    kind: 'telling',
    description: '',
    guarantee: 'exactly-once',
    open: async ({ state }) => {
      said.push(`open ${state ?? 'anew'}`)
      return {
        write: () => undefined,
        prepare: async checkpointId => checkpointId,
        commit: async checkpointId => void said.push(`commit ${checkpointId}`),
        finish: async () => void said.push('finish'),
        close: async () => undefined,
      }
    },
  }
}

interface Ran {
  readonly said: string[]
  readonly handle: JobHandle
}

/** A checkpoint or savepoint before each read, which takes 400 ms. */
function run(steps: readonly ('checkpoint' | 'savepoint' | 'stop')[], commitIntervalMs: number): Ran {
  const said: string[] = []
  const clock = new ManualClock()
  let handle: JobHandle | undefined
  const source = observed(
    generator(n => ({ n }), { count: 1_000_000 }),
    async read => {
      const step = steps[read]
      if (step === 'stop') void handle?.stop()
      else if (step !== undefined) await handle?.[step]()
      clock.advance(400)
    },
  )
  const graph = job('commits', j => void j.from(source).to(telling(said))).plan()
  const checkpoints = { storage: new MemoryCheckpointStorage(), intervalMs: 0, commitIntervalMs }
  handle = execute(graph, environment(undefined, clock), { checkpoints, batchRows: 10 })
  return { said, handle }
}

describe('the interval of commits', () => {
  it('is that of checkpoints unless it is longer', async () => {
    const each = run(['checkpoint', 'checkpoint', 'checkpoint', 'stop'], 0)
    expect((await each.handle.ended).status).toBe('stopped')
    expect(each.said).toEqual(['open anew', 'commit 1', 'commit 2', 'commit 3', 'commit 4'])
  })

  it('leaves out commits that come too early, but never the last', async () => {
    const some = run(['checkpoint', 'checkpoint', 'checkpoint', 'checkpoint', 'checkpoint', 'stop'], 1_000)
    expect((await some.handle.ended).status).toBe('stopped')
    expect(some.said).toEqual(['open anew', 'commit 1', 'commit 4', 'commit 6'])
  })

  it('does not hold back savepoints', async () => {
    const saved = run(['checkpoint', 'savepoint', 'checkpoint', 'stop'], 1_000)
    await saved.handle.ended
    expect(saved.said).toEqual(['open anew', 'commit 1', 'commit 2', 'commit 4'])
  })

  it('makes sense', () => {
    for (const commitIntervalMs of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => run([], commitIntervalMs)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
    }
    const graph = job('commits', j => void j.from(generator(n => ({ n }), { count: 1 })).to(telling([]))).plan()
    for (const bufferTimeoutMs of [-1, Number.NaN, 60_001]) {
      expect(() => execute(graph, environment(), { bufferTimeoutMs })).toThrow(/bufferTimeoutMs/)
    }
  })
})
