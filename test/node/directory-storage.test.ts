import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DirectoryCheckpointStorage } from '../../src/node/directory-storage.js'
import { checkpointStorageSuite } from '../state/storage-suite.js'

const directories = new WeakMap<object, string>()
const directoryOf = (storage: object): string => directories.get(storage) ?? ''

function storageIn(directory: string): DirectoryCheckpointStorage {
  const storage = new DirectoryCheckpointStorage(directory)
  directories.set(storage, directory)
  return storage
}

checkpointStorageSuite(
  'directory',
  async () => storageIn(join(await mkdtemp(join(tmpdir(), 'sabot-storage-')), 'checkpoints')),
  {
    reopen: async storage => storageIn(directoryOf(storage)),
    dispose: storage => rm(join(directoryOf(storage), '..'), { recursive: true }),
  },
)

const BYTES = Uint8Array.of(1, 2, 3)

describe('DirectoryCheckpointStorage', () => {
  let directory = ''
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sabot-storage-'))
  })
  afterEach(async () => {
    await chmod(directory, 0o700)
    await rm(directory, { recursive: true })
  })

  it('does not create the directory before there is something to keep', async () => {
    const path = join(directory, 'deep', 'checkpoints')
    const storage = new DirectoryCheckpointStorage(path)
    expect(await storage.list()).toEqual([])
    expect(await readdir(directory)).toEqual([])
    await storage.writeManifest(1, BYTES)
    expect(await readdir(path)).toEqual(['chk-00000001'])
  })

  it.skipIf(process.platform === 'win32')('keeps files and folders from other users', async () => {
    const storage = new DirectoryCheckpointStorage(directory)
    await storage.writePart(1, 'a', BYTES)
    await storage.writeManifest(1, BYTES)
    const folder = join(directory, 'chk-00000001')
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600)
    expect((await readdir(folder)).sort()).toEqual(['a.part', 'manifest'])
  })

  it('ignores what is no checkpoint', async () => {
    for (const name of ['chk-1', 'chk-0000000x', 'chk-00000001.old', 'notes']) await mkdir(join(directory, name))
    await writeFile(join(directory, 'README'), 'x')
    const storage = new DirectoryCheckpointStorage(directory)
    expect(await storage.list()).toEqual([])
    await storage.writeManifest(3, BYTES)
    expect(await readdir(directory)).toHaveLength(6)
  })

  it('removes what a crash left when its number is used again', async () => {
    const crashed = new DirectoryCheckpointStorage(directory)
    await crashed.writePart(5, 'old', BYTES)
    const storage = new DirectoryCheckpointStorage(directory)
    await storage.writePart(5, 'new', BYTES)
    await storage.writeManifest(5, BYTES)
    expect((await readdir(join(directory, 'chk-00000005'))).sort()).toEqual(['manifest', 'new.part'])
  })

  it('removes what a crash left when a later checkpoint is complete, and no complete one', async () => {
    const crashed = new DirectoryCheckpointStorage(directory)
    await crashed.writeManifest(1, BYTES)
    await crashed.writePart(2, 'half', BYTES)
    const storage = new DirectoryCheckpointStorage(directory)
    await storage.writePart(3, 'a', BYTES)
    expect(await readdir(directory)).toHaveLength(3)
    await storage.writeManifest(3, BYTES)
    expect((await readdir(directory)).sort()).toEqual(['chk-00000001', 'chk-00000003'])
  })

  it('takes a manifest that was not renamed for none', async () => {
    await mkdir(join(directory, 'chk-00000001'))
    await writeFile(join(directory, 'chk-00000001', 'manifest.tmp'), BYTES)
    const storage = new DirectoryCheckpointStorage(directory)
    expect(await storage.list()).toEqual([])
    await storage.writeManifest(1, BYTES)
    expect(await storage.list()).toEqual([1])
  })

  it('names the file that stands where the directory should be', async () => {
    const path = join(directory, 'file')
    await writeFile(path, 'x')
    const storage = new DirectoryCheckpointStorage(path)
    await expect(storage.list()).rejects.toMatchObject({ code: 'STORAGE_UNREADABLE', cause: { code: 'ENOTDIR' } })
    await expect(storage.writePart(1, 'a', BYTES)).rejects.toThrow(path)
  })

  it('gives the reason of the system why a part cannot be written', async () => {
    const storage = new DirectoryCheckpointStorage(directory)
    await storage.writePart(1, 'a', BYTES)
    await mkdir(join(directory, 'chk-00000001', 'b.part'))
    const refused = { code: 'STORAGE_UNWRITABLE', cause: { code: 'EISDIR' } }
    await expect(storage.writePart(1, 'b', BYTES)).rejects.toMatchObject(refused)
  })

  it.skipIf(!existsSync('/dev/full'))('says that the disk is full, and goes on when there is room', async () => {
    const storage = new DirectoryCheckpointStorage(directory)
    await storage.writePart(1, 'a', BYTES)
    await mkdir(join(directory, 'shared'))
    const full = [join(directory, 'chk-00000001', 'b.part'), join(directory, 'shared', 'b@1.part')]
    for (const path of full) await symlink('/dev/full', path)
    const refused = {
      code: 'STORAGE_UNWRITABLE',
      message: expect.stringMatching(/b.*\.part cannot be written: no space is left on the device \(ENOSPC\)$/),
    }
    await expect(storage.writePart(1, 'b', BYTES)).rejects.toMatchObject(refused)
    await expect(storage.writeShared('b@1', BYTES)).rejects.toMatchObject(refused)
    for (const path of full) await rm(path)
    await storage.writePart(1, 'b', BYTES)
    await storage.writeShared('b@1', BYTES)
    await storage.writeManifest(1, BYTES)
    expect([await storage.list(), await storage.listShared()]).toEqual([[1], ['b@1']])
  })

  it('goes on when somebody has removed the directory', async () => {
    const path = join(directory, 'checkpoints')
    const storage = new DirectoryCheckpointStorage(path)
    await storage.writePart(1, 'a', BYTES)
    await storage.writeManifest(1, BYTES)
    await storage.writePart(2, 'a', BYTES)
    await rm(path, { recursive: true })
    // What was begun is lost, and said to be; the next one is whole.
    await expect(storage.writePart(2, 'b', BYTES)).rejects.toMatchObject({ code: 'STORAGE_UNWRITABLE' })
    await storage.writePart(3, 'a', BYTES)
    await storage.writeManifest(3, BYTES)
    expect(await storage.list()).toEqual([3])
  })

  it('goes on once a part can be written again', async () => {
    const storage = new DirectoryCheckpointStorage(join(directory, 'below'))
    await writeFile(join(directory, 'below'), 'in the way')
    await expect(storage.writePart(1, 'a', BYTES)).rejects.toMatchObject({ code: expect.stringMatching(/^STORAGE_/) })
    await rm(join(directory, 'below'))
    await storage.writePart(1, 'a', BYTES)
    await storage.writeManifest(1, BYTES)
    expect(await storage.list()).toEqual([1])
  })
})
