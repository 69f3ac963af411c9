import type { AppendableFile, Files } from '../core/files.js'

/** The newest bytes of files that a job writes, for a page that shows results while they come. */
export interface Tails {
  /** The same files, but seen through. */
  readonly files: Files
  /** Path -> the newest bytes written through `files`, at most as many as asked for. */
  newest(): Record<string, Uint8Array>
}

export function tailFiles(files: Files, sizes: Readonly<Record<string, number>>): Tails {
  const tails = new Map(Object.entries(sizes).map(([path, bytes]) => [path, new Tail(bytes)]))
  return {
    files: {
      openRead: path => files.openRead(path),
      ...(files.directories === undefined ? {} : { directories: files.directories }),
      openAppend: async path => {
        const file = await files.openAppend(path)
        const tail = tails.get(path)
        return tail ? seenThrough(file, tail) : file
      },
    },
    newest: () => Object.fromEntries([...tails].map(([path, tail]) => [path, tail.bytes()])),
  }
}

function seenThrough(file: AppendableFile, tail: Tail): AppendableFile {
  return {
    get sizeBytes() {
      return file.sizeBytes
    },
    append: async bytes => {
      await file.append(bytes)
      tail.push(bytes)
    },
    flush: () => file.flush(),
    truncate: sizeBytes => file.truncate(sizeBytes),
    close: () => file.close(),
  }
}

/** The last bytes of what was pushed, in a buffer twice as large, so that they are moved once a buffer and not once a push. */
class Tail {
  readonly #limit: number
  readonly #buffer: Uint8Array
  #end = 0

  constructor(limit: number) {
    this.#limit = limit
    this.#buffer = new Uint8Array(2 * limit)
  }

  push(bytes: Uint8Array): void {
    const added = bytes.subarray(Math.max(0, bytes.length - this.#limit))
    if (this.#end + added.length > this.#buffer.length) {
      this.#buffer.copyWithin(0, Math.max(0, this.#end - this.#limit), this.#end)
      this.#end = Math.min(this.#end, this.#limit)
    }
    this.#buffer.set(added, this.#end)
    this.#end += added.length
  }

  bytes(): Uint8Array {
    return this.#buffer.slice(Math.max(0, this.#end - this.#limit), this.#end)
  }
}
