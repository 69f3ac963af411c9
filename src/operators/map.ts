import type { Batch } from '../core/batch.js'
import { BatchBuilder } from '../core/batch-builder.js'
import type { Json } from '../core/json.js'
import type { RowReader } from '../core/row-view.js'
import type { Schema } from '../core/schema.js'
import { ObjectSchema } from './object-schema.js'
import type { OperatorContext, OperatorFactory, OperatorState } from './operator.js'
import { RowFunctionOperator } from './row-function.js'
import { marksAt, selectedMarks } from './row-marks.js'
import { type ErrorPolicy, isThenable, wrongResult } from './user-function.js'

/** One object for each row, put into columns of the declared or inferred schema. */
export function mapOperator(
  transform: (row: unknown) => object,
  schema: Schema | undefined,
  errors: ErrorPolicy = 'fail',
): OperatorFactory {
  return context => new MapOperator(context, transform, schema, errors)
}

class MapOperator extends RowFunctionOperator {
  private readonly schema: ObjectSchema
  private builder: BatchBuilder | undefined
  private readonly transform: (row: unknown) => object

  constructor(
    context: OperatorContext,
    transform: (row: unknown) => object,
    schema: Schema | undefined,
    errors: ErrorPolicy,
  ) {
    super(context, errors)
    this.transform = transform
    this.schema = new ObjectSchema(schema)
  }

  onBatch(batch: Batch): undefined {
    const reader = this.readerOf(batch)
    const results: object[] = []
    const origins = new Uint32Array(batch.length)
    batch.forEachRow(physicalRow => {
      const result = this.transformed(reader, physicalRow)
      if (result !== undefined) origins[results.push(result) - 1] = physicalRow
    })
    if (results.length > 0) this.emit(batch, reader, results, origins)
    this.failed.flush(batch)
  }

  override restore(states: readonly OperatorState[]): void {
    super.restore(states)
    this.schema.restore(states)
  }

  protected override inferred(): Json {
    return this.schema.snapshot()
  }

  private emit(batch: Batch, reader: RowReader, results: readonly object[], origins: Uint32Array): void {
    this.builder ??= new BatchBuilder(this.schema.of(results))
    const { builder } = this
    let kept = 0
    for (let index = 0; index < results.length; index++) {
      const origin = origins[index] as number
      try {
        builder.append(results[index] as object)
        origins[kept++] = origin
      } catch (cause) {
        this.failed.misfit(reader, origin, cause)
      }
    }
    if (kept === 0) return
    const marks = kept === batch.length ? selectedMarks(batch) : marksAt(batch, origins.subarray(0, kept))
    this.context.output.batch(builder.finish().with(marks))
  }

  /** undefined: it has failed. */
  private transformed(reader: RowReader, physicalRow: number): object | undefined {
    try {
      const result: unknown = this.transform(reader.at(physicalRow))
      if (typeof result === 'object' && result !== null && !isThenable(result)) return result
      throw wrongResult(this.context.id, reader.materialize(), result, 'an object')
    } catch (cause) {
      this.failed.add(reader, physicalRow, cause)
      return undefined
    }
  }
}
