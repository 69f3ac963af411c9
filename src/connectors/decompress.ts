/*
 * Compressed files as streams of bytes, in constant memory: gzip by the DecompressionStream that Node and browsers have,
 * zstd by the reference decoder. What is read ahead is bounded, so that a file that unpacks to much more than it holds does no harm.
 */
import { SabotError } from '../core/errors.js'
import { loadZstd, type ZstdStream } from '../formats/zstd.js'

// Every host has it (Node from 18 on), but the ES library types do not name it.
declare const DecompressionStream: new (
  format: 'gzip',
) => {
  readonly readable: {
    getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array }>; cancel(reason?: unknown): Promise<void> }
  }
  readonly writable: {
    getWriter(): {
      readonly ready: Promise<unknown>
      write(chunk: Uint8Array): Promise<void>
      close(): Promise<void>
      abort(reason?: unknown): Promise<void>
    }
  }
}

/** Bytes, piece by piece; undefined at the end. Not called again before its promise is settled. */
export interface ByteReader {
  read(): Promise<Uint8Array | undefined>
  /** Nobody needs the bytes of a piece any more: they may be read over. New ones are what collecting garbage costs. */
  giveBack?(piece: Uint8Array): void
  close(): Promise<void>
}

export type Compression = 'none' | 'gzip' | 'zstd'

export const COMPRESSIONS: ReadonlySet<unknown> = new Set<Compression>(['none', 'gzip', 'zstd'])

export function decompressed(input: ByteReader, compression: Compression, path: string): ByteReader {
  if (compression === 'gzip') return gunzipped(input, path)
  return compression === 'zstd' ? unzstd(input, path) : input
}

function gunzipped(input: ByteReader, path: string): ByteReader {
  const stream = new DecompressionStream('gzip')
  const reader = stream.readable.getReader()
  const writer = stream.writable.getWriter()
  let failure: { readonly cause: unknown } | undefined
  let isEmpty = true
  const pump = async (): Promise<void> => {
    try {
      for (let chunk = await input.read(); chunk !== undefined; chunk = await input.read()) {
        if (chunk.length > 0) isEmpty = false
        await writer.write(chunk)
      }
      await writer.close()
    } catch (cause) {
      failure ??= { cause }
      await writer.abort(cause).catch(() => {})
    }
  }
  let pumping: Promise<void> | undefined
  return {
    read: async () => {
      pumping ??= pump()
      try {
        const { done, value } = await reader.read()
        return done ? undefined : value
      } catch (cause) {
        // A stream that breaks ends both of its sides: the file's own failure says more than what comes of it here.
        await pumping
        if (failure?.cause instanceof SabotError) throw failure.cause
        if (isEmpty) return undefined
        throw damaged(path, 'gzip', cause)
      }
    },
    close: async () => {
      await reader.cancel().catch(() => {})
      await pumping
      await input.close()
    },
  }
}

function unzstd(input: ByteReader, path: string): ByteReader {
  let decoder: ZstdStream | undefined
  let pieces: Iterator<Uint8Array, void> | undefined
  /** The next piece, or undefined at the end. */
  const unpack = async (): Promise<Uint8Array | undefined> => {
    decoder ??= (await loadZstd()).open()
    for (;;) {
      const next = pieces?.next()
      if (next !== undefined && next.done !== true) return next.value
      const bytes = await input.read()
      if (bytes === undefined) {
        decoder.end()
        return undefined
      }
      pieces = decoder.push(bytes)
    }
  }
  return {
    read: async () => {
      try {
        return await unpack()
      } catch (cause) {
        if (cause instanceof SabotError) throw cause
        throw damaged(path, 'zstd', cause)
      }
    },
    close: async () => {
      decoder?.destroy()
      await input.close()
    },
  }
}

function damaged(path: string, compression: Compression, cause: unknown): SabotError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new SabotError(
    'COMPRESSION_INVALID',
    `${path} is not ${compression}, or is damaged or truncated: ${reason}. Name its compression if the ending misleads`,
    { path, compression },
    { cause },
  )
}
