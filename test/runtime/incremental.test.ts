/*
 * What checkpoints of real operators cost when little has changed: bytes written against bytes held.
 */
import { describe, expect, it } from 'vitest'
import type { SabotError } from '../../src/core/errors.js'
import type { Job } from '../../src/graph/job.js'
import { callback, count, job, left, max, memory, right, sum, tumbling, valueState } from '../../src/index.js'
import { xxh64Hex } from '../../src/kernel/hash.js'
import type { Source } from '../../src/operators/source.js'
import { execute } from '../../src/runtime/execute.js'
import type { JobEvent, JobHandle, JobResult } from '../../src/runtime/job-handle.js'
import { verifyCheckpoint } from '../../src/state/checkpoint.js'
import { copyCheckpoint } from '../../src/state/copy-checkpoint.js'
import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'
import { type Recovery, recoverFrom } from '../../src/state/recovery.js'
import { nextTurn } from '../platform/next-turn.js'
import { sameBytes } from '../platform/same-bytes.js'
import { environment } from './streams.js'

interface Row {
  readonly key: number
  readonly at: number
  readonly value: number
}

const KEYS = 15_000
const CHANGED = KEYS / 100

/** Each key once, in a scattered order; then twice a hundredth of them. */
function rows(isNew: boolean): Row[] {
  const keyOf = (n: number): number => Math.imul(n, 0x9e3779b1) & 0x7fffffff
  const all = Array.from({ length: KEYS }, (_, n) => ({ key: keyOf(n), at: 1000 + n / 100, value: n * 1.1 }))
  for (let round = 0; round < 2; round++) {
    for (let n = 0; n < CHANGED; n++) {
      const from = isNew ? KEYS + round * CHANGED + n : n * 100 + round
      all.push({ key: keyOf(from), at: 2000, value: n / 3 })
    }
  }
  return all
}

/** What comes out is put into `out`. */
type Shape = (source: Source<Row>, out: string[]) => Job
const into = (out: string[]) => callback<object>(row => void out.push(JSON.stringify(row)))
const shapes = {
  windows: (source, out) =>
    job('windows', j =>
      j
        .from(source)
        .withTimestamps('at', { outOfOrderness: '1h' })
        .keyBy('key')
        .window(tumbling('1d'))
        .aggregate({ n: count(), total: sum('value'), most: max('value') })
        .as('windows')
        .to(into(out)),
    ),
  functions: (source, out) =>
    job('functions', j =>
      j
        .from(source)
        .withTimestamps('at', { outOfOrderness: '1h' })
        .keyBy('key')
        .process(
          {
            state: { total: valueState<{ n: number; total: number }>() },
            onRecord: (row, { state }) => {
              const { n, total } = state.total.get() ?? { n: 0, total: 0 }
              state.total.set({ n: n + 1, total: total + row.value })
            },
          },
          { key: 'i32' },
        )
        .to(into(out)),
    ),
  timers: (source, out) =>
    job('timers', j =>
      j
        .from(source)
        .withTimestamps('at', { outOfOrderness: '1h' })
        .keyBy('key')
        .process(
          {
            state: { last: valueState<number>() },
            onRecord: (row, { state, timers, timestamp }) => {
              state.last.set(row.value)
              timers.registerEventTime(timestamp + 100_000_000)
            },
            onTimer: (_, { key, emit }) => emit({ key }),
          },
          { key: 'i32' },
        )
        .to(into(out)),
    ),
  duplicates: (source, out) =>
    job('duplicates', j =>
      j
        .from(source)
        .withTimestamps('at', { outOfOrderness: '1h' })
        .keyBy('key')
        .deduplicate({ ttl: '10d' })
        .to(into(out)),
    ),
  top: (source, out) =>
    job('top', j =>
      j
        .from(source)
        .withTimestamps('at', { outOfOrderness: '1h' })
        .keyBy('key')
        .topN(2, { by: 'value', ttl: '10d' })
        .changelog('op')
        .to(into(out)),
    ),
  join: (source, out) =>
    job('join', j => {
      const rows = j.from(source).withTimestamps('at', { outOfOrderness: '1h' })
      const even = rows.filter(({ value }) => value < 1e9).keyBy('key')
      const odd = rows.filter(({ value }) => value > 1e9).keyBy('key')
      even
        .join(odd, { ttl: '10d' })
        .select({ key: left('key'), other: right('value') })
        .to(into(out))
    }),
} satisfies Record<string, Shape>

/** Calls `onRows` before it reads on behind a batch, with the rows that it has given. */
function counted<R>(source: Source<R>, onRows: (rows: number) => Promise<void>): Source<R> {
  const { kind, description, schema, replayable } = source
  return {
    kind,
    description,
    schema,
    replayable,
    async open(context) {
      const reader = await source.open(context)
      let given = 0
      return {
        rowCount: reader.rowCount,
        async read() {
          await onRows(given)
          const item = await reader.read()
          given += item?.batch?.length ?? 0
          return item
        },
        close: () => reader.close(),
      }
    },
  }
}

interface Run {
  readonly storage: MemoryCheckpointStorage
  readonly events: Extract<JobEvent, { kind: 'checkpoint-completed' }>[]
  readonly result: JobResult
}

/**
 * Takes a checkpoint when every key has come, and one when a hundredth has come again; behind that a savepoint of the
 * same state, and it ends.
 */
async function run(shape: Shape, isNew: boolean, storage = new MemoryCheckpointStorage()): Promise<Run> {
  const events: Run['events'] = []
  let handle: JobHandle | undefined
  const source = counted(memory(rows(isNew)), async given => {
    if (given !== KEYS && given !== KEYS + CHANGED) return
    // All that was read so far has been worked off.
    while ((handle?.metrics().rowsIn ?? 0) < given) await nextTurn()
    await handle?.checkpoint()
    if (given === KEYS) return
    await handle?.savepoint()
    void handle?.cancel()
  })
  handle = execute(shape(source, []).plan(), environment(), {
    batchRows: CHANGED,
    checkpoints: { storage, intervalMs: 0 },
    onEvent: event => {
      if (event.kind === 'checkpoint-completed') events.push(event)
    },
  })
  const result = await handle.ended
  expect(result.error).toBeUndefined()
  return { storage, events, result }
}

const partsOf = (recovery: Recovery | undefined): [string, Uint8Array][] =>
  [...(recovery?.states.values() ?? [])].flat().flatMap(({ id, parts }) => {
    return parts.map(({ name, bytes }): [string, Uint8Array] => [`${id} ${name}`, bytes])
  })

describe('checkpoints', () => {
  for (const [name, shape] of Object.entries(shapes)) {
    for (const isNew of [false, true]) {
      it(`of ${name} write what has changed, where a hundredth of the keys is ${isNew ? 'new' : 'changed'}`, async () => {
        const { storage, events } = await run(shape, isNew)
        const [first, second, savepoint] = events
        expect(first?.writtenBytes).toBeGreaterThan(KEYS * 20)
        expect(second?.sizeBytes).toBeGreaterThan(KEYS * 20)
        expect(second?.writtenBytes).toBeLessThan(0.03 * (first?.writtenBytes ?? 0))
        expect(savepoint).toMatchObject({ isSavepoint: true })
        // What is restored from a base and a delta is what a full snapshot of that moment has, byte for byte.
        const kernel = environment().createKernel()
        const hash = (bytes: Uint8Array): string => xxh64Hex(kernel, bytes)
        const [incremental, full] = await Promise.all(
          [second, savepoint].map(event => recoverFrom(storage, event?.checkpointId ?? 0, name, hash)),
        )
        expect(partsOf(incremental).map(([part]) => part)).toEqual(partsOf(full).map(([part]) => part))
        const others = partsOf(full).map(([, bytes]) => bytes)
        expect(partsOf(incremental).filter(([, bytes], at) => !sameBytes(bytes, others[at] ?? bytes))).toEqual([])
      })
    }
  }

  it('are resumed from at another parallelism as from a full one', async () => {
    for (const name of ['windows', 'timers'] as const) {
      const { storage } = await run(shapes[name], false)
      const outcomes: string[] = []
      for (const [id, parallelism] of [
        [3, 1],
        [2, 1],
        [2, 3],
      ] as const) {
        const out: string[] = []
        const copy = new MemoryCheckpointStorage()
        const kernel = environment().createKernel()
        await copyCheckpoint(storage, copy, id, bytes => xxh64Hex(kernel, bytes))
        // The original, with what it shares.
        const from = id === 2 ? storage : copy
        if (id === 2) await from.remove(3)
        const graph = shapes[name](memory(rows(false)), out).plan()
        const options = { resume: true, parallelism, checkpoints: { storage: from, intervalMs: 0 } }
        const result = await execute(graph, environment(), options).ended
        expect(result).toMatchObject({ status: 'finished', resumedFrom: id, error: undefined })
        outcomes.push(out.sort().join('\n'))
      }
      expect(outcomes[0]?.split('\n').length).toBeGreaterThanOrEqual(KEYS)
      expect(outcomes.map(outcome => outcome === outcomes[0])).toEqual([true, true, true])
    }
  })

  it('that find no room for shared parts are given up, and the next ones are whole', async () => {
    class FullStorage extends MemoryCheckpointStorage {
      refusals = 1
      override async writeShared(name: string, bytes: Uint8Array): Promise<void> {
        if (this.refusals-- > 0) throw new RangeError('no space left on device')
        return super.writeShared(name, bytes)
      }
    }
    const storage = new FullStorage()
    let handle: JobHandle | undefined
    const failures: unknown[] = []
    const source = counted(memory(rows(false)), async given => {
      if (given !== KEYS && given !== KEYS + CHANGED) return
      await handle?.checkpoint().catch(cause => failures.push(cause))
    })
    const options = { batchRows: CHANGED, checkpoints: { storage, intervalMs: 0 } }
    handle = execute(shapes.windows(source, []).plan(), environment(), options)
    const { status, metrics } = await handle.ended
    expect(status).toBe('finished')
    expect(failures).toMatchObject([{ code: 'CHECKPOINT_FAILED', cause: { message: 'no space left on device' } }])
    expect(metrics.checkpoints).toMatchObject({ completed: 1, failed: 1, lastId: 2 })
    expect(await storage.listShared()).toEqual(['windows.windows@2'])
  })

  it('tell when another job has checkpoints in their place', async () => {
    const { storage } = await run(shapes.windows, false)
    const errors: SabotError[] = []
    let handle: JobHandle | undefined
    const source = counted(memory(rows(false)), async given => {
      if (given === KEYS) await handle?.checkpoint()
    })
    handle = execute(shapes.duplicates(source, []).plan(), environment(), {
      batchRows: CHANGED,
      checkpoints: { storage, intervalMs: 0, retained: 10 },
      onEvent: event => {
        if (event.kind === 'checkpoint-failed') errors.push(event.error)
      },
    })
    await handle.ended
    expect(errors.map(({ code }) => code)).toContain('CHECKPOINT_CLEANUP_FAILED')
    expect(errors[0]?.message).toContain('holds checkpoints of job windows, not of duplicates')
    // Nothing of the other job is gone.
    const kernel = environment().createKernel()
    expect(await verifyCheckpoint(storage, 2, bytes => xxh64Hex(kernel, bytes))).toMatchObject({ ok: true })
  })
})
