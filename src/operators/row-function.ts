import type { Batch } from '../core/batch.js'
import { addCounters, countersMember, type Json, memberOf } from '../core/json.js'
import { RowReader } from '../core/row-view.js'
import { FailedRows } from './failed-rows.js'
import type { OperatorContext, OperatorState } from './operator.js'
import { StatelessOperator } from './stateless.js'
import type { ErrorPolicy } from './user-function.js'

/**
 * An operator that calls a function of the user for each row and keeps nothing between batches, but for how many rows
 * have failed: they are counted, and set aside by the error policy.
 */
export abstract class RowFunctionOperator extends StatelessOperator {
  override readonly dropped: Record<string, number> = {}
  protected readonly failed: FailedRows
  private reader: RowReader | undefined

  constructor(context: OperatorContext, errors: ErrorPolicy) {
    super(context)
    this.failed = new FailedRows(context, errors, this.dropped)
  }

  override snapshot(): OperatorState {
    const { dropped } = this
    const fields = memberOf(this.inferred(), 'fields')
    const state = {
      ...(fields !== undefined && { fields }),
      ...(Object.keys(dropped).length > 0 && { dropped: { ...dropped } }),
    }
    return { state: Object.keys(state).length === 0 ? null : state, parts: [] }
  }

  override restore(states: readonly OperatorState[]): void {
    if (this.context.keyGroups.start > 0) return
    for (const { state } of states) addCounters(this.dropped, countersMember(state, 'dropped'))
  }

  /** The schema that it has inferred and must go on with, as JSON; null: none. */
  protected inferred(): Json {
    return null
  }

  protected readerOf(batch: Batch): RowReader {
    this.reader ??= new RowReader(batch.schema)
    return this.reader.bind(batch)
  }
}
