import type { ColumnType, FieldType, Nullable, ValueOf } from '../core/types.js'

/** A column that `select` computes from each row, with its declared type. */
export interface ComputedColumn<Row, Value> {
  readonly kind: 'computed'
  readonly type: FieldType
  readonly compute: (row: Row) => Value
}

/**
 * A computed column of a declared type: `select({ km: column('f64', row => row.miles * 1.609) })`. Without a declared
 * type the first values decide (number: f64, bigint: i64, string: utf8, boolean: bool, Date: timestamp).
 */
export function column<const Type extends ColumnType | Nullable, Row>(
  type: Type,
  compute: (row: Row) => ValueOf<Type>,
): ComputedColumn<Row, ValueOf<Type>> {
  return { kind: 'computed', type, compute }
}

/** Output fields: the name of an input field (passed through), a function of the row, or column(type, function). */
export interface Projection<Row> {
  readonly [field: string]: FieldOf<Row> | ((row: Row) => unknown) | ComputedColumn<Row, unknown>
}

/** The names of the fields of a row. */
export type FieldOf<Row> = Extract<keyof Row, string>

/** The rows that a projection gives. */
export type Projected<Row, P> = {
  readonly [Field in keyof P]: P[Field] extends ComputedColumn<never, infer Value>
    ? Value
    : P[Field] extends (row: never) => infer Value
      ? Widened<Value>
      : P[Field] extends keyof Row
        ? Row[P[Field]]
        : never
}

/** A computed 0 or 1 is a number, not the type 0 | 1. */
export type Widened<Value> = Value extends boolean
  ? boolean
  : Value extends number
    ? number
    : Value extends bigint
      ? bigint
      : Value extends string
        ? string
        : Value

/** The same type, written out. */
export type Simplified<T> = { readonly [K in keyof T]: T[K] } & {}
