import { SabotError } from '../core/errors.js'
import type { AppendableFile, DirectoryEntry } from '../core/files.js'

/** A folder of the origin-private file system (OPFS), which keeps what was written when the tab is closed. */
export interface OriginPrivateFolder {
  /** For messages. */
  readonly description: string
  /** The file as it is now; undefined where there is none. */
  read(path: string): Promise<File | undefined>
  /** Writes a whole file, over an earlier one of the name. */
  write(path: string, content: Blob): Promise<void>
  /** In a dedicated worker only. Fails with FILE_UNWRITABLE, also while another worker has the file open. */
  openAppend(path: string): Promise<AppendableFile>
  /** What is in a directory; undefined where there is none. */
  list(path: string): Promise<DirectoryEntry[] | undefined>
  /** Fails with FILE_NOT_FOUND, FILE_UNWRITABLE. */
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** Removes the folder with all its files. */
  clear(): Promise<void>
}

// The DOM library of TypeScript leaves out what only dedicated workers have.
interface SyncAccessHandle {
  getSize(): number
  write(bytes: Uint8Array, options: { at: number }): number
  truncate(sizeBytes: number): void
  flush(): void
  close(): void
}
interface WorkerFileHandle extends FileSystemFileHandle {
  createSyncAccessHandle?(): Promise<SyncAccessHandle>
  move?(directory: FileSystemDirectoryHandle, name: string): Promise<void>
}

// A worker that was just ended holds its files for a moment longer.
const LOCK_TRIES = 40
const LOCK_WAIT_MS = 50

export function originPrivateFolder(folder: string): OriginPrivateFolder {
  const description = `the browser's storage for this site, folder ${folder}`
  const segments = segmentsOf(folder)
  if (segments.length === 0) throw new TypeError('The folder of an origin-private file system needs a name')

  async function parent(path: string, create: boolean): Promise<[FileSystemDirectoryHandle, string]> {
    const names = [...segments, ...segmentsOf(path)]
    const name = names.pop() as string
    let directory = await navigator.storage.getDirectory()
    for (const segment of names) directory = await directory.getDirectoryHandle(segment, { create })
    return [directory, name]
  }

  return {
    description,
    read: async path => {
      try {
        const [directory, name] = await parent(path, false)
        return await (await directory.getFileHandle(name)).getFile()
      } catch (cause) {
        if (isNamed(cause, 'NotFoundError')) return undefined
        throw unless(cause, 'FILE_UNREADABLE', `${path}: cannot be read from ${description}`, path)
      }
    },
    write: async (path, content) => {
      try {
        const [directory, name] = await parent(path, true)
        const writable = await (await directory.getFileHandle(name, { create: true })).createWritable()
        await content.stream().pipeTo(writable)
      } catch (cause) {
        throw unless(cause, 'FILE_UNWRITABLE', `${path}: cannot be written to ${description}${wayOut(cause)}`, path)
      }
    },
    openAppend: async path => {
      try {
        const [directory, name] = await parent(path, true)
        const file: WorkerFileHandle = await directory.getFileHandle(name, { create: true })
        return appendable(path, await lock(path, file))
      } catch (cause) {
        throw unless(cause, 'FILE_UNWRITABLE', `${path}: cannot be written to ${description}${wayOut(cause)}`, path)
      }
    },
    list: async path => {
      try {
        const [directory, name] = await parent(path, false)
        const folder = await directory.getDirectoryHandle(name)
        const entries: DirectoryEntry[] = []
        for await (const entry of folder.values()) {
          if (entry.kind === 'directory') entries.push({ name: entry.name, kind: 'directory', modifiedMs: 0 })
          else entries.push({ name: entry.name, kind: 'file', modifiedMs: (await entry.getFile()).lastModified })
        }
        return entries
      } catch (cause) {
        if (isNamed(cause, 'NotFoundError') || isNamed(cause, 'TypeMismatchError')) return undefined
        throw unless(cause, 'FILE_UNREADABLE', `${path}: cannot be listed in ${description}`, path)
      }
    },
    rename: async (from, to) => {
      try {
        const [oldDirectory, oldName] = await parent(from, false)
        const file: WorkerFileHandle = await oldDirectory.getFileHandle(oldName)
        const [directory, name] = await parent(to, true)
        if (file.move === undefined) throw new DOMException('files cannot be renamed here', 'NotSupportedError')
        await file.move(directory, name)
      } catch (cause) {
        if (isNamed(cause, 'NotFoundError')) {
          throw unless(cause, 'FILE_NOT_FOUND', `${from}: there is no such file in ${description}`, from)
        }
        throw unless(cause, 'FILE_UNWRITABLE', `${to}: cannot be written to ${description}${wayOut(cause)}`, to)
      }
    },
    remove: async path => {
      try {
        const [directory, name] = await parent(path, false)
        await directory.removeEntry(name)
      } catch (cause) {
        if (isNamed(cause, 'NotFoundError')) return
        throw unless(cause, 'FILE_UNWRITABLE', `${path}: cannot be removed from ${description}${wayOut(cause)}`, path)
      }
    },
    clear: async () => {
      try {
        const [directory, name] = await parent('', false)
        await directory.removeEntry(name, { recursive: true })
      } catch (cause) {
        if (isNamed(cause, 'NotFoundError')) return
        throw unless(cause, 'FILE_UNWRITABLE', `${description}: cannot be cleared${wayOut(cause)}`, folder)
      }
    },
  }
}

async function lock(path: string, file: WorkerFileHandle): Promise<SyncAccessHandle> {
  if (!file.createSyncAccessHandle) {
    throw new SabotError(
      'FILE_UNWRITABLE',
      `${path}: files are written from a dedicated worker only; run the job in one`,
      {
        path,
      },
    )
  }
  for (let tried = 1; ; tried++) {
    try {
      return await file.createSyncAccessHandle()
    } catch (cause) {
      if (!isNamed(cause, 'NoModificationAllowedError')) throw cause
      if (tried === LOCK_TRIES) {
        throw new SabotError(
          'FILE_UNWRITABLE',
          `${path}: another tab or worker is writing this file; stop the job there, or close that tab`,
          { path },
          { cause },
        )
      }
      await new Promise(resolve => setTimeout(resolve, LOCK_WAIT_MS))
    }
  }
}

function appendable(path: string, handle: SyncAccessHandle): AppendableFile {
  let sizeBytes = handle.getSize()
  const attempt = <T>(what: string, run: () => T): T => {
    try {
      return run()
    } catch (cause) {
      throw unless(cause, 'FILE_UNWRITABLE', `${path}: ${what} failed${wayOut(cause)}`, path)
    }
  }
  return {
    get sizeBytes() {
      return sizeBytes
    },
    append: async bytes => {
      attempt('appending', () => {
        let written = 0
        try {
          while (written < bytes.length) {
            const count = handle.write(bytes.subarray(written), { at: sizeBytes + written })
            if (count === 0) throw new DOMException('the file takes no more bytes', 'QuotaExceededError')
            written += count
          }
        } catch (cause) {
          // All or nothing: a piece of a record must not stay at the end of the file.
          handle.truncate(sizeBytes)
          throw cause
        }
        sizeBytes += written
      })
    },
    flush: async () => attempt('flushing', () => handle.flush()),
    truncate: async to => {
      if (to > sizeBytes) {
        throw new SabotError(
          'FILE_TRUNCATED',
          `${path}: the file has ${sizeBytes} bytes, but ${to} were written to it; restore the file, or start over`,
          { path, sizeBytes, expected: to },
        )
      }
      attempt('truncating', () => handle.truncate(to))
      sizeBytes = to
    },
    close: async () => handle.close(),
  }
}

/** The names of a path; nothing leads out of the folder. */
function segmentsOf(path: string): string[] {
  const names = path.split('/').filter(name => name !== '' && name !== '.')
  if (!names.includes('..')) return names
  throw new SabotError('FILE_UNWRITABLE', `${path}: a path in the browser's storage must not contain ..`, { path })
}

function isNamed(cause: unknown, name: string): boolean {
  return cause instanceof DOMException && cause.name === name
}

function wayOut(cause: unknown): string {
  if (isNamed(cause, 'QuotaExceededError')) return ': the storage of this site is full; free some space and resume'
  if (isNamed(cause, 'TypeMismatchError')) return ': there is a folder of this name, or a file where a folder should be'
  if (isNamed(cause, 'SecurityError'))
    return ': the browser denies storage to this site; allow it, or leave private browsing'
  return ''
}

function unless(cause: unknown, code: string, message: string, path: string): SabotError {
  return cause instanceof SabotError ? cause : new SabotError(code, message, { path }, { cause })
}
