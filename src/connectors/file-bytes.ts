/* The bytes of a file from an offset on, decompressed where the file is compressed. */
import { SabotError } from '../core/errors.js'
import type { ReadableFile } from '../core/files.js'
import type { SourceClock } from '../operators/source.js'
import { type ByteReader, type Compression, decompressed } from './decompress.js'

/**
 * Large enough that reading (two turns of another thread, whatever the size) costs little beside decoding, small enough
 * that files of any size pass through.
 */
export const CHUNK_BYTES = 1_048_576

export interface ByteRange {
  readonly compression: Compression
  /** Offset of the first byte wanted, in what the file is decompressed to. */
  readonly offset: number
}

/** By the ending of the path: `.gz` is gzip, `.zst` is zstd. */
export function compressionOf(path: string): Compression {
  if (/\.gz$/i.test(path)) return 'gzip'
  return /\.zst$/i.test(path) ? 'zstd' : 'none'
}

/**
 * The bytes of an open file, decompressed, from an offset on; one other than 0 is for files that are neither compressed
 * nor sequential. The file closes with the reader.
 * @throws SabotError SOURCE_CHANGED when the file ends before the offset. Reading also throws FILE_UNREADABLE,
 *   COMPRESSION_INVALID
 */
export function openBytes(file: ReadableFile, path: string, { compression, offset }: ByteRange): ByteReader {
  const { sizeBytes } = file
  if (sizeBytes < offset) throw ended(path, sizeBytes, offset)
  let at = offset
  let spare: Uint8Array | undefined
  const plain: ByteReader = {
    read: async () => {
      if (at >= sizeBytes) return undefined
      const reused = spare
      spare = undefined
      const chunk = await file.read(at, Math.min(CHUNK_BYTES, sizeBytes - at), reused)
      if (chunk.length === 0) {
        if (file.isSequential) return undefined
        throw ended(path, at, sizeBytes)
      }
      at += chunk.length
      return chunk
    },
    giveBack: piece => {
      spare = piece
    },
    close: () => file.close(),
  }
  return decompressed(plain, compression, path)
}

/** The most that is taken of a file that comes once where its format needs random access. */
const MAX_IN_MEMORY_BYTES = 1_073_741_824

/**
 * A file of random access: itself, or all its bytes where it comes only once, as a pipe does.
 * @throws SabotError FILE_UNREADABLE when it has more than 1 GiB
 */
export async function inMemory(file: ReadableFile, path: string): Promise<ReadableFile> {
  if (file.isSequential !== true) return file
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for (let more = true; more; ) {
      const chunk = await file.read(size, CHUNK_BYTES)
      more = chunk.length > 0
      chunks.push(chunk.slice())
      size += chunk.length
      if (size <= MAX_IN_MEMORY_BYTES) continue
      throw new SabotError(
        'FILE_UNREADABLE',
        `${path} comes as a stream of more than 1 GiB: store it in a file first`,
        {
          path,
          sizeBytes: size,
        },
      )
    }
  } finally {
    await file.close()
  }
  const bytes = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks.splice(0)) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return {
    sizeBytes: size,
    read: async (offset, length) => bytes.slice(offset, offset + length),
    close: async () => {},
  }
}

export interface FileHead {
  readonly bytes: Uint8Array
  /** Whether there is nothing behind them. */
  readonly isWhole: boolean
}

/** How long what has come may wait for more, ms. */
const PATIENCE_MS = 50

/** The bytes of a reader that may wait long for more: it gives an empty piece when nothing has come for a moment. */
export function promptly(reader: ByteReader, clock: SourceClock): ByteReader {
  let reading: Promise<Uint8Array | undefined> | undefined
  let hasSaidSo = false
  const read = async (): Promise<Uint8Array | undefined> => {
    reading ??= reader.read()
    let cancel = (): void => {}
    const pause = new Promise<Uint8Array>(resolve => {
      if (!hasSaidSo) cancel = clock.schedule(PATIENCE_MS, () => resolve(NOTHING_YET))
    })
    try {
      const chunk = await Promise.race([reading, pause])
      hasSaidSo = chunk === NOTHING_YET
      if (!hasSaidSo) reading = undefined
      return chunk
    } finally {
      cancel()
    }
  }
  return { read, close: () => reader.close() }
}

const NOTHING_YET = new Uint8Array()

/** A reader whose next bytes can be looked at before they are read. */
export class PeekingReader implements ByteReader {
  private readonly reader: ByteReader
  private chunks: Uint8Array[] = []
  private hasEnded = false
  /** Whether the reader had nothing yet when it was looked at last: it waits for more. */
  private isWaiting = false

  constructor(reader: ByteReader) {
    this.reader = reader
  }

  /** The next `length` bytes or more, or all; an empty piece from the reader, which waits for more, ends the look. */
  async peek(length: number): Promise<FileHead> {
    let have = this.chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    while (have < length && !this.hasEnded) {
      const chunk = await this.reader.read()
      this.hasEnded = chunk === undefined
      this.isWaiting = chunk?.length === 0
      if (this.isWaiting) break
      if (chunk === undefined) continue
      this.chunks.push(chunk)
      have += chunk.length
    }
    const [first, ...others] = this.chunks
    if (first !== undefined && others.length === 0) return { bytes: first, isWhole: this.hasEnded }
    const bytes = new Uint8Array(have)
    let at = 0
    for (const chunk of this.chunks) {
      bytes.set(chunk, at)
      at += chunk.length
    }
    return { bytes, isWhole: this.hasEnded }
  }

  /** Passes over bytes. @throws SabotError SOURCE_CHANGED when there are fewer */
  async skip(length: number, path: string): Promise<void> {
    for (let left = length; left > 0; ) {
      const chunk = await this.read()
      if (chunk === undefined) throw ended(path, length - left, length)
      if (chunk.length > left) this.chunks.unshift(chunk.subarray(left))
      left -= chunk.length
    }
  }

  async read(): Promise<Uint8Array | undefined> {
    const peeked = this.chunks.shift()
    if (peeked !== undefined) return peeked
    if (this.isWaiting) {
      this.isWaiting = false
      return NOTHING_YET
    }
    return this.hasEnded ? undefined : this.reader.read()
  }

  giveBack(piece: Uint8Array): void {
    this.reader.giveBack?.(piece)
  }

  close(): Promise<void> {
    return this.reader.close()
  }
}

function ended(path: string, sizeBytes: number, wantedBytes: number): SabotError {
  return new SabotError(
    'SOURCE_CHANGED',
    `${path} ends at byte ${sizeBytes}, but had more than ${wantedBytes} before: restore the old input, or begin anew ` +
      'without resuming',
    { path, sizeBytes, wantedBytes },
  )
}
