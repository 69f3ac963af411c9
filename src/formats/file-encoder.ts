/* What a file sink needs of a format: rows to the bytes of a file, in pieces, so that a file can be gone on with. */
import type { Batch } from '../core/batch.js'
import type { Json } from '../core/json.js'
import type { Kernel } from '../kernel/module.js'

/**
 * Law: the bytes of all calls in their order are one file, also where the encoder was replaced behind a `suspend` by
 * one that was made with what it gave.
 */
export interface FileEncoder {
  /** Bytes for these rows and rows before; some may be kept back until there are enough. */
  encode(batch: Batch): Uint8Array | Promise<Uint8Array>
  /** The bytes of all rows so far, and what an encoder of the rest needs. */
  suspend(): Suspended | Promise<Suspended>
  /** What ends the file. Nothing follows. */
  end(): Uint8Array | Promise<Uint8Array>
  destroy(): void
}

export interface Suspended {
  readonly bytes: Uint8Array
  readonly state: Json
}

export interface EncoderRequest {
  readonly kernel: Kernel
  /** Undefined: the file begins. */
  readonly resumed: { readonly state: Json; readonly sizeBytes: number } | undefined
}

export interface FileEncoding {
  /** 'parquet', 'ndjson': for people, and the ending of the names of files. */
  readonly format: string
  encoder(request: EncoderRequest): FileEncoder
}

export const NO_BYTES = new Uint8Array()

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0] ?? NO_BYTES
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
