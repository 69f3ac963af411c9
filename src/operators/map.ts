import type { Batch } from '../core/batch.js'
import { BatchBuilder } from '../core/batch-builder.js'
import { RowReader } from '../core/row-view.js'
import type { Schema } from '../core/schema.js'
import { ObjectSchema } from './object-schema.js'
import type { OperatorContext, OperatorFactory, OperatorState } from './operator.js'
import { selectedMarks } from './row-marks.js'
import { StatelessOperator } from './stateless.js'
import { isThenable, userFunctionFailed, wrongResult } from './user-function.js'

/** One object for each row, put into columns of the declared or inferred schema. */
export function mapOperator(transform: (row: unknown) => object, schema: Schema | undefined): OperatorFactory {
  return context => new MapOperator(context, transform, schema)
}

class MapOperator extends StatelessOperator {
  private readonly schema: ObjectSchema
  private reader: RowReader | undefined
  private builder: BatchBuilder | undefined

  private readonly transform: (row: unknown) => object

  constructor(context: OperatorContext, transform: (row: unknown) => object, schema: Schema | undefined) {
    super(context)
    this.transform = transform
    this.schema = new ObjectSchema(schema)
  }

  onBatch(batch: Batch): undefined {
    this.reader ??= new RowReader(batch.schema)
    const reader = this.reader.bind(batch)
    const rows: object[] = []
    batch.forEachRow(physicalRow => rows.push(this.transformed(reader, physicalRow)))
    this.builder ??= new BatchBuilder(this.schema.of(rows))
    for (const row of rows) this.builder.append(row)
    this.context.output.batch(this.builder.finish().with(selectedMarks(batch)))
  }

  override snapshot(): OperatorState {
    return { state: this.schema.snapshot(), parts: [] }
  }

  override restore(states: readonly OperatorState[]): void {
    this.schema.restore(states)
  }

  private transformed(reader: RowReader, physicalRow: number): object {
    let result: unknown
    try {
      result = this.transform(reader.at(physicalRow))
    } catch (cause) {
      throw userFunctionFailed(this.context.id, reader.materialize(), cause)
    }
    if (typeof result !== 'object' || result === null || isThenable(result)) {
      throw wrongResult(this.context.id, reader.materialize(), result, 'an object')
    }
    return result
  }
}
