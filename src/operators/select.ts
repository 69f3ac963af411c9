import { Batch } from '../core/batch.js'
import { appendField, columnBuilder } from '../core/builders-nested.js'
import type { Column } from '../core/column.js'
import type { ColumnBuilder } from '../core/column-builder.js'
import type { SabotError } from '../core/errors.js'
import { inferSchema } from '../core/infer-schema.js'
import { type Json, memberOf } from '../core/json.js'
import type { RowReader } from '../core/row-view.js'
import { Schema } from '../core/schema.js'
import { type Field, type FieldType, unwrapNullable } from '../core/types.js'
import type { OperatorContext, OperatorFactory, OperatorState } from './operator.js'
import { RowFunctionOperator } from './row-function.js'
import { marksAt, selectedMarks } from './row-marks.js'
import { type ErrorPolicy, isThenable, wrongResult } from './user-function.js'

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
export function selectOperator(columns: readonly Computed[], errors: ErrorPolicy = 'fail'): OperatorFactory {
  return context => new SelectOperator(context, columns, errors)
}

class SelectOperator extends RowFunctionOperator {
  private schema: Schema | undefined
  /** The types of computed columns whose type is inferred, once it is known. */
  private inferredFields = new Map<string, Field>()
  /** The computed columns; they stay, so that strings of a column keep one dictionary from batch to batch. */
  private filling: readonly Filling[] | undefined

  private readonly columns: readonly Computed[]

  constructor(context: OperatorContext, columns: readonly Computed[], errors: ErrorPolicy) {
    super(context, errors)
    this.columns = columns
  }

  onBatch(batch: Batch): undefined {
    const reader = this.readerOf(batch)
    this.filling ??= this.opened(batch, reader)
    if (this.filling !== undefined) this.emit(batch, this.filling, this.compute(this.filling, batch, reader))
    this.failed.flush(batch)
  }

  override restore(states: readonly OperatorState[]): void {
    super.restore(states)
    const inferred = states.find(({ state }) => memberOf(state, 'fields') !== undefined)
    if (inferred === undefined) return
    this.inferredFields = new Map(Schema.fromJSON(inferred.state).fields.map(field => [field.name, field]))
  }

  protected override inferred(): Json {
    if (this.inferredFields.size === 0) return null
    return JSON.parse(JSON.stringify(new Schema([...this.inferredFields.values()]))) as Json
  }

  private emit(batch: Batch, filling: readonly Filling[], rows: Uint32Array): void {
    if (rows.length === 0) return
    const isWhole = rows.length === batch.length
    const computed = filling.values()
    const columns = this.columns.map(output => {
      if (output.from === undefined) return (computed.next().value as Filling).builder.finish()
      return isWhole ? passed(batch, output.from) : batch.column(output.from).gather(rows)
    })
    this.schema ??= new Schema(this.columns.map(output => this.fieldOf(output, batch.schema)))
    const marks = isWhole ? selectedMarks(batch) : marksAt(batch, rows)
    this.context.output.batch(new Batch({ schema: this.schema, columns, rowCount: rows.length, ...marks }))
  }

  /** undefined: no row has told yet what type a column has. */
  private opened(batch: Batch, reader: RowReader): Filling[] | undefined {
    const filling: Filling[] = []
    for (const output of this.columns) {
      if (output.from !== undefined) continue
      const { name, type, compute } = output
      if (type === undefined && !this.inferredFields.has(name) && !this.infer(output, batch, reader)) return undefined
      const field = this.fieldOf(output, batch.schema)
      filling.push({ field, compute, builder: columnBuilder(field) })
    }
    return filling
  }

  /** The physical rows that have not failed. Row by row: functions that go back to the same strings find them decoded. */
  private compute(filling: readonly Filling[], batch: Batch, reader: RowReader): Uint32Array {
    const { selection, length } = batch
    const rows = new Uint32Array(length)
    let kept = 0
    let index = 0
    while (index < length) {
      let row = 0
      let isComputed = false
      // One try for all rows: what has failed is told apart by how far the row had come.
      try {
        for (; index < length; index++) {
          row = selection === undefined ? index : (selection[index] as number)
          const view = reader.at(row)
          for (let at = 0; at < filling.length; at++) {
            const { field, compute, builder } = filling[at] as Filling
            isComputed = false
            const value = compute(view)
            if (isThenable(value)) throw this.wrongValue(field.name, reader, value)
            isComputed = true
            appendField(builder, field, field.name, value)
          }
          rows[kept++] = row
        }
      } catch (cause) {
        for (const { builder } of filling) if (builder.length > kept) builder.truncate(kept)
        if (isComputed) this.failed.misfit(reader, row, cause)
        else this.failed.add(reader, row, cause)
        index += 1
      }
    }
    return rows.subarray(0, kept)
  }

  /** Number: f64, bigint: i64, string: utf8, ...; always nullable, since the first values do not tell. */
  private infer({ name, compute }: ComputedField, batch: Batch, reader: RowReader): boolean {
    const values: { value: unknown }[] = []
    const failures: { row: number; cause: unknown }[] = []
    batch.forEachRow(row => {
      try {
        const value = compute(reader.at(row))
        if (isThenable(value)) throw this.wrongValue(name, reader, value)
        values.push({ value })
      } catch (cause) {
        failures.push({ row, cause })
      }
    })
    if (values.length === 0) {
      for (const { row, cause } of failures) this.failed.add(reader, row, cause)
      return false
    }
    this.inferredFields.set(name, { name, type: inferSchema(values).field('value').type, nullable: true })
    return true
  }

  private wrongValue(name: string, reader: RowReader, value: unknown): SabotError {
    return wrongResult(this.context.id, reader.materialize(), value, `a value for ${name}`)
  }

  private fieldOf(output: Computed, input: Schema): Field {
    if (output.from !== undefined) return { ...input.field(output.from), name: output.name }
    const { name, type } = output
    const inferred = this.inferredFields.get(name)
    if (type !== undefined) return { name, ...unwrapNullable(type) }
    if (inferred === undefined) throw new TypeError(`The type of ${name} is not inferred yet`)
    return inferred
  }
}

function passed(batch: Batch, name: string): Column {
  const column = batch.column(name)
  return batch.selection === undefined ? column : column.gather(batch.selection)
}
