import type { Batch } from '../core/batch.js'
import { RowReader } from '../core/row-view.js'
import type { OperatorContext, OperatorFactory } from './operator.js'
import { StatelessOperator } from './stateless.js'
import { userFunctionFailed, wrongResult } from './user-function.js'

/** Keeps rows by a predicate. The columns are shared; what is kept becomes the batch's selection. */
export function filterOperator(predicate: (row: unknown) => boolean): OperatorFactory {
  return context => new FilterOperator(context, predicate)
}

class FilterOperator extends StatelessOperator {
  private reader: RowReader | undefined

  private readonly predicate: (row: unknown) => boolean

  constructor(context: OperatorContext, predicate: (row: unknown) => boolean) {
    super(context)
    this.predicate = predicate
  }

  onBatch(batch: Batch): undefined {
    this.reader ??= new RowReader(batch.schema)
    const reader = this.reader.bind(batch)
    const kept = new Uint32Array(batch.length)
    let count = 0
    batch.forEachRow(physicalRow => {
      if (this.keeps(reader, physicalRow)) kept[count++] = physicalRow
    })
    if (count === batch.length) this.context.output.batch(batch)
    else if (count > 0) this.context.output.batch(batch.with({ selection: kept.subarray(0, count) }))
  }

  private keeps(reader: RowReader, physicalRow: number): boolean {
    const row = reader.at(physicalRow)
    let result: unknown
    try {
      result = this.predicate(row)
    } catch (cause) {
      throw userFunctionFailed(this.context.id, reader.materialize(), cause)
    }
    if (typeof result !== 'boolean') throw wrongResult(this.context.id, reader.materialize(), result, 'true or false')
    return result
  }
}
