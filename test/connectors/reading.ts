/* Reading sources to their end, as the runtime does. */
import { expect } from 'vitest'
import type { Files } from '../../src/core/files.js'
import type { Json } from '../../src/core/json.js'
import type { Kernel } from '../../src/kernel/module.js'
import type { Source, SourceContext } from '../../src/operators/source.js'
import { ManualClock } from '../../src/testing/manual-clock.js'
import { MemoryFiles } from '../../src/testing/memory-files.js'
import { testKernel } from './kernel.js'

export interface Reading {
  readonly rows: unknown[]
  /** The size of each batch, and the position behind it. */
  readonly batches: { readonly length: number; readonly position: Json; readonly rowsSoFar: number }[]
  readonly rowCount: number | undefined
}

export interface ReadingOptions {
  readonly files?: Files
  readonly batchRows?: number
  readonly position?: Json | undefined
  readonly kernel?: Kernel
  readonly clock?: SourceContext['clock']
}

export function contextOf({
  files = new MemoryFiles(),
  batchRows = 8192,
  position,
  kernel = testKernel(),
  clock = new ManualClock(),
}: ReadingOptions = {}): SourceContext {
  return { files, batchRows, position, kernel, clock }
}

/** Positions go through JSON, as a checkpoint sends them. */
export function throughJSON(position: Json): Json {
  return JSON.parse(JSON.stringify(position))
}

export async function readAll(source: Source, options: ReadingOptions = {}): Promise<Reading> {
  const context = contextOf(options)
  const reader = await source.open(context)
  const rows: unknown[] = []
  const batches: Reading['batches'] = []
  try {
    for (let next = await reader.read(); next !== undefined; next = await reader.read()) {
      expect(next.batch.length).toBeGreaterThan(0)
      expect(next.batch.length).toBeLessThanOrEqual(context.batchRows)
      rows.push(...next.batch.toRows())
      batches.push({ length: next.batch.length, position: throughJSON(next.position), rowsSoFar: rows.length })
    }
    return { rows, batches, rowCount: reader.rowCount }
  } finally {
    await reader.close()
  }
}

/** Law of every replayable source: opened with a position, it gives what an undisturbed reading has behind it. */
export async function expectResumable(source: Source, options: ReadingOptions = {}): Promise<Reading> {
  expect(source.replayable).toBe(true)
  const whole = await readAll(source, options)
  for (const { position, rowsSoFar } of whole.batches) {
    // Another batch size must not matter for what comes next.
    for (const batchRows of [options.batchRows ?? 8192, 3]) {
      const rest = await readAll(source, { ...options, batchRows, position })
      expect(rest.rows).toEqual(whole.rows.slice(rowsSoFar))
    }
  }
  return whole
}
