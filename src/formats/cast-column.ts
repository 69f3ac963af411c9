/* Columns of a file as another declared type: numbers of other widths, where every value is exact. */
import { appendField, columnBuilder } from '../core/builders-nested.js'
import type { Column } from '../core/column.js'
import { SabotError } from '../core/errors.js'
import { type ColumnType, type Field, typeName, typesEqual, unwrapNullable } from '../core/types.js'

const CASTS: Readonly<Record<string, readonly string[]>> = {
  i32: ['i64'],
  i64: ['i32'],
  f64: ['f32', 'i32', 'i64'],
  f32: ['f64'],
  timestamp: ['i64'],
}

/** @throws SabotError TYPE_MISMATCH, telling what the field could be declared as */
export function checkCast(file: Field, declared: Field): void {
  const [actual, wanted] = [file.type, declared.type]
  if (wanted === 'object' || typesEqual(withoutNulls(actual), withoutNulls(wanted))) return
  if (typeof wanted === 'string' && typeof actual === 'string' && CASTS[wanted]?.includes(actual)) return
  const isDecimal = typeof wanted === 'object' && wanted.kind === 'decimal'
  if (isDecimal && typeof actual === 'object' && actual.kind === 'decimal' && actual.scale <= wanted.scale) return
  throw new SabotError(
    'TYPE_MISMATCH',
    `Field ${declared.name} is declared ${typeName(wanted)}, but the file's can be read as ${typeName(actual)}`,
    { field: declared.name, expected: typeName(wanted), actual: typeName(actual) },
  )
}

/** @throws SabotError OUT_OF_RANGE, NULL_VALUE */
export function castColumn(column: Column, declared: Field): Column {
  if (typesEqual(column.type, declared.type)) return column
  const builder = columnBuilder(declared)
  for (let row = 0; row < column.length; row++) {
    appendField(builder, declared, declared.name, asNumber(column.value(row), declared, row))
  }
  return builder.finish()
}

/** What floats and times take: a number, exact. */
function asNumber(value: unknown, { name, type }: Field, row: number): unknown {
  if (typeof value !== 'bigint' || (type !== 'f64' && type !== 'timestamp' && type !== 'i32')) return value
  const number = Number(value)
  if (Number.isSafeInteger(number)) return number
  throw new SabotError('OUT_OF_RANGE', `Field ${name}, row ${row}: ${value} is no ${typeName(type)}`, {
    field: name,
    position: row,
    value,
  })
}

/** Nested types are compared without regard to nulls, which are checked by value. */
export function withoutNulls(type: ColumnType): ColumnType {
  if (typeof type === 'string' || type.kind === 'decimal') return type
  if (type.kind === 'list') return { kind: 'list', element: withoutNulls(unwrapNullable(type.element).type) }
  return {
    kind: 'struct',
    fields: type.fields.map(field => ({ ...field, type: withoutNulls(field.type), nullable: true })),
  }
}
