/* Running a JSON decoder over bytes, for tests. */
import type { Schema } from '../../src/core/index.js'
import { type JsonBatch, type JsonDecoderOptions, jsonDecoder, type RejectedRecord } from '../../src/formats/json.js'
import type { Kernel } from '../../src/kernel/module.js'

export interface Decoded {
  readonly rows: readonly object[]
  readonly rejected: readonly RejectedRecord[]
  readonly batches: readonly JsonBatch[]
  readonly templateRecords: number
  readonly loneSurrogates: number
  readonly positionBytes: number
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Decodes `bytes`, cut at the given places. */
export function decodeJson(
  kernel: Kernel,
  schema: Schema,
  bytes: Uint8Array | string,
  { cuts = [], ...options }: JsonDecoderOptions & { cuts?: readonly number[] } = {},
): Decoded {
  const input = typeof bytes === 'string' ? utf8(bytes) : bytes
  const decoder = jsonDecoder(kernel, schema, options)
  const batches: JsonBatch[] = []
  let from = 0
  for (const cut of [...cuts.filter(cut => cut <= input.length), input.length].sort((a, b) => a - b)) {
    batches.push(...decoder.push(input.subarray(from, cut)))
    from = cut
  }
  batches.push(...decoder.finish())
  const { templateRecords, loneSurrogates, positionBytes } = decoder.progress
  decoder.destroy()
  return {
    rows: batches.flatMap(({ batch }) => batch.toRows() as object[]),
    rejected: batches.flatMap(({ rejected }) => rejected),
    batches,
    templateRecords,
    loneSurrogates,
    positionBytes,
  }
}
