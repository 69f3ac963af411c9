/*
 * An incremental checkpoint of format 3 stands in test/golden: it is read for good. SABOT_WRITE_GOLDEN=1 writes it anew,
 * which is for a new format only, in a folder of its own.
 */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { callback, count, job, memory, type Source, sum, tumbling, valueState } from '../../src/index.js'
import { DirectoryCheckpointStorage } from '../../src/node/directory-storage.js'
import { execute } from '../../src/runtime/execute.js'
import type { JobEvent, JobHandle } from '../../src/runtime/job-handle.js'
import { environment, observed } from '../runtime/streams.js'

const GOLDEN = fileURLToPath(new URL('../golden/checkpoint-v3', import.meta.url))
const KEYS = 900
const BATCH = 60

interface Row {
  readonly key: string
  readonly at: number
  readonly value: number
}

/** Each key once, then the first of them again, then some of a later window. */
const ROWS: readonly Row[] = [
  ...Array.from({ length: KEYS }, (_, n) => ({ key: `key ${n}`, at: 1000 + n, value: n / 4 })),
  ...Array.from({ length: BATCH }, (_, n) => ({ key: `key ${n}`, at: 3000, value: n + 0.5 })),
  ...Array.from({ length: BATCH }, (_, n) => ({ key: `key ${n * 7}`, at: 70_000, value: 1 })),
]

function goldenJob(source: Source<Row>, out: string[]) {
  return job('golden', j => {
    const rows = j.from(source).withTimestamps('at', { outOfOrderness: '1h' }).keyBy('key')
    rows
      .window(tumbling('1m'))
      .aggregate({ n: count(), total: sum('value') })
      .as('windows')
      .to(callback<object>(row => void out.push(JSON.stringify(row))))
    rows
      .process(
        {
          state: { total: valueState<number>() },
          onRecord: (row, { state, timers }) => {
            state.total.set((state.total.get() ?? 0) + row.value)
            timers.registerEventTime(100_000)
          },
          onTimer: (_, { key, state, emit }) => emit({ key: String(key), total: state.total.get() ?? 0 }),
        },
        { key: 'utf8', total: 'f64' },
      )
      .as('totals')
      .to(callback<object>(row => void out.push(JSON.stringify(row))))
  }).plan()
}

/** Runs the job; checkpoints are taken when each key has come once, and behind the first of them again. */
async function straight(storage: DirectoryCheckpointStorage | undefined, ends: boolean): Promise<string[]> {
  const out: string[] = []
  let handle: JobHandle | undefined
  const source = observed(memory(ROWS), async read => {
    const rows = read * BATCH
    if (storage === undefined || (rows !== KEYS && rows !== KEYS + BATCH)) return
    while ((handle?.metrics().rowsIn ?? 0) < rows) await new Promise(resolve => setImmediate(resolve))
    await handle?.checkpoint()
    if (ends && rows > KEYS) void handle?.cancel()
  })
  const checkpoints = storage && { storage, intervalMs: 0 }
  handle = execute(goldenJob(source, out), environment(), { batchRows: BATCH, checkpoints })
  expect((await handle.ended).error).toBeUndefined()
  return out
}

describe('a golden checkpoint with shared parts', () => {
  let directory = ''
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sabot-golden-'))
    if (process.env.SABOT_WRITE_GOLDEN) {
      await rm(GOLDEN, { recursive: true, force: true })
      await straight(new DirectoryCheckpointStorage(GOLDEN), true)
    }
    await cp(GOLDEN, directory, { recursive: true })
  })
  afterEach(() => rm(directory, { recursive: true }))

  async function resumed(parallelism = 1) {
    const out: string[] = []
    const events: JobEvent[] = []
    const checkpoints = { storage: new DirectoryCheckpointStorage(directory), intervalMs: 0 }
    const onEvent = (event: JobEvent): void => void events.push(event)
    const options = { resume: true, parallelism, batchRows: BATCH, checkpoints, onEvent }
    const { resumedFrom, error } = await execute(goldenJob(memory(ROWS), out), environment(), options).ended
    const passedOver = events.flatMap(event => (event.kind === 'resumed' ? event.passedOver : []))
    return { out, resumedFrom, error, passedOver }
  }

  it('is resumed from, at any parallelism', async () => {
    const storage = new DirectoryCheckpointStorage(directory)
    expect(await storage.listShared()).toEqual([
      'totals.keyed@1',
      'totals.keyed@2',
      'windows.windows@1',
      'windows.windows@2',
    ])
    const whole = await straight(undefined, false)
    expect(whole.length).toBeGreaterThan(KEYS * 2)
    for (const parallelism of [1, 3]) {
      const { out, resumedFrom } = await resumed(parallelism)
      expect(resumedFrom).toBe(2)
      expect(out.sort()).toEqual(whole.sort())
    }
  })

  it('gives way to the one before where what only the newest needs is gone', async () => {
    await rm(join(directory, 'shared', 'windows.windows@2.part'))
    const { out, resumedFrom, passedOver } = await resumed()
    expect(resumedFrom).toBe(1)
    expect(passedOver.map(({ code, message }) => `${code} ${message}`)).toEqual([
      `CHECKPOINT_CORRUPT checkpoint 2 in directory ${directory}: shared part windows.windows@2 is missing`,
    ])
    expect(out.sort()).toEqual((await straight(undefined, false)).sort())
  })

  it('is refused, by name, where what all of them need is gone', async () => {
    await rm(join(directory, 'shared'), { recursive: true })
    const { error } = await resumed()
    expect(error?.code).toBe('NO_VALID_CHECKPOINT')
    expect(error?.message).toMatch(/None of the 2 checkpoints in .* is whole: .*shared part .*@1 is missing/)
  })

  it('is kept while the next one cannot be written', async () => {
    await rm(directory, { recursive: true })
    await cp(join(GOLDEN, 'chk-00000001'), join(directory, 'chk-00000001'), { recursive: true })
    await writeFile(join(directory, 'shared'), 'in the way')
    const events: JobEvent[] = []
    let handle: JobHandle | undefined
    const failures: unknown[] = []
    const source = observed(memory(ROWS), async read => {
      if (read * BATCH === KEYS + BATCH) await handle?.checkpoint().catch(cause => failures.push(cause))
    })
    handle = execute(goldenJob(source, []), environment(), {
      batchRows: BATCH,
      checkpoints: { storage: new DirectoryCheckpointStorage(directory), intervalMs: 0 },
      onEvent: event => events.push(event),
    })
    expect((await handle.ended).status).toBe('finished')
    const unwritable = { code: 'STORAGE_UNWRITABLE', message: expect.stringContaining(join(directory, 'shared')) }
    expect(failures).toMatchObject([{ code: 'CHECKPOINT_FAILED', cause: unwritable }])
  })
})
