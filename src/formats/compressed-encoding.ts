/*
 * Encoders of lines, compressed. Rows are gathered and each piece becomes a member of its own (a frame, by zstd), which
 * stand behind one another as one file: so it can be gone on with behind each.
 */
import { SabotError } from '../core/errors.js'
import { compressWhole, type StreamCompression } from './avro-codec.js'
import { concatBytes, type FileEncoder, type FileEncoding, NO_BYTES } from './file-encoder.js'

/** So much is compressed at once: less costs size. */
const PIECE_BYTES = 1_048_576

/**
 * @throws SabotError INVALID_OPTION where this environment compresses nothing so: zstd is in few yet
 */
export function compressedEncoding(encoding: FileEncoding, compression: 'gzip' | 'zstd'): FileEncoding {
  return {
    format: `${encoding.format}.${compression === 'gzip' ? 'gz' : 'zst'}`,
    encoder: request => {
      const isBegun = request.resumed !== undefined && request.resumed.sizeBytes > 0
      return new CompressedEncoder(encoding.encoder(request), compression, isBegun)
    },
  }
}

class CompressedEncoder implements FileEncoder {
  private readonly encoder: FileEncoder
  private readonly compression: StreamCompression
  private gathered: Uint8Array[] = []
  private gatheredBytes = 0
  private isBegun: boolean

  constructor(encoder: FileEncoder, compression: StreamCompression, isBegun: boolean) {
    this.encoder = encoder
    this.compression = compression
    this.isBegun = isBegun
  }

  async encode(...[batch]: Parameters<FileEncoder['encode']>): Promise<Uint8Array> {
    this.gather(await this.encoder.encode(batch))
    return this.gatheredBytes < PIECE_BYTES ? NO_BYTES : this.pack()
  }

  async suspend() {
    const { bytes, state } = await this.encoder.suspend()
    this.gather(bytes)
    return { bytes: await this.pack(), state }
  }

  async end(): Promise<Uint8Array> {
    this.gather(await this.encoder.end())
    // A file of no byte is none that can be decompressed.
    return this.isBegun ? this.pack() : this.compressed()
  }

  destroy(): void {
    this.encoder.destroy()
  }

  private gather(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    // The bytes of lines are lent until the next call.
    this.gathered.push(bytes.slice())
    this.gatheredBytes += bytes.length
  }

  private async pack(): Promise<Uint8Array> {
    return this.gatheredBytes === 0 ? NO_BYTES : this.compressed()
  }

  private async compressed(): Promise<Uint8Array> {
    this.isBegun = true
    const bytes = concatBytes(this.gathered)
    this.gathered = []
    this.gatheredBytes = 0
    try {
      return await compressWhole(bytes, this.compression)
    } catch (cause) {
      throw new SabotError(
        'INVALID_OPTION',
        `Files cannot be compressed by ${this.compression} here: this environment does not know it. Take gzip`,
        { option: 'compression', value: this.compression },
        { cause },
      )
    }
  }
}
