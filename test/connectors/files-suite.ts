/*
 * What every implementation of Files must keep (src/core/files.ts). Each environment runs this suite on its own.
 */
import { describe, expect, it } from 'vitest'
import type { Files } from '../../src/core/files.js'

export interface FilesFixture {
  readonly files: Files
  /** Where the implementation keeps a file of this name; the name may have a directory in it. */
  path(name: string): string
  /** The same files, seen by another process; where there is no such thing, the same object. */
  reopen(): Promise<Files>
  dispose(): Promise<void>
}

const BYTES = Uint8Array.from({ length: 1000 }, (_, index) => (index * 31) & 0xff)

export function filesSuite(name: string, makeFixture: () => Promise<FilesFixture>): void {
  const law = (title: string, check: (fixture: FilesFixture) => Promise<void>): void => {
    it(title, async () => {
      const fixture = await makeFixture()
      try {
        await check(fixture)
      } finally {
        await fixture.dispose()
      }
    })
  }

  describe(`Files: ${name}`, () => {
    law('refuses to read what is not there, and names it', async ({ files, path }) => {
      const missing = path('missing.bin')
      await expect(files.openRead(missing)).rejects.toMatchObject({ name: 'SabotError', code: 'FILE_NOT_FOUND' })
      await expect(files.openRead(missing)).rejects.toThrow('missing.bin')
    })

    law('creates a file and its directories, empty', async ({ files, path }) => {
      const file = await files.openAppend(path('deep/er/new.bin'))
      expect(file.sizeBytes).toBe(0)
      await file.flush()
      await file.close()
      expect(await readAll(files, path('deep/er/new.bin'))).toEqual(new Uint8Array())
    })

    law('gives exactly the bytes asked for, fewer only at the end', async ({ files, path }) => {
      await write(files, path('a.bin'), BYTES)
      const file = await files.openRead(path('a.bin'))
      expect(file.sizeBytes).toBe(1000)
      expect([...(await file.read(10, 20))]).toEqual([...BYTES.subarray(10, 30)])
      expect([...(await file.read(990, 20))]).toEqual([...BYTES.subarray(990)])
      expect([...(await file.read(0, 1000))]).toEqual([...BYTES])
      expect(await file.read(1000, 5)).toHaveLength(0)
      expect(await file.read(5000, 5)).toHaveLength(0)
      expect(await file.read(3, 0)).toHaveLength(0)
      const both = await Promise.all([file.read(0, 3), file.read(997, 3)])
      expect(both.map(bytes => [...bytes])).toEqual([[...BYTES.subarray(0, 3)], [...BYTES.subarray(997)]])
      let spare = await file.read(0, 100)
      for (const [offset, length] of [
        [500, 100],
        [20, 30],
        [990, 100],
        [0, 200],
      ] as const) {
        spare = await file.read(offset, length, spare)
        expect([...spare]).toEqual([...BYTES.subarray(offset, offset + length)])
      }
      await file.close()
    })

    law('appends behind what is there, also when opened anew', async ({ files, path, reopen }) => {
      const first = await files.openAppend(path('b.bin'))
      await first.append(BYTES.subarray(0, 400))
      expect(first.sizeBytes).toBe(400)
      await first.append(BYTES.subarray(400, 400))
      await first.append(BYTES.subarray(400, 600))
      expect(first.sizeBytes).toBe(600)
      await first.flush()
      await first.close()

      const second = await (await reopen()).openAppend(path('b.bin'))
      expect(second.sizeBytes).toBe(600)
      await second.append(BYTES.subarray(600))
      await second.flush()
      await second.close()
      expect([...(await readAll(await reopen(), path('b.bin')))]).toEqual([...BYTES])
    })

    law('has taken over the bytes once append is fulfilled', async ({ files, path }) => {
      const buffer = BYTES.slice(0, 100)
      const file = await files.openAppend(path('c.bin'))
      await file.append(buffer)
      buffer.fill(0)
      await file.flush()
      await file.close()
      expect([...(await readAll(files, path('c.bin')))]).toEqual([...BYTES.subarray(0, 100)])
    })

    law('cuts a file and goes on from the cut', async ({ files, path, reopen }) => {
      await write(files, path('d.bin'), BYTES)
      const file = await files.openAppend(path('d.bin'))
      await file.truncate(300)
      expect(file.sizeBytes).toBe(300)
      await file.append(BYTES.subarray(0, 5))
      expect(file.sizeBytes).toBe(305)
      await file.truncate(305)
      await file.flush()
      await file.close()
      const expected = [...BYTES.subarray(0, 300), ...BYTES.subarray(0, 5)]
      expect([...(await readAll(await reopen(), path('d.bin')))]).toEqual(expected)

      const again = await files.openAppend(path('d.bin'))
      await again.truncate(0)
      await again.flush()
      await again.close()
      expect(await readAll(await reopen(), path('d.bin'))).toHaveLength(0)
    })

    law('refuses to cut a file to more than it has, naming both sizes, and leaves it', async ({ files, path }) => {
      await write(files, path('e.bin'), BYTES)
      const file = await files.openAppend(path('e.bin'))
      await expect(file.truncate(1001)).rejects.toMatchObject({ name: 'SabotError', code: 'FILE_TRUNCATED' })
      await expect(file.truncate(1001)).rejects.toThrow(/1000.*1001|1001.*1000/)
      expect(file.sizeBytes).toBe(1000)
      await file.close()
      expect([...(await readAll(files, path('e.bin')))]).toEqual([...BYTES])
    })

    law('lists directories, renames over what is there, and removes', async ({ files, path, reopen }) => {
      const { directories } = files
      if (directories === undefined) throw new TypeError('these files have no directories')
      await write(files, path('dir/a.bin'), BYTES)
      await write(files, path('dir/b.bin'), BYTES.subarray(0, 3))
      await write(files, path('dir/below/c.bin'), BYTES)
      const names = async (directory: string) => {
        const entries = await directories.list(path(directory))
        return entries?.map(({ name, kind }) => `${kind} ${name}`).sort()
      }
      expect(await names('dir')).toEqual(['directory below', 'file a.bin', 'file b.bin'])
      expect(await names('dir/a.bin')).toBeUndefined()
      expect(await names('nowhere')).toBeUndefined()
      await directories.rename(path('dir/a.bin'), path('dir/b.bin'))
      await directories.rename(path('dir/b.bin'), path('new/deep/b.bin'))
      expect(await names('dir')).toEqual(['directory below'])
      expect([...(await readAll(await reopen(), path('new/deep/b.bin')))]).toEqual([...BYTES])
      const missing = directories.rename(path('dir/a.bin'), path('dir/x.bin'))
      await expect(missing).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
      await directories.remove(path('new/deep/b.bin'))
      await directories.remove(path('new/deep/b.bin'))
      await expect(files.openRead(path('new/deep/b.bin'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
    })

    law('keeps 8 MB as they are', async ({ files, path, reopen }) => {
      const large = new Uint8Array(8 << 20)
      for (let index = 0; index < large.length; index++) large[index] = (index * 2654435761) >>> 24
      await write(files, path('large.bin'), large)
      const read = await readAll(await reopen(), path('large.bin'))
      expect(read.length).toBe(large.length)
      expect(read.every((byte, index) => byte === large[index])).toBe(true)
    })
  })
}

async function write(files: Files, path: string, bytes: Uint8Array): Promise<void> {
  const file = await files.openAppend(path)
  await file.append(bytes)
  await file.flush()
  await file.close()
}

async function readAll(files: Files, path: string): Promise<Uint8Array> {
  const file = await files.openRead(path)
  try {
    return await file.read(0, file.sizeBytes)
  } finally {
    await file.close()
  }
}
