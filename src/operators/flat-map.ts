import type { Batch } from '../core/batch.js'
import { BatchBuilder } from '../core/batch-builder.js'
import type { Json } from '../core/json.js'
import type { RowReader } from '../core/row-view.js'
import type { Schema } from '../core/schema.js'
import { ObjectSchema } from './object-schema.js'
import type { OperatorContext, OperatorFactory, OperatorState, Steps } from './operator.js'
import { RowFunctionOperator } from './row-function.js'
import { marksAt } from './row-marks.js'
import { type ErrorPolicy, isIterable, wrongResult } from './user-function.js'

/** Any number of objects for each row. They carry the row's event time and the watermark in force before it. */
export function flatMapOperator(
  transform: (row: unknown) => Iterable<object>,
  schema: Schema | undefined,
  errors: ErrorPolicy = 'fail',
): OperatorFactory {
  return context => new FlatMapOperator(context, transform, schema, errors)
}

/** Output rows a batch has at most: a row may give any number of them. */
const OUTPUT_ROWS = 8192

class FlatMapOperator extends RowFunctionOperator {
  private readonly schema: ObjectSchema
  private builder: BatchBuilder | undefined
  private readonly transform: (row: unknown) => Iterable<object>
  private readonly errors: ErrorPolicy

  constructor(
    context: OperatorContext,
    transform: (row: unknown) => Iterable<object>,
    schema: Schema | undefined,
    errors: ErrorPolicy,
  ) {
    super(context, errors)
    this.transform = transform
    this.schema = new ObjectSchema(schema)
    this.errors = errors
  }

  onBatch(batch: Batch): Steps {
    return this.steps(batch)
  }

  override restore(states: readonly OperatorState[]): void {
    super.restore(states)
    this.schema.restore(states)
  }

  protected override inferred(): Json {
    return this.schema.snapshot()
  }

  private *steps(batch: Batch): Generator<void, void, void> {
    const reader = this.readerOf(batch)
    let rows: object[] = []
    let origins: number[] = []
    for (let index = 0; index < batch.length; index++) {
      const physicalRow = batch.physicalRow(index)
      const results = this.errors === 'fail' ? this.streamed(reader, physicalRow) : this.allOrNone(reader, physicalRow)
      for (const result of results) {
        rows.push(result)
        origins.push(physicalRow)
        if (rows.length < OUTPUT_ROWS) continue
        this.emit(batch, reader, rows, origins)
        rows = []
        origins = []
        yield
      }
    }
    if (rows.length > 0) this.emit(batch, reader, rows, origins)
    this.failed.flush(batch)
  }

  private emit(batch: Batch, reader: RowReader, rows: readonly object[], origins: readonly number[]): void {
    this.builder ??= new BatchBuilder(this.schema.of(rows))
    for (const [index, row] of rows.entries()) {
      try {
        this.builder.append(row)
      } catch (cause) {
        this.failed.misfit(reader, origins[index] as number, cause)
      }
    }
    this.context.output.batch(this.builder.finish().with(marksAt(batch, Uint32Array.from(origins))))
  }

  private *results(reader: RowReader, physicalRow: number): Generator<object, void, void> {
    const { id } = this.context
    const results: unknown = this.transform(reader.at(physicalRow))
    if (!isIterable(results)) throw wrongResult(id, reader.materialize(), results, 'an array or another iterable')
    for (const result of results) {
      if (typeof result !== 'object' || result === null) {
        throw wrongResult(id, reader.materialize(), result, 'objects only')
      }
      yield result
    }
  }

  /** As the function gives them: however many there are, no more than a batch of them is held. */
  private *streamed(reader: RowReader, physicalRow: number): Generator<object, void, void> {
    try {
      yield* this.results(reader, physicalRow)
    } catch (cause) {
      this.failed.add(reader, physicalRow, cause)
    }
  }

  /** What a row gives, or nothing where it fails in the last of them: it must be looked at before any goes out. */
  private allOrNone(reader: RowReader, physicalRow: number): readonly object[] {
    let results: readonly object[]
    try {
      results = [...this.results(reader, physicalRow)]
    } catch (cause) {
      this.failed.add(reader, physicalRow, cause)
      return []
    }
    if (results.length === 0) return results
    try {
      for (const _ of BatchBuilder.batches(this.schema.of(results), results, OUTPUT_ROWS));
    } catch (cause) {
      this.failed.misfit(reader, physicalRow, cause)
      return []
    }
    return results
  }
}
