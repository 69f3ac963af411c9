import { Batch } from '../core/batch.js'
import { filledBitmap, setBit } from '../core/bitmap.js'
import { Float32Column, Float64Column, Int32Column, Int64Column, TimestampColumn } from '../core/columns-fixed.js'
import { Utf8Column } from '../core/columns-text.js'
import { END_OF_INPUT, NO_WATERMARK } from '../core/element.js'
import { describeValue, SabotError } from '../core/errors.js'
import { addCounters, countersMember, numberMember } from '../core/json.js'
import { RowReader } from '../core/row-view.js'
import { Schema } from '../core/schema.js'
import { typeName } from '../core/types.js'
import { type RejectedRow, type TimestampValues, WatermarkGenerator } from '../kernel/time.js'
import type { Operator, OperatorContext, OperatorFactory, OperatorState } from './operator.js'
import { userFunctionFailed, wrongResult } from './user-function.js'

export type InvalidTimestamps = 'fail' | 'skip' | 'deadLetter'

export interface TimestampSettings {
  /** A field, or a function of the row that gives ms since the epoch. */
  readonly timestamp: string | ((row: unknown) => number | null)
  readonly boundMs: number
  readonly invalid: InvalidTimestamps
}

/** The side output of records whose timestamp is invalid. */
export const DEAD_LETTER_OUTPUT = 'deadLetters'
/** The field of a dead letter that says what is wrong with it. */
export const REASON_FIELD = 'reason'

export function deadLetterSchema(input: Schema): Schema {
  return new Schema([...input.fields, { name: REASON_FIELD, type: 'utf8', nullable: false }])
}

/** Assigns event time, and puts to each row the watermark in force before it (rule 1 of time). */
export function timestampsOperator(settings: TimestampSettings): OperatorFactory {
  return context => new TimestampsOperator(context, settings)
}

class TimestampsOperator implements Operator {
  readonly dropped: Record<string, number> = {}
  private readonly context: OperatorContext
  private readonly settings: TimestampSettings
  private readonly generator: WatermarkGenerator
  private readonly timestamps = new LentTimes()
  private readonly watermarks = new LentTimes()
  private reader: RowReader | undefined
  private lastWatermark = NO_WATERMARK
  private rows = 0

  constructor(context: OperatorContext, settings: TimestampSettings) {
    this.context = context
    this.settings = settings
    this.generator = new WatermarkGenerator(context.kernel, settings.boundMs)
  }

  onBatch(input: Batch): undefined {
    const batch = input.compact()
    const { timestamps, watermarks, rejected } = this.generator.assign(this.times(batch))
    const timed = batch.with({
      timestamps: this.timestamps.copy(timestamps),
      watermarks: this.watermarks.copy(watermarks),
    })
    this.context.output.batch(rejected.length === 0 ? timed : this.withoutRejected(timed, rejected))
    this.rows += batch.rowCount
    this.advance(this.generator.watermark)
  }

  /** Event time begins here: of what comes from before, only the end of input counts. */
  onWatermark(timestamp: number): undefined {
    if (timestamp === END_OF_INPUT) this.advance(timestamp)
  }

  snapshot(): OperatorState {
    const { maxTimestamp } = this.generator
    const state = {
      maxTimestamp: Number.isFinite(maxTimestamp) ? maxTimestamp : null,
      rows: this.rows,
      dropped: { ...this.dropped },
    }
    return { state, parts: [] }
  }

  restore(states: readonly OperatorState[]): void {
    // Behind a new cut of the input, the rows of any former subtask may come: only what all have seen is known.
    this.generator.restore(Math.min(...states.map(({ state }) => numberMember(state, 'maxTimestamp', NO_WATERMARK))))
    this.lastWatermark = this.generator.watermark
    if (this.context.keyGroups.start > 0) return
    for (const { state } of states) {
      this.rows += numberMember(state, 'rows', 0)
      addCounters(this.dropped, countersMember(state, 'dropped'))
    }
  }

  gauges(): Readonly<Record<string, number>> {
    return {}
  }

  close(): void {
    this.generator.destroy()
  }

  private advance(watermark: number): void {
    if (watermark <= this.lastWatermark) return
    this.lastWatermark = watermark
    this.context.output.watermark(watermark)
  }

  private times(batch: Batch): TimestampValues {
    const { timestamp } = this.settings
    return typeof timestamp === 'string' ? this.fieldTimes(batch, timestamp) : this.computedTimes(batch, timestamp)
  }

  private fieldTimes(batch: Batch, name: string): TimestampValues {
    const column = batch.column(name)
    if (
      column instanceof TimestampColumn ||
      column instanceof Int64Column ||
      column instanceof Float64Column ||
      column instanceof Float32Column ||
      column instanceof Int32Column
    ) {
      return column
    }
    throw new SabotError(
      'TYPE_MISMATCH',
      `Operator ${this.context.id} takes event time from ${name}, which is ${typeName(column.type)}: give a timestamp, a ` +
        'number of ms, or a function of the row',
      { operator: this.context.id, field: name, type: typeName(column.type) },
    )
  }

  private computedTimes(batch: Batch, compute: (row: unknown) => number | null): TimestampValues {
    this.reader ??= new RowReader(batch.schema)
    const reader = this.reader.bind(batch)
    const values = new Float64Array(batch.rowCount)
    let validity: Uint8Array | undefined
    for (let row = 0; row < values.length; row++) {
      let time: unknown
      try {
        time = compute(reader.at(row))
      } catch (cause) {
        throw userFunctionFailed(this.context.id, reader.materialize(), cause)
      }
      if (typeof time === 'number') {
        values[row] = time
      } else if (time === null || time === undefined) {
        validity ??= filledBitmap(values.length)
        setBit(validity, row, false)
      } else {
        throw wrongResult(this.context.id, reader.materialize(), time, 'a number of ms, or null')
      }
    }
    return { values, validity }
  }

  /** The rows whose timestamp is good. The others fail the job, are counted, or go to the dead letters. */
  private withoutRejected(batch: Batch, rejected: readonly RejectedRow[]): Batch {
    const [first] = rejected
    if (this.settings.invalid === 'fail' && first !== undefined) throw this.invalid(batch, first)
    for (const { problem } of rejected) {
      const reason = `invalid-timestamp: ${problem}`
      this.dropped[reason] = (this.dropped[reason] ?? 0) + 1
    }
    if (this.settings.invalid === 'deadLetter')
      this.context.output.side(DEAD_LETTER_OUTPUT, deadLetters(batch, rejected))
    const kept = new Uint32Array(batch.rowCount - rejected.length)
    let next = 0
    let count = 0
    for (let row = 0; row < batch.rowCount; row++) {
      if (row === rejected[next]?.row) next += 1
      else kept[count++] = row
    }
    return batch.with({ selection: kept })
  }

  private invalid(batch: Batch, { row, problem }: RejectedRow): SabotError {
    const { id } = this.context
    const { timestamp } = this.settings
    const field = typeof timestamp === 'string' ? timestamp : undefined
    const value = field === undefined ? undefined : batch.column(field).value(row)
    return new SabotError(
      'INVALID_TIMESTAMP',
      `Operator ${id}: record ${this.rows + row} has no valid event time: ${field ?? 'the function of the row'} ` +
        `${field === undefined ? 'gave' : 'is'} ${field === undefined ? problem : describeValue(value)} (${problem}). Times ` +
        "are ms since the epoch within ±8.64e15. To go on without such records use invalid: 'skip' or 'deadLetter'",
      { operator: id, field, value, position: this.rows + row, record: batch.row(row) },
    )
  }
}

/**
 * Room for the times of one batch, used again for the next. The kernel's next call overwrites what it gave, so it is
 * copied; a fresh array for each batch would cost more than the rest of the operator, in zeroing and in collection.
 */
class LentTimes {
  private room = new Float64Array(0)

  copy(times: Float64Array): Float64Array {
    if (this.room.length < times.length) this.room = new Float64Array(times.length)
    this.room.set(times)
    return this.room.subarray(0, times.length)
  }
}

function deadLetters(batch: Batch, rejected: readonly RejectedRow[]): Batch {
  const rows = Uint32Array.from(rejected, ({ row }) => row)
  const reasons = Utf8Column.from(rejected.map(({ problem }) => `timestamp ${problem}`))
  return new Batch({
    schema: deadLetterSchema(batch.schema),
    columns: [...batch.columns.map(column => column.gather(rows)), reasons],
    rowCount: rows.length,
  })
}
