/* The bytes of a file from an offset on, decompressed where the file is compressed. */
import { SabotError } from '../core/errors.js'
import type { Files } from '../core/files.js'
import { type ByteReader, type Compression, decompressed } from './decompress.js'

/** Large enough that reading costs nothing beside decoding, small enough that files of any size pass through. */
export const CHUNK_BYTES = 262_144

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
 * A file that is not compressed is read from the offset on; a compressed one is decompressed from its beginning, and
 * what stands before the offset is passed over.
 * @throws SabotError FILE_NOT_FOUND, FILE_UNREADABLE; SOURCE_CHANGED when the file ends before the offset. Reading also
 *   throws COMPRESSION_INVALID
 */
export async function openBytes(files: Files, path: string, { compression, offset }: ByteRange): Promise<ByteReader> {
  const file = await files.openRead(path)
  const { sizeBytes } = file
  if (compression === 'none' && sizeBytes < offset) {
    await file.close()
    throw ended(path, sizeBytes, offset)
  }
  let at = compression === 'none' ? offset : 0
  const plain: ByteReader = {
    read: async () => {
      if (at >= sizeBytes) return undefined
      const chunk = await file.read(at, Math.min(CHUNK_BYTES, sizeBytes - at))
      if (chunk.length === 0) throw ended(path, at, sizeBytes)
      at += chunk.length
      return chunk
    },
    close: () => file.close(),
  }
  return compression === 'none' ? plain : from(decompressed(plain, compression, path), offset, path)
}

/** The bytes of a reader from an offset on. */
function from(reader: ByteReader, offset: number, path: string): ByteReader {
  let passed = 0
  return {
    read: async () => {
      while (passed < offset) {
        const chunk = await reader.read()
        if (chunk === undefined) throw ended(path, passed, offset)
        passed += chunk.length
        if (passed > offset) return chunk.subarray(chunk.length - (passed - offset))
      }
      return reader.read()
    },
    close: () => reader.close(),
  }
}

/** The first bytes of a file: `length` of them, or all. */
export async function readHead(
  files: Files,
  path: string,
  compression: Compression,
  length: number,
): Promise<FileHead> {
  const reader = await openBytes(files, path, { compression, offset: 0 })
  try {
    const chunks: Uint8Array[] = []
    let have = 0
    let isWhole = false
    while (have < length && !isWhole) {
      const chunk = await reader.read()
      isWhole = chunk === undefined
      if (chunk === undefined) continue
      chunks.push(chunk)
      have += chunk.length
    }
    const bytes = new Uint8Array(have)
    let at = 0
    for (const chunk of chunks) {
      bytes.set(chunk, at)
      at += chunk.length
    }
    return { bytes, isWhole }
  } finally {
    await reader.close()
  }
}

export interface FileHead {
  readonly bytes: Uint8Array
  /** Whether there is nothing behind them. */
  readonly isWhole: boolean
}

function ended(path: string, sizeBytes: number, wantedBytes: number): SabotError {
  return new SabotError(
    'SOURCE_CHANGED',
    `${path} ends at byte ${sizeBytes}, but had more than ${wantedBytes} before: restore the old input, or begin anew ` +
      'without resuming',
    { path, sizeBytes, wantedBytes },
  )
}
