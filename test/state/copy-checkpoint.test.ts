import { describe, expect, it } from 'vitest'
import { copyCheckpoint } from '../../src/state/copy-checkpoint.js'
import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'
import { manifestOf, putCheckpoint, testHash } from './checkpoints.js'

const PARTS = [[{ name: 'a', bytes: Uint8Array.of(1, 2) }], [{ name: 'b', bytes: Uint8Array.of(3) }]]

/** Notes the order of writes. */
class NotingStorage extends MemoryCheckpointStorage {
  readonly writes: string[] = []

  override writePart(checkpointId: number, name: string, bytes: Uint8Array): Promise<void> {
    this.writes.push(name)
    return super.writePart(checkpointId, name, bytes)
  }

  override writeManifest(checkpointId: number, bytes: Uint8Array): Promise<void> {
    this.writes.push('manifest')
    return super.writeManifest(checkpointId, bytes)
  }
}

describe('copyCheckpoint', () => {
  it('copies one checkpoint, parts first and the manifest last', async () => {
    const from = new MemoryCheckpointStorage()
    const to = new NotingStorage()
    const manifest = await putCheckpoint(from, 4, PARTS)
    await putCheckpoint(from, 5, [])
    await copyCheckpoint(from, to, 4, testHash)
    expect(to.writes).toEqual(['a', 'b', 'manifest'])
    expect(await to.list()).toEqual([4])
    expect([...((await to.readManifest(4)) ?? [])]).toEqual([...manifest])
    expect([...((await to.readPart(4, 'b')) ?? [])]).toEqual([3])
  })

  it('leaves no checkpoint behind when the original is damaged', async () => {
    const from = new MemoryCheckpointStorage()
    await from.writePart(4, 'a', Uint8Array.of(1, 2))
    await from.writePart(4, 'b', Uint8Array.of(9))
    await from.writeManifest(4, manifestOf(4, PARTS))
    const to = new MemoryCheckpointStorage()
    await expect(copyCheckpoint(from, to, 4, testHash)).rejects.toMatchObject({ code: 'CHECKPOINT_CORRUPT' })
    await expect(copyCheckpoint(from, to, 4, testHash)).rejects.toThrow('part b')
    expect(await to.list()).toEqual([])
  })

  it('names what there is when a checkpoint is missing', async () => {
    const from = new MemoryCheckpointStorage()
    await putCheckpoint(from, 5, [])
    await expect(copyCheckpoint(from, new MemoryCheckpointStorage(), 4, testHash)).rejects.toMatchObject({
      code: 'CHECKPOINT_MISSING',
      details: { known: [5] },
    })
  })
})
