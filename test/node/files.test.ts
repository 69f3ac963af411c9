import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nodeFiles } from '../../src/node/files.js'
import { filesSuite } from '../connectors/files-suite.js'

const temporaryDirectory = (): Promise<string> => mkdtemp(join(tmpdir(), 'sabot-files-'))

filesSuite('node', async () => {
  const directory = await temporaryDirectory()
  return {
    files: nodeFiles(),
    path: name => join(directory, name),
    reopen: async () => nodeFiles(),
    dispose: () => rm(directory, { recursive: true }),
  }
})

filesSuite('node, relative to a base directory', async () => {
  const baseDirectory = await temporaryDirectory()
  return {
    files: nodeFiles({ baseDirectory }),
    path: name => name,
    reopen: async () => nodeFiles({ baseDirectory }),
    dispose: () => rm(baseDirectory, { recursive: true }),
  }
})

describe('nodeFiles', () => {
  let directory = ''
  beforeEach(async () => {
    directory = await temporaryDirectory()
  })
  afterEach(() => rm(directory, { recursive: true }))

  it('says of a directory that it is one', async () => {
    await expect(nodeFiles().openRead(directory)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
    await expect(nodeFiles().openRead(directory)).rejects.toThrow('is a directory')
    await expect(nodeFiles().openAppend(directory)).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
  })

  it('names the file that stands where a directory should be, with the cause', async () => {
    await writeFile(join(directory, 'file'), 'x')
    const opening = nodeFiles().openAppend(join(directory, 'file', 'below'))
    await expect(opening).rejects.toMatchObject({ code: 'FILE_UNWRITABLE', cause: { code: 'EEXIST' } })
    await expect(opening).rejects.toThrow(/below cannot be written: a file is in the way/)
  })

  it.skipIf(process.platform !== 'linux')('reports a full disk and counts what was written', async () => {
    const file = await nodeFiles().openAppend('/dev/full')
    await expect(file.append(Uint8Array.of(1))).rejects.toMatchObject({
      code: 'FILE_UNWRITABLE',
      cause: { code: 'ENOSPC' },
    })
    expect(file.sizeBytes).toBe(0)
    await file.close()
  })

  it.skipIf(process.platform !== 'linux')('writes to a device, which takes no sync and no cut', async () => {
    const file = await nodeFiles().openAppend('/dev/null')
    await file.truncate(0)
    await file.append(Uint8Array.of(1, 2))
    expect(file.sizeBytes).toBe(2)
    await file.flush()
    await expect(file.truncate(1)).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
    await file.close()
  })

  it('refuses offsets and lengths that are no such thing', async () => {
    await writeFile(join(directory, 'a'), 'abc')
    const file = await nodeFiles().openRead(join(directory, 'a'))
    await expect(file.read(-1, 2)).rejects.toBeInstanceOf(RangeError)
    await expect(file.read(0, Number.NaN)).rejects.toBeInstanceOf(RangeError)
    await file.close()
  })
})
