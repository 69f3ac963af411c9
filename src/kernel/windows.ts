/* A typed handle over the window kernel. */
import {
  COLUMN_MIN_MAX,
  COLUMN_NULLABLE,
  OUT_COLUMN_STRIDE,
  OUT_COUNT,
  OUT_END,
  OUT_FIRST_COLUMN,
  OUT_KEY_ID,
  OUT_MAX,
  OUT_MIN,
  OUT_NON_NULL,
  OUT_START,
  OUT_SUM,
  RESULT_SIZE,
  TYPE_F32,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
} from '../../assembly/abi.js'
import { SabotError } from '../core/errors.js'
import type { WindowGeometry } from '../core/window-geometry.js'
import type { KeyIndex } from './keys.js'
import { Region } from './memory.js'
import type { Kernel } from './module.js'

/** What is kept of an input column: always the non-null count and the sum. */
export interface WindowColumnSpec {
  readonly type: 'f64' | 'f32' | 'i32' | 'i64'
  /** Minimum and maximum too. */
  readonly minMax: boolean
  /** Whether the column may hold nulls. */
  readonly nullable: boolean
}

export interface WindowColumnValues {
  readonly values: Float64Array | Float32Array | Int32Array | BigInt64Array
  readonly validity?: Uint8Array | undefined
}

/** Rows of fired windows: one a key and window. All are views, valid until the next call of the kernel. */
export interface FiredWindows {
  readonly count: number
  /** Where the keys' ids stand in the kernel, for KeyIndex's read methods. */
  readonly idsPointer: number
  readonly starts: Float64Array<ArrayBuffer>
  readonly ends: Float64Array<ArrayBuffer>
  readonly rowCounts: Float64Array<ArrayBuffer>
  readonly columns: readonly FiredColumn[]
}

/** What was kept of one input column: Float64Array for float columns, BigInt64Array for integer columns. */
export interface FiredColumn {
  readonly nonNull: Float64Array<ArrayBuffer>
  readonly sum: Float64Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>
  /** Where `nonNull` is 0 the minimum and maximum mean nothing. */
  readonly min: Float64Array<ArrayBuffer> | BigInt64Array<ArrayBuffer> | undefined
  readonly max: Float64Array<ArrayBuffer> | BigInt64Array<ArrayBuffer> | undefined
}

const TYPES = { f64: TYPE_F64, f32: TYPE_F32, i32: TYPE_I32, i64: TYPE_I64 } as const
const ALL_GROUPS = 0xffff

/**
 * The windows of one operator over the keys of one index. Usage, for each stretch of rows between two window ends:
 * `advance(watermark)`, `fire()` until it gives undefined, `index.code...(keys)`, `add(...)`.
 */
export class WindowState {
  private readonly kernel: Kernel
  private readonly index: KeyIndex
  private readonly specs: readonly WindowColumnSpec[]
  private readonly handle: number
  private readonly timestamps: Region
  private readonly columns: readonly Region[]
  private readonly validities: readonly Region[]
  private readonly pointers: Region

  /** @throws SabotError MEMORY_LIMIT, KERNEL_ARGUMENT for a geometry or column that the kernel refuses */
  constructor(kernel: Kernel, index: KeyIndex, geometry: WindowGeometry, specs: readonly WindowColumnSpec[]) {
    this.kernel = kernel
    this.index = index
    this.specs = specs
    this.timestamps = new Region(kernel)
    this.columns = specs.map(() => new Region(kernel))
    this.validities = specs.map(() => new Region(kernel))
    this.pointers = new Region(kernel)
    const { sizeMs, slideMs, offsetMs } = geometry
    const columns = this.pointers.write(Uint32Array.from(specs, specification))
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

  /** Bytes of slices and pages in use. */
  get stateBytes(): number {
    return this.kernel.exports.windowStateBytes(this.handle)
  }

  /** Moves the watermark on; a lower one changes nothing. */
  advance(watermark: number): void {
    this.kernel.exports.windowAdvance(this.handle, watermark)
  }

  /**
   * Adds the rows whose keys the index has coded last. The current watermark holds for all of them, and nothing may be
   * ready to fire.
   * @throws SabotError MEMORY_LIMIT, SUM_OVERFLOW, TIMESTAMP_INVALID, TOO_MANY_SLICES with details.row: the rows before
   *   it are added
   */
  add(timestamps: Float64Array, columns: readonly WindowColumnValues[]): void {
    const { kernel, specs } = this
    const rows = timestamps.length
    const times = this.timestamps.write(timestamps)
    const pointers = this.pointers.reserve(specs.length * 8)
    columns.forEach(({ values, validity }, number) => {
      const column = this.columns[number]?.write(values) ?? 0
      const nulls = validity === undefined ? 0 : (this.validities[number]?.write(validity) ?? 0)
      const { u32 } = kernel
      u32[(pointers >> 2) + number] = column
      u32[(pointers >> 2) + specs.length + number] = nulls
    })
    const validities = pointers + specs.length * 4
    const { idsPointer } = this.index
    const added = kernel.exports.windowAdd(this.handle, idsPointer, times, 0, pointers, validities, 0, rows)
    if (kernel.check(added, 'adding rows to windows') < rows) {
      throw new TypeError('Windows are ready to fire: fire() comes before add()')
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
    if (count === 0) return undefined
    return {
      count,
      idsPointer: this.output(OUT_KEY_ID),
      starts: this.floats(OUT_START, count),
      ends: this.floats(OUT_END, count),
      rowCounts: this.floats(OUT_COUNT, count),
      columns: this.specs.map((spec, number) => this.firedColumn(spec, number, count)),
    }
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
    for (const region of [this.timestamps, this.pointers, ...this.columns, ...this.validities]) region.release()
  }

  private firedColumn({ type, minMax }: WindowColumnSpec, number: number, count: number): FiredColumn {
    const first = OUT_FIRST_COLUMN + number * OUT_COLUMN_STRIDE
    const view = (part: number): Float64Array<ArrayBuffer> | BigInt64Array<ArrayBuffer> =>
      type === 'f64' || type === 'f32' ? this.floats(first + part, count) : this.integers(first + part, count)
    return {
      nonNull: this.floats(first + OUT_NON_NULL, count),
      sum: view(OUT_SUM),
      min: minMax ? view(OUT_MIN) : undefined,
      max: minMax ? view(OUT_MAX) : undefined,
    }
  }

  private output(number: number): number {
    const pointer = this.kernel.exports.windowOutput(this.handle, number) >>> 0
    if (pointer === 0) throw new SabotError('KERNEL_ARGUMENT', `The window kernel has no output column ${number}`)
    return pointer
  }

  private floats(number: number, count: number): Float64Array<ArrayBuffer> {
    return new Float64Array(this.kernel.buffer, this.output(number), count)
  }

  private integers(number: number, count: number): BigInt64Array<ArrayBuffer> {
    return new BigInt64Array(this.kernel.buffer, this.output(number), count)
  }
}

function specification({ type, minMax, nullable }: WindowColumnSpec): number {
  return TYPES[type] | (minMax ? COLUMN_MIN_MAX : 0) | (nullable ? COLUMN_NULLABLE : 0)
}
