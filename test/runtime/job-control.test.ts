/* What a handle can do to a running job: rescale, stop, drain; and where a job may begin. */
import { describe, expect, it } from 'vitest'
import {
  callback,
  count,
  execute,
  type Job,
  type JobEvent,
  type JobHandle,
  job,
  ndjson,
  type ResumeOptions,
  tumbling,
} from '../../src/index.js'
import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'
import { MemoryFiles } from '../../src/testing/index.js'
import { environment, inMemory, LATE, OUTPUT, observed, type Reading, readings, sensorJob, text } from './streams.js'

const rows = readings(300, 5)
const sorted = (files: MemoryFiles, path = OUTPUT): string[] => text(files.get(path)).split('\n').slice(0, -1).sort()

interface Controlled {
  readonly files: MemoryFiles
  readonly events: JobEvent[]
  readonly handle: JobHandle
  /** What came of each act, in order. */
  readonly acts: PromiseSettledResult<unknown>[]
}

interface Settings {
  readonly parallelism?: number
  readonly storage?: MemoryCheckpointStorage
  readonly files?: MemoryFiles
  readonly resume?: boolean | ResumeOptions
}

/** Runs a job to its end, and acts upon it when its source is read for the nth time in all. */
async function controlled(
  acts: Readonly<Record<number, (handle: JobHandle) => Promise<unknown>>>,
  {
    parallelism = 1,
    storage = new MemoryCheckpointStorage(),
    files = new MemoryFiles(),
    resume = false,
  }: Settings = {},
  build: (source: ReturnType<typeof inMemory>) => Job = source => sensorJob([source]),
): Promise<Controlled> {
  const events: JobEvent[] = []
  const all: Promise<unknown>[] = []
  let handle: JobHandle | undefined
  const left = new Map(Object.entries(acts))
  let reads = 0
  const source = observed(inMemory(rows), () => {
    const act = left.get(String(reads++))
    if (act === undefined || handle === undefined) return
    const acting = act(handle)
    acting.catch(() => undefined)
    all.push(acting)
  })
  handle = execute(build(source).plan(), environment(files), {
    parallelism,
    batchRows: 8,
    resume,
    checkpoints: { storage, intervalMs: 0, retained: 9 },
    onEvent: event => events.push(event),
  })
  await handle.ended
  return { files, events, handle, acts: await Promise.allSettled(all) }
}

const undisturbed = controlled({})

describe('rescale', () => {
  it('1 to 2 to 5 to 3 gives the output of the undisturbed job, and no row twice in a sink that cannot take it back', async () => {
    const whole = await undisturbed
    const seen: Reading[] = []
    const build = (source: ReturnType<typeof inMemory>): Job =>
      job('sensors', j => {
        const stream = j.from(source, { idleness: 0 })
        stream.to(callback(row => void seen.push({ ...row })))
        const windows = stream
          .withTimestamps('at', { outOfOrderness: '500ms' })
          .keyBy('sensor')
          .window(tumbling(1_000))
          .aggregate({ n: count() })
        windows.to(ndjson(OUTPUT))
        windows.late.to(ndjson(LATE))
      })
    const plain = await controlled({}, {}, build)
    seen.length = 0
    const { handle, events, files, acts } = await controlled(
      { 6: h => h.rescale(2), 18: h => h.rescale(5), 30: h => h.rescale(3) },
      {},
      build,
    )
    expect(acts.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
    expect(await handle.ended).toMatchObject({ status: 'finished', error: undefined, restarts: 0 })
    expect(handle.metrics().rowsIn).toBe(rows.length)
    const rescaled = events.flatMap(event => (event.kind === 'rescaled' ? [[event.from, event.to]] : []))
    expect(rescaled).toEqual([
      [1, 2],
      [2, 5],
      [5, 3],
    ])
    for (const path of [OUTPUT, LATE]) expect(sorted(files, path)).toEqual(sorted(plain.files, path))
    expect(sorted(whole.files).length).toBeGreaterThan(10)
    expect(seen.map(({ at }) => at).sort()).toEqual(rows.map(({ at }) => at).sort())
  })

  it('is refused by name, and the job goes on, for a parallelism that makes no sense and where there is no storage', async () => {
    const { acts, handle, files } = await controlled({
      3: h => h.rescale(0),
      4: h => h.rescale(100_000),
      5: async h => expect((await h.ended).status).toBe('finished'),
    })
    const code = 'INVALID_PARALLELISM'
    expect(acts).toMatchObject([{ reason: { code } }, { reason: { code } }, { status: 'fulfilled' }])
    expect((await handle.ended).status).toBe('finished')
    expect(sorted(files)).toEqual(sorted((await undisturbed).files))
    await expect(handle.rescale(2)).rejects.toMatchObject({ code: 'CHECKPOINT_FAILED' })
    const bare = execute(sensorJob([inMemory(rows)]).plan(), environment())
    await expect(bare.rescale(2)).rejects.toMatchObject({ code: 'NO_CHECKPOINT_STORAGE' })
    expect((await bare.ended).status).toBe('finished')
  })

  it('whose checkpoint fails leaves the job as it was: it reads on', async () => {
    class Failing extends MemoryCheckpointStorage {
      override async writePart(): Promise<void> {
        throw new Error('disk full')
      }
    }
    const { acts, handle, files, events } = await controlled({ 5: h => h.rescale(4) }, { storage: new Failing() })
    expect(acts).toMatchObject([{ status: 'rejected', reason: { code: 'RESCALE_FAILED' } }])
    expect(String((acts[0] as PromiseRejectedResult).reason)).toContain('disk full')
    expect(await handle.ended).toMatchObject({ status: 'finished', restarts: 0 })
    expect(events.map(({ kind }) => kind)).toEqual(['checkpoint-failed'])
    expect(sorted(files)).toEqual(sorted((await undisturbed).files))
  })

  it('whose subtasks do not open goes back to the former parallelism', async () => {
    let opened = 0
    const build = (source: ReturnType<typeof inMemory>): Job =>
      sensorJob([
        {
          ...source,
          kind: source.kind,
          description: source.description,
          schema: source.schema,
          replayable: true,
          open: context => {
            if (++opened === 2) return Promise.reject(new Error('busy'))
            return source.open(context)
          },
        },
      ])
    const { acts, handle, files, events } = await controlled({ 5: h => h.rescale(4) }, {}, build)
    expect(opened).toBe(3)
    expect(acts).toMatchObject([{ status: 'rejected', reason: { code: 'RESCALE_FAILED' } }])
    expect(await handle.ended).toMatchObject({ status: 'finished', error: undefined })
    expect(events.map(({ kind }) => kind)).not.toContain('rescaled')
    expect(sorted(files)).toEqual(sorted((await undisturbed).files))
  })

  it('gives way to stop and cancel', async () => {
    for (const [end, status] of [
      ['stop', 'stopped'],
      ['cancel', 'cancelled'],
    ] as const) {
      const { acts, handle } = await controlled({
        5: async h => {
          const rescaling = h.rescale(3)
          const outcome = expect(rescaling).rejects.toMatchObject({ code: 'RESCALE_FAILED' })
          await h[end]()
          await outcome
        },
      })
      expect(acts.map(act => act.status)).toEqual(['fulfilled'])
      expect(handle.status).toBe(status)
    }
  })
})

describe('stop', () => {
  it('with drain ends the job as if its input ended there', async () => {
    for (const parallelism of [1, 3]) {
      const { files, handle } = await controlled({ 12: h => h.stop({ drain: true }) }, { parallelism })
      const { status, metrics, lastCheckpoint } = await handle.ended
      expect(status).toBe('finished')
      expect(metrics.rowsIn).toBeLessThan(rows.length)
      const oracle = new MemoryFiles()
      const part = sensorJob([inMemory(rows.slice(0, metrics.rowsIn))])
      await execute(part.plan(), environment(oracle)).ended
      for (const path of [OUTPUT, LATE]) expect(sorted(files, path)).toEqual(sorted(oracle, path))
      // The one that was taken before the drain.
      expect(lastCheckpoint).toBe(1)
    }
  })

  it('resumes from before the drain as if there had been none', async () => {
    const [storage, files] = [new MemoryCheckpointStorage(), new MemoryFiles()]
    await controlled({ 12: h => h.stop({ drain: true }) }, { storage, files })
    const { handle } = await controlled({}, { storage, files, resume: true })
    expect(await handle.ended).toMatchObject({ status: 'finished', resumedFrom: 1 })
    expect(sorted(files)).toEqual(sorted((await undisturbed).files))
  })

  it('without drain leaves windows open, with a savepoint where one is wanted', async () => {
    const [storage, files] = [new MemoryCheckpointStorage(), new MemoryFiles()]
    const { handle, events } = await controlled({ 12: h => h.stop({ savepoint: true }) }, { storage, files })
    expect(await handle.ended).toMatchObject({ status: 'stopped', lastCheckpoint: 1 })
    expect(events).toMatchObject([{ kind: 'checkpoint-completed', isSavepoint: true }])
    await controlled({}, { storage, files, resume: true })
    expect(sorted(files)).toEqual(sorted((await undisturbed).files))
  })
})

describe('resuming', () => {
  /** Checkpoints 1, 2 and 3, taken on the way to the end. */
  async function withCheckpoints(): Promise<{ storage: MemoryCheckpointStorage; files: MemoryFiles }> {
    const [storage, files] = [new MemoryCheckpointStorage(), new MemoryFiles()]
    const take = (h: JobHandle): Promise<number> => h.checkpoint()
    await controlled({ 6: take, 14: take, 22: take }, { storage, files })
    expect(await storage.list()).toEqual([1, 2, 3])
    return { storage, files }
  }

  it('from a chosen checkpoint, also of another storage; new ones get new numbers', async () => {
    for (const elsewhere of [false, true]) {
      const { storage, files } = await withCheckpoints()
      const own = elsewhere ? new MemoryCheckpointStorage() : storage
      const resume = { checkpointId: 2, ...(elsewhere && { storage }) }
      const { handle, acts } = await controlled({ 2: h => h.checkpoint() }, { storage: own, files, resume })
      expect(await handle.ended).toMatchObject({ status: 'finished', resumedFrom: 2 })
      expect(acts).toMatchObject([{ value: elsewhere ? 1 : 4 }])
      expect(sorted(files)).toEqual(sorted((await undisturbed).files))
    }
  })

  it('says what is not there', async () => {
    const { storage } = await withCheckpoints()
    for (const resume of [{ checkpointId: 7 }, { storage: new MemoryCheckpointStorage() }]) {
      const { handle } = await controlled({}, { storage, resume })
      expect(await handle.ended).toMatchObject({ status: 'failed', error: { code: 'CHECKPOINT_MISSING' } })
    }
    const bad = controlled({}, { storage, resume: { checkpointId: 1.5 } })
    await expect(bad).rejects.toMatchObject({ code: 'INVALID_OPTION' })
  })

  it('drops state of removed operators, and begins new sinks, only where that is allowed', async () => {
    const { storage, files } = await withCheckpoints()
    const changed = (source: ReturnType<typeof inMemory>): Job =>
      job('sensors', j => {
        const windows = j
          .from(source, { idleness: 0 })
          .withTimestamps('at', { outOfOrderness: '500ms' })
          .keyBy('sensor')
          .window(tumbling(5_000))
          .aggregate({ n: count() })
          .as('wider')
        windows.to(ndjson('wider.ndjson'), { id: 'new-sink' })
        windows.late.to(ndjson(LATE), { id: 'sink-2' })
      })
    const refused = await controlled({}, { storage, files, resume: true }, changed)
    expect(await refused.handle.ended).toMatchObject({ error: { code: 'STATE_WITHOUT_OPERATOR' } })
    expect((await refused.handle.ended).error?.message).toContain('allowNonRestored')
    const allowed = await controlled({}, { storage, files, resume: { allowNonRestored: true } }, changed)
    expect(await allowed.handle.ended).toMatchObject({ status: 'finished', error: undefined, resumedFrom: 3 })
    const [resumed] = allowed.events
    expect(resumed).toMatchObject({ dropped: expect.arrayContaining(['windows']), begun: ['new-sink'] })
    // The new windows begin empty: they hold what came behind the checkpoint.
    const counted = sorted(files, 'wider.ndjson').reduce((sum, line) => sum + Number(JSON.parse(line).n), 0)
    expect(counted).toBeGreaterThan(0)
    expect(counted).toBeLessThan(rows.length / 2)
  })
})
