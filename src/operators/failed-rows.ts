import { Batch } from '../core/batch.js'
import { Utf8Column } from '../core/columns-text.js'
import { SabotError } from '../core/errors.js'
import type { RowReader } from '../core/row-view.js'
import type { OperatorContext } from './operator.js'
import { marksAt } from './row-marks.js'
import { DEAD_LETTER_OUTPUT, deadLetterSchema } from './time/dead-letters.js'
import { type ErrorPolicy, userFunctionFailed } from './user-function.js'

/** Records for which a function of the user failed, by the error policy. */
export class FailedRows {
  private readonly context: OperatorContext
  private readonly errors: ErrorPolicy
  private readonly dropped: Record<string, number>
  private rows: number[] = []
  private reasons: string[] = []

  /** `dropped`: where they are counted. */
  constructor(context: OperatorContext, errors: ErrorPolicy, dropped: Record<string, number>) {
    this.context = context
    this.errors = errors
    this.dropped = dropped
  }

  /** The function threw, or returned what it must not. @throws SabotError USER_FUNCTION_FAILED, USER_FUNCTION_RESULT */
  add(reader: RowReader, row: number, cause: unknown): void {
    if (this.errors === 'fail') {
      if (cause instanceof SabotError && cause.code === 'USER_FUNCTION_RESULT') throw cause
      reader.at(row)
      throw userFunctionFailed(this.context.id, reader.materialize(), cause)
    }
    this.setAside(row, cause)
  }

  /** What the function returned does not fit the schema. @throws SabotError with the code of `cause`, naming the operator */
  misfit(reader: RowReader, row: number, cause: unknown): void {
    // Anything else is no fault of the record.
    if (!(cause instanceof SabotError)) throw cause
    if (this.errors !== 'fail') {
      // Without the row's number, which depends on where the job began.
      this.setAside(row, cause.cause instanceof SabotError ? cause.cause : cause)
      return
    }
    const { id } = this.context
    reader.at(row)
    const details = { ...cause.details, operator: id, record: reader.materialize() }
    throw new SabotError(cause.code, `Operator ${id}: ${cause.message}`, details, { cause })
  }

  /** Dead letters go out with their reason. */
  flush(batch: Batch): void {
    if (this.rows.length === 0) return
    const rows = Uint32Array.from(this.rows)
    const letters = new Batch({
      schema: deadLetterSchema(batch.schema),
      columns: [...batch.columns.map(column => column.gather(rows)), Utf8Column.from(this.reasons)],
      rowCount: rows.length,
      ...marksAt(batch, rows),
    })
    this.rows = []
    this.reasons = []
    this.context.output.side(DEAD_LETTER_OUTPUT, letters)
  }

  private setAside(row: number, cause: unknown): void {
    this.dropped.failed = (this.dropped.failed ?? 0) + 1
    if (this.errors === 'skip') return
    this.rows.push(row)
    this.reasons.push(cause instanceof Error ? cause.message : String(cause))
  }
}
