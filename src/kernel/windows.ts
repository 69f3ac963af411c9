/* A typed handle over the window kernel. */
import { RESULT_SIZE } from '../../assembly/abi.js'
import type { WindowGeometry } from '../core/window-geometry.js'
import {
  AggregatedColumns,
  type FiredWindows,
  type PartialAggregates,
  type WindowColumnSpec,
  type WindowColumnValues,
} from './aggregated-columns.js'
import type { KeyIndex } from './keys.js'
import { Region } from './memory.js'
import type { Kernel } from './module.js'
import { AssignedTimes } from './time.js'

const ALL_GROUPS = 0xffff

/**
 * The windows of one operator over the keys of one index. Usage, for each stretch of rows between two window ends:
 * `advance(watermark)`, `fire()` until it gives undefined, `index.code...(keys)`, `add(...)`.
 */
export class WindowState {
  private readonly kernel: Kernel
  private readonly index: KeyIndex
  private readonly handle: number
  private readonly timestamps: Region
  private readonly columns: AggregatedColumns

  /** @throws SabotError MEMORY_LIMIT, KERNEL_ARGUMENT for a geometry or column that the kernel refuses */
  constructor(kernel: Kernel, index: KeyIndex, geometry: WindowGeometry, specs: readonly WindowColumnSpec[]) {
    this.kernel = kernel
    this.index = index
    this.timestamps = new Region(kernel)
    this.columns = new AggregatedColumns(kernel, specs)
    const { sizeMs, slideMs, offsetMs } = geometry
    const columns = this.columns.writeSpecs()
    const created = kernel.exports.windowCreate(index.pointer, sizeMs, slideMs, offsetMs, columns, specs.length)
    this.handle = kernel.handle(created, 'creating windows')
  }

  /** The current watermark, ms. */
  get watermark(): number {
    return this.kernel.exports.windowWatermark(this.handle)
  }

  /** The watermark at which the next window fires; +Infinity when none is open. */
  get nextFire(): number {
    return this.kernel.exports.windowNextFire(this.handle)
  }

  /** Windows that have rows and have not fired. */
  get openWindows(): number {
    return this.kernel.exports.windowOpen(this.handle)
  }

  /** Keys with rows, in each slice. */
  get records(): number {
    return this.kernel.exports.windowRecords(this.handle)
  }

  /** Bytes of slices and pages in use. */
  get stateBytes(): number {
    return this.kernel.exports.windowStateBytes(this.handle)
  }

  /** Moves the watermark on; a lower one changes nothing. */
  advance(watermark: number): void {
    this.kernel.exports.windowAdvance(this.handle, watermark)
  }

  /**
   * Adds the rows whose keys the index has coded last; times that stand in this kernel are taken there. The current watermark holds for all of them, and nothing may be
   * ready to fire.
   * @throws SabotError MEMORY_LIMIT, SUM_OVERFLOW, TIMESTAMP_INVALID, TOO_MANY_SLICES with details.row: the rows before
   *   it are added
   */
  add(timestamps: Float64Array | AssignedTimes, columns: readonly WindowColumnValues[]): void {
    const { kernel } = this
    const isAssigned = timestamps instanceof AssignedTimes
    const rows = isAssigned ? timestamps.rowCount : timestamps.length
    const times = isAssigned ? timestamps.timestampsPointer : this.timestamps.write(timestamps)
    const { values, validities } = this.columns.write(columns)
    const { idsPointer } = this.index
    const added = kernel.exports.windowAdd(this.handle, idsPointer, times, 0, values, validities, 0, rows)
    if (kernel.check(added, 'adding rows to windows') < rows) {
      throw new TypeError('Windows are ready to fire: fire() comes before add()')
    }
  }

  /**
   * Merges partial aggregates, of the keys that the index has coded last: what windows of the same columns have put out,
   * with a timestamp of each one's slice. The current watermark holds for all of them, nothing may be ready to fire, and
   * none may be late.
   * @throws SabotError MEMORY_LIMIT, SUM_OVERFLOW, TOO_MANY_SLICES with details.row: the rows before it are merged
   */
  merge(timestamps: Float64Array, partials: PartialAggregates): void {
    const { kernel } = this
    const rows = timestamps.length
    const times = this.timestamps.write(timestamps)
    const parts = this.columns.writePartials(partials)
    const merged = kernel.exports.windowMerge(this.handle, this.index.idsPointer, times, parts, rows)
    if (kernel.check(merged, 'merging partial aggregates') < rows) {
      throw new TypeError('Windows are ready to fire: fire() comes before merge()')
    }
  }

  /** The rows of the last `add` that came too late for all of their windows: a view, valid until the next call. */
  get lateRows(): Uint32Array<ArrayBuffer> {
    const { exports, buffer } = this.kernel
    const count = exports.windowLateCount(this.handle)
    return new Uint32Array(buffer, exports.windowLateRows(this.handle) >>> 0, count)
  }

  /** The next rows that fire at the current watermark; undefined when there are none. */
  fire(): FiredWindows | undefined {
    const { kernel, handle } = this
    const count = kernel.check(kernel.exports.windowFire(handle), 'firing windows')
    return count === 0 ? undefined : this.columns.fired(handle, count)
  }

  /** All windows and their keys, by key group (assembly/abi.ts draws it). @throws SabotError MEMORY_LIMIT */
  snapshot(): Uint8Array<ArrayBuffer> {
    const { kernel, handle } = this
    // The kernel wants to know of no key that nothing holds.
    this.index.settle()
    const pointer = kernel.handle(kernel.exports.windowSnapshot(handle), 'taking a snapshot of windows')
    const bytes = kernel.u8.slice(pointer, pointer + kernel.resultWord(RESULT_SIZE))
    kernel.exports.windowSnapshotRelease(handle)
    return bytes
  }

  /**
   * Adds the keys and windows of a snapshot, or those of the key groups [firstGroup, lastGroup].
   * @throws SabotError SNAPSHOT_..., with nothing changed; MEMORY_LIMIT
   */
  restore(snapshot: Uint8Array, firstGroup = 0, lastGroup = ALL_GROUPS): void {
    const { kernel } = this
    const pointer = kernel.allocate(snapshot.length)
    try {
      kernel.u8.set(snapshot, pointer)
      const outcome = kernel.exports.windowRestore(this.handle, pointer, snapshot.length, firstGroup, lastGroup)
      kernel.check(outcome, 'restoring windows')
    } finally {
      kernel.release(pointer)
    }
  }

  /** Frees the windows; the index lives on. */
  destroy(): void {
    this.kernel.exports.windowRelease(this.handle)
    this.timestamps.release()
    this.columns.release()
  }
}
