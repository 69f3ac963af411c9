/* The encoders of lines as those of whole files. */
import type { Batch } from '../core/batch.js'
import { type CsvEncoderOptions, createCsvEncoder } from './csv-encode.js'
import { concatBytes, type FileEncoder, type FileEncoding, NO_BYTES } from './file-encoder.js'
import { createNdjsonEncoder } from './ndjson.js'

export interface CsvFileEncoding extends CsvEncoderOptions {
  /** Whether the first record names the columns; true by default. A file without rows has none. */
  readonly header?: boolean
}

export function ndjsonEncoding(): FileEncoding {
  return {
    format: 'ndjson',
    encoder: ({ kernel }) => textEncoder(createNdjsonEncoder(kernel), undefined),
  }
}

export function csvEncoding({ header = true, ...options }: CsvFileEncoding = {}): FileEncoding {
  return {
    format: 'csv',
    encoder: ({ kernel, resumed }) => {
      const encoder = createCsvEncoder(kernel, options)
      const isBegun = resumed !== undefined && resumed.sizeBytes > 0
      return textEncoder(encoder, header && !isBegun ? batch => encoder.header(batch.schema) : undefined)
    },
  }
}

interface LineEncoder {
  encode(batch: Batch): Uint8Array
  destroy(): void
}

function textEncoder(lines: LineEncoder, header: ((batch: Batch) => Uint8Array) | undefined): FileEncoder {
  let pending = header
  return {
    encode: batch => {
      const first = pending?.(batch)
      pending = undefined
      return first === undefined ? lines.encode(batch) : concatBytes([first, lines.encode(batch)])
    },
    suspend: () => ({ bytes: NO_BYTES, state: null }),
    end: () => NO_BYTES,
    destroy: () => lines.destroy(),
  }
}
