import { createNdjsonEncoder } from '../formats/ndjson.js'
import type { Sink } from '../operators/sink.js'

/** One JSON object a line to the standard output. */
export function stdout(): Sink<unknown> {
  return {
    kind: 'stdout',
    description: 'standard output',
    guarantee: 'at-least-once',
    open: async ({ standardOutput, kernel }) => {
      const encoder = createNdjsonEncoder(kernel)
      return {
        write: batch => standardOutput.write(encoder.encode(batch)),
        prepare: async () => null,
        commit: async () => {},
        finish: async () => {},
        close: async () => encoder.destroy(),
      }
    },
  }
}
