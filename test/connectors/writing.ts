/* Writing to sinks, as the runtime does. */
import type { Batch } from '../../src/core/batch.js'
import { BatchBuilder } from '../../src/core/batch-builder.js'
import type { Files } from '../../src/core/files.js'
import type { Json } from '../../src/core/json.js'
import { schema } from '../../src/core/schema.js'
import type { SinkContext } from '../../src/operators/sink.js'
import { ManualClock } from '../../src/testing/manual-clock.js'
import { MemoryFiles } from '../../src/testing/memory-files.js'
import { testKernel } from './kernel.js'

export const NUMBERED = schema({ n: 'i32', text: 'utf8' })

export interface Numbered {
  readonly n: number
  readonly text: string
}

export function numbered(from: number, to: number): Numbered[] {
  return Array.from({ length: to - from }, (_, index) => ({ n: from + index, text: `row ${from + index}` }))
}

/** Rows [from, to) as one batch. */
export function batchOf(from: number, to: number): Batch<Numbered> {
  const builder = new BatchBuilder(NUMBERED)
  for (const row of numbered(from, to)) builder.append(row)
  return builder.finish()
}

/** Only the odd rows of [from, to), by a selection. */
export function oddRows(from: number, to: number): Batch<Numbered> {
  const batch = batchOf(from, to)
  const odd = Array.from({ length: to - from }, (_, index) => index).filter(index => (from + index) % 2 === 1)
  return batch.select(Uint32Array.from(odd))
}

export function sinkContext(
  state?: Json,
  files: Files = new MemoryFiles(),
  write: (bytes: Uint8Array) => Promise<void> = async () => {},
  clock: SinkContext['clock'] = new ManualClock(),
): SinkContext {
  return { state, files, kernel: testKernel(), standardOutput: { write }, clock }
}
