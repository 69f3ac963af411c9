import { decodeError, type WireError } from '../../src/browser/protocol.js'
import type { AppendableFile, Directories, DirectoryEntry, Files, ReadableFile } from '../../src/core/files.js'

export type FilesCall =
  | { method: 'openRead' | 'openAppend'; folder: string; path: string }
  | { method: 'read'; handle: number; offset: number; length: number }
  | { method: 'append'; handle: number; bytes: Uint8Array }
  | { method: 'truncate'; handle: number; sizeBytes: number }
  | { method: 'flush' | 'close'; handle: number }
  | { method: 'list' | 'remove'; folder: string; directory: string }
  | { method: 'rename'; folder: string; from: string; to: string }

interface Answer {
  handle: number
  sizeBytes: number
  bytes: Uint8Array
  entries: readonly DirectoryEntry[] | undefined
}

/** The files of a worker (files.worker.ts), seen from a page. */
export class RemoteFiles implements Files {
  readonly #worker = new Worker(new URL('./files.worker.ts', import.meta.url), { type: 'module' })
  readonly #waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>()
  readonly #folder: string
  #calls = 0

  constructor(folder: string) {
    this.#folder = folder
    this.#worker.addEventListener(
      'message',
      ({ data }: MessageEvent<{ id: number; value: Answer; error?: WireError }>) => {
        const call = this.#waiting.get(data.id)
        if (data.error) call?.reject(decodeError(data.error))
        else call?.resolve(data.value)
      },
    )
    this.#worker.addEventListener('error', event => {
      for (const call of this.#waiting.values()) call.reject(new Error(event.message))
    })
  }

  /** Ends the worker as a crash would: nothing is closed. */
  terminate(): void {
    this.#worker.terminate()
  }

  async openRead(path: string): Promise<ReadableFile> {
    const { handle, sizeBytes } = await this.#call({ method: 'openRead', folder: this.#folder, path })
    return {
      sizeBytes,
      read: async (offset, length) => (await this.#call({ method: 'read', handle, offset, length })).bytes,
      close: async () => void (await this.#call({ method: 'close', handle })),
    }
  }

  async openAppend(path: string): Promise<AppendableFile> {
    const opened = await this.#call({ method: 'openAppend', folder: this.#folder, path })
    const { handle } = opened
    let { sizeBytes } = opened
    const change = async (call: FilesCall) => {
      sizeBytes = (await this.#call(call)).sizeBytes
    }
    return {
      get sizeBytes() {
        return sizeBytes
      },
      append: bytes => change({ method: 'append', handle, bytes }),
      flush: () => change({ method: 'flush', handle }),
      truncate: to => change({ method: 'truncate', handle, sizeBytes: to }),
      close: () => change({ method: 'close', handle }),
    }
  }

  readonly directories: Directories = {
    list: async directory => (await this.#call({ method: 'list', folder: this.#folder, directory })).entries,
    rename: async (from, to) => void (await this.#call({ method: 'rename', folder: this.#folder, from, to })),
    remove: async directory => void (await this.#call({ method: 'remove', folder: this.#folder, directory })),
  }

  #call(call: FilesCall): Promise<Answer> {
    const id = this.#calls++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ id, call })
    })
  }
}
