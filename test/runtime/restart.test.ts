import { describe, expect, it } from 'vitest'
import {
  execute,
  exponentialDelay,
  failureRate,
  fixedDelay,
  type JobEvent,
  type JobHandle,
  noRestart,
  type RestartStrategy,
} from '../../src/index.js'
import { xxh64Hex } from '../../src/kernel/hash.js'
import { inspectCheckpoint } from '../../src/state/checkpoint.js'
import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'
import { ManualClock, MemoryFiles } from '../../src/testing/index.js'
import { environment, inMemory, OUTPUT, observed, readings, sensorJob, text } from './streams.js'

const delays = (strategy: RestartStrategy, times: readonly number[]): (number | undefined)[] => {
  const next = strategy.begin()
  return times.map(atMs => next({ atMs }))
}

describe('restart strategies', () => {
  it('none', () => {
    expect(delays(noRestart, [0])).toEqual([undefined])
  })

  it('a fixed delay, so many times; another job counts anew', () => {
    const strategy = fixedDelay(2, '3s')
    expect(delays(strategy, [0, 10, 20])).toEqual([3_000, 3_000, undefined])
    expect(delays(strategy, [0])).toEqual([3_000])
  })

  it('delays that grow up to a most, and begin anew after a rest', () => {
    const strategy = exponentialDelay({ initial: 100, most: 350, resetAfter: '1m' })
    expect(delays(strategy, [0, 200, 500, 1_000, 70_000])).toEqual([100, 200, 350, 350, 100])
    expect(delays(exponentialDelay({ attempts: 1 }), [0, 1])).toEqual([1_000, undefined])
  })

  it('a rate of failures', () => {
    const strategy = failureRate(2, '1m', 5)
    expect(delays(strategy, [0, 30_000, 60_000, 90_000, 95_000])).toEqual([5, 5, 5, 5, undefined])
  })

  it('refuses settings that make no sense', () => {
    const refused = expect.objectContaining({ code: 'INVALID_OPTION' })
    expect(() => fixedDelay(-1, 0)).toThrow(refused)
    expect(() => failureRate(1.5, 1, 1)).toThrow(refused)
    expect(() => exponentialDelay({ factor: 0.5 })).toThrow(refused)
    expect(() => fixedDelay(1, 'soon' as '1s')).toThrow(expect.objectContaining({ code: 'INVALID_DURATION' }))
  })
})

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setTimeout(resolve, 0))
}

/** A job that fails at each of the given reads, and everything that can be seen of it. */
function failing(
  failures: readonly number[],
  options: { parallelism?: number; restart?: RestartStrategy; checkpointAt?: number } = {},
) {
  const { parallelism = 1, restart = fixedDelay(3, 50), checkpointAt = 3 } = options
  const files = new MemoryFiles()
  const clock = new ManualClock()
  const storage = new MemoryCheckpointStorage()
  const events: JobEvent[] = []
  const left = [...failures]
  let handle: JobHandle | undefined
  const source = observed(inMemory(readings(200, 1)), async read => {
    if (read === checkpointAt) await handle?.checkpoint()
    if (read !== left[0]) return
    left.shift()
    throw new Error(`broken at read ${read}`)
  })
  handle = execute(sensorJob([source]).plan(), environment(files, clock), {
    parallelism,
    restart,
    batchRows: 8,
    checkpoints: { storage, intervalMs: 0 },
    onEvent: event => events.push(event),
  })
  return { files, clock, events, handle, storage }
}

describe('a job that fails', () => {
  it('runs again from its newest checkpoint, with the output of an undisturbed run and one event a failure', async () => {
    const whole = failing([])
    expect((await whole.handle.ended).status).toBe('finished')
    for (const parallelism of [1, 3]) {
      const { files, clock, events, handle } = failing([5, 9], { parallelism })
      await turns()
      expect(handle.status).toBe('restarting')
      clock.advance(49)
      await turns()
      expect(events.filter(({ kind }) => kind === 'resumed')).toEqual([])
      clock.advance(1)
      await turns()
      clock.advance(50)
      const result = await handle.ended
      expect(result).toMatchObject({ status: 'finished', error: undefined, restarts: 2 })
      expect(text(files.get(OUTPUT)).split('\n').sort()).toEqual(text(whole.files.get(OUTPUT)).split('\n').sort())
      const told = events.filter(({ kind }) => kind === 'restarting')
      expect(told).toEqual([
        expect.objectContaining({ restart: 1, delayMs: 50, error: expect.objectContaining({ code: 'JOB_FAILED' }) }),
        expect.objectContaining({ restart: 2, delayMs: 50 }),
      ])
      expect(events).toContainEqual(expect.objectContaining({ kind: 'resumed', checkpointId: 1 }))
    }
  })

  it('fails for good when the strategy says so', async () => {
    const { clock, handle } = failing([5, 5], { restart: fixedDelay(1, 10) })
    await turns()
    clock.advance(10)
    const result = await handle.ended
    expect(result).toMatchObject({ status: 'failed', restarts: 1 })
    expect(result.error?.message).toContain('broken at read 5')
  })

  it('begins anew where there is no checkpoint', async () => {
    const { clock, events, handle, files } = failing([2], { checkpointAt: -1 })
    await turns()
    clock.advance(50)
    expect(await handle.ended).toMatchObject({ status: 'finished', restarts: 1, resumedFrom: undefined })
    expect(events).toContainEqual(expect.objectContaining({ kind: 'resumed', checkpointId: undefined, passedOver: [] }))
    const whole = failing([])
    await whole.handle.ended
    expect(text(files.get(OUTPUT))).toBe(text(whole.files.get(OUTPUT)))
  })

  it('can be stopped or cancelled while it waits', async () => {
    const one = failing([2])
    await turns()
    expect(await one.handle.stop()).toMatchObject({ status: 'stopped', error: undefined })
    const other = failing([2])
    await turns()
    expect(await other.handle.cancel()).toMatchObject({ status: 'cancelled', error: undefined })
  })

  it('that did not even start is not tried again', async () => {
    const { handle, events } = failing([0])
    expect(handle.status).toBe('starting')
    const broken = { ...inMemory([]), open: () => Promise.reject(new Error('no such thing')) }
    const result = await execute(sensorJob([broken]).plan(), environment(), { restart: fixedDelay(9, 0) }).ended
    expect(result).toMatchObject({ status: 'failed', restarts: 0 })
    await handle.cancel()
    expect(events.filter(({ kind }) => kind === 'resumed')).toEqual([])
  })
})

/** A storage whose parts wait until they are let through, or fail. */
class Held extends MemoryCheckpointStorage {
  hold: Promise<void> | undefined
  fails = 0

  override async writePart(id: number, name: string, bytes: Uint8Array): Promise<void> {
    await this.hold
    if (this.fails-- > 0) throw new Error('disk full')
    return super.writePart(id, name, bytes)
  }
}

function running(storage: MemoryCheckpointStorage, checkpoints: object, parallelism = 2) {
  const clock = new ManualClock()
  const events: JobEvent[] = []
  let open: () => void = () => undefined
  const gate = new Promise<void>(resolve => {
    open = resolve
  })
  const source = observed(inMemory(readings(200, 1)), read => (read === 5 ? gate : undefined))
  const handle = execute(sensorJob([source]).plan(), environment(new MemoryFiles(), clock), {
    parallelism,
    batchRows: 8,
    checkpoints: { storage, intervalMs: 0, ...checkpoints },
    onEvent: event => events.push(event),
  })
  const completed = (): number[] => events.flatMap(e => (e.kind === 'checkpoint-completed' ? [e.checkpointId] : []))
  return { clock, events, handle, open, completed }
}

describe('checkpoints', () => {
  it('are given up after their timeout; the next one is whole', async () => {
    const storage = new Held()
    let letThrough: () => void = () => undefined
    storage.hold = new Promise(resolve => {
      letThrough = resolve
    })
    const { clock, handle, open } = running(storage, { timeoutMs: 1_000 })
    await turns()
    const first = handle.checkpoint()
    const outcome = expect(first).rejects.toMatchObject({ code: 'CHECKPOINT_FAILED', details: { checkpointId: 1 } })
    await turns()
    clock.advance(1_000)
    await outcome
    storage.hold = undefined
    letThrough()
    expect(await handle.checkpoint()).toBe(2)
    expect(await storage.list()).toEqual([2])
    open()
    expect(await handle.ended).toMatchObject({
      status: 'finished',
      metrics: { checkpoints: { completed: 1, failed: 1 } },
    })
  })

  it('begin an interval after one another, and not before the pause is over', async () => {
    const { clock, handle, open, completed } = running(new MemoryCheckpointStorage(), {
      intervalMs: 100,
      minPauseMs: 250,
    })
    await turns()
    const seen: number[] = []
    for (let step = 0; step < 12; step++) {
      clock.advance(50)
      await turns()
      seen.push(completed().length)
    }
    expect(seen).toEqual([0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3])
    open()
    await handle.ended
  })

  it('fail the job when more of them in a row fail than may', async () => {
    const storage = new Held()
    storage.fails = 3
    const { handle, open } = running(storage, { tolerableFailures: 1 })
    await turns()
    await expect(handle.checkpoint()).rejects.toMatchObject({ code: 'CHECKPOINT_FAILED' })
    await expect(handle.checkpoint()).rejects.toMatchObject({ code: 'CHECKPOINT_FAILED' })
    open()
    expect(await handle.ended).toMatchObject({ status: 'failed', error: { code: 'CHECKPOINT_FAILED' } })
  })

  it('that are savepoints are kept beside those that are retained', async () => {
    const storage = new MemoryCheckpointStorage()
    const { handle, open, events } = running(storage, { retained: 1 })
    await turns()
    for (const take of ['checkpoint', 'savepoint', 'checkpoint', 'checkpoint'] as const) await handle[take]()
    await turns()
    expect(await storage.list()).toEqual([2, 4])
    const kernel = environment().createKernel()
    expect(await inspectCheckpoint(storage, 2, bytes => xxh64Hex(kernel, bytes))).toMatchObject({ isSavepoint: true })
    expect(events).toContainEqual(expect.objectContaining({ kind: 'checkpoint-completed', isSavepoint: true }))
    open()
    await handle.ended
  })

  it('refuses settings that make no sense', () => {
    const storage = new MemoryCheckpointStorage()
    const bad: object[] = [{ timeoutMs: 0 }, { minPauseMs: -1 }, { tolerableFailures: Number.NaN }]
    for (const settings of bad) {
      expect(() => running(storage, settings)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
    }
  })
})
