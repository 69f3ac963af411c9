/* A typed handle over the session kernel. */
import { OUT_WATERMARK, RESULT_SIZE } from '../../assembly/abi.js'
import {
  AggregatedColumns,
  type FiredWindows,
  type WindowColumnSpec,
  type WindowColumnValues,
} from './aggregated-columns.js'
import type { KeyIndex } from './keys.js'
import { Region } from './memory.js'
import type { Kernel } from './module.js'

/** Rows of sessions that have ended. All are views, valid until the next call of the kernel. */
export interface FiredSessions extends FiredWindows {
  /** The watermark in force before the one that ended the session. */
  readonly watermarks: Float64Array<ArrayBuffer>
}

/** A row that came too late. */
export interface LateRow {
  /** Of the loaded rows. */
  readonly row: number
  /** Sessions that had ended before it, of those that the next `fire` gives. */
  readonly firedBefore: number
}

export interface SessionRows {
  readonly timestamps: Float64Array
  /** In force before each row; they do not decrease. */
  readonly watermarks: Float64Array
  /** ms; undefined: the constant gap. */
  readonly gaps?: Float64Array | undefined
  readonly columns: readonly WindowColumnValues[]
}

const ALL_GROUPS = 0xffff

/**
 * The sessions of one operator over the keys of one index, which it alone settles. Usage, for a batch: `load(rows)`;
 * `index.code...(keys)`, `add(0)`, `fire()` until it gives undefined; where rows are left `settle()` and the same for
 * them. Behind the batch `advance(watermark)` and `fire()`.
 *
 * Law: what fires, in which order, and what is late is that of record-by-record processing.
 */
export class SessionState {
  private readonly kernel: Kernel
  private readonly index: KeyIndex
  private readonly handle: number
  private readonly timestamps: Region
  private readonly watermarks: Region
  private readonly gaps: Region
  private readonly columns: AggregatedColumns
  private loaded = { rows: 0, times: 0, inForce: 0, gap: 0, values: 0, validities: 0 }

  /** @throws SabotError MEMORY_LIMIT, KERNEL_ARGUMENT for a gap or column that the kernel refuses */
  constructor(kernel: Kernel, index: KeyIndex, gapMs: number, specs: readonly WindowColumnSpec[]) {
    this.kernel = kernel
    this.index = index
    this.timestamps = new Region(kernel)
    this.watermarks = new Region(kernel)
    this.gaps = new Region(kernel)
    this.columns = new AggregatedColumns(kernel, specs)
    const created = kernel.exports.sessionCreate(index.pointer, gapMs, this.columns.writeSpecs(), specs.length)
    this.handle = kernel.handle(created, 'creating sessions')
  }

  /** The current watermark, ms. */
  get watermark(): number {
    return this.kernel.exports.windowWatermark(this.handle)
  }

  get openSessions(): number {
    return this.kernel.exports.windowRecords(this.handle) >>> 0
  }

  /** Bytes of sessions in use. */
  get stateBytes(): number {
    return this.kernel.exports.windowStateBytes(this.handle)
  }

  /** Moves the watermark on; a lower one changes nothing. */
  advance(watermark: number): void {
    this.kernel.exports.windowAdvance(this.handle, watermark)
  }

  /** Copies the rows of a batch in, for add(). */
  load({ timestamps, watermarks, gaps, columns }: SessionRows): void {
    const times = this.timestamps.write(timestamps)
    const inForce = this.watermarks.write(watermarks)
    const gap = gaps === undefined ? 0 : this.gaps.write(gaps)
    this.loaded = { rows: timestamps.length, times, inForce, gap, ...this.columns.write(columns) }
  }

  /**
   * Adds the loaded rows from `from` on, whose keys the index has coded last; the row behind the last that was added.
   * Where that is not the end: `fire()`, `settle()`, code the keys of the rest, and go on.
   * @throws SabotError MEMORY_LIMIT, SUM_OVERFLOW, TIMESTAMP_INVALID, KERNEL_ARGUMENT (a gap that is none) with
   *   details.row: the rows before it are added
   */
  add(from: number): number {
    const { kernel, handle } = this
    const { rows, times, inForce, gap, values, validities } = this.loaded
    // The ids of the rest stand from the region's start on; the kernel counts from row 0.
    const ids = this.index.idsPointer - from * 4
    const added = kernel.exports.sessionAdd(handle, ids, times, inForce, gap, values, validities, from, rows)
    return from + kernel.check(added, 'adding rows to sessions')
  }

  /** The rows of the last `add` that were late, in order. */
  lateRows(): LateRow[] {
    const { exports, buffer } = this.kernel
    const count = exports.windowLateCount(this.handle)
    const pairs = new Uint32Array(buffer, exports.windowLateRows(this.handle) >>> 0, count * 2)
    return Array.from({ length: count }, (_, n) => ({ row: pairs[n * 2] ?? 0, firedBefore: pairs[n * 2 + 1] ?? 0 }))
  }

  /** The next sessions that have ended, in the order of their ends; undefined when there are none. */
  fire(): FiredSessions | undefined {
    const { kernel, handle } = this
    const count = kernel.check(kernel.exports.sessionFire(handle), 'firing sessions')
    if (count === 0) return undefined
    return { ...this.columns.fired(handle, count), watermarks: this.columns.floats(handle, OUT_WATERMARK, count) }
  }

  /** Lets go of the keys that no session holds; ids coded before and not added are void then. */
  settle(): void {
    this.kernel.exports.sessionSettle(this.handle)
  }

  /** All sessions and keys (assembly/abi.ts draws them). @throws SabotError MEMORY_LIMIT */
  snapshot(): Uint8Array<ArrayBuffer> {
    const { kernel, handle } = this
    const pointer = kernel.handle(kernel.exports.sessionSnapshot(handle), 'taking a snapshot of sessions')
    const bytes = kernel.u8.slice(pointer, pointer + kernel.resultWord(RESULT_SIZE))
    kernel.exports.windowSnapshotRelease(handle)
    return bytes
  }

  /**
   * Adds the keys and sessions of a snapshot, or those of the key groups [firstGroup, lastGroup].
   * @throws SabotError SNAPSHOT_..., with nothing changed; MEMORY_LIMIT
   */
  restore(snapshot: Uint8Array, firstGroup = 0, lastGroup = ALL_GROUPS): void {
    const { kernel } = this
    const pointer = kernel.allocate(snapshot.length)
    try {
      kernel.u8.set(snapshot, pointer)
      const outcome = kernel.exports.sessionRestore(this.handle, pointer, snapshot.length, firstGroup, lastGroup)
      kernel.check(outcome, 'restoring sessions')
    } finally {
      kernel.release(pointer)
    }
  }

  /** Frees the sessions; the index lives on. */
  destroy(): void {
    this.kernel.exports.sessionRelease(this.handle)
    for (const region of [this.timestamps, this.watermarks, this.gaps]) region.release()
    this.columns.release()
  }
}
