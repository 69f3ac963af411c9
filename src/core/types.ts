/*
 * Column types, and what they are to TypeScript.
 *
 *   type        in a column                              as a JavaScript value
 *   bool        bitmap                                   boolean
 *   i32         32-bit integers                          number
 *   i64         64-bit integers                          bigint
 *   f32, f64    IEEE 754                                 number
 *   utf8        offsets and bytes, or dictionary codes   string
 *   timestamp   64-bit integers, ms since the epoch      number
 *   decimal(s)  64-bit integers, scaled by 10^s          string, exact, such as '12.30'
 *   list(t)     offsets into an element column           readonly array
 *   struct(..)  one column a field                       object
 *   object      JavaScript values                        unknown
 */
import { describeValue, SabotError } from './errors.js'

export type PrimitiveType = 'bool' | 'i32' | 'i64' | 'f32' | 'f64' | 'utf8' | 'timestamp' | 'object'

/** A 64-bit integer that counts units of 10^-scale. */
export interface DecimalType {
  readonly kind: 'decimal'
  /** Digits after the point, 0 to 18. */
  readonly scale: number
}

export interface ListType<Element = unknown> {
  readonly kind: 'list'
  readonly element: FieldType
  /** Type level only. */
  readonly elementValue?: Element
}

export interface StructType<Row = unknown> {
  readonly kind: 'struct'
  readonly fields: readonly Field[]
  /** Type level only. */
  readonly rowValue?: Row
}

export type ColumnType = PrimitiveType | DecimalType | ListType | StructType

/** A type whose values may be null. */
export interface Nullable<T extends ColumnType = ColumnType> {
  readonly kind: 'nullable'
  readonly type: T
}

export type FieldType = ColumnType | Nullable

/** A named column of a schema, or a named part of a struct. */
export interface Field {
  readonly name: string
  readonly type: ColumnType
  readonly nullable: boolean
}

/** Field names and their types, in the order of the columns (JavaScript puts names such as '1' first). */
export type SchemaShape = { readonly [name: string]: FieldType }

/** The JavaScript value of a column type. */
export type ValueOf<T> =
  T extends Nullable<infer Inner>
    ? ValueOf<Inner> | null
    : T extends 'bool'
      ? boolean
      : T extends 'i32' | 'f32' | 'f64' | 'timestamp'
        ? number
        : T extends 'i64'
          ? bigint
          : T extends 'utf8' | DecimalType
            ? string
            : T extends ListType<infer Element>
              ? readonly Element[]
              : T extends StructType<infer Row>
                ? Row
                : unknown

/** The row type of a shape. */
export type RowOf<Shape> = { readonly [Name in keyof Shape]: ValueOf<Shape[Name]> }

const PRIMITIVES: ReadonlySet<unknown> = new Set<PrimitiveType>([
  'bool',
  'i32',
  'i64',
  'f32',
  'f64',
  'utf8',
  'timestamp',
  'object',
])

export const MAX_DECIMAL_SCALE = 18

/** The type with nulls allowed. */
export function nullable<const T extends ColumnType>(type: T): Nullable<T> {
  return { kind: 'nullable', type }
}

/** Exact decimals with `scale` digits after the point (0 to 18), within ±9223372036854775807 units of 10^-scale. */
export function decimal(scale: number): DecimalType {
  if (!Number.isInteger(scale) || scale < 0 || scale > MAX_DECIMAL_SCALE) {
    throw new TypeError(`decimal(scale) takes a whole number from 0 to ${MAX_DECIMAL_SCALE}, not ${scale}`)
  }
  return { kind: 'decimal', scale }
}

/** Lists of one element type. */
export function list<const T extends FieldType>(element: T): ListType<ValueOf<T>> {
  return { kind: 'list', element }
}

/** Objects with fields of their own. */
export function struct<const Shape extends SchemaShape>(shape: Shape): StructType<RowOf<Shape>> {
  return { kind: 'struct', fields: fieldsOf(shape) }
}

/** The fields of a shape, in its order. */
export function fieldsOf(shape: SchemaShape): Field[] {
  return Object.entries(shape).map(([name, fieldType]) => {
    const { type, nullable } = unwrapNullable(fieldType)
    if (typeof type === 'string' ? !isPrimitiveType(type) : typeof type?.kind !== 'string') {
      throw new TypeError(`Field ${describeValue(name)} has no column type but ${describeValue(type)}`)
    }
    return { name, type, nullable }
  })
}

export function isPrimitiveType(type: unknown): type is PrimitiveType {
  return PRIMITIVES.has(type)
}

/** The column type beneath a field type, and whether nulls are allowed. */
export function unwrapNullable(type: FieldType): { type: ColumnType; nullable: boolean } {
  if (typeof type === 'object' && type.kind === 'nullable') return { type: type.type, nullable: true }
  return { type, nullable: false }
}

/** The type in words: `i64`, `decimal(2)`, `list<utf8?>`, `struct<a: i32>`; a trailing `?` marks nullable types. */
export function typeName(type: FieldType): string {
  if (typeof type === 'string') return type
  switch (type.kind) {
    case 'nullable':
      return `${typeName(type.type)}?`
    case 'decimal':
      return `decimal(${type.scale})`
    case 'list':
      return `list<${typeName(type.element)}>`
    case 'struct':
      return `struct<${describeFields(type.fields)}>`
  }
}

/** Fields in words: `origin: utf8, delay: i32?`. */
export function describeFields(fields: readonly Field[]): string {
  return fields.map(({ name, type, nullable }) => `${name}: ${typeName(type)}${nullable ? '?' : ''}`).join(', ')
}

export function typesEqual(a: FieldType, b: FieldType): boolean {
  if (a === b) return true
  if (typeof a === 'string' || typeof b === 'string') return false
  if (a.kind === 'nullable') return b.kind === 'nullable' && typesEqual(a.type, b.type)
  if (a.kind === 'decimal') return b.kind === 'decimal' && a.scale === b.scale
  if (a.kind === 'list') return b.kind === 'list' && typesEqual(a.element, b.element)
  return b.kind === 'struct' && fieldsEqual(a.fields, b.fields)
}

export function fieldsEqual(a: readonly Field[], b: readonly Field[]): boolean {
  if (a.length !== b.length) return false
  return a.every((field, index) => {
    const twin = b[index]
    if (twin === undefined || field.name !== twin.name || field.nullable !== twin.nullable) return false
    return typesEqual(field.type, twin.type)
  })
}

export interface FieldJSON {
  readonly name: string
  readonly type: unknown
  readonly nullable: boolean
}

export function fieldToJSON({ name, type, nullable }: Field): FieldJSON {
  return { name, type: typeToJSON(type), nullable }
}

/** @throws SabotError SCHEMA_INVALID when `json` is not what fieldToJSON writes. */
export function fieldFromJSON(json: unknown): Field {
  if (typeof json === 'object' && json !== null && 'name' in json && 'type' in json && 'nullable' in json) {
    const { type, nullable } = unwrapNullable(typeFromJSON(json.type))
    if (typeof json.name === 'string' && typeof json.nullable === 'boolean' && !nullable) {
      return { name: json.name, type, nullable: json.nullable }
    }
  }
  throw new SabotError('SCHEMA_INVALID', `Not a field of a schema: ${JSON.stringify(json)}`, { field: json })
}

/** The JSON form of a type: a primitive's name, or an object with its `kind`. */
export function typeToJSON(type: FieldType): unknown {
  if (typeof type === 'string') return type
  switch (type.kind) {
    case 'nullable':
      return { kind: 'nullable', type: typeToJSON(type.type) }
    case 'decimal':
      return { kind: 'decimal', scale: type.scale }
    case 'list':
      return { kind: 'list', element: typeToJSON(type.element) }
    case 'struct':
      return { kind: 'struct', fields: type.fields.map(fieldToJSON) }
  }
}

/** @throws SabotError SCHEMA_INVALID when `json` is not what typeToJSON writes. */
export function typeFromJSON(json: unknown): FieldType {
  if (isPrimitiveType(json)) return json
  if (typeof json === 'object' && json !== null && 'kind' in json) {
    if (json.kind === 'decimal' && 'scale' in json) {
      const { scale } = json
      if (typeof scale === 'number' && Number.isInteger(scale) && scale >= 0 && scale <= MAX_DECIMAL_SCALE) {
        return { kind: 'decimal', scale }
      }
    }
    if (json.kind === 'list' && 'element' in json) return { kind: 'list', element: typeFromJSON(json.element) }
    if (json.kind === 'struct' && 'fields' in json && Array.isArray(json.fields)) {
      return { kind: 'struct', fields: json.fields.map(fieldFromJSON) }
    }
    if (json.kind === 'nullable' && 'type' in json) {
      const { type, nullable: twice } = unwrapNullable(typeFromJSON(json.type))
      if (!twice) return { kind: 'nullable', type }
    }
  }
  throw new SabotError('SCHEMA_INVALID', `Not a column type: ${JSON.stringify(json)}`, { type: json })
}
