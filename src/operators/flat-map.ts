import type { Batch } from '../core/batch.js'
import { BatchBuilder } from '../core/batch-builder.js'
import { SabotError } from '../core/errors.js'
import { RowReader } from '../core/row-view.js'
import type { Schema } from '../core/schema.js'
import { ObjectSchema } from './object-schema.js'
import type { OperatorContext, OperatorFactory, OperatorState, Steps } from './operator.js'
import { marksAt } from './row-marks.js'
import { StatelessOperator } from './stateless.js'
import { isIterable, userFunctionFailed, wrongResult } from './user-function.js'

/** Any number of objects for each row. They carry the row's event time and the watermark in force before it. */
export function flatMapOperator(
  transform: (row: unknown) => Iterable<object>,
  schema: Schema | undefined,
): OperatorFactory {
  return context => new FlatMapOperator(context, transform, schema)
}

/** Output rows a batch has at most: a row may give any number of them. */
const OUTPUT_ROWS = 8192

class FlatMapOperator extends StatelessOperator {
  private readonly schema: ObjectSchema
  private reader: RowReader | undefined
  private builder: BatchBuilder | undefined

  private readonly transform: (row: unknown) => Iterable<object>

  constructor(context: OperatorContext, transform: (row: unknown) => Iterable<object>, schema: Schema | undefined) {
    super(context)
    this.transform = transform
    this.schema = new ObjectSchema(schema)
  }

  onBatch(batch: Batch): Steps {
    return this.steps(batch)
  }

  override snapshot(): OperatorState {
    return { state: this.schema.snapshot(), parts: [] }
  }

  override restore(states: readonly OperatorState[]): void {
    this.schema.restore(states)
  }

  private *steps(batch: Batch): Generator<void, void, void> {
    this.reader ??= new RowReader(batch.schema)
    const reader = this.reader.bind(batch)
    let rows: object[] = []
    let origins: number[] = []
    for (let index = 0; index < batch.length; index++) {
      const physicalRow = batch.physicalRow(index)
      for (const result of this.transformed(reader, physicalRow)) {
        rows.push(result)
        origins.push(physicalRow)
        if (rows.length < OUTPUT_ROWS) continue
        this.emit(batch, rows, origins)
        rows = []
        origins = []
        yield
      }
    }
    if (rows.length > 0) this.emit(batch, rows, origins)
  }

  private emit(batch: Batch, rows: readonly object[], origins: readonly number[]): void {
    this.builder ??= new BatchBuilder(this.schema.of(rows))
    for (const row of rows) this.builder.append(row)
    this.context.output.batch(this.builder.finish().with(marksAt(batch, Uint32Array.from(origins))))
  }

  private *transformed(reader: RowReader, physicalRow: number): Generator<object, void, void> {
    const { id } = this.context
    try {
      const results: unknown = this.transform(reader.at(physicalRow))
      if (!isIterable(results)) throw wrongResult(id, reader.materialize(), results, 'an array or another iterable')
      for (const result of results) {
        if (typeof result !== 'object' || result === null) {
          throw wrongResult(id, reader.materialize(), result, 'objects only')
        }
        yield result
      }
    } catch (cause) {
      throw cause instanceof SabotError ? cause : userFunctionFailed(id, reader.materialize(), cause)
    }
  }
}
