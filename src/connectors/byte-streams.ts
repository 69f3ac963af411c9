/* Bytes that do not come by a path: what is used of web streams, Blobs and bodies, and all of them as files. */
import { SabotError } from '../core/errors.js'
import type { ReadableFile } from '../core/files.js'
import { sequentialFile } from '../core/sequential-file.js'

/** What is used of a ReadableStream of bytes. Not every browser can iterate over one. */
export interface ByteStreamLike {
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>
    cancel(reason?: unknown): Promise<unknown>
  }
}

/** What is used of a Blob; a File has a name. */
export interface BlobLike {
  readonly size: number
  readonly name?: string
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> }
}

/** What is used of the Response of a fetch. */
export interface ResponseLike {
  readonly ok: boolean
  readonly status: number
  readonly url: string
  readonly body: ByteStreamLike | null
}

/** Bytes that come once: a ReadableStream, the Response of a fetch, a Node stream of bytes, any async iterable. */
export type ByteStream = ByteStreamLike | ResponseLike | AsyncIterable<Uint8Array>

/** The pieces of a ReadableStream; leaving the iteration cancels it. */
export async function* chunksOf(stream: ByteStreamLike): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader()
  let hasEnded = false
  try {
    for (;;) {
      const { done, value } = await reader.read()
      hasEnded = done
      if (done) return
      if (value !== undefined) yield value
    }
  } finally {
    if (!hasEnded) await reader.cancel().catch(() => {})
  }
}

/** @throws SabotError FILE_UNREADABLE for a Response that is none of success */
export function fileOfStream(stream: ByteStream, name: string): ReadableFile {
  if ('ok' in stream) {
    if (!stream.ok) {
      throw new SabotError('FILE_UNREADABLE', `${stream.url}: the server answered with status ${stream.status}`, {
        path: stream.url,
        status: stream.status,
      })
    }
    return sequentialFile(stream.body === null ? none() : bytesOf(chunksOf(stream.body), name), name)
  }
  return sequentialFile(bytesOf('getReader' in stream ? chunksOf(stream) : stream, name), name)
}

/** A Blob as a file of random access. */
export function fileOfBlob(blob: BlobLike, name: string): ReadableFile {
  return {
    sizeBytes: blob.size,
    read: async (offset, length) => {
      try {
        return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer())
      } catch (cause) {
        // A File is a reference: it cannot be read any more once the file behind it has changed or gone.
        throw new SabotError(
          'FILE_UNREADABLE',
          `${name}: the file changed or went away; choose it again`,
          { path: name },
          { cause },
        )
      }
    },
    close: async () => {},
  }
}

async function* bytesOf(pieces: AsyncIterable<unknown>, name: string): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    if (piece instanceof Uint8Array) yield piece
    else throw new TypeError(`${name} gives ${typeof piece}s, not bytes: a stream of texts needs a TextEncoderStream`)
  }
}

async function* none(): AsyncGenerator<Uint8Array> {}
