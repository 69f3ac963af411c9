/* The columns that go into window and session kernels, and those that come out. */
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
  TYPE_F32,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
} from '../../assembly/abi.js'
import { SabotError } from '../core/errors.js'
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

/** What was put out of keys and slices, to be merged with more of them. */
export type PartialAggregates = Pick<FiredWindows, 'rowCounts' | 'columns'>

/** Where the columns of a call stand in the kernel: pointers to arrays of pointers. */
export interface WrittenColumns {
  readonly values: number
  readonly validities: number
}

const TYPES = { f64: TYPE_F64, f32: TYPE_F32, i32: TYPE_I32, i64: TYPE_I64 } as const

/** Regions that only grow, for the columns of one kernel handle. */
export class AggregatedColumns {
  private readonly kernel: Kernel
  private readonly specs: readonly WindowColumnSpec[]
  private readonly columns: readonly Region[]
  private readonly validities: readonly Region[]
  private readonly pointers: Region
  /** Row counts, then four of each column; made when partial aggregates come. */
  private partials: readonly Region[] = []

  constructor(kernel: Kernel, specs: readonly WindowColumnSpec[]) {
    this.kernel = kernel
    this.specs = specs
    this.columns = specs.map(() => new Region(kernel))
    this.validities = specs.map(() => new Region(kernel))
    this.pointers = new Region(kernel)
  }

  /** Where the specifications stand until the next call. */
  writeSpecs(): number {
    return this.pointers.write(Uint32Array.from(this.specs, specification))
  }

  write(columns: readonly WindowColumnValues[]): WrittenColumns {
    const { kernel, specs } = this
    const pointers = this.pointers.reserve(specs.length * 8)
    columns.forEach(({ values, validity }, number) => {
      const column = this.columns[number]?.write(values) ?? 0
      const nulls = validity === undefined ? 0 : (this.validities[number]?.write(validity) ?? 0)
      const { u32 } = kernel
      u32[(pointers >> 2) + number] = column
      u32[(pointers >> 2) + specs.length + number] = nulls
    })
    return { values: pointers, validities: pointers + specs.length * 4 }
  }

  /** Where the pointers to the parts stand, as assembly/windows/merge.ts draws them. */
  writePartials({ rowCounts, columns }: PartialAggregates): number {
    const { kernel, specs } = this
    const parts = [rowCounts, ...columns.flatMap(({ nonNull, sum, min, max }) => [nonNull, sum, min, max])]
    if (parts.length !== specs.length * 4 + 1) throw new TypeError(`${columns.length} columns for ${specs.length}`)
    if (this.partials.length === 0) this.partials = parts.map(() => new Region(kernel))
    const pointers = parts.map((part, number) => (part === undefined ? 0 : (this.partials[number]?.write(part) ?? 0)))
    return this.pointers.write(Uint32Array.from(pointers))
  }

  /** The first `count` rows of the output columns of `handle`. */
  fired(handle: number, count: number): FiredWindows {
    return {
      count,
      idsPointer: this.output(handle, OUT_KEY_ID),
      starts: this.floats(handle, OUT_START, count),
      ends: this.floats(handle, OUT_END, count),
      rowCounts: this.floats(handle, OUT_COUNT, count),
      columns: this.specs.map((spec, number) => this.firedColumn(handle, spec, number, count)),
    }
  }

  /** An output column of numbers, by its OUT_ number. */
  floats(handle: number, number: number, count: number): Float64Array<ArrayBuffer> {
    return new Float64Array(this.kernel.buffer, this.output(handle, number), count)
  }

  release(): void {
    for (const region of [this.pointers, ...this.columns, ...this.validities, ...this.partials]) region.release()
  }

  private firedColumn(handle: number, { type, minMax }: WindowColumnSpec, number: number, count: number): FiredColumn {
    const first = OUT_FIRST_COLUMN + number * OUT_COLUMN_STRIDE
    const view = (part: number): Float64Array<ArrayBuffer> | BigInt64Array<ArrayBuffer> =>
      type === 'f64' || type === 'f32'
        ? this.floats(handle, first + part, count)
        : new BigInt64Array(this.kernel.buffer, this.output(handle, first + part), count)
    return {
      nonNull: this.floats(handle, first + OUT_NON_NULL, count),
      sum: view(OUT_SUM),
      min: minMax ? view(OUT_MIN) : undefined,
      max: minMax ? view(OUT_MAX) : undefined,
    }
  }

  private output(handle: number, number: number): number {
    const pointer = this.kernel.exports.windowOutput(handle, number) >>> 0
    if (pointer === 0) throw new SabotError('KERNEL_ARGUMENT', `The window kernel has no output column ${number}`)
    return pointer
  }
}

function specification({ type, minMax, nullable }: WindowColumnSpec): number {
  return TYPES[type] | (minMax ? COLUMN_MIN_MAX : 0) | (nullable ? COLUMN_NULLABLE : 0)
}
