/* The window kernel as a host drives it: batches copied in, windows fired when the watermark passes their end. */
import { tumbling } from '../src/core/window-geometry.js'
import type { FiredWindows } from '../src/kernel/aggregated-columns.js'
import { KeyIndex } from '../src/kernel/keys.js'
import type { Kernel } from '../src/kernel/module.js'
import { WindowState } from '../src/kernel/windows.js'
import { nodeEnvironment } from '../src/node/environment.js'
import { BATCH_ROWS, type KeyedRows, type KeyForm } from './keyed-rows.js'

export interface LoopSettings {
  readonly form: KeyForm
  readonly keyCount: number
  /** A multiple of BATCH_ROWS. */
  readonly windowMs: number
  /** Minimum and maximum besides count and sum. */
  readonly minMax: boolean
}

/**
 * Passes over the same rows, each in event time behind the one before. Raw keys go through the key index, which lets go
 * of them when their window has fired; coded keys are ids already, as behind a dictionary, and are copied in as they are.
 */
export class KernelLoop {
  /** Over the results of the last pass. */
  checksum = 0
  private readonly kernel: Kernel
  private readonly index: KeyIndex
  private readonly state: WindowState
  private readonly settings: LoopSettings
  private readonly rows: KeyedRows

  constructor(rows: KeyedRows, settings: LoopSettings) {
    this.rows = { ...rows, timestamps: rows.timestamps.slice() }
    this.settings = settings
    this.kernel = nodeEnvironment().createKernel()
    this.index = new KeyIndex(this.kernel, { kind: 'i32' })
    if (settings.form === 'coded') this.takeIds(settings.keyCount)
    const spec = { type: 'f64', minMax: settings.minMax, nullable: false } as const
    this.state = new WindowState(this.kernel, this.index, tumbling(settings.windowMs), [spec])
  }

  run(): void {
    const { keys, timestamps, values } = this.rows
    this.checksum = 0
    for (let from = 0; from < keys.length; from += BATCH_ROWS) {
      const to = from + BATCH_ROWS
      const start = timestamps[from] ?? 0
      // Windows begin with a batch: the row before was the last of its window.
      if (start % this.settings.windowMs === 0) this.fire(start - 1)
      this.code(keys.subarray(from, to))
      this.state.add(timestamps.subarray(from, to), [{ values: values.subarray(from, to) }])
    }
    this.fire(timestamps.at(-1) ?? 0)
  }

  /** Moves the rows' event time on to behind that of the last pass. */
  nextPass(): void {
    const { timestamps } = this.rows
    for (let row = 0; row < timestamps.length; row++) timestamps[row] = (timestamps[row] ?? 0) + timestamps.length
  }

  /** Ids 0, 1, 2, ... come into use and stay. */
  private takeIds(keyCount: number): void {
    for (let first = 0; first < keyCount; first += BATCH_ROWS) {
      this.index.codeInt32(Int32Array.from({ length: BATCH_ROWS }, (_, row) => (first + row) % keyCount))
    }
    for (let id = 0; id < keyCount; id++) this.index.retain(id)
  }

  private code(keys: Int32Array): void {
    if (this.settings.form === 'raw') this.index.codeInt32(keys)
    else this.kernel.i32.set(keys, this.index.idsPointer >> 2)
  }

  private fire(watermark: number): void {
    this.state.advance(watermark)
    for (let fired = this.state.fire(); fired !== undefined; fired = this.state.fire()) this.checksum += lookAt(fired)
    if (this.settings.form === 'raw') this.index.settle()
  }
}

/** Results are looked at: one row of 64. */
function lookAt({ count, rowCounts, columns: [column] }: FiredWindows): number {
  if (column === undefined) return 0
  let sum = 0
  for (let row = 0; row < count; row += 64) {
    sum += (rowCounts[row] ?? 0) + Number(column.sum[row] ?? 0)
    sum += Number(column.min?.[row] ?? 0) + Number(column.max?.[row] ?? 0)
  }
  return sum
}
