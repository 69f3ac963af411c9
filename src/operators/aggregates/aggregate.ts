import { SabotError } from '../../core/errors.js'
import { type ColumnType, type Field, typeName } from '../../core/types.js'

/*
 * Aggregate functions, as descriptions. The window kernel lifts and combines: per input column it keeps the count of
 * non-null values, the sum, and where asked for the minimum and maximum. Here stands how each is lowered from those.
 */

export type AggregateFunction = 'count' | 'sum' | 'min' | 'max' | 'mean'

/** An aggregate over a field, or over rows where `field` is undefined. `Result` is its JavaScript type. */
export interface Aggregate<
  Field extends string | undefined = string | undefined,
  Kind extends AggregateFunction = AggregateFunction,
> {
  readonly kind: 'aggregate'
  readonly function: Kind
  readonly field: Field
}

/** The number of rows, or of rows whose `field` is not null. */
export function count(): Aggregate<undefined, 'count'>
export function count<const Field extends string>(field: Field): Aggregate<Field, 'count'>
export function count(field?: string): Aggregate<string | undefined, 'count'> {
  return { kind: 'aggregate', function: 'count', field }
}

/**
 * The sum of a numeric field; null where every value is null, as in SQL. Integers add up exactly: i64 and decimal
 * keep their type, a sum beyond i64 is the error SUM_OVERFLOW; the sum of i32 is a number. NaN makes the sum NaN.
 */
export function sum<const Field extends string>(field: Field): Aggregate<Field, 'sum'> {
  return { kind: 'aggregate', function: 'sum', field }
}

/** The smallest value of a numeric field. Nulls are skipped; so is NaN, unless there is nothing else. */
export function min<const Field extends string>(field: Field): Aggregate<Field, 'min'> {
  return { kind: 'aggregate', function: 'min', field }
}

/** The largest value of a numeric field. Nulls are skipped; so is NaN, unless there is nothing else. */
export function max<const Field extends string>(field: Field): Aggregate<Field, 'max'> {
  return { kind: 'aggregate', function: 'max', field }
}

/** The arithmetic mean of a numeric field, sum / count of the values that are not null; null where there is none. */
export function mean<const Field extends string>(field: Field): Aggregate<Field, 'mean'> {
  return { kind: 'aggregate', function: 'mean', field }
}

/** Whether a column of this type can be summed and compared. */
function isNumeric(type: ColumnType): boolean {
  if (typeof type === 'object') return type.kind === 'decimal'
  return type === 'i32' || type === 'i64' || type === 'f32' || type === 'f64' || type === 'bool' || type === 'timestamp'
}

/** @throws SabotError TYPE_MISMATCH when the values of the field are not numbers. */
export function checkNumeric(name: AggregateFunction, { name: field, type }: Field): void {
  if (isNumeric(type)) return
  throw new SabotError(
    'TYPE_MISMATCH',
    `aggregate() asks for the ${name} of ${field}, which is ${typeName(type)}, not a number`,
    { field, type: typeName(type), aggregate: name },
  )
}

/** The column type of an aggregate over a column of `input` type. */
export function aggregateType(name: AggregateFunction, input: ColumnType): ColumnType {
  switch (name) {
    case 'count':
    case 'mean':
      return 'f64'
    case 'sum':
      return input === 'i64' || typeof input === 'object' ? input : 'f64'
    case 'min':
    case 'max':
      return input === 'bool' ? 'i32' : input
  }
}
