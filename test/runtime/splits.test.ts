import { describe, expect, it } from 'vitest'
import {
  callback,
  collect,
  count,
  execute,
  iterable,
  type JobHandle,
  type Json,
  job,
  memory,
  replay,
  type Source,
  splits,
  tumbling,
} from '../../src/index.js'
import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'
import { ManualClock, MemoryFiles } from '../../src/testing/index.js'
import { nextTurn } from '../platform/next-turn.js'
import { environment, LATE, OUTPUT, observed, type Reading, readings, sensorJob, text } from './streams.js'

const rows = (from: number, to: number, step = 1): { at: number }[] =>
  Array.from({ length: (to - from) / step }, (_, n) => ({ at: from + n * step }))

describe('a source of several splits', () => {
  it('is as late as its slowest split, so that no row of it is late', async () => {
    const sink = collect<{ windowStart: number; n: number }>()
    const late = collect<{ at: number }>()
    let firedBeforeEnd = 0
    const onRead = async (read: number): Promise<void> => {
      for (let turn = 0; turn < 20; turn++) await nextTurn()
      if (read === 2) firedBeforeEnd = sink.rows.length
    }
    const graph = job('splits', j => {
      // The first is far ahead in event time whenever the second gets its turn.
      const windows = j
        .from(
          splits([
            memory(rows(0, 10_000, 10)),
            observed(memory(rows(0, 10_000, 100)), onRead) as Source<{ at: number }>,
          ]),
        )
        .filter(() => true)
        .withTimestamps('at', { outOfOrderness: 0 })
        .keyBy('at')
        .window(tumbling(1_000))
        .aggregate({ n: count() })
      windows.to(sink)
      windows.late.to(late)
    }).plan()
    const { status, metrics } = await execute(graph, environment(), { batchRows: 50 }).ended
    expect(status).toBe('finished')
    expect(late.rows).toEqual([])
    expect(metrics.rowsIn).toBe(1_100)
    // Both have passed 9,000 when the slow one is read for the third time, at its end.
    expect(firedBeforeEnd).toBe(9 * 100)
    expect(sink.rows.reduce((sum, { n }) => sum + n, 0)).toBe(1_100)
  })

  it('does not wait for a split that is silent, or that has ended', async () => {
    const clock = new ManualClock()
    let release: () => void = () => {}
    const gate = new Promise<void>(resolve => {
      release = resolve
    })
    const silent = iterable<{ at: number }>(
      (async function* () {
        yield { at: 5 }
        await gate
      })(),
    )
    const results: number[] = []
    const handle: JobHandle = execute(
      job('silent', j => {
        const quick = memory([{ at: 1 }, { at: 25 }])
        const slow = iterable<{ at: number }>(
          (async function* () {
            yield { at: 2 }
            yield { at: 45 }
            await gate
          })(),
        )
        j.from(splits({ quick, silent, slow }), { idleness: '5s' })
          .withTimestamps('at', { outOfOrderness: 0 })
          .keyBy('at')
          .window(tumbling(10))
          .aggregate({ n: count() })
          .to(callback(({ windowStart }) => void results.push(windowStart)))
      }).plan(),
      environment(new MemoryFiles(), clock),
    )
    const settle = async (): Promise<void> => {
      for (let turn = 0; turn < 50; turn++) await nextTurn()
    }
    await settle()
    expect(results).toEqual([])
    for (let second = 0; second < 25; second++) {
      clock.advance(1_000)
      await settle()
    }
    // Both silent ones are idle and the first has ended: what the furthest had reached counts.
    expect(results).toEqual([0, 0, 0, 20])
    release()
    const { status } = await handle.ended
    expect(status).toBe('finished')
    expect(results).toEqual([0, 0, 0, 20, 40])
  })

  it('goes on behind the position of each split, whenever it was stopped', async () => {
    const parts: Reading[][] = [readings(400, 1, 0), readings(150, 2, 0), readings(20, 3, 0)]
    const source = (): Source<Reading> => splits(parts.map(part => memory(part)))
    const straight = new MemoryFiles()
    await execute(sensorJob([source()]).plan(), environment(straight), { batchRows: 16 }).ended
    for (const stopAt of [0, 1, 3, 8, 20, 34]) {
      const files = new MemoryFiles()
      const storage = new MemoryCheckpointStorage()
      const handle: JobHandle = execute(
        sensorJob([splits(parts.map(part => observed(memory(part), read => stop(read)) as Source<Reading>))]).plan(),
        environment(files),
        { batchRows: 16, checkpoints: { storage, intervalMs: 0 } },
      )
      let reads = 0
      const stop = (_read: number): void => {
        if (reads++ === stopAt) void handle.stop()
      }
      await handle.ended
      const resumed = await execute(sensorJob([source()]).plan(), environment(files), {
        batchRows: 7,
        checkpoints: { storage, intervalMs: 0 },
        resume: true,
      }).ended
      expect(resumed.error).toBeUndefined()
      for (const name of [OUTPUT, LATE]) {
        const lines = (bytes: Uint8Array | undefined) => text(bytes).split('\n').sort()
        expect(lines(files.get(name)), `${name} after ${stopAt}`).toEqual(lines(straight.get(name)))
      }
    }
  })

  it('refuses a split that is gone, by name', async () => {
    const storage = new MemoryCheckpointStorage()
    const options = { checkpoints: { storage, intervalMs: 0 }, resume: true }
    const run = (names: Record<string, Source<{ at: number }>>) =>
      execute(job('named', j => j.from(splits(names)).to(collect())).plan(), environment(), options)
    const first = run({ a: memory([{ at: 1 }]), b: memory([{ at: 2 }]) })
    await first.stop()
    const { error } = await run({ a: memory([{ at: 1 }]) }).ended
    expect(error).toMatchObject({ code: 'SOURCE_CHANGED', details: { split: 'b' } })
    const more = await run({ a: memory([{ at: 1 }]), b: memory([{ at: 2 }]), c: memory([{ at: 3 }]) }).ended
    expect(more.status).toBe('finished')
  })

  it('is read as one input where something reads it itself: one split after the other', async () => {
    const whole = splits([memory(rows(5, 9)), memory<{ at: number }>([]), memory(rows(0, 3))])
    const sink = collect<{ at: number }>()
    const graph = job('replayed', j => j.from(replay(whole, { by: ({ at }) => at })).to(sink)).plan()
    expect((await execute(graph, environment()).ended).status).toBe('finished')
    expect(sink.rows.map(({ at }) => at)).toEqual([0, 1, 2, 5, 6, 7, 8])
    const { kernel } = { kernel: environment().createKernel() }
    const context = { batchRows: 2, files: new MemoryFiles(), kernel, clock: new ManualClock() }
    const seen: number[] = []
    let position: Json | undefined
    for (let read = 0; read < 4; read++) {
      const reader = await whole.open({ ...context, position })
      const next = await reader.read()
      seen.push(...((next?.batch.toRows() ?? []) as { at: number }[]).map(({ at }) => at))
      position = next?.position
      await reader.close()
    }
    expect(seen).toEqual([5, 6, 7, 8, 0, 1, 2])
    await expect(whole.open({ ...context, position: 3 })).rejects.toMatchObject({ code: 'POSITION_INVALID' })
  })

  it('refuses sources that do not fit together', () => {
    expect(() => splits([])).toThrow(TypeError)
    expect(() => splits([splits([memory([{ at: 1 }])])])).toThrow(TypeError)
    expect(() => splits<object>([memory([{ at: 1 }]), memory([{ other: 1 }])])).toThrow(
      expect.objectContaining({ code: 'SCHEMA_MISMATCH' }),
    )
  })
})
