import type { Batch } from '../core/batch.js'
import type { RowReader } from '../core/row-view.js'
import type { OperatorContext, OperatorFactory } from './operator.js'
import { RowFunctionOperator } from './row-function.js'
import { type ErrorPolicy, wrongResult } from './user-function.js'

/** Keeps rows by a predicate. The columns are shared; what is kept becomes the batch's selection. */
export function filterOperator(predicate: (row: unknown) => boolean, errors: ErrorPolicy = 'fail'): OperatorFactory {
  return context => new FilterOperator(context, predicate, errors)
}

class FilterOperator extends RowFunctionOperator {
  private readonly predicate: (row: unknown) => boolean

  constructor(context: OperatorContext, predicate: (row: unknown) => boolean, errors: ErrorPolicy) {
    super(context, errors)
    this.predicate = predicate
  }

  onBatch(batch: Batch): undefined {
    const reader = this.readerOf(batch)
    const kept = new Uint32Array(batch.length)
    let count = 0
    batch.forEachRow(physicalRow => {
      if (this.keeps(reader, physicalRow)) kept[count++] = physicalRow
    })
    if (count === batch.length) this.context.output.batch(batch)
    else if (count > 0) this.context.output.batch(batch.with({ selection: kept.subarray(0, count) }))
    this.failed.flush(batch)
  }

  private keeps(reader: RowReader, physicalRow: number): boolean {
    try {
      const result: unknown = this.predicate(reader.at(physicalRow))
      if (typeof result === 'boolean') return result
      throw wrongResult(this.context.id, reader.materialize(), result, 'true or false')
    } catch (cause) {
      this.failed.add(reader, physicalRow, cause)
      return false
    }
  }
}
