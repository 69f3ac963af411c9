/* Files of lines, which may be compressed as a whole. */
import { describeValue } from '../core/errors.js'
import { compressedEncoding } from '../formats/compressed-encoding.js'
import type { FileEncoding } from '../formats/file-encoder.js'
import { COMPRESSIONS, type Compression } from './decompress.js'
import { compressionOf } from './file-bytes.js'

export interface LineFileOptions {
  /**
   * By default gzip for paths that end in .gz, zstd for .zst; zstd only where the environment has it. What was written
   * up to a checkpoint, and some MiB otherwise, is one member (a frame, by zstd) of the file: as such files are when they
   * are put behind one another.
   */
  readonly compression?: Compression
}

/** @throws TypeError for what is no compression */
export function lineEncoding(path: string, encoding: FileEncoding, { compression }: LineFileOptions): FileEncoding {
  if (compression !== undefined && !COMPRESSIONS.has(compression)) {
    throw new TypeError(`compression is 'none', 'gzip' or 'zstd', not ${describeValue(compression)}`)
  }
  const wanted = compression ?? compressionOf(path)
  return wanted === 'none' ? encoding : compressedEncoding(encoding, wanted)
}
