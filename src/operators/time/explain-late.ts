import { Batch } from '../../core/batch.js'
import { filledBitmap, setBit } from '../../core/bitmap.js'
import { Float64Column, Int32Column, TimestampColumn } from '../../core/columns-fixed.js'
import { RowReader } from '../../core/row-view.js'
import { Schema } from '../../core/schema.js'
import type { Field } from '../../core/types.js'
import { cleanupTime } from '../../core/window-geometry.js'
import type { OperatorContext, OperatorFactory } from '../operator.js'
import { selectedMarks } from '../row-marks.js'
import { StatelessOperator } from '../stateless.js'
import type { Assigner } from '../windows/assigner.js'
import { type AssignerSettings, createAssigner } from '../windows/assigners.js'

/** Why a record is late. */
export interface LateReason {
  /** The exclusive end of the last window that the record belonged to, ms. */
  readonly windowEnd: number
  /** The watermark that was in force before the record, ms. */
  readonly watermark: number
  /** By how much the watermark had passed the last moment at which the record would have been taken, ms. */
  readonly lateBy: number
  /** The number of the split that had moved the watermark there; null: not known. */
  readonly movedBySplit: number | null
}

export const LATE_FIELDS: readonly Field[] = [
  { name: 'windowEnd', type: 'timestamp', nullable: false },
  { name: 'watermark', type: 'timestamp', nullable: false },
  { name: 'lateBy', type: 'f64', nullable: false },
  { name: 'movedBySplit', type: 'i32', nullable: true },
]

/** The windows that the records were late for. */
export interface LateSettings {
  readonly assigner: AssignerSettings
  readonly allowedLatenessMs: number
}

export function lateSchema(input: Schema): Schema {
  return new Schema([...input.fields, ...LATE_FIELDS])
}

/** Puts to each late record why it is late (rule 4 of time). */
export function explainLateOperator(settings: LateSettings): OperatorFactory {
  return context => new ExplainLateOperator(context, settings)
}

class ExplainLateOperator extends StatelessOperator {
  private readonly assigner: Assigner
  private readonly allowedLatenessMs: number
  private reader: RowReader | undefined
  private schema: Schema | undefined

  constructor(context: OperatorContext, { assigner, allowedLatenessMs }: LateSettings) {
    super(context)
    this.assigner = createAssigner(assigner)
    this.allowedLatenessMs = allowedLatenessMs
  }

  onBatch(input: Batch): undefined {
    const batch = input.compact()
    const { timestamps = EMPTY, watermarks = EMPTY, movers, rowCount } = batch
    this.reader ??= new RowReader(batch.schema)
    const reader = this.reader.bind(batch)
    const ends = new Float64Array(rowCount)
    const lateBy = new Float64Array(rowCount)
    const splits = new Int32Array(rowCount)
    const known = filledBitmap(rowCount)
    for (let row = 0; row < rowCount; row++) {
      const watermark = watermarks[row] ?? 0
      const end = this.lastEnd(timestamps[row] ?? 0, reader.at(row) as object)
      ends[row] = end
      lateBy[row] = watermark - cleanupTime(end, this.allowedLatenessMs)
      const split = movers === undefined ? null : watermark > movers.upTo ? movers.behind : movers.before
      splits[row] = split ?? 0
      if (split === null) setBit(known, row, false)
    }
    const reasons = [
      TimestampColumn.fromMillis(ends),
      TimestampColumn.fromMillis(watermarks),
      new Float64Column(lateBy),
      new Int32Column(splits, known),
    ]
    this.schema ??= lateSchema(batch.schema)
    const columns = [...batch.columns, ...reasons]
    this.context.output.batch(new Batch({ schema: this.schema, columns, rowCount, ...selectedMarks(batch) }))
  }

  /** Of the windows of a record, the one that ends last. */
  private lastEnd(timestamp: number, row: object): number {
    const { byRecord } = this.assigner
    // The last of Kafka Streams' sliding windows that hold a record begins with it, both ends included.
    if (byRecord !== undefined) return timestamp + byRecord.differenceMs + 1
    return Math.max(...this.assigner.assign(timestamp, row).map(({ end }) => end))
  }
}

const EMPTY = new Float64Array(0)
