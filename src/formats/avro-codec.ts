/* The codecs of blocks of Avro files. */
import { SabotError } from '../core/errors.js'
import { concatBytes } from './file-encoder.js'
import { decompressSnappy, snappySize } from './snappy.js'
import { loadZstd } from './zstd.js'

export type AvroCodec = 'null' | 'deflate' | 'snappy' | 'zstandard'

export const AVRO_CODECS: ReadonlySet<string> = new Set<AvroCodec>(['null', 'deflate', 'snappy', 'zstandard'])

/** What a block unpacks to at most. */
export const MAX_BLOCK_BYTES = 256 * 1_048_576

interface Transform {
  readonly readable: {
    getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array }>; cancel(reason?: unknown): Promise<void> }
  }
  readonly writable: {
    getWriter(): { write(chunk: Uint8Array): Promise<void>; close(): Promise<void> }
  }
}

// Every host has both, but the ES library types do not name them.
declare const DecompressionStream: new (format: 'deflate-raw' | 'gzip') => Transform
declare const CompressionStream: new (format: 'deflate-raw' | StreamCompression) => Transform

/** @throws SabotError COMPRESSION_INVALID */
export async function unpackBlock(bytes: Uint8Array, codec: AvroCodec): Promise<Uint8Array> {
  if (codec === 'null') return bytes
  try {
    if (codec === 'deflate') return await through(new DecompressionStream('deflate-raw'), bytes)
    return codec === 'snappy' ? unsnappy(bytes) : (await loadZstd()).decompressUpTo(bytes, MAX_BLOCK_BYTES)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new SabotError(
      'COMPRESSION_INVALID',
      `A block that is compressed by ${codec} is damaged: ${reason}`,
      {},
      { cause },
    )
  }
}

export async function packBlock(bytes: Uint8Array, codec: 'null' | 'deflate'): Promise<Uint8Array> {
  return codec === 'null' ? bytes : through(new CompressionStream('deflate-raw'), bytes)
}

export type StreamCompression = 'gzip' | 'zstd'

/** One whole gzip member, or one zstd frame. @throws TypeError where the host does not compress so */
export function compressWhole(bytes: Uint8Array, compression: StreamCompression): Promise<Uint8Array> {
  return through(new CompressionStream(compression), bytes)
}

/** What one gzip member holds. @throws TypeError where it is damaged, RangeError where it holds more than 256 MiB */
export function gunzipWhole(bytes: Uint8Array): Promise<Uint8Array> {
  return through(new DecompressionStream('gzip'), bytes)
}

async function through({ readable, writable }: Transform, bytes: Uint8Array): Promise<Uint8Array> {
  const writer = writable.getWriter()
  // What fails shows at the reading side.
  writer.write(bytes).catch(() => {})
  writer.close().catch(() => {})
  const reader = readable.getReader()
  const parts: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done || value === undefined) return concatBytes(parts)
    parts.push(value)
    size += value.length
    if (size <= MAX_BLOCK_BYTES) continue
    await reader.cancel().catch(() => {})
    throw new RangeError(`it unpacks to more than ${MAX_BLOCK_BYTES} bytes`)
  }
}

/** Behind the compressed bytes stand four of a checksum of the plain ones, which is left to the block's own structure. */
function unsnappy(bytes: Uint8Array): Uint8Array {
  const packed = bytes.subarray(0, Math.max(0, bytes.length - 4))
  const { sizeBytes } = snappySize(packed)
  checkSize(sizeBytes)
  return decompressSnappy(packed, sizeBytes)
}

function checkSize(size: number): void {
  if (size > MAX_BLOCK_BYTES) throw new RangeError(`it unpacks to ${size} bytes, more than ${MAX_BLOCK_BYTES}`)
}
