import { afterEach, describe, expect, it } from 'vitest'
import { browserFiles } from '../../src/browser/files.js'
import { originPrivateFolder } from '../../src/browser/origin-private-files.js'
import { filesSuite } from '../connectors/files-suite.js'
import { RemoteFiles } from './remote-files.js'

const BYTES = Uint8Array.of(1, 2, 3)
let folders = 0
const freshFolder = (): string => `test/files-${++folders}`
const workers: RemoteFiles[] = []
const inWorker = (folder: string): RemoteFiles => {
  const files = new RemoteFiles(folder)
  workers.push(files)
  return files
}

filesSuite('origin-private, in a worker', async () => {
  const folder = freshFolder()
  return {
    files: inWorker(folder),
    path: name => `opfs:${name}`,
    reopen: async () => inWorker(folder),
    dispose: () => originPrivateFolder(folder).clear(),
  }
})

afterEach(() => {
  for (const worker of workers.splice(0)) worker.terminate()
})

describe('origin-private files', () => {
  it('keeps what a worker flushed when the worker is ended without closing', async () => {
    const folder = freshFolder()
    const crashing = inWorker(folder)
    const file = await crashing.openAppend('a.bin')
    await file.append(BYTES)
    await file.flush()
    crashing.terminate()
    // The next worker waits until the lock of the ended one is gone.
    const again = await inWorker(folder).openAppend('a.bin')
    expect(again.sizeBytes).toBe(3)
    await again.close()
  })

  it('refuses a second writer and says who has the file', async () => {
    const folder = freshFolder()
    const file = await inWorker(folder).openAppend('a.bin')
    const second = inWorker(folder).openAppend('a.bin')
    await expect(second).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
    await expect(second).rejects.toThrow('another tab or worker is writing this file')
    await file.close()
  })

  it('waits for a writer that is just about to close', async () => {
    const folder = freshFolder()
    const first = await inWorker(folder).openAppend('a.bin')
    const other = inWorker(folder)
    const second = other.openAppend('a.bin')
    // Answered behind the first try of the other worker.
    await expect(other.openRead('opfs:missing')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
    await first.close()
    await (await second).close()
  })

  it('keeps folders apart and lets no path out of its folder', async () => {
    const [one, other] = [freshFolder(), freshFolder()]
    const file = await inWorker(one).openAppend('a.bin')
    await file.append(BYTES)
    await file.close()
    await expect(inWorker(other).openRead('opfs:a.bin')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
    const escaping = inWorker(other).openAppend(`../${one.split('/')[1]}/a.bin`)
    await expect(escaping).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
    await expect(escaping).rejects.toThrow('must not contain ..')
  })

  it('names the file where a folder should be', async () => {
    const folder = freshFolder()
    await (await inWorker(folder).openAppend('a')).close()
    const below = inWorker(folder).openAppend('a/b')
    await expect(below).rejects.toMatchObject({ code: 'FILE_UNWRITABLE', cause: { name: 'TypeMismatchError' } })
  })

  it('tells a page that it needs a worker to append', async () => {
    const opening = browserFiles({ folder: freshFolder() }).openAppend('a.bin')
    await expect(opening).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
    await expect(opening).rejects.toThrow('dedicated worker')
  })

  it('writes and reads whole files on a page, and clears the folder', async () => {
    const folder = originPrivateFolder(freshFolder())
    expect(await folder.read('a.bin')).toBeUndefined()
    await folder.write('a.bin', new Blob([new Uint8Array(100)]))
    await folder.write('a.bin', new Blob([BYTES]))
    expect(new Uint8Array((await (await folder.read('a.bin'))?.arrayBuffer()) ?? [])).toEqual(BYTES)
    await folder.clear()
    await folder.clear()
    expect(await folder.read('a.bin')).toBeUndefined()
  })
})
