/*
 * What every checkpoint storage must keep (src/state/checkpoint-storage.ts). Each implementation runs this one suite.
 */
import { describe, expect, it } from 'vitest'
import type { CheckpointStorage } from '../../src/state/checkpoint-storage.js'

export interface StorageSuiteOptions {
  /** The same medium seen by another process; leave it out where the storage lives as long as its object. */
  readonly reopen?: (storage: CheckpointStorage) => Promise<CheckpointStorage>
  readonly dispose?: (storage: CheckpointStorage) => Promise<void>
}

const bytesOf = (...values: number[]): Uint8Array => Uint8Array.from(values)
const plain = (bytes: Uint8Array | undefined): number[] | undefined => bytes && [...bytes]

/** Names that lead elsewhere, or that some file system takes for another. */
const BAD_NAMES = [
  '',
  '.',
  '..',
  '../x',
  '..\\x',
  'a/b',
  'a\\b',
  '/etc/x',
  'C:x',
  'a\0b',
  'a\nb',
  'a b',
  ' a',
  'a.',
  '.hidden',
  '-rf',
  '%2e%2e%2fx',
  'ä',
  '\ud800',
  'manifest',
  'manifest.tmp',
  'x'.repeat(201),
]

export function checkpointStorageSuite(
  name: string,
  makeStorage: () => Promise<CheckpointStorage>,
  { reopen = async storage => storage, dispose = async () => {} }: StorageSuiteOptions = {},
): void {
  const law = (title: string, check: (storage: CheckpointStorage) => Promise<void>): void => {
    it(title, async () => {
      const storage = await makeStorage()
      try {
        await check(storage)
      } finally {
        await dispose(storage)
      }
    })
  }

  describe(`checkpoint storage: ${name}`, () => {
    law('is empty at first, and says what it is', async storage => {
      expect(await storage.list()).toEqual([])
      expect(storage.description).not.toBe('')
      expect(await storage.readManifest(1)).toBeUndefined()
      expect(await storage.readPart(1, 'a')).toBeUndefined()
    })

    law('gives back what was written, also to another process', async storage => {
      await storage.writePart(7, 'window-1.state', bytesOf(1, 2, 3))
      await storage.writePart(7, 'B_2', bytesOf(255, 0))
      await storage.writeManifest(7, bytesOf(9))
      for (const seen of [storage, await reopen(storage)]) {
        expect(plain(await seen.readPart(7, 'window-1.state'))).toEqual([1, 2, 3])
        expect(plain(await seen.readPart(7, 'B_2'))).toEqual([255, 0])
        expect(plain(await seen.readManifest(7))).toEqual([9])
        expect(await seen.readPart(7, 'other')).toBeUndefined()
        expect(await seen.readPart(8, 'B_2')).toBeUndefined()
        expect(await seen.list()).toEqual([7])
      }
    })

    law('lists a checkpoint once it has a manifest, not before', async storage => {
      await storage.writePart(1, 'a', bytesOf(1))
      expect(await storage.list()).toEqual([])
      expect(await (await reopen(storage)).list()).toEqual([])
      expect(await storage.readManifest(1)).toBeUndefined()
      await storage.writeManifest(1, bytesOf(1))
      expect(await storage.list()).toEqual([1])
    })

    law('lists by number, not by text, and takes any id up to 2^53 - 1', async storage => {
      const ids = [10, 9, 100, 0, 1, Number.MAX_SAFE_INTEGER]
      for (const id of ids) await storage.writeManifest(id, bytesOf(1))
      const sorted = [0, 1, 9, 10, 100, Number.MAX_SAFE_INTEGER]
      expect(await storage.list()).toEqual(sorted)
      expect(await (await reopen(storage)).list()).toEqual(sorted)
    })

    law('keeps an empty part apart from a missing one', async storage => {
      await storage.writePart(1, 'empty', bytesOf())
      await storage.writeManifest(1, bytesOf(1))
      expect(plain(await (await reopen(storage)).readPart(1, 'empty'))).toEqual([])
      expect(await storage.readPart(1, 'missing')).toBeUndefined()
    })

    law('keeps a part of 8 MB as it is', async storage => {
      const large = new Uint8Array(8 << 20)
      for (let index = 0; index < large.length; index++) large[index] = (index * 2654435761) >>> 24
      await storage.writePart(3, 'large', large)
      await storage.writeManifest(3, bytesOf(1))
      const read = await (await reopen(storage)).readPart(3, 'large')
      expect(read?.length).toBe(large.length)
      expect(read?.every((byte, index) => byte === large[index])).toBe(true)
    })

    law('writes a view, not the buffer behind it', async storage => {
      const buffer = bytesOf(1, 2, 3, 4, 5, 6)
      await storage.writePart(1, 'view', buffer.subarray(2, 4))
      await storage.writeManifest(1, buffer.subarray(5))
      expect(plain(await storage.readPart(1, 'view'))).toEqual([3, 4])
      expect(plain(await storage.readManifest(1))).toEqual([6])
    })

    law('is not changed through the bytes that went in or came out', async storage => {
      const bytes = bytesOf(1, 2)
      await storage.writePart(1, 'a', bytes)
      await storage.writeManifest(1, bytes)
      bytes.fill(9)
      ;(await storage.readPart(1, 'a'))?.fill(9)
      ;(await storage.readManifest(1))?.fill(9)
      expect(plain(await storage.readPart(1, 'a'))).toEqual([1, 2])
      expect(plain(await storage.readManifest(1))).toEqual([1, 2])
    })

    law('takes many parts at once', async storage => {
      const names = Array.from({ length: 40 }, (_, index) => `part-${index}`)
      await Promise.all(
        names.map((part, index) => storage.writePart(5, part, new Uint8Array(1000 + index).fill(index))),
      )
      await storage.writeManifest(5, bytesOf(1))
      const seen = await reopen(storage)
      const parts = await Promise.all(names.map(part => seen.readPart(5, part)))
      for (const [index, part] of parts.entries()) {
        expect(part?.length).toBe(1000 + index)
        expect(part?.every(byte => byte === index)).toBe(true)
      }
    })

    law('lets an attempt without a manifest be repeated', async storage => {
      await storage.writePart(4, 'a', bytesOf(1, 1, 1))
      const later = await reopen(storage)
      await later.writePart(4, 'a', bytesOf(2))
      await later.writeManifest(4, bytesOf(1))
      expect(plain(await later.readPart(4, 'a'))).toEqual([2])
    })

    law('refuses to change what is complete', async storage => {
      await storage.writePart(4, 'a', bytesOf(1))
      await storage.writeManifest(4, bytesOf(1))
      for (const seen of [storage, await reopen(storage)]) {
        await expect(seen.writePart(4, 'a', bytesOf(2))).rejects.toMatchObject({ code: 'CHECKPOINT_EXISTS' })
        await expect(seen.writePart(4, 'b', bytesOf(2))).rejects.toMatchObject({ code: 'CHECKPOINT_EXISTS' })
        await expect(seen.writeManifest(4, bytesOf(2))).rejects.toMatchObject({ code: 'CHECKPOINT_EXISTS' })
        expect(plain(await seen.readPart(4, 'a'))).toEqual([1])
        expect(await seen.readPart(4, 'b')).toBeUndefined()
        expect(plain(await seen.readManifest(4))).toEqual([1])
      }
    })

    law('removes a checkpoint and nothing else', async storage => {
      for (const id of [1, 10, 11]) {
        await storage.writePart(id, 'a', bytesOf(id))
        await storage.writeManifest(id, bytesOf(id))
      }
      await storage.remove(1)
      for (const seen of [storage, await reopen(storage)]) {
        expect(await seen.list()).toEqual([10, 11])
        expect(await seen.readManifest(1)).toBeUndefined()
        expect(await seen.readPart(1, 'a')).toBeUndefined()
        expect(plain(await seen.readPart(10, 'a'))).toEqual([10])
        expect(plain(await seen.readPart(11, 'a'))).toEqual([11])
      }
    })

    law('removes what is not there, what is half there, and twice', async storage => {
      await storage.remove(99)
      await storage.writePart(2, 'a', bytesOf(1))
      await storage.remove(2)
      expect(await storage.readPart(2, 'a')).toBeUndefined()
      await storage.remove(2)
      await storage.writePart(2, 'b', bytesOf(3))
      await storage.writeManifest(2, bytesOf(1))
      expect(await storage.readPart(2, 'a')).toBeUndefined()
      expect(plain(await storage.readPart(2, 'b'))).toEqual([3])
    })

    law('removes the manifest before any part', async storage => {
      const names = Array.from({ length: 30 }, (_, index) => `part-${index}`)
      for (const part of names) await storage.writePart(6, part, bytesOf(1, 2, 3))
      await storage.writeManifest(6, bytesOf(1))
      const seen = await reopen(storage)
      let removed = false
      const removal = storage.remove(6).then(() => {
        removed = true
      })
      let looks = 0
      while (!removed || looks === 0) {
        // A part that is gone although the manifest, looked at later, is there would be a broken checkpoint.
        const parts = await Promise.all(names.map(part => seen.readPart(6, part)))
        const manifest = await seen.readManifest(6)
        if (manifest !== undefined) expect(parts).not.toContain(undefined)
        looks += 1
      }
      await removal
      expect(await seen.list()).toEqual([])
    })

    law('keeps shared parts whatever becomes of checkpoints', async storage => {
      expect(await storage.listShared()).toEqual([])
      expect(await storage.readShared('a@1')).toBeUndefined()
      await storage.writeShared('b@2', bytesOf())
      await storage.writeShared('a@1', bytesOf(1, 2, 3))
      await storage.writePart(1, 'a@1', bytesOf(9))
      await storage.writeManifest(1, bytesOf(1))
      // What an earlier attempt left behind is replaced whole.
      await storage.writeShared('a@1', bytesOf(4, 5))
      await storage.remove(1)
      await storage.writeManifest(3, bytesOf(1))
      for (const seen of [storage, await reopen(storage)]) {
        expect(await seen.listShared()).toEqual(['a@1', 'b@2'])
        expect(plain(await seen.readShared('a@1'))).toEqual([4, 5])
        expect(plain(await seen.readShared('b@2'))).toEqual([])
        expect(await seen.readPart(1, 'a@1')).toBeUndefined()
        expect(await seen.list()).toEqual([3])
      }
      await storage.removeShared('a@1')
      await storage.removeShared('a@1')
      for (const seen of [storage, await reopen(storage)]) {
        expect(await seen.listShared()).toEqual(['b@2'])
        expect(await seen.readShared('a@1')).toBeUndefined()
      }
    })

    law('is not changed through the bytes of a shared part, and writes a view of them', async storage => {
      const bytes = bytesOf(1, 2, 3)
      await storage.writeShared('a', bytes.subarray(1))
      bytes.fill(9)
      ;(await storage.readShared('a'))?.fill(9)
      expect(plain(await storage.readShared('a'))).toEqual([2, 3])
    })

    law('refuses names that lead elsewhere', async storage => {
      for (const bad of BAD_NAMES) {
        const refused = { name: 'SabotError', code: 'PART_NAME_INVALID' }
        await expect(storage.writePart(1, bad, bytesOf(1)), bad).rejects.toMatchObject(refused)
        await expect(storage.readPart(1, bad), bad).rejects.toMatchObject(refused)
        await expect(storage.writeShared(bad, bytesOf(1)), bad).rejects.toMatchObject(refused)
        await expect(storage.readShared(bad), bad).rejects.toMatchObject(refused)
        await expect(storage.removeShared(bad), bad).rejects.toMatchObject(refused)
      }
      await storage.writePart(1, '__proto__', bytesOf(1))
      await storage.writePart(1, 'constructor', bytesOf(2))
      await storage.writePart(1, 'a-1_b@+=.c', bytesOf(4))
      await storage.writePart(1, `${'x'.repeat(199)}y`, bytesOf(3))
      expect(plain(await storage.readPart(1, '__proto__'))).toEqual([1])
      expect(plain(await storage.readPart(1, 'constructor'))).toEqual([2])
      expect(plain(await storage.readPart(1, 'a-1_b@+=.c'))).toEqual([4])
      expect(plain(await storage.readPart(1, `${'x'.repeat(199)}y`))).toEqual([3])
      expect(await storage.readPart(1, 'toString')).toBeUndefined()
    })

    law('refuses what is no checkpoint id', async storage => {
      for (const bad of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
        await expect(storage.writePart(bad, 'a', bytesOf(1))).rejects.toBeInstanceOf(TypeError)
        await expect(storage.writeManifest(bad, bytesOf(1))).rejects.toBeInstanceOf(TypeError)
        await expect(storage.readManifest(bad)).rejects.toBeInstanceOf(TypeError)
        await expect(storage.remove(bad)).rejects.toBeInstanceOf(TypeError)
      }
      expect(await storage.list()).toEqual([])
    })
  })
}
