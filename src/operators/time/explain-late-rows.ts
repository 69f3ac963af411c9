import { Batch } from '../../core/batch.js'
import { Float64Column, TimestampColumn } from '../../core/columns-fixed.js'
import { Schema } from '../../core/schema.js'
import type { Field } from '../../core/types.js'
import type { OperatorContext, OperatorFactory } from '../operator.js'
import { selectedMarks } from '../row-marks.js'
import { StatelessOperator } from '../stateless.js'

/** Why a row of a join is late. */
export interface JoinLateReason {
  /** The watermark from which on a row of its time is late, ms. */
  readonly lateFrom: number
  /** The watermark that was in force before it, ms: the lower one of both sides. */
  readonly watermark: number
  /** By how much that watermark had passed `lateFrom`, ms. */
  readonly lateBy: number
}

/** The watermark from which on a row of this event time is late, ms. */
export type LateFrom = (timestamp: number) => number

export const JOIN_LATE_FIELDS: readonly Field[] = [
  { name: 'lateFrom', type: 'timestamp', nullable: false },
  { name: 'watermark', type: 'timestamp', nullable: false },
  { name: 'lateBy', type: 'f64', nullable: false },
]

export function joinLateSchema(input: Schema): Schema {
  return new Schema([...input.fields, ...JOIN_LATE_FIELDS])
}

/** Puts to each late row of a join why it is late. */
export function explainLateRowsOperator(lateFrom: LateFrom): OperatorFactory {
  return context => new ExplainLateRowsOperator(context, lateFrom)
}

class ExplainLateRowsOperator extends StatelessOperator {
  private readonly lateFrom: LateFrom
  private schema: Schema | undefined

  constructor(context: OperatorContext, lateFrom: LateFrom) {
    super(context)
    this.lateFrom = lateFrom
  }

  onBatch(input: Batch): undefined {
    const batch = input.compact()
    const { timestamps = EMPTY, watermarks = EMPTY, rowCount } = batch
    const from = timestamps.map(this.lateFrom)
    const lateBy = from.map((bound, row) => (watermarks[row] ?? bound) - bound)
    const reasons = [
      TimestampColumn.fromMillis(from),
      TimestampColumn.fromMillis(watermarks),
      new Float64Column(lateBy),
    ]
    this.schema ??= joinLateSchema(batch.schema)
    const columns = [...batch.columns, ...reasons]
    this.context.output.batch(new Batch({ schema: this.schema, columns, rowCount, ...selectedMarks(batch) }))
  }
}

const EMPTY = new Float64Array(0)
