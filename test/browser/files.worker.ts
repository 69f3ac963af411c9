// Files of a browser, served to a test page: origin-private files can be appended to in a worker only.

import { browserFiles } from '../../src/browser/files.js'
import { encodeError, toSabotError } from '../../src/browser/protocol.js'
import type { AppendableFile, ReadableFile } from '../../src/core/files.js'
import type { FilesCall } from './remote-files.js'

const open = new Map<number, ReadableFile | AppendableFile>()
let opened = 0

async function answer(call: FilesCall): Promise<unknown> {
  if ('folder' in call && !('path' in call)) {
    const { directories } = browserFiles({ folder: call.folder })
    if (call.method === 'list') return { entries: await directories?.list(call.directory) }
    if (call.method === 'rename') await directories?.rename(call.from, call.to)
    else await directories?.remove(call.directory)
    return {}
  }
  if ('path' in call) {
    const file = await browserFiles({ folder: call.folder })[call.method](call.path)
    open.set(++opened, file)
    return { handle: opened, sizeBytes: file.sizeBytes }
  }
  const file = open.get(call.handle) as ReadableFile & AppendableFile
  if (call.method === 'read') return { bytes: await file.read(call.offset, call.length) }
  if (call.method === 'append') await file.append(call.bytes)
  else if (call.method === 'truncate') await file.truncate(call.sizeBytes)
  else await file[call.method]()
  return { sizeBytes: file.sizeBytes }
}

addEventListener('message', async ({ data: { id, call } }: MessageEvent<{ id: number; call: FilesCall }>) => {
  try {
    postMessage({ id, value: await answer(call) })
  } catch (cause) {
    postMessage({ id, error: encodeError(toSabotError(cause, 'TEST_FAILED', 'the call failed')) })
  }
})
