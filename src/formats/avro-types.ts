/*
 * What an Avro type is to us.
 *
 *   null object · boolean bool · int i32 · long i64 · float f32 · double f64 · string, enum, uuid utf8
 *   date, timestamp-* timestamp · decimal decimal(s) · array list · record struct · [null, T] nullable(T)
 *   bytes, fixed, map, other unions, a record within itself: object
 */
import { type ColumnType, type Field, type FieldType, MAX_DECIMAL_SCALE } from '../core/types.js'
import type { AvroField, AvroType } from './avro-schema.js'

/** The field that a field of the file's record is, without a declaration. */
export function fieldOfAvro({ name, type }: AvroField): Field {
  return { name, ...columnTypeOf(type, []) }
}

interface TypeAndNulls {
  readonly type: ColumnType
  readonly nullable: boolean
}

function columnTypeOf(type: AvroType, within: readonly AvroType[]): TypeAndNulls {
  if (type.kind === 'union') {
    const others = type.branches.filter(({ kind }) => kind !== 'null')
    const nullable = others.length < type.branches.length
    const [only] = others
    if (others.length === 1 && only !== undefined) return { ...columnTypeOf(only, within), nullable }
    return { type: 'object', nullable: true }
  }
  return { type: plainType(type, within), nullable: type.kind === 'null' }
}

function plainType(type: Exclude<AvroType, { kind: 'union' }>, within: readonly AvroType[]): ColumnType {
  switch (type.kind) {
    case 'boolean':
      return 'bool'
    case 'int':
      return type.logical === undefined ? 'i32' : 'timestamp'
    case 'long':
      return type.logical === undefined ? 'i64' : 'timestamp'
    case 'float':
      return 'f32'
    case 'double':
      return 'f64'
    case 'string':
    case 'enum':
      return 'utf8'
    case 'bytes':
    case 'fixed':
      if (type.logical?.kind === 'uuid') return 'utf8'
      if (type.logical?.kind !== 'decimal' || type.logical.scale > MAX_DECIMAL_SCALE) return 'object'
      return { kind: 'decimal', scale: type.logical.scale }
    case 'array':
      return { kind: 'list', element: fieldTypeOf(type.items, within) }
    case 'record':
      if (within.includes(type) || type.fields.length === 0) return 'object'
      return {
        kind: 'struct',
        fields: type.fields.map(field => ({ name: field.name, ...columnTypeOf(field.type, [...within, type]) })),
      }
    default:
      return 'object'
  }
}

function fieldTypeOf(type: AvroType, within: readonly AvroType[]): FieldType {
  const { type: column, nullable } = columnTypeOf(type, within)
  return nullable ? { kind: 'nullable', type: column } : column
}
