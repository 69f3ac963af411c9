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
import type { FiredWindows, WindowColumnSpec, WindowColumnValues } from '../kernel/aggregated-columns.js'
import { isKernelCall, type KernelCall } from './aggregates/kernel-functions.js'
import { type Predicate, RowFilter } from './aggregates/row-filter.js'
import { lowered } from './window-lowering.js'
import type { NamedAggregate } from './window-results.js'

/** One input column of the kernel, which several aggregates may share. */
interface AggregatedColumn {
  /** undefined: records are counted, those for which the predicate is true. */
  readonly field: Field | undefined
  readonly predicate: Predicate | undefined
  readonly spec: WindowColumnSpec
}

type NamedKernelCall = NamedAggregate & KernelCall

/**
 * Between the columns of batches and those of the window kernel: which input columns the aggregates need, and how each
 * aggregate is lowered from what the kernel keeps of its column. To the kernel, what a predicate leaves out is null.
 */
export class WindowColumns {
  private readonly columns: readonly AggregatedColumn[]
  private readonly aggregates: readonly NamedKernelCall[]
  private readonly filters: ReadonlyMap<Predicate, RowFilter>

  /** `operator` is the operator's id, for errors of the user's predicates. */
  constructor(input: Schema, named: readonly NamedAggregate[], operator: string) {
    const aggregates = named.map(kernelCall)
    this.aggregates = aggregates
    const columns: AggregatedColumn[] = []
    for (const { field: name, predicate } of aggregates) {
      if ((name === undefined && predicate === undefined) || indexOf(columns, name, predicate) >= 0) continue
      const field = name === undefined ? undefined : input.field(name)
      const minMax = aggregates.some(
        other =>
          other.field === name &&
          other.predicate === predicate &&
          (other.function === 'min' || other.function === 'max'),
      )
      const nullable = predicate !== undefined || field?.nullable === true
      columns.push({ field, predicate, spec: { type: kernelType(field?.type ?? 'i32'), minMax, nullable } })
    }
    this.columns = columns
    const predicates = new Set(columns.flatMap(({ predicate }) => predicate ?? []))
    this.filters = new Map(Array.from(predicates, of => [of, new RowFilter(of, input, operator)]))
  }

  get specs(): WindowColumnSpec[] {
    return this.columns.map(({ spec }) => spec)
  }

  /** The kernel's input columns of a batch without a selection. @throws SabotError USER_FUNCTION_FAILED */
  inputs(batch: Batch): WindowColumnValues[] {
    const passing = new Map<Predicate, Uint8Array>()
    for (const [predicate, filter] of this.filters) passing.set(predicate, filter.passing(batch))
    return this.columns.map(({ field, predicate }) => {
      const input: WindowColumnValues =
        field === undefined ? { values: new Int32Array(batch.rowCount) } : inputValues(batch.column(field.name))
      const passes = predicate && passing.get(predicate)
      return passes === undefined ? input : { ...input, validity: bothOf(input.validity, passes) }
    })
  }

  /** The result columns of fired rows, in the order of the aggregates. */
  results(fired: FiredWindows): Column[] {
    return this.aggregates.map(({ function: kind, field, predicate }) => {
      const index = indexOf(this.columns, field, predicate)
      const aggregated = this.columns[index]
      const column = fired.columns[index]
      if (aggregated === undefined || column === undefined) return new Float64Column(fired.rowCounts.slice())
      return lowered(kind, aggregated.field?.type ?? 'i32', column)
    })
  }
}

/** Whether no function of the user sees a row. */
export function readsColumnsOnly(aggregates: readonly NamedAggregate[]): boolean {
  return aggregates.every(aggregate => aggregate.predicate === undefined)
}

function kernelCall(aggregate: NamedAggregate): NamedKernelCall {
  if (isKernelCall(aggregate)) return aggregate
  throw new TypeError(`The window kernel does not compute ${aggregate.function}`)
}

function indexOf(columns: readonly AggregatedColumn[], name: string | undefined, predicate: unknown): number {
  return columns.findIndex(column => column.field?.name === name && column.predicate === predicate)
}

/** The bits that are set in both. */
function bothOf(validity: Uint8Array | undefined, passes: Uint8Array): Uint8Array {
  return validity === undefined ? passes : passes.map((bits, index) => bits & (validity[index] ?? 0))
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
