import { Batch } from '../core/batch.js'
import { appendField, columnBuilder } from '../core/builders-nested.js'
import type { Column } from '../core/column.js'
import type { ColumnBuilder } from '../core/column-builder.js'
import { SabotError } from '../core/errors.js'
import { inferSchema } from '../core/infer-schema.js'
import type { Json } from '../core/json.js'
import { RowReader } from '../core/row-view.js'
import { Schema } from '../core/schema.js'
import { type Field, type FieldType, unwrapNullable } from '../core/types.js'
import type { OperatorContext, OperatorFactory, OperatorState } from './operator.js'
import { selectedMarks } from './row-marks.js'
import { StatelessOperator } from './stateless.js'
import { isThenable, userFunctionFailed, wrongResult } from './user-function.js'

/** An output field: passed through from an input field, or computed. */
export type Computed = PassedField | ComputedField

interface PassedField {
  readonly name: string
  readonly from: string
}

interface ComputedField {
  readonly name: string
  readonly from?: undefined
  readonly compute: (row: unknown) => unknown
  /** undefined: inferred from the first values. */
  readonly type: FieldType | undefined
}

/** A computed column while it is filled. */
interface Filling {
  readonly field: Field
  readonly compute: (row: unknown) => unknown
  readonly builder: ColumnBuilder
}

/** Columns passed through share their buffers; computed ones are filled row by row. */
export function selectOperator(columns: readonly Computed[]): OperatorFactory {
  return context => new SelectOperator(context, columns)
}

class SelectOperator extends StatelessOperator {
  private reader: RowReader | undefined
  private schema: Schema | undefined
  /** The types of computed columns whose type is inferred, once it is known. */
  private inferred = new Map<string, Field>()
  /** The computed columns; they stay, so that strings of a column keep one dictionary from batch to batch. */
  private filling: readonly Filling[] | undefined

  private readonly columns: readonly Computed[]

  constructor(context: OperatorContext, columns: readonly Computed[]) {
    super(context)
    this.columns = columns
  }

  onBatch(batch: Batch): undefined {
    this.reader ??= new RowReader(batch.schema)
    const reader = this.reader.bind(batch)
    this.filling ??= this.opened(batch, reader)
    this.compute(this.filling, batch, reader)
    const computed = this.filling.values()
    const columns = this.columns.map(output => {
      return output.from === undefined
        ? (computed.next().value as Filling).builder.finish()
        : passed(batch, output.from)
    })
    this.schema ??= new Schema(this.columns.map(output => this.fieldOf(output, batch.schema)))
    this.context.output.batch(
      new Batch({ schema: this.schema, columns, rowCount: batch.length, ...selectedMarks(batch) }),
    )
  }

  override snapshot(): OperatorState {
    const fields = JSON.parse(JSON.stringify(new Schema([...this.inferred.values()]))) as Json
    return { state: this.inferred.size === 0 ? null : fields, parts: [] }
  }

  override restore(states: readonly OperatorState[]): void {
    const inferred = states.find(({ state }) => state !== null)
    if (inferred === undefined) return
    this.inferred = new Map(Schema.fromJSON(inferred.state).fields.map(field => [field.name, field]))
  }

  private opened(batch: Batch, reader: RowReader): Filling[] {
    return this.columns.flatMap((output): Filling[] => {
      if (output.from !== undefined) return []
      if (output.type === undefined && !this.inferred.has(output.name)) this.infer(output, batch, reader)
      const field = this.fieldOf(output, batch.schema)
      return [{ field, compute: output.compute, builder: columnBuilder(field) }]
    })
  }

  /** Row by row: functions that go back to the same strings find them decoded. */
  private compute(filling: readonly Filling[], batch: Batch, reader: RowReader): void {
    if (filling.length === 0) return
    const { selection, length } = batch
    // One try for all rows: what has failed is told apart by how far the row had come.
    let isComputed = false
    let isWrong = false
    let name = ''
    try {
      for (let index = 0; index < length; index++) {
        const row = reader.at(selection === undefined ? index : (selection[index] as number))
        for (let at = 0; at < filling.length; at++) {
          const { field, compute, builder } = filling[at] as Filling
          isComputed = false
          name = field.name
          const value = compute(row)
          isComputed = true
          isWrong = isThenable(value)
          if (isWrong) throw wrongResult(this.context.id, reader.materialize(), value, `a value for ${name}`)
          appendField(builder, field, name, value)
        }
      }
    } catch (cause) {
      // What the row has brought so far is let go with the rest.
      this.filling = undefined
      if (isWrong) throw cause
      throw isComputed
        ? this.misfit(name, reader, cause)
        : userFunctionFailed(this.context.id, reader.materialize(), cause)
    }
  }

  /** Number: f64, bigint: i64, string: utf8, ...; always nullable, since the first values do not tell. */
  private infer(output: ComputedField, batch: Batch, reader: RowReader): void {
    const values: { value: unknown }[] = []
    batch.forEachRow(physicalRow => values.push({ value: this.computedValue(output, reader, physicalRow) }))
    const type = inferSchema(values).field('value').type
    this.inferred.set(output.name, { name: output.name, type, nullable: true })
  }

  private computedValue(output: ComputedField, reader: RowReader, physicalRow: number): unknown {
    let value: unknown
    try {
      value = output.compute(reader.at(physicalRow))
    } catch (cause) {
      throw userFunctionFailed(this.context.id, reader.materialize(), cause)
    }
    if (isThenable(value)) throw wrongResult(this.context.id, reader.materialize(), value, `a value for ${output.name}`)
    return value
  }

  private fieldOf(output: Computed, input: Schema): Field {
    if (output.from !== undefined) return { ...input.field(output.from), name: output.name }
    const { name, type } = output
    const inferred = this.inferred.get(name)
    if (type !== undefined) return { name, ...unwrapNullable(type) }
    if (inferred === undefined) throw new TypeError(`The type of ${name} is not inferred yet`)
    return inferred
  }

  private misfit(name: string, reader: RowReader, cause: unknown): unknown {
    if (!(cause instanceof SabotError)) return cause
    const { id } = this.context
    const details = { ...cause.details, operator: id, field: name, record: reader.materialize() }
    return new SabotError(cause.code, `Operator ${id}: ${cause.message}`, details, { cause })
  }
}

function passed(batch: Batch, name: string): Column {
  const column = batch.column(name)
  return batch.selection === undefined ? column : column.gather(batch.selection)
}
