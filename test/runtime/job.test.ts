import { describe, expect, it } from 'vitest'
import type { Batch } from '../../src/core/batch.js'
import { BatchBuilder } from '../../src/core/batch-builder.js'
import {
  callback,
  collect,
  count,
  execute,
  generator,
  type JobEvent,
  type JobHandle,
  job,
  memory,
  type Sink,
  type Source,
  schema,
  tumbling,
} from '../../src/index.js'
import { xxh64Hex } from '../../src/kernel/hash.js'
import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'
import { recover } from '../../src/state/recovery.js'
import { ManualClock, MemoryFiles } from '../../src/testing/index.js'
import { environment, inMemory, observed, PassingClock, readings, sensorJob } from './streams.js'

const numbers = (from: number, to: number): { n: number }[] =>
  Array.from({ length: to - from }, (_, i) => ({ n: from + i }))

/** A sink whose writes wait until they are let through. */
function gated(): { sink: Sink<unknown>; open: () => void; written: () => number } {
  let let_: (() => void) | undefined
  const gate = new Promise<void>(resolve => {
    let_ = resolve
  })
  let rows = 0
  return {
    open: () => let_?.(),
    written: () => rows,
    sink: {
      kind: 'gated',
      description: '',
      guarantee: 'at-least-once',
      open: async () => ({
        async write(batch: Batch) {
          await gate
          rows += batch.length
        },
        prepare: async () => null,
        commit: async () => {},
        finish: async () => {},
        close: async () => {},
      }),
    },
  }
}

/** A source of batches that never ends. */
function endless(): { source: Source<{ n: number }>; reads: () => number; closed: () => boolean } {
  let reads = 0
  let closed = false
  const builder = new BatchBuilder(schema({ n: 'f64' }))
  builder.append({ n: 1 })
  const batch = builder.finish()
  return {
    reads: () => reads,
    closed: () => closed,
    source: {
      kind: 'endless',
      description: '',
      schema: schema({ n: 'f64' }),
      replayable: true,
      open: async () => ({
        rowCount: undefined,
        read: async () => {
          reads += 1
          return { batch, position: reads }
        },
        close: async () => {
          closed = true
        },
      }),
    },
  }
}

const turn = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 0))

async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; turns < 10_000 && !condition(); turns++) await turn()
  expect(condition()).toBe(true)
}

describe('a job', () => {
  it('runs to its end and says what it did', async () => {
    const sink = collect<{ n: number }>()
    const graph = job('j', j =>
      j
        .from(memory(numbers(0, 10)))
        .filter(r => r.n % 2 === 0)
        .to(sink),
    ).plan()
    const handle = execute(graph, environment())
    expect(handle.status).toBe('starting')
    const result = await handle.ended
    expect(result).toMatchObject({
      status: 'finished',
      error: undefined,
      resumedFrom: undefined,
      lastCheckpoint: undefined,
    })
    expect(handle.status).toBe('finished')
    expect(sink.rows.map(({ n }) => n)).toEqual([0, 2, 4, 6, 8])
    expect(result.metrics).toMatchObject({ rowsIn: 10, rowsOut: 5, rowsExpected: 10 })
    expect(result.metrics.operators.map(({ id, rowsIn, rowsOut }) => [id, rowsIn, rowsOut])).toEqual([
      ['source-1', 10, 10],
      ['filter-1', 10, 5],
      ['sink-1', 5, 5],
    ])
  })

  it('hands one stream to several consumers, and joins streams again', async () => {
    const sink = collect<{ n: number }>()
    const graph = job('diamond', j => {
      const source = j.from(memory(numbers(0, 6)))
      source
        .filter(r => r.n < 3)
        .union(
          source.filter(r => r.n >= 3),
          source.filter(r => r.n === 5),
        )
        .to(sink)
    }).plan()
    expect((await execute(graph, environment(), { batchRows: 2 }).ended).status).toBe('finished')
    expect(sink.rows.map(({ n }) => n).sort()).toEqual([0, 1, 2, 3, 4, 5, 5])
  })

  it('stops its sources while a sink is slow: what waits in between is bounded', async () => {
    const { source, reads, closed } = endless()
    const { sink, open, written } = gated()
    const handle = execute(job('slow', j => j.from(source).to(sink)).plan(), environment())
    await until(() => reads() > 5)
    const before = reads()
    for (let turns = 0; turns < 50; turns++) await turn()
    expect(reads()).toBe(before)
    expect(before).toBeLessThan(20)
    open()
    await until(() => written() > 1_000)
    expect((await handle.stop()).status).toBe('stopped')
    expect(written()).toBe(handle.metrics().rowsIn)
    expect(closed()).toBe(true)
  })

  it('gives the event loop a turn whenever it has worked for some milliseconds', async () => {
    class TickingClock extends ManualClock {
      turns = 0
      longest = 0
      private since = 0
      override elapsed(): number {
        this.advance(1)
        this.longest = Math.max(this.longest, super.elapsed() - this.since)
        return super.elapsed()
      }
      override nextTurn(): Promise<void> {
        this.turns += 1
        this.since = super.elapsed()
        return Promise.resolve()
      }
    }
    const rows = generator(n => ({ n }), { count: 5_000 })
    // What it waits for comes within the same turn of the event loop.
    const later: Source<{ n: number }> = {
      ...rows,
      schema: rows.schema,
      open: async context => {
        const reader = await rows.open(context)
        const read = async () => {
          for (let wait = 0; wait < 20; wait++) await undefined
          return reader.read()
        }
        return { rowCount: undefined, read, close: () => reader.close() }
      },
    }
    for (const source of [rows, later]) {
      const clock = new TickingClock()
      const graph = job('turns', j =>
        j
          .from(source)
          .map(r => ({ n: r.n }))
          .to(collect()),
      ).plan()
      await execute(graph, environment(new MemoryFiles(), clock), { batchRows: 10 }).ended
      expect(clock.turns).toBeGreaterThan(100)
      expect(clock.longest).toBeLessThan(20)
    }
  })

  it('takes large batches in pieces while a function is slow, and results stay the same', async () => {
    class SlowClock extends PassingClock {
      nowMs_ = 0
      override elapsed(): number {
        return this.nowMs_
      }
    }
    const clock = new SlowClock()
    const sink = collect<{ n: number }>()
    let most = 0
    let inPiece = 0
    const graph = job('slow', j => {
      j.from(generator(n => ({ n }), { count: 20_000 }))
        .filter(() => {
          clock.nowMs_ += 0.1
          inPiece += 1
          return true
        })
        .to({
          ...sink,
          open: async context => {
            const writer = await sink.open(context)
            return {
              write: batch => {
                // The first pieces are large; the later ones are what 5 ms allow.
                if (sink.rows.length > 17_500) most = Math.max(most, batch.length)
                return writer.write(batch)
              },
              prepare: id => writer.prepare(id),
              commit: id => writer.commit(id),
              finish: () => writer.finish(),
              close: () => writer.close(),
            }
          },
        })
    }).plan()
    const { status } = await execute(graph, environment(new MemoryFiles(), clock)).ended
    expect(status).toBe('finished')
    expect(inPiece).toBe(20_000)
    expect(sink.rows.map(({ n }) => n)).toEqual(Array.from({ length: 20_000 }, (_, n) => n))
    expect(most).toBeGreaterThan(0)
    expect(most).toBeLessThanOrEqual(128)
  })

  it('fails with the error of a source, a function or a sink, and closes all', async () => {
    const { source, closed } = endless()
    const failing = {
      source: observed(source, read => {
        if (read === 3) throw new RangeError('torn')
      }),
      function: source,
      sink: source,
    }
    for (const where of ['source', 'function', 'sink'] as const) {
      const graph = job('failing', j => {
        j.from(failing[where])
          .filter(() => {
            if (where === 'function') throw new RangeError('torn')
            return true
          })
          .to(
            callback(() => {
              if (where === 'sink') throw new RangeError('torn')
            }),
          )
      }).plan()
      const { status, error } = await execute(graph, environment()).ended
      expect(status, where).toBe('failed')
      expect(error?.message, where).toContain('torn')
      expect(error?.code, where).toMatch(/^[A-Z_]+$/)
      expect(closed(), where).toBe(true)
    }
  })

  it('fails when a source or sink cannot be opened, and closes what was', async () => {
    const { source, closed } = endless()
    const sink: Sink<unknown> = { ...gated().sink, open: () => Promise.reject(new RangeError('locked')) }
    const { status, error } = await execute(job('closed', j => j.from(source).to(sink)).plan(), environment()).ended
    expect(status).toBe('failed')
    expect(error?.message).toContain('locked')
    expect(closed()).toBe(true)
  })

  it('can be cancelled at any moment', async () => {
    for (const moment of ['at once', 'later']) {
      const { source, reads, closed } = endless()
      const handle = execute(job('cancelled', j => j.from(source).to(collect())).plan(), environment())
      if (moment === 'later') await until(() => reads() > 20)
      expect(await handle.cancel()).toMatchObject({ status: 'cancelled', error: undefined })
      expect(closed()).toBe(true)
    }
  })

  it('counts an input that is silent as idle, so that others go on', async () => {
    const clock = new PassingClock()
    const sink = collect<{ windowStart: number; n: number }>()
    let giveMore: (() => void) | undefined
    const silent = observed(
      memory([{ at: 0 }]),
      () =>
        new Promise<void>(resolve => {
          giveMore = resolve
        }),
    )
    const handle = execute(
      job('idle', j => {
        const live = j.from(memory([{ at: 1 }, { at: 15 }, { at: 40 }])).withTimestamps('at', { outOfOrderness: 0 })
        const quiet = j.from(silent, { idleness: '5s' }).withTimestamps('at', { outOfOrderness: 0 })
        live.union(quiet).keyBy('at').window(tumbling(10)).aggregate({ n: count() }).to(sink)
      }).plan(),
      environment(new MemoryFiles(), clock),
    )
    await until(() => handle.metrics().rowsIn === 3)
    await turn()
    expect(sink.rows).toEqual([])
    clock.advance(5_001)
    await turn()
    clock.advance(5_001)
    await until(() => sink.rows.length === 3)
    expect(handle.status).toBe('running')
    giveMore?.()
    await turn()
    giveMore?.()
    expect((await handle.ended).status).toBe('finished')
  })
})

describe('checkpoints', () => {
  it('are taken at intervals, the newest are kept, and each is told', async () => {
    const clock = new PassingClock()
    const storage = new MemoryCheckpointStorage()
    const { source } = endless()
    const events: JobEvent[] = []
    const handle = execute(
      job('periodic', j => j.from(source).to(callback(() => {}))).plan(),
      environment(new MemoryFiles(), clock),
      {
        checkpoints: { storage, intervalMs: 1_000, retained: 2 },
        onEvent: event => events.push(event),
      },
    )
    for (let n = 1; n <= 4; n++) {
      await until(() => handle.status === 'running')
      clock.advance(1_000)
      await until(() => handle.metrics().checkpoints.completed === n)
      await turn()
    }
    expect(await storage.list()).toEqual([3, 4])
    expect(events.map(event => event.kind)).toEqual(Array(4).fill('checkpoint-completed'))
    expect(await handle.checkpoint()).toBe(5)
    await handle.cancel()
    await expect(handle.checkpoint()).rejects.toMatchObject({ code: 'CHECKPOINT_FAILED' })
  })

  it('that cannot be written are aborted and reported; the job goes on', async () => {
    const full = new (class extends MemoryCheckpointStorage {
      isFull = true
      override async writePart(id: number, name: string, bytes: Uint8Array): Promise<void> {
        if (this.isFull) throw new RangeError('no space left on device')
        return super.writePart(id, name, bytes)
      }
    })()
    const events: JobEvent[] = []
    let handle: JobHandle | undefined
    const errors: unknown[] = []
    const source = observed(inMemory(readings(400, 1)), async read => {
      if (read === 3 || read === 10) await handle?.checkpoint().catch(error => errors.push(error))
      if (read === 5) full.isFull = false
    })
    handle = execute(sensorJob([source]).plan(), environment(), {
      batchRows: 16,
      checkpoints: { storage: full, intervalMs: 0 },
      onEvent: event => events.push(event),
    })
    const result = await handle.ended
    expect(result.status).toBe('finished')
    expect(errors).toMatchObject([{ code: 'CHECKPOINT_FAILED', cause: { message: 'no space left on device' } }])
    expect(events).toMatchObject([{ kind: 'checkpoint-failed' }, { kind: 'checkpoint-completed', checkpointId: 2 }])
    expect(result.metrics.checkpoints).toMatchObject({ completed: 1, failed: 1, lastId: 2 })
    expect(await full.list()).toEqual([2])
  })

  it('that are asked for while an old one is being removed are taken', async () => {
    let requestInPrune: (() => void) | undefined
    const storage = new (class extends MemoryCheckpointStorage {
      override async remove(id: number): Promise<void> {
        requestInPrune?.()
        await turn()
        return super.remove(id)
      }
    })()
    const { source } = endless()
    const options = { checkpoints: { storage, intervalMs: 0, retained: 1 } }
    const handle = execute(job('pruned', j => j.from(source).to(callback(() => {}))).plan(), environment(), options)
    await until(() => handle.status === 'running')
    expect(await handle.checkpoint()).toBe(1)
    let inPrune: Promise<number> | undefined
    requestInPrune = () => {
      inPrune ??= handle.checkpoint()
    }
    expect(await handle.checkpoint()).toBe(2)
    await until(() => inPrune !== undefined)
    expect(await inPrune).toBe(3)
    expect((await handle.stop()).lastCheckpoint).toBe(4)
  })

  it('need a storage, and options that make sense', async () => {
    const graph = job('j', j => j.from(memory(numbers(0, 1))).to(collect())).plan()
    const handle = execute(graph, environment())
    await expect(handle.checkpoint()).rejects.toMatchObject({ code: 'NO_CHECKPOINT_STORAGE' })
    const storage = new MemoryCheckpointStorage()
    for (const options of [
      { resume: true },
      { batchRows: 0 },
      { batchRows: 1.5 },
      { batchRows: 1_000_000 },
      { checkpoints: { storage, intervalMs: -1 } },
      { checkpoints: { storage, retained: 0 } },
    ]) {
      expect(() => execute(graph, environment(), options)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
    }
    await handle.ended
  })
})

describe('recovery', () => {
  async function withCheckpoints(count: number): Promise<{ storage: MemoryCheckpointStorage; files: MemoryFiles }> {
    const storage = new MemoryCheckpointStorage()
    const files = new MemoryFiles()
    let handle: JobHandle | undefined
    const source = observed(inMemory(readings(400, 2)), async read => {
      if (read % 6 === 5 && read < 6 * count) await handle?.checkpoint()
      if (read === 6 * count) void handle?.cancel()
    })
    const options = { batchRows: 16, checkpoints: { storage, intervalMs: 0, retained: 10 } }
    handle = execute(sensorJob([source]).plan(), environment(files), options)
    await handle.ended
    expect((await storage.list()).length).toBe(count)
    return { storage, files }
  }

  const resume = (
    storage: MemoryCheckpointStorage,
    files: MemoryFiles,
    graph = sensorJob([inMemory(readings(400, 2))]).plan(),
    events: JobEvent[] = [],
  ) =>
    execute(graph, environment(files), {
      resume: true,
      checkpoints: { storage, intervalMs: 0 },
      onEvent: event => events.push(event),
    }).ended

  /** A storage in which one byte of a checkpoint is off. */
  async function damaged(
    storage: MemoryCheckpointStorage,
    id: number,
    part: string | undefined,
    at: number,
  ): Promise<MemoryCheckpointStorage> {
    const copy = new MemoryCheckpointStorage()
    const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, index) => (index === at ? byte ^ 0x40 : byte))
    for (const checkpoint of await storage.list()) {
      const manifest = (await storage.readManifest(checkpoint)) ?? new Uint8Array()
      const isIt = checkpoint === id
      for (const [, name] of new TextDecoder().decode(manifest).matchAll(/"name":"([^"]+)"/g)) {
        const bytes = (await storage.readPart(checkpoint, name ?? '')) ?? new Uint8Array()
        await copy.writePart(checkpoint, name ?? '', isIt && name === part ? flip(bytes) : bytes)
      }
      await copy.writeManifest(checkpoint, isIt && part === undefined ? flip(manifest) : manifest)
    }
    return copy
  }

  it('finds each flipped byte of a manifest and of a part, and takes the checkpoint before', async () => {
    const { storage, files } = await withCheckpoints(2)
    const kernel = environment().createKernel()
    const manifest = (await storage.readManifest(2)) ?? new Uint8Array()
    const part = (await storage.readPart(2, 'windows.windows')) ?? new Uint8Array()
    expect(part.length).toBeGreaterThan(100)
    const cases: [string | undefined, number][] = [
      ...Array.from(manifest, (_, at): [undefined, number] => [undefined, at]),
      ...Array.from(part, (_, at): [string, number] => ['windows.windows', at]),
    ]
    for (const [name, at] of cases) {
      const recovery = await recover(await damaged(storage, 2, name, at), 'sensors', bytes => xxh64Hex(kernel, bytes))
      expect(recovery?.checkpointId, `${name} ${at}`).toBe(1)
      expect(recovery?.passedOver).toMatchObject([{ code: 'CHECKPOINT_CORRUPT' }])
    }
    const events: JobEvent[] = []
    const result = await resume(await damaged(storage, 2, undefined, 200), files, undefined, events)
    expect(result).toMatchObject({ status: 'finished', resumedFrom: 1 })
    expect(events[0]).toMatchObject({ kind: 'resumed', checkpointId: 1, passedOver: [{ code: 'CHECKPOINT_CORRUPT' }] })
  })

  it('never begins anew in silence when all checkpoints are damaged', async () => {
    const { storage, files } = await withCheckpoints(1)
    const result = await resume(await damaged(storage, 1, undefined, 150), files)
    expect(result).toMatchObject({ status: 'failed', error: { code: 'NO_VALID_CHECKPOINT' } })
  })

  it('begins at the start, and says so, when there is no checkpoint at all', async () => {
    const events: JobEvent[] = []
    const result = await resume(new MemoryCheckpointStorage(), new MemoryFiles(), undefined, events)
    expect(result).toMatchObject({ status: 'finished', resumedFrom: undefined })
    expect(events[0]).toMatchObject({ kind: 'resumed', checkpointId: undefined })
  })

  it('refuses state that does not fit, by name, before anything is opened', async () => {
    const { storage, files } = await withCheckpoints(1)
    const source = inMemory(readings(400, 2))
    const before = files.get('out.ndjson')
    const otherJob = job('others', j => j.from(source).to(collect())).plan()
    const fewer = job('sensors', j => j.from(source).to(collect())).plan()
    const cases: [string, ReturnType<typeof otherJob.toJSON> | typeof otherJob, string][] = [
      ['CHECKPOINT_OF_OTHER_JOB', otherJob, 'others'],
      ['STATE_MISMATCH', sensorJob([source], 2_000).plan(), 'windows'],
      ['STATE_WITHOUT_OPERATOR', fewer, 'timestamps-1'],
      ['OPERATOR_WITHOUT_STATE', sensorJob([source, source]).plan(), 'source-2'],
    ]
    for (const [code, graph, name] of cases) {
      const { status, error } = await resume(storage, files, graph as typeof otherJob)
      expect(status, code).toBe('failed')
      expect(error?.code).toBe(code)
      expect(error?.message).toContain(name)
    }
    expect(files.get('out.ndjson')).toEqual(before)
  })
})
