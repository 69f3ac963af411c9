/* What aggregates read of a record: a value to keep, or one to go by. */
import { parseDecimal } from '../../core/decimal.js'
import { SabotError } from '../../core/errors.js'
import type { Schema } from '../../core/schema.js'
import { type ColumnType, type Field, typeName } from '../../core/types.js'
import { fieldOf } from './accumulator.js'
import type { AggregateFunction } from './aggregate.js'

/** A value of a record that outlives the call: that of a field, or the record itself as a struct. */
export interface KeptValue {
  readonly type: ColumnType
  readonly nullable: boolean
  of(record: object): unknown
}

export function keptValue(field: string | undefined, input: Schema): KeptValue {
  if (field === undefined) {
    return { type: { kind: 'struct', fields: input.fields }, nullable: false, of: record => ({ ...record }) }
  }
  const { type, nullable } = input.field(field)
  return { type, nullable, of: record => fieldOf(record, field) }
}

/** A number or a string that orders records. */
export type OrderKey = number | bigint | string

/** Reads what orders records; null where they have no place. @throws SabotError TYPE_MISMATCH */
export function orderKey(name: AggregateFunction, { name: field, type }: Field): (record: object) => OrderKey | null {
  if (typeof type === 'object' && type.kind === 'decimal') {
    return record => {
      const value = fieldOf(record, field)
      return value === null ? null : parseDecimal(String(value), type.scale)
    }
  }
  if (typeof type === 'object' || type === 'object') throw notPrimitive(name, field, type, 'a number or a string')
  return record => {
    const value = fieldOf(record, field)
    return typeof value === 'boolean' ? Number(value) : (value as OrderKey | null)
  }
}

/** Whether `a` comes before `b` in ascending order; NaN comes behind everything in either order. */
export function isBefore(a: OrderKey, b: OrderKey, ascending: boolean): boolean {
  if (Number.isNaN(b)) return !Number.isNaN(a)
  return ascending ? a < b : a > b
}

/** @throws SabotError TYPE_MISMATCH when the values of the field cannot be told apart by themselves */
export function checkPrimitive(name: AggregateFunction, { name: field, type }: Field): void {
  if (typeof type === 'object' ? type.kind !== 'decimal' : type === 'object') {
    throw notPrimitive(name, field, type, 'of a primitive type')
  }
}

/** @throws SabotError TYPE_MISMATCH when the values of the field are not strings */
export function checkText(name: AggregateFunction, { name: field, type }: Field): void {
  if (type !== 'utf8') throw notPrimitive(name, field, type, 'a string')
}

function notPrimitive(name: string, field: string, type: ColumnType, wanted: string): SabotError {
  return new SabotError(
    'TYPE_MISMATCH',
    `aggregate() asks for the ${name} of ${field}, which is ${typeName(type)}, not ${wanted}`,
    { field, type: typeName(type), aggregate: name },
  )
}
