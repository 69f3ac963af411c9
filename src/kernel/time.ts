/* Typed handles over the kernels of time: timestamps and watermarks of one input, the watermark over many inputs. */
import {
  NO_ID,
  RESULT_DETAIL,
  STATUS_TIMESTAMP,
  TIMESTAMP_NAN,
  TIMESTAMP_NULL,
  TYPE_F32,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
  UNIT_MILLISECOND,
} from '../../assembly/abi.js'

export { COALESCED_ACTIVE, COALESCED_IDLE, COALESCED_WATERMARK } from '../../assembly/abi.js'

import { Region } from './memory.js'
import type { Kernel } from './module.js'

/** A column of times in ms since the epoch, with Arrow's validity bitmap where there are nulls. */
export interface TimestampValues {
  readonly values: Float64Array | Float32Array | Int32Array | BigInt64Array
  readonly validity?: Uint8Array | undefined
}

export type TimestampProblem = 'null' | 'NaN' | 'out of range'

export interface RejectedRow {
  readonly row: number
  readonly problem: TimestampProblem
}

/**
 * The event times of some rows, where they stand in the kernel. They are there until their generator assigns the next;
 * views of them are valid until the next call of the kernel.
 */
export class AssignedTimes {
  readonly rowCount: number
  /** The lowest timestamp, ms; Infinity where no row has one. */
  readonly lowest: number
  /** Rows without a valid timestamp, ascending; their timestamp is NaN. */
  readonly rejected: readonly RejectedRow[]
  readonly kernel: Kernel
  private readonly generator: WatermarkGenerator
  private readonly call: number

  constructor(generator: WatermarkGenerator, rowCount: number, lowest: number, rejected: readonly RejectedRow[]) {
    this.generator = generator
    this.kernel = generator.kernel
    this.call = generator.calls
    this.rowCount = rowCount
    this.lowest = lowest
    this.rejected = rejected
  }

  /** Where the timestamps begin, for the kernels that go over them. @throws TypeError when they are gone */
  get timestampsPointer(): number {
    return this.checked(this.generator.timestampsPointer)
  }

  get timestamps(): Float64Array<ArrayBuffer> {
    return new Float64Array(this.kernel.buffer, this.timestampsPointer, this.rowCount)
  }

  /** The watermark in force before each row. */
  get watermarks(): Float64Array<ArrayBuffer> {
    return new Float64Array(this.kernel.buffer, this.checked(this.generator.watermarksPointer), this.rowCount)
  }

  /** The watermark in force before a row; -Infinity: there is none, or no such row. */
  watermarkAt(row: number): number {
    if (!(row >= 0 && row < this.rowCount)) return Number.NEGATIVE_INFINITY
    return this.kernel.f64[(this.checked(this.generator.watermarksPointer) >>> 3) + row] ?? Number.NEGATIVE_INFINITY
  }

  private checked(pointer: number): number {
    if (this.generator.calls === this.call) return pointer
    throw new TypeError('These event times are gone: they are lent until those of the next batch are assigned')
  }
}

/** Bounded out-of-orderness: the watermark is the highest timestamp - bound - 1 (rule 1 of time). It never falls. */
export class WatermarkGenerator {
  readonly kernel: Kernel
  /** How often it has assigned. */
  calls = 0
  private readonly handle: number
  private readonly source: Region
  private readonly validity: Region
  private readonly timestamps: Region
  private readonly watermarks: Region

  /** @throws SabotError MEMORY_LIMIT, KERNEL_ARGUMENT for a bound that is negative or not finite */
  constructor(kernel: Kernel, boundMs: number) {
    this.kernel = kernel
    this.handle = kernel.handle(kernel.exports.watermarksCreate(boundMs), 'creating a watermark generator')
    this.source = new Region(kernel)
    this.validity = new Region(kernel)
    this.timestamps = new Region(kernel)
    this.watermarks = new Region(kernel)
  }

  /** The watermark now, ms; -Infinity before the first row. */
  get watermark(): number {
    return this.kernel.exports.watermarksCurrent(this.handle)
  }

  /** The highest timestamp so far, ms; -Infinity before the first row. It is all of the generator's state. */
  get maxTimestamp(): number {
    return this.kernel.exports.watermarksMax(this.handle)
  }

  /** Where the timestamps assigned last stand. */
  get timestampsPointer(): number {
    return this.timestamps.pointer
  }

  /** Where the watermarks before the rows assigned last stand. */
  get watermarksPointer(): number {
    return this.watermarks.pointer
  }

  restore(maxTimestamp: number): void {
    this.kernel.exports.watermarksSet(this.handle, maxTimestamp)
  }

  /** Reads a column of times; fractions of a millisecond are cut off. Rejected rows move nothing. */
  assign({ values, validity }: TimestampValues): AssignedTimes {
    const { kernel, handle } = this
    this.calls += 1
    const rows = values.length
    const source = this.source.write(values)
    const nulls = validity === undefined ? 0 : this.validity.write(validity)
    const timestamps = this.timestamps.reserve(rows * 8)
    const watermarks = this.watermarks.reserve(rows * 8)
    const type = typeOf(values)
    const rejected: RejectedRow[] = []
    let lowest = Number.POSITIVE_INFINITY
    for (let from = 0; from < rows; ) {
      const outcome = kernel.exports.timestampsAssign(
        handle,
        source,
        type,
        UNIT_MILLISECOND,
        nulls,
        from,
        rows,
        timestamps,
        watermarks,
      )
      if (outcome < 0 && outcome !== STATUS_TIMESTAMP) throw kernel.error(outcome, 'assigning timestamps')
      lowest = Math.min(lowest, kernel.resultNumber)
      from += Math.max(0, outcome)
      if (from >= rows) break
      rejected.push({ row: from, problem: problemOf(kernel.resultWord(RESULT_DETAIL)) })
      kernel.f64[(timestamps >> 3) + from] = Number.NaN
      kernel.f64[(watermarks >> 3) + from] = this.watermark
      from += 1
    }
    return new AssignedTimes(this, rows, lowest, rejected)
  }

  destroy(): void {
    this.calls += 1
    this.kernel.exports.watermarksRelease(this.handle)
    for (const region of [this.source, this.validity, this.timestamps, this.watermarks]) region.release()
  }
}

/** The watermark over several inputs, by the rules of Flink's StatusWatermarkValve (assembly/time/coalescer.ts). */
export class WatermarkCoalescer {
  private readonly kernel: Kernel
  private readonly handle: number

  /** @throws SabotError MEMORY_LIMIT, KERNEL_ARGUMENT for 0 inputs or more than 2^24 */
  constructor(kernel: Kernel, inputs: number) {
    this.kernel = kernel
    this.handle = kernel.handle(kernel.exports.coalescerCreate(inputs), 'creating a watermark coalescer')
  }

  /** The coalesced watermark, ms. */
  get watermark(): number {
    return this.kernel.exports.coalescerWatermark(this.handle)
  }

  /** Whether all inputs are idle. */
  get isIdle(): boolean {
    return this.kernel.exports.coalescerIsIdle(this.handle) !== 0
  }

  /** The input that holds the watermark back; undefined while all are idle. */
  get holder(): number | undefined {
    const holder = this.kernel.exports.coalescerHolder(this.handle) >>> 0
    return holder === NO_ID ? undefined : holder
  }

  /** Moves an input's watermark on; what changed, as COALESCED_ bits. */
  advance(input: number, watermark: number): number {
    return this.kernel.check(
      this.kernel.exports.coalescerAdvance(this.handle, input, watermark),
      'moving a watermark on',
    )
  }

  /** An input turned idle; what changed, as COALESCED_ bits. */
  idle(input: number): number {
    return this.kernel.check(this.kernel.exports.coalescerIdle(this.handle, input), 'turning an input idle')
  }

  /** An input turned active; what changed, as COALESCED_ bits. */
  active(input: number): number {
    return this.kernel.check(this.kernel.exports.coalescerActive(this.handle, input), 'turning an input active')
  }

  inputWatermark(input: number): number {
    return this.kernel.exports.coalescerInputWatermark(this.handle, input)
  }

  snapshot(): Uint8Array<ArrayBuffer> {
    const { kernel } = this
    const bytes = kernel.exports.coalescerStateBytes(this.handle)
    const pointer = kernel.staging.reserve(bytes)
    kernel.exports.coalescerExport(this.handle, pointer)
    return kernel.u8.slice(pointer, pointer + bytes)
  }

  /** @throws SabotError KERNEL_ARGUMENT for a snapshot of another number of inputs */
  restore(snapshot: Uint8Array): void {
    const { kernel } = this
    const pointer = kernel.staging.write(snapshot)
    kernel.check(
      kernel.exports.coalescerImport(this.handle, pointer, snapshot.length),
      'restoring a watermark coalescer',
    )
  }

  destroy(): void {
    this.kernel.exports.coalescerRelease(this.handle)
  }
}

/**
 * One snapshot of a coalescer out of several over as many inputs. Each input, and the output, is where it is furthest
 * behind; an input is idle where it is so in all.
 */
export function mergeCoalescerSnapshots(snapshots: readonly Uint8Array[]): Uint8Array {
  const [first, ...others] = snapshots.map(snapshot => snapshot.slice())
  if (first === undefined) throw new TypeError('There is no snapshot to merge')
  if (others.some(({ length }) => length !== first.length)) return first.subarray(0, 0)
  // Output f64, watermarks f64[inputs], states u8[inputs]: assembly/time/coalescer.ts.
  const inputs = (first.length - 8) / 9
  const merged = new DataView(first.buffer)
  for (const other of others) {
    const view = new DataView(other.buffer)
    for (let at = 0; at <= inputs * 8; at += 8) {
      merged.setFloat64(at, Math.min(merged.getFloat64(at, true), view.getFloat64(at, true)), true)
    }
    const states = 8 + inputs * 8
    for (let input = 0; input < inputs; input++) {
      const isActive = ((first[states + input] ?? 0) | (other[states + input] ?? 0)) !== 0
      const isBehind = merged.getFloat64(8 + input * 8, true) < merged.getFloat64(0, true)
      first[states + input] = isActive ? (isBehind ? COALESCED_STATE_ACTIVE : COALESCED_STATE_ALIGNED) : 0
    }
  }
  return first
}

/** The snapshot as that of a coalescer over more inputs; those that are new are idle and have no watermark. */
export function extendCoalescerSnapshot(snapshot: Uint8Array, inputs: number): Uint8Array {
  const before = (snapshot.length - 8) / 9
  const extended = new Uint8Array(8 + inputs * 9)
  extended.set(snapshot.subarray(0, 8 + before * 8))
  const view = new DataView(extended.buffer)
  for (let input = before; input < inputs; input++) view.setFloat64(8 + input * 8, Number.NEGATIVE_INFINITY, true)
  extended.set(snapshot.subarray(8 + before * 8), 8 + inputs * 8)
  return extended
}

/** States of an input in a snapshot: bit 0 active, bit 1 aligned. */
const COALESCED_STATE_ACTIVE = 1
const COALESCED_STATE_ALIGNED = 3

function typeOf(values: TimestampValues['values']): number {
  if (values instanceof Float64Array) return TYPE_F64
  if (values instanceof BigInt64Array) return TYPE_I64
  return values instanceof Int32Array ? TYPE_I32 : TYPE_F32
}

function problemOf(reason: number): TimestampProblem {
  if (reason === TIMESTAMP_NULL) return 'null'
  return reason === TIMESTAMP_NAN ? 'NaN' : 'out of range'
}
