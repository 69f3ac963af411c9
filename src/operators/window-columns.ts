import type { Batch } from '../core/batch.js'
import { bitmapBytes, getBit, setBit } from '../core/bitmap.js'
import type { Column } from '../core/column.js'
import {
  BoolColumn,
  DecimalColumn,
  Float32Column,
  Float64Column,
  Int32Column,
  Int64Column,
  TimestampColumn,
} from '../core/columns-fixed.js'
import type { Schema } from '../core/schema.js'
import type { ColumnType, Field } from '../core/types.js'
import type { FiredWindows, WindowColumnSpec, WindowColumnValues } from '../kernel/windows.js'
import { lowered } from './window-lowering.js'
import type { NamedAggregate } from './window-results.js'

/** One input column of the kernel, which several aggregates may share. */
interface AggregatedField {
  readonly field: Field
  readonly spec: WindowColumnSpec
}

/**
 * Between the columns of batches and those of the window kernel: which input columns the aggregates need, and how each
 * aggregate is lowered from what the kernel keeps of its column.
 */
export class WindowColumns {
  private readonly fields: readonly AggregatedField[]
  private readonly aggregates: readonly NamedAggregate[]

  constructor(input: Schema, aggregates: readonly NamedAggregate[]) {
    this.aggregates = aggregates
    const names = [...new Set(aggregates.flatMap(({ field }) => field ?? []))]
    this.fields = names.map(name => {
      const field = input.field(name)
      const minMax = aggregates.some(
        ({ field, function: kind }) => field === name && (kind === 'min' || kind === 'max'),
      )
      return { field, spec: { type: kernelType(field.type), minMax, nullable: field.nullable } }
    })
  }

  get specs(): WindowColumnSpec[] {
    return this.fields.map(({ spec }) => spec)
  }

  /** The kernel's input columns of a batch without a selection. */
  inputs(batch: Batch): WindowColumnValues[] {
    return this.fields.map(({ field }) => inputValues(batch.column(field.name)))
  }

  /** The result columns of fired rows, in the order of the aggregates. */
  results(fired: FiredWindows): Column[] {
    return this.aggregates.map(({ function: kind, field: name }) => {
      const index = this.fields.findIndex(({ field }) => field.name === name)
      const aggregated = this.fields[index]
      const column = fired.columns[index]
      if (aggregated === undefined || column === undefined) return new Float64Column(fired.rowCounts.slice())
      return lowered(kind, aggregated.field.type, column)
    })
  }
}

function kernelType(type: ColumnType): WindowColumnSpec['type'] {
  switch (type) {
    case 'f64':
    case 'f32':
      return type
    case 'i64':
    case 'timestamp':
      return 'i64'
    default:
      // Of what is not a number only the non-null values are counted.
      return typeof type === 'object' && type.kind === 'decimal' ? 'i64' : 'i32'
  }
}

function inputValues(column: Column): WindowColumnValues {
  const { validity } = column
  if (column instanceof Float64Column || column instanceof Float32Column || column instanceof Int32Column) {
    return { values: column.values, validity }
  }
  if (column instanceof Int64Column || column instanceof TimestampColumn || column instanceof DecimalColumn) {
    return { values: column.values, validity }
  }
  const values = new Int32Array(column.length)
  if (column instanceof BoolColumn) {
    for (let row = 0; row < column.length; row++) values[row] = getBit(column.bits, row) ? 1 : 0
  }
  return { values, validity: validity ?? objectValidity(column) }
}

/** Object columns have no bitmap: a null is a value there. */
function objectValidity(column: Column): Uint8Array | undefined {
  if (column.type !== 'object') return undefined
  const bits = new Uint8Array(bitmapBytes(column.length))
  for (let row = 0; row < column.length; row++) setBit(bits, row, column.isValid(row))
  return bits
}
