import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packCheckpoint, unpackCheckpoint } from '../../src/state/archive.js'
import { inspectCheckpoint, type OperatorSnapshot, verifyCheckpoint } from '../../src/state/checkpoint.js'
import { CheckpointWriter } from '../../src/state/checkpoint-writer.js'
import { copyCheckpoint } from '../../src/state/copy-checkpoint.js'
import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'
import { recover } from '../../src/state/recovery.js'
import { pruneCheckpoints } from '../../src/state/retention.js'
import { removeUnusedParts } from '../../src/state/shared-parts.js'
import { testHash as hash } from './checkpoints.js'

const HEAD = { job: 'counts', createdAtMs: 0, environment: 'test', abiVersion: 1, parameters: {} }

/** Bytes that look random, the same for a seed. */
function noise(length: number, seed = 1): Uint8Array {
  let state = seed
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return state >>> 24
  })
}

function writerTo(storage: MemoryCheckpointStorage, incremental = true): CheckpointWriter {
  return new CheckpointWriter({ storage, hash, incremental, leastBytes: 64, pause: async () => {} })
}

function snapshotOf(bytes: Uint8Array, subtask = 0): OperatorSnapshot {
  const head = { id: 'count-1', subtask, kind: 'count', settings: null, state: null, rowsIn: 0, rowsOut: 0 }
  return { ...head, parts: [{ name: 'keys', bytes }] }
}

/** The same with the bytes from `at` on replaced. */
function edited(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const copy = bytes.slice()
  copy.set(values, at)
  return copy
}

async function stateIn(storage: MemoryCheckpointStorage): Promise<number[] | undefined> {
  const found = await recover(storage, 'counts', hash)
  const bytes = found?.states.get('count-1')?.[0]?.parts[0]?.bytes
  return bytes && [...bytes]
}

async function chainOf(storage: MemoryCheckpointStorage, id: number) {
  const { operators } = await inspectCheckpoint(storage, id, hash)
  return operators.flatMap(({ parts }) => parts.map(({ name, shared }) => `${shared ?? 'whole'} ${name}`))
}

/** A disk that stops at the n-th change, as the process does. */
class CrashingStorage extends MemoryCheckpointStorage {
  changesLeft = Number.POSITIVE_INFINITY

  private change<T>(make: () => Promise<T>): Promise<T> {
    this.changesLeft -= 1
    return this.changesLeft < 0 ? Promise.reject(new Error('the process has died')) : make()
  }
  override writePart(id: number, name: string, bytes: Uint8Array): Promise<void> {
    return this.change(() => super.writePart(id, name, bytes))
  }
  override writeManifest(id: number, bytes: Uint8Array): Promise<void> {
    return this.change(() => super.writeManifest(id, bytes))
  }
  override remove(id: number): Promise<void> {
    return this.change(() => super.remove(id))
  }
  override writeShared(name: string, bytes: Uint8Array): Promise<void> {
    return this.change(() => super.writeShared(name, bytes))
  }
  override removeShared(name: string): Promise<void> {
    return this.change(() => super.removeShared(name))
  }
}

describe('incremental checkpoints', () => {
  it('write a part whole once, then what has changed', async () => {
    const storage = new MemoryCheckpointStorage()
    const writer = writerTo(storage)
    const states = [noise(100_000)]
    for (let id = 2; id <= 6; id++) states.push(edited(states.at(-1) as Uint8Array, id * 1000, 1, 2, 3))
    const written = []
    for (const [index, bytes] of states.entries()) {
      const { sizeBytes, writtenBytes } = await writer.write({ ...HEAD, checkpointId: index + 1 }, [snapshotOf(bytes)])
      written.push(writtenBytes)
      expect(sizeBytes).toBeGreaterThan(100_000)
    }
    expect(written[0]).toBeGreaterThan(100_000)
    for (const later of written.slice(1)) expect(later).toBeLessThan(1500)
    expect(await chainOf(storage, 3)).toEqual(['base count-1.keys@1', 'delta count-1.keys@2', 'delta count-1.keys@3'])
    for (let id = 6; id >= 1; id--) {
      expect(await stateIn(storage)).toEqual([...(states[id - 1] as Uint8Array)])
      await storage.remove(id)
    }
  })

  it('write nothing of a part that has not changed, and small ones whole', async () => {
    const storage = new MemoryCheckpointStorage()
    const writer = writerTo(storage)
    for (let checkpointId = 1; checkpointId <= 3; checkpointId++) {
      await writer.write({ ...HEAD, checkpointId }, [snapshotOf(noise(1000)), snapshotOf(noise(63), 1)])
    }
    expect(await storage.listShared()).toEqual(['count-1.keys@1'])
    expect(await chainOf(storage, 3)).toEqual(['base count-1.keys@1', 'whole count-1.1.keys'])
  })

  it('compact: deltas are never more than half of their base, nor more than 64', async () => {
    const storage = new MemoryCheckpointStorage()
    const writer = writerTo(storage)
    let bytes = noise(20_000)
    let whole = 0
    for (let checkpointId = 1; checkpointId <= 200; checkpointId++) {
      // Small changes for long, then larger ones.
      const length = checkpointId < 140 ? 4 : 1500
      bytes = edited(bytes, (checkpointId * 977) % 15_000, ...noise(length, checkpointId))
      await writer.write({ ...HEAD, checkpointId }, [snapshotOf(bytes)])
      const { operators } = await inspectCheckpoint(storage, checkpointId, hash)
      const [base, ...deltas] = operators[0]?.parts ?? []
      expect(base?.shared).toBe('base')
      expect(deltas.length).toBeLessThanOrEqual(64)
      expect(deltas.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBeLessThanOrEqual(10_000)
      if (deltas.length === 0) whole += 1
    }
    expect(whole).toBeGreaterThan(5)
    expect(whole).toBeLessThan(20)
    expect(await stateIn(storage)).toEqual([...bytes])
  })

  it('of state that is another each time are written whole, and a delta is soon looked for less often', async () => {
    const storage = new MemoryCheckpointStorage()
    let turns = 0
    const pause = async () => void turns++
    const writer = new CheckpointWriter({ storage, hash, incremental: true, leastBytes: 64, pause })
    const perCheckpoint = []
    for (let checkpointId = 1; checkpointId <= 12; checkpointId++) {
      const before = turns
      await writer.write({ ...HEAD, checkpointId }, [snapshotOf(noise(300_000, checkpointId))])
      perCheckpoint.push(turns - before)
      expect(await chainOf(storage, checkpointId)).toEqual([`base count-1.keys@${checkpointId}`])
    }
    const looked = perCheckpoint.filter(count => count > 0).length
    expect(looked).toBeGreaterThan(1)
    expect(looked).toBeLessThan(5)
  })

  it('count their deltas from the last checkpoint that is complete', async () => {
    const storage = new CrashingStorage()
    const writer = writerTo(storage)
    const states = [noise(5000)]
    for (let id = 2; id <= 4; id++) states.push(edited(states.at(-1) as Uint8Array, id * 100, id, id, id))
    const write = (id: number, isWanted = true) =>
      writer.write({ ...HEAD, checkpointId: id }, [snapshotOf(states[id - 1] as Uint8Array)], () => isWanted)
    await write(1)
    storage.changesLeft = 0
    await expect(write(2)).rejects.toThrow('died')
    storage.changesLeft = Number.POSITIVE_INFINITY
    await write(3, false)
    await write(4)
    expect(await chainOf(storage, 4)).toEqual(['base count-1.keys@1', 'delta count-1.keys@4'])
    expect(await stateIn(storage)).toEqual([...(states[3] as Uint8Array)])
    // What was given up is garbage.
    expect(await storage.listShared()).toContain('count-1.keys@3')
    await removeUnusedParts(storage, 'counts', hash, writer.inUse)
    expect(await storage.listShared()).toEqual(['count-1.keys@1', 'count-1.keys@4'])
  })

  it('go on from what was resumed from, in the same storage', async () => {
    const storage = new MemoryCheckpointStorage()
    const [first, second] = [noise(5000), noise(3000, 2)]
    const before = writerTo(storage)
    await before.write({ ...HEAD, checkpointId: 1 }, [snapshotOf(first), snapshotOf(second, 1)])
    await before.write({ ...HEAD, checkpointId: 2 }, [snapshotOf(edited(first, 9, 1)), snapshotOf(second, 1)])
    const recovery = await recover(storage, 'counts', hash)
    if (recovery === undefined) throw new Error('nothing to resume from')
    const states = [edited(first, 90, 1, 2), edited(second, 90, 1, 2)]
    const snapshots = states.map((bytes, subtask) => snapshotOf(bytes, subtask))
    const after = writerTo(storage)
    after.resumeFrom(recovery)
    await after.write({ ...HEAD, checkpointId: 3 }, snapshots)
    expect(await chainOf(storage, 3)).toEqual([
      'base count-1.keys@1',
      'delta count-1.keys@2',
      'delta count-1.keys@3',
      'base count-1.1.keys@1',
      'delta count-1.1.keys@3',
    ])
    expect(await stateIn(storage)).toEqual([...(states[0] ?? [])])
    // Elsewhere the same names may have other bytes.
    const other = new MemoryCheckpointStorage()
    for (const name of await storage.listShared()) await other.writeShared(name, new Uint8Array(1))
    const moved = writerTo(other)
    moved.resumeFrom(recovery)
    await moved.write({ ...HEAD, checkpointId: 3 }, snapshots)
    expect(await chainOf(other, 3)).toEqual(['base count-1.keys@3', 'base count-1.1.keys@3'])
  })

  it('write again what somebody has removed', async () => {
    const storage = new MemoryCheckpointStorage()
    const writer = writerTo(storage)
    const bytes = noise(5000)
    await writer.write({ ...HEAD, checkpointId: 1 }, [snapshotOf(bytes)])
    await storage.removeShared('count-1.keys@1')
    await writer.write({ ...HEAD, checkpointId: 2 }, [snapshotOf(edited(bytes, 9, 1))])
    expect(await chainOf(storage, 2)).toEqual(['base count-1.keys@2'])
    expect(await stateIn(storage)).toEqual([...edited(bytes, 9, 1)])
  })

  it('make savepoints and what is written without sharing whole', async () => {
    for (const isSavepoint of [true, false]) {
      const storage = new MemoryCheckpointStorage()
      const writer = writerTo(storage, isSavepoint)
      const bytes = noise(5000)
      if (isSavepoint) await writer.write({ ...HEAD, checkpointId: 1 }, [snapshotOf(bytes)])
      await writer.write({ ...HEAD, checkpointId: 2, isSavepoint }, [snapshotOf(edited(bytes, 9, 1))])
      await storage.remove(1)
      for (const name of await storage.listShared()) await storage.removeShared(name)
      expect(await chainOf(storage, 2)).toEqual(['whole count-1.keys'])
      expect(await stateIn(storage)).toEqual([...edited(bytes, 9, 1)])
    }
  })

  it('are copied and packed as ones that stand by themselves', async () => {
    const storage = new MemoryCheckpointStorage()
    const writer = writerTo(storage)
    const bytes = noise(5000)
    await writer.write({ ...HEAD, checkpointId: 1 }, [snapshotOf(bytes)])
    await writer.write({ ...HEAD, checkpointId: 2 }, [snapshotOf(edited(bytes, 9, 1)), snapshotOf(noise(70), 1)])
    const copy = new MemoryCheckpointStorage()
    await copyCheckpoint(storage, copy, 2, hash)
    const unpacked = new MemoryCheckpointStorage()
    await unpackCheckpoint(await packCheckpoint(storage, 2, hash), unpacked, hash)
    for (const target of [copy, unpacked]) {
      expect(await target.listShared()).toEqual([])
      expect(await chainOf(target, 2)).toEqual(['whole count-1.keys', 'whole count-1.1.keys'])
      expect(await stateIn(target)).toEqual([...edited(bytes, 9, 1)])
    }
  })

  it('are whole after a crash at any step, and leave garbage only', async () => {
    const states = [noise(3000)]
    for (let id = 2; id <= 8; id++) {
      const last = states.at(-1) as Uint8Array
      // The fifth is another: a base in the middle.
      states.push(id === 5 ? noise(3000, 5) : edited(last, id * 50, id, id, id))
    }
    const run = async (storage: CrashingStorage): Promise<number> => {
      const writer = writerTo(storage)
      let complete = 0
      try {
        for (const [index, bytes] of states.entries()) {
          const checkpointId = index + 1
          await writer.write({ ...HEAD, checkpointId }, [snapshotOf(bytes), snapshotOf(noise(50), 1)])
          complete = checkpointId
          await pruneCheckpoints({ storage, retained: 2 }, hash)
          await removeUnusedParts(storage, HEAD.job, hash, writer.inUse)
        }
      } catch (cause) {
        expect(cause).toMatchObject({ message: 'the process has died' })
      }
      return complete
    }
    const whole = new CrashingStorage()
    whole.changesLeft = 1000
    await run(whole)
    const steps = 1000 - whole.changesLeft
    expect(steps).toBeGreaterThan(30)
    for (let step = 0; step < steps; step++) {
      const storage = new CrashingStorage()
      storage.changesLeft = step
      const complete = await run(storage)
      storage.changesLeft = Number.POSITIVE_INFINITY
      const state = await stateIn(storage)
      expect([undefined, ...states].map(each => each && [...each]).slice(complete, complete + 1)).toContainEqual(state)
      for (const id of await storage.list())
        expect(await verifyCheckpoint(storage, id, hash)).toMatchObject({ ok: true })
      const writer = writerTo(storage)
      const next = ((await storage.list()).at(-1) ?? 0) + 1
      await writer.write({ ...HEAD, checkpointId: next }, [snapshotOf(states[0] as Uint8Array)])
      await pruneCheckpoints({ storage, retained: 1 }, hash)
      await removeUnusedParts(storage, HEAD.job, hash, writer.inUse)
      expect(await storage.listShared()).toEqual([`count-1.keys@${next}`])
    }
  })

  it('keep what a kept one needs, whichever are removed', async () => {
    const bytes = noise(2000)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(15), { maxLength: 15 }), async removed => {
        const storage = new MemoryCheckpointStorage()
        const writer = writerTo(storage)
        for (let checkpointId = 1; checkpointId <= 12; checkpointId++) {
          const state = checkpointId % 5 === 0 ? noise(2000, checkpointId) : edited(bytes, checkpointId * 9, 1, 2)
          await writer.write({ ...HEAD, checkpointId }, [snapshotOf(state)])
        }
        for (const id of removed) await storage.remove(id)
        await removeUnusedParts(storage, HEAD.job, hash)
        const named = new Set<string>()
        for (const id of await storage.list()) {
          const { ok, manifest } = await verifyCheckpoint(storage, id, hash)
          expect(ok).toBe(true)
          for (const { name } of manifest?.operators.flatMap(({ parts }) => parts) ?? []) named.add(name)
        }
        expect(await storage.listShared()).toEqual([...named].sort())
      }),
      { numRuns: 40 },
    )
  })

  it('are found out by every byte that is flipped and every length that is cut, and the one before is used', async () => {
    const storage = new MemoryCheckpointStorage()
    const first = noise(300)
    const second = edited(first, 40, 1, 2, 3)
    await writerTo(storage).write({ ...HEAD, checkpointId: 1 }, [snapshotOf(first)])
    // Another run, so another base: it shares nothing with the first.
    const writer = writerTo(storage)
    await writer.write({ ...HEAD, checkpointId: 2 }, [snapshotOf(first)])
    await writer.write({ ...HEAD, checkpointId: 3 }, [snapshotOf(second)])
    expect(await stateIn(storage)).toEqual([...second])
    let seen = 0
    for (const name of ['count-1.keys@2', 'count-1.keys@3']) {
      const good = (await storage.readShared(name)) as Uint8Array
      const bad = [
        undefined,
        ...Array.from(good, (byte, at) => edited(good, at, byte ^ (1 << (at % 8)))),
        ...Array.from(good, (_, length) => good.subarray(0, length)),
      ]
      for (const bytes of bad) {
        if (bytes === undefined) await storage.removeShared(name)
        else await storage.writeShared(name, bytes)
        const found = await recover(storage, 'counts', hash)
        // Without the base nothing of that run is whole; without a delta the one before it is.
        expect(found?.checkpointId).toBe(name.endsWith('@2') ? 1 : 2)
        expect(found?.passedOver.map(({ code }) => code)).toEqual(
          Array(name.endsWith('@2') ? 2 : 1).fill('CHECKPOINT_CORRUPT'),
        )
        expect((await verifyCheckpoint(storage, 3, hash)).problems.join()).toContain(name)
        seen += 1
      }
      await storage.writeShared(name, good)
    }
    expect(seen).toBeGreaterThan(600)
    expect(await stateIn(storage)).toEqual([...second])
  })

  it('say which delta does not fit, though every byte is as it was written', async () => {
    const storage = new MemoryCheckpointStorage()
    const writer = writerTo(storage)
    await writer.write({ ...HEAD, checkpointId: 1 }, [snapshotOf(noise(300))])
    await writer.write({ ...HEAD, checkpointId: 2 }, [snapshotOf(edited(noise(300), 40, 1, 2, 3))])
    const lyingHash = () => hash(new Uint8Array())
    const other = new MemoryCheckpointStorage()
    const liar = new CheckpointWriter({
      ...{ storage: other, incremental: true, leastBytes: 64 },
      hash: lyingHash,
      pause: async () => {},
    })
    await liar.write({ ...HEAD, checkpointId: 1 }, [snapshotOf(noise(300))])
    await liar.write({ ...HEAD, checkpointId: 2 }, [snapshotOf(edited(noise(300), 40, 1, 2, 3))])
    await other.writeShared('count-1.keys@2', new Uint8Array((await storage.readShared('count-1.keys@2'))?.length ?? 0))
    await other.remove(1)
    await expect(recover(other, 'counts', lyingHash)).rejects.toThrow('shared part count-1.keys@2 does not fit')
  })

  it('are not touched by the clean-up of another job, nor where a manifest cannot be read', async () => {
    const storage = new MemoryCheckpointStorage()
    await writerTo(storage).write({ ...HEAD, checkpointId: 1 }, [snapshotOf(noise(300))])
    await storage.writeShared('lost@1', new Uint8Array(3))
    await storage.writeShared('foreign', new Uint8Array(3))
    const all = ['count-1.keys@1', 'foreign', 'lost@1']
    await expect(removeUnusedParts(storage, 'other', hash)).rejects.toMatchObject({ code: 'CHECKPOINT_OF_OTHER_JOB' })
    expect(await storage.listShared()).toEqual(all)
    await storage.writeManifest(2, new Uint8Array(10))
    expect(await removeUnusedParts(storage, 'counts', hash)).toBe(0)
    expect(await storage.listShared()).toEqual(all)
    await storage.remove(2)
    expect(await removeUnusedParts(storage, 'counts', hash)).toBe(1)
    expect(await storage.listShared()).toEqual(all.slice(0, 2))
  })
})
