import type { Batch } from '../../core/batch.js'
import { filledBitmap, setBit } from '../../core/bitmap.js'
import type { Json } from '../../core/json.js'
import { RowReader } from '../../core/row-view.js'
import type { Kernel } from '../../kernel/module.js'
import {
  type AssignedTimes,
  type TimestampProblem,
  type TimestampValues,
  WatermarkGenerator,
} from '../../kernel/time.js'
import { userFunctionFailed, wrongResult } from '../user-function.js'
import type { SplitTime } from './split-time.js'
import type { CustomWatermarks, PunctuatedWatermarks, WatermarkStrategy } from './watermark-strategy.js'

/** A row that does not go on, and what is wrong with its timestamp. */
export interface SetAside {
  readonly row: number
  readonly problem: TimestampProblem | 'too far ahead'
}

/** Event times and, before each row, the watermark of its split. Views, valid until the next call of the kernel. */
export type RowTimes = AssignedTimes | { readonly timestamps: Float64Array; readonly watermarks: Float64Array }

/** What is known of a batch of one split. */
export interface SplitTimes<Times = RowTimes> {
  readonly times: Times
  /** Ascending rows. */
  readonly aside: readonly SetAside[]
}

/** Times beyond cannot be watermarks either. */
const LIMIT_MS = 8.64e15

/** Applies a strategy to the batches of each split. */
export class RowWatermarks {
  private readonly operator: string
  private readonly strategy: WatermarkStrategy<unknown>
  /** One for all splits: what it knows is put in before a batch, and taken out behind it. */
  private readonly generator: WatermarkGenerator
  private reader: RowReader | undefined

  /** @throws SabotError MEMORY_LIMIT, KERNEL_ARGUMENT */
  constructor(operator: string, kernel: Kernel, strategy: WatermarkStrategy<unknown>) {
    this.operator = operator
    this.strategy = strategy
    this.generator = new WatermarkGenerator(kernel, strategy.kind === 'bounded' ? strategy.boundMs : 0)
  }

  /** The state of a split that has had no record. */
  initialState(): Json {
    return this.strategy.kind === 'custom' ? this.strategy.create() : null
  }

  /**
   * Gives each row of a batch without selection its times, and moves the split on. Rows whose timestamp is above
   * `limit` are set aside, and move nothing.
   * @throws SabotError USER_FUNCTION_FAILED, USER_FUNCTION_RESULT
   */
  assign(split: SplitTime, batch: Batch, values: TimestampValues, limit: number): SplitTimes {
    const { strategy, generator } = this
    const assigned = this.times(split, values, limit)
    split.maxTimestamp = generator.maxTimestamp
    if (strategy.kind === 'bounded') {
      split.watermark = Math.max(split.watermark, generator.watermark)
      return assigned
    }
    this.reader ??= new RowReader(batch.schema)
    const reader = this.reader.bind(batch)
    const { timestamps } = assigned.times
    const watermarks = this.marks(split, strategy, reader, timestamps)
    return { times: { timestamps, watermarks }, aside: assigned.aside }
  }

  /** What a custom strategy says at a moment; undefined: nothing. */
  periodic(split: SplitTime, nowMs: number): boolean {
    const { strategy } = this
    if (strategy.kind !== 'custom' || strategy.onPeriodic === undefined) return false
    let mark: unknown
    try {
      mark = strategy.onPeriodic(split.state, nowMs)
    } catch (cause) {
      throw userFunctionFailed(this.operator, null, cause)
    }
    const watermark = this.watermarkOf(mark, null)
    if (!(watermark > split.watermark)) return false
    split.watermark = watermark
    return true
  }

  close(): void {
    this.generator.destroy()
  }

  private times(split: SplitTime, values: TimestampValues, limit: number): SplitTimes<AssignedTimes> {
    const { generator } = this
    generator.restore(split.maxTimestamp)
    const times = generator.assign(values)
    if (!(generator.maxTimestamp > limit)) return { times, aside: times.rejected }
    return this.withoutFarAhead(split, values, times, limit)
  }

  /** Once more without the rows that are too far ahead, since they have moved the generator. */
  private withoutFarAhead(
    split: SplitTime,
    values: TimestampValues,
    first: AssignedTimes,
    limit: number,
  ): SplitTimes<AssignedTimes> {
    const rows = values.values.length
    const validity = filledBitmap(rows)
    const aside: SetAside[] = [...first.rejected]
    for (const { row } of first.rejected) setBit(validity, row, false)
    const { timestamps } = first
    for (let row = 0; row < rows; row++) {
      if (!((timestamps[row] ?? 0) > limit)) continue
      setBit(validity, row, false)
      aside.push({ row, problem: 'too far ahead' })
    }
    aside.sort((a, b) => a.row - b.row)
    this.generator.restore(split.maxTimestamp)
    return { times: this.generator.assign({ values: values.values, validity }), aside }
  }

  /** The watermark before each row, where a function says what it is behind each. */
  private marks(
    split: SplitTime,
    strategy: PunctuatedWatermarks<unknown> | CustomWatermarks<unknown>,
    reader: RowReader,
    timestamps: Float64Array,
  ): Float64Array {
    const watermarks = new Float64Array(timestamps.length)
    for (let row = 0; row < watermarks.length; row++) {
      watermarks[row] = split.watermark
      const timestamp = timestamps[row] ?? Number.NaN
      // Rows that are set aside have none.
      if (Number.isNaN(timestamp)) continue
      const shown = reader.at(row)
      let mark: unknown
      try {
        mark =
          strategy.kind === 'punctuated'
            ? strategy.mark(shown, timestamp)
            : strategy.onRecord(split.state, shown, timestamp)
      } catch (cause) {
        throw userFunctionFailed(this.operator, reader.materialize(), cause)
      }
      const watermark = this.watermarkOf(mark, reader)
      if (watermark > split.watermark) split.watermark = watermark
    }
    return watermarks
  }

  /** NaN: none. Fractions of a millisecond are cut off. */
  private watermarkOf(mark: unknown, reader: RowReader | null): number {
    if (mark === null || mark === undefined) return Number.NaN
    if (typeof mark === 'number' && Math.abs(mark) <= LIMIT_MS) return Math.floor(mark)
    throw wrongResult(
      this.operator,
      reader?.materialize() ?? null,
      mark,
      'a watermark in ms since the epoch within ±8.64e15, or null',
    )
  }
}
