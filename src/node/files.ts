/* Files over node:fs: paths relative to a base directory. */
import { type FileHandle, open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { isUrl, openHttp } from '../connectors/http-file.js'
import { SabotError } from '../core/errors.js'
import type { AppendableFile, Files, ReadableFile } from '../core/files.js'
import { sequentialFile } from '../core/sequential-file.js'
import { nodeDirectories } from './directories.js'
import { createDirectory, syncDirectory, systemCode } from './durable.js'
import { unreadable, unwritable } from './file-errors.js'

export interface NodeFilesOptions {
  /** What relative paths start from; the working directory when it is not given. */
  readonly baseDirectory?: string
}

/**
 * The file system of this machine; `-` is the standard input, and what begins with http:// or https:// is read from
 * there, in ranges where the server has them. `flush` means fsync, of the directory too where the file is new.
 * Fails with FILE_NOT_FOUND, FILE_UNREADABLE, FILE_UNWRITABLE or FILE_TRUNCATED.
 */
export function nodeFiles(options: NodeFilesOptions = {}): Files {
  const absolute = (path: string): string => resolve(options.baseDirectory ?? '.', path)
  return {
    openRead: async path => {
      if (path === '-') {
        return sequentialFile(process.stdin, 'the standard input', () => void process.stdin.destroy())
      }
      return isUrl(path) ? openHttp(fetch, path, path) : openRead(absolute(path))
    },
    openAppend: path => openAppend(absolute(path)),
    directories: nodeDirectories(absolute),
  }
}

async function openRead(path: string): Promise<ReadableFile> {
  try {
    const handle = await open(path, 'r')
    const stats = await handle.stat()
    if (stats.isDirectory()) {
      await handle.close()
      throw new SabotError('FILE_UNREADABLE', `${path} is a directory, not a file`, { path })
    }
    if (!stats.isFile()) return sequentialFile(handle.createReadStream(), path)
    return new NodeReadableFile(path, handle, stats.size, `${stats.dev}:${stats.ino}`)
  } catch (error) {
    throw unreadable(path, error)
  }
}

class NodeReadableFile implements ReadableFile {
  readonly sizeBytes: number
  readonly identity: string
  private readonly path: string
  private readonly handle: FileHandle

  constructor(path: string, handle: FileHandle, sizeBytes: number, identity: string) {
    this.path = path
    this.handle = handle
    this.sizeBytes = sizeBytes
    this.identity = identity
  }

  async read(offset: number, length: number, spare?: Uint8Array): Promise<Uint8Array> {
    if (!(offset >= 0 && length >= 0)) throw new RangeError(`Cannot read ${length} bytes from offset ${offset}`)
    const bytes =
      spare !== undefined && spare.length >= length ? spare.subarray(0, length) : await this.roomFor(offset, length)
    let filled = 0
    try {
      while (filled < bytes.length) {
        const { bytesRead } = await this.handle.read(bytes, filled, bytes.length - filled, offset + filled)
        if (bytesRead === 0) break
        filled += bytesRead
      }
    } catch (error) {
      throw unreadable(this.path, error)
    }
    return filled === bytes.length ? bytes : bytes.subarray(0, filled)
  }

  close(): Promise<void> {
    return this.handle.close()
  }

  /** As many bytes as there are at present: a reader may ask for many more of a file that grows. */
  private async roomFor(offset: number, length: number): Promise<Uint8Array> {
    const { size } = await this.handle.stat()
    return new Uint8Array(Math.max(0, Math.min(length, size - offset)))
  }
}

async function openAppend(path: string): Promise<AppendableFile> {
  try {
    await createDirectory(dirname(path))
    const { handle, created } = await openOrCreate(path)
    const stats = await handle.stat()
    return new NodeAppendableFile(path, handle, stats.isFile(), created, stats.isFile() ? stats.size : 0)
  } catch (error) {
    throw unwritable(path, error)
  }
}

async function openOrCreate(path: string): Promise<{ handle: FileHandle; created: boolean }> {
  try {
    return { handle: await open(path, 'ax'), created: true }
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
    return { handle: await open(path, 'a'), created: false }
  }
}

class NodeAppendableFile implements AppendableFile {
  private readonly path: string
  private readonly handle: FileHandle
  /** Pipes and devices have no size, take no fsync and cannot be cut. */
  private readonly regular: boolean
  private directoryPending: boolean
  private size: number

  constructor(path: string, handle: FileHandle, regular: boolean, created: boolean, sizeBytes: number) {
    this.path = path
    this.handle = handle
    this.regular = regular
    this.directoryPending = created
    this.size = sizeBytes
  }

  get sizeBytes(): number {
    return this.size
  }

  async append(bytes: Uint8Array): Promise<void> {
    try {
      let written = 0
      while (written < bytes.length) {
        const { bytesWritten } = await this.handle.write(bytes, written, bytes.length - written)
        written += bytesWritten
        this.size += bytesWritten
      }
    } catch (error) {
      throw unwritable(this.path, error)
    }
  }

  async flush(): Promise<void> {
    if (!this.regular) return
    try {
      await this.handle.datasync()
      if (this.directoryPending) await syncDirectory(dirname(this.path))
      this.directoryPending = false
    } catch (error) {
      throw unwritable(this.path, error)
    }
  }

  async truncate(sizeBytes: number): Promise<void> {
    if (sizeBytes === this.size) return
    if (sizeBytes > this.size) {
      throw new SabotError(
        'FILE_TRUNCATED',
        `${this.path} has ${this.size} bytes, but ${sizeBytes} were written to it before: it was cut or replaced. ` +
          'Put the file back, or start the job from the beginning',
        { path: this.path, sizeBytes: this.size, expectedBytes: sizeBytes },
      )
    }
    if (!this.regular)
      throw unwritable(this.path, new Error('what is written to a pipe or device cannot be taken back'))
    try {
      await this.handle.truncate(sizeBytes)
      this.size = sizeBytes
    } catch (error) {
      throw unwritable(this.path, error)
    }
  }

  close(): Promise<void> {
    return this.handle.close()
  }
}
