/* A typed handle over the interval join kernel. */
import {
  JOIN_LEFT,
  JOIN_OUTER_LEFT,
  JOIN_OUTER_RIGHT,
  JOIN_OUTPUT_ROWS,
  JOIN_RIGHT,
  NO_ID,
} from '../../assembly/abi.js'
import type { KeyIndex } from './keys.js'
import { Region } from './memory.js'
import type { Kernel } from './module.js'

/** In place of a row: there is none. */
export const NO_ROW = NO_ID

export type JoinSide = 'left' | 'right'

export interface IntervalJoinSettings {
  /** right time - left time is within [lowerMs, upperMs], both included. */
  readonly lowerMs: number
  readonly upperMs: number
  /** Sides whose rows come out alone when no partner can come any more. */
  readonly outerLeft: boolean
  readonly outerRight: boolean
}

/** What a call put out. Views, valid until the next call of the kernel. */
export interface JoinOutputs {
  readonly count: number
  /** The rows of each pair, or NO_ROW. */
  readonly left: Uint32Array<ArrayBuffer>
  readonly right: Uint32Array<ArrayBuffer>
  /** The larger of the two event times, ms. */
  readonly times: Float64Array<ArrayBuffer>
  /** The watermark in force, ms. */
  readonly watermarks: Float64Array<ArrayBuffer>
  /** Rows that the kernel does not know any more; some may be in `left` and `right` for the last time. */
  readonly leftGone: Uint32Array<ArrayBuffer>
  readonly rightGone: Uint32Array<ArrayBuffer>
}

const SIDES = { left: JOIN_LEFT, right: JOIN_RIGHT } as const

/**
 * The state of an interval join over the keys of one index. Rows are known by numbers of the host's, below 2^31. After
 * each call that says that there are outputs they are read, and the call is repeated until it is done.
 */
export class IntervalJoinState {
  private readonly kernel: Kernel
  private readonly index: KeyIndex
  private readonly handle: number
  private readonly times: Region
  private readonly watermarks: Region
  private readonly rows: Region

  /** @throws SabotError MEMORY_LIMIT */
  constructor(kernel: Kernel, index: KeyIndex, { lowerMs, upperMs, outerLeft, outerRight }: IntervalJoinSettings) {
    this.kernel = kernel
    this.index = index
    const outer = (outerLeft ? JOIN_OUTER_LEFT : 0) | (outerRight ? JOIN_OUTER_RIGHT : 0)
    this.handle = kernel.handle(kernel.exports.joinCreate(index.pointer, lowerMs, upperMs, outer), 'creating a join')
    this.times = new Region(kernel)
    this.watermarks = new Region(kernel)
    this.rows = new Region(kernel)
  }

  /** Rows that are kept of a side. */
  rowsOf(side: JoinSide): number {
    return this.kernel.exports.joinRows(this.handle, SIDES[side]) >>> 0
  }

  /**
   * Adds rows of a side whose keys the index has coded last, in steps: each yields what is put out.
   * `watermarks` are those in force before each row. A row that is NO_ROW is not added, but moves the watermark on.
   * @throws SabotError MEMORY_LIMIT
   */
  *add(
    side: JoinSide,
    times: Float64Array,
    watermarks: Float64Array,
    rows: Uint32Array,
  ): Generator<JoinOutputs, void, void> {
    const { kernel, handle, index } = this
    const ids = index.idsPointer
    const timesAt = this.times.write(times)
    const watermarksAt = this.watermarks.write(watermarks)
    const rowsAt = this.rows.write(rows)
    const { length } = rows
    let from = 0
    do {
      const added = kernel.exports.joinAdd(handle, SIDES[side], ids, timesAt, watermarksAt, rowsAt, from, length)
      from = kernel.check(added, 'adding rows to a join')
      yield this.outputs()
    } while (from < length)
  }

  /** Moves the watermark on, in steps: each yields what is put out. A lower one changes nothing. */
  *advance(watermark: number): Generator<JoinOutputs, void, void> {
    let isMore = true
    while (isMore) {
      isMore = this.kernel.exports.joinAdvance(this.handle, watermark) !== 0
      yield this.outputs()
    }
  }

  /** For each row of a side below `rows`: 1 where it is kept, 3 where it has met a partner, else 0. A copy. */
  flags(side: JoinSide, rows: number): Uint8Array {
    const { kernel, handle } = this
    const pointer = kernel.staging.reserve(rows)
    kernel.u8.fill(0, pointer, pointer + rows)
    kernel.exports.joinFlags(handle, SIDES[side], pointer)
    return kernel.u8.slice(pointer, pointer + rows)
  }

  /** Keeps rows of a snapshot, given in the order in which they came once, with the ids of their keys. */
  restoreRows(side: JoinSide, ids: Uint32Array, times: Float64Array, rows: Uint32Array, matched: Uint8Array): void {
    const { kernel, handle } = this
    const idsAt = this.watermarks.write(ids)
    const timesAt = this.times.write(times)
    const rowsAt = this.rows.write(rows)
    const matchedAt = kernel.staging.write(matched)
    const { exports } = kernel
    kernel.check(
      exports.joinRestore(handle, SIDES[side], idsAt, timesAt, rowsAt, matchedAt, rows.length),
      'restoring the rows of a join',
    )
  }

  restoreWatermark(watermark: number): void {
    this.kernel.exports.joinSetWatermark(this.handle, watermark)
  }

  /** Once, and before the index is destroyed. */
  destroy(): void {
    this.kernel.exports.joinRelease(this.handle)
    for (const region of [this.times, this.watermarks, this.rows]) region.release()
  }

  private outputs(): JoinOutputs {
    const { kernel, handle } = this
    const { buffer, exports } = kernel
    const count = exports.joinOutputRows(handle, 0)
    const at = exports.joinOutput(handle) >>> 0
    const words = JOIN_OUTPUT_ROWS * 4
    return {
      count,
      left: new Uint32Array(buffer, at, count),
      right: new Uint32Array(buffer, at + words, count),
      leftGone: new Uint32Array(buffer, at + words * 2, exports.joinOutputRows(handle, 1)),
      rightGone: new Uint32Array(buffer, at + words * 3, exports.joinOutputRows(handle, 2)),
      times: new Float64Array(buffer, at + words * 4, count),
      watermarks: new Float64Array(buffer, at + words * 6, count),
    }
  }
}
