/*
 * What a Parquet column is to us, and how hyparquet is to decode it.
 *
 * hyparquet decides by a column's annotations what values become, and some of that loses exactness (decimals turn into
 * floats) or time (a Date a row). So each file column gets a *plan*: annotations that hyparquet is shown instead of the
 * file's, and parsers that are called once a dictionary entry.
 */
import type { SchemaElement, SchemaTree } from 'hyparquet'
import { SabotError } from '../core/errors.js'
import { type ColumnType, type Field, MAX_DECIMAL_SCALE, typeName, typesEqual } from '../core/types.js'
import { withoutNulls } from './cast-column.js'

/** What a leaf of the file holds, in our terms. */
export type LeafKind =
  | 'bool'
  | 'int32'
  | 'int64'
  | 'uint32'
  | 'uint64'
  | 'float16'
  | 'float'
  | 'double'
  | 'text'
  | 'bytes'
  | 'json'
  | 'uuid'
  | 'date'
  | 'millis'
  | 'micros'
  | 'nanos'
  | 'int96'
  | 'decimal'

/** What a leaf holds; undefined for types that have no column type here (such as INTERVAL or GEOMETRY). */
export function leafKind({ type, converted_type, logical_type }: SchemaElement): LeafKind | undefined {
  const logical = logical_type?.type
  if (converted_type === 'DECIMAL' || logical === 'DECIMAL') return 'decimal'
  switch (type) {
    case 'BOOLEAN':
      return 'bool'
    case 'FLOAT':
      return 'float'
    case 'DOUBLE':
      return 'double'
    case 'INT96':
      return 'int96'
    case 'INT32':
      if (converted_type === 'DATE' || logical === 'DATE') return 'date'
      if (converted_type === 'TIME_MILLIS' || logical === 'TIME') return undefined
      return isUnsigned(converted_type, logical_type) && bits(converted_type, logical_type) === 32 ? 'uint32' : 'int32'
    case 'INT64':
      if (converted_type === 'TIMESTAMP_MILLIS') return 'millis'
      if (converted_type === 'TIMESTAMP_MICROS') return 'micros'
      if (logical_type?.type === 'TIMESTAMP') return TIME_UNITS[logical_type.unit]
      if (converted_type === 'TIME_MICROS' || logical === 'TIME') return undefined
      return isUnsigned(converted_type, logical_type) ? 'uint64' : 'int64'
    case 'BYTE_ARRAY':
      if (converted_type === 'JSON' || logical === 'JSON') return 'json'
      if (converted_type === 'UTF8' || converted_type === 'ENUM' || logical === 'STRING' || logical === 'ENUM')
        return 'text'
      return converted_type === undefined && logical === undefined ? 'bytes' : undefined
    case 'FIXED_LEN_BYTE_ARRAY':
      if (logical === 'UUID') return 'uuid'
      if (logical === 'FLOAT16') return 'float16'
      return converted_type === undefined && logical === undefined ? 'bytes' : undefined
    default:
      return undefined
  }
}

const TIME_UNITS = { MILLIS: 'millis', MICROS: 'micros', NANOS: 'nanos' } as const

function isUnsigned(converted: SchemaElement['converted_type'], logical: SchemaElement['logical_type']): boolean {
  return converted?.startsWith('UINT_') === true || (logical?.type === 'INTEGER' && !logical.isSigned)
}

function bits(converted: SchemaElement['converted_type'], logical: SchemaElement['logical_type']): number {
  return logical?.type === 'INTEGER' ? logical.bitWidth : Number(converted?.slice(5) ?? 32)
}

const LEAF_TYPES: Readonly<Record<Exclude<LeafKind, 'decimal'>, ColumnType>> = {
  bool: 'bool',
  int32: 'i32',
  int64: 'i64',
  uint32: 'i64',
  uint64: 'i64',
  float16: 'f32',
  float: 'f32',
  double: 'f64',
  text: 'utf8',
  bytes: 'object',
  json: 'object',
  uuid: 'utf8',
  date: 'timestamp',
  millis: 'timestamp',
  micros: 'timestamp',
  nanos: 'timestamp',
  int96: 'timestamp',
}

/** Which leaves a declared type can be read from, besides the one that it stands for. */
const ALSO_FROM: Readonly<Record<string, readonly LeafKind[]>> = {
  i32: ['int64', 'uint32', 'uint64'],
  i64: ['int32'],
  f64: ['float', 'float16', 'int32', 'int64', 'uint32', 'uint64'],
  utf8: ['bytes', 'json'],
}

/** The field that a column of the file is, without a declaration. @throws SabotError UNSUPPORTED_TYPE */
export function derivedField(tree: SchemaTree): Field {
  const { element } = tree
  return { name: element.name, type: derivedType(tree), nullable: element.repetition_type === 'OPTIONAL' }
}

function derivedType(tree: SchemaTree): ColumnType {
  const { element, children, path } = tree
  if (element.repetition_type === 'REPEATED') return { kind: 'list', element: derivedElement(tree) }
  if (children.length === 0) {
    const kind = leafKind(element)
    if (kind === 'decimal') {
      const scale = decimalScale(element)
      if (scale > MAX_DECIMAL_SCALE) throw unsupported(path, `a decimal of scale ${scale}`)
      return { kind: 'decimal', scale }
    }
    if (kind === undefined) throw unsupported(path, describeElement(element))
    return LEAF_TYPES[kind]
  }
  if (isMap(element)) return 'object'
  if (isList(element)) {
    const item = listItem(tree)
    if (item === undefined) throw unsupported(path, 'a list of an unknown form')
    const { type, nullable } = derivedField(item)
    return { kind: 'list', element: nullable ? { kind: 'nullable', type } : type }
  }
  if (element.logical_type?.type === 'VARIANT') throw unsupported(path, 'VARIANT')
  return { kind: 'struct', fields: children.map(derivedField) }
}

function derivedElement(tree: SchemaTree): ColumnType {
  return derivedType({ ...tree, element: { ...tree.element, repetition_type: 'REQUIRED' } })
}

/** The element of a list: below the repeated group in the three-level form, the repeated element itself in the old. */
export function listItem({ children }: SchemaTree): SchemaTree | undefined {
  const repeated = children[0]
  if (repeated === undefined) return undefined
  return repeated.children.length === 1
    ? repeated.children[0]
    : { ...repeated, element: { ...repeated.element, repetition_type: 'REQUIRED' } }
}

export function isList({ converted_type, logical_type }: SchemaElement): boolean {
  return converted_type === 'LIST' || logical_type?.type === 'LIST'
}

export function isMap({ converted_type, logical_type }: SchemaElement): boolean {
  return converted_type === 'MAP' || converted_type === 'MAP_KEY_VALUE' || logical_type?.type === 'MAP'
}

export function decimalScale({ scale, logical_type }: SchemaElement): number {
  return logical_type?.type === 'DECIMAL' ? logical_type.scale : (scale ?? 0)
}

/**
 * Whether values of a file column can be read as `declared`; a null or a number out of range among them is found later.
 * @throws SabotError TYPE_MISMATCH, telling what the column is and what it could be declared as.
 */
export function checkDeclared(tree: SchemaTree, declared: Field): void {
  if (declared.type === 'object' || isReadable(tree, declared.type)) return
  const { element } = tree
  let actual: string
  try {
    actual = `read it as ${typeName(derivedField(tree).type)}`
  } catch {
    actual = 'it has no column type here'
  }
  const wanted = typeName(declared.type)
  throw new SabotError(
    'TYPE_MISMATCH',
    `Column ${declared.name} is declared ${wanted}, but is ${describeElement(element)} in the file: ${actual}`,
    { field: declared.name, expected: wanted, actual: describeElement(element) },
  )
}

function isReadable(tree: SchemaTree, type: ColumnType): boolean {
  const { element, children } = tree
  if (children.length === 0 && element.repetition_type !== 'REPEATED') {
    const kind = leafKind(element)
    if (kind === undefined) return false
    if (typeof type === 'string')
      return (kind !== 'decimal' && LEAF_TYPES[kind] === type) || ALSO_FROM[type]?.includes(kind) === true
    return type.kind === 'decimal' && kind === 'decimal' && decimalScale(element) <= type.scale
  }
  let derived: ColumnType
  try {
    derived = derivedType(tree)
  } catch {
    return false
  }
  return typesEqual(withoutNulls(derived), withoutNulls(type))
}

/** The annotations of an element in words: `INT64 TIMESTAMP(MICROS)`. */
export function describeElement({ type, converted_type, logical_type, num_children }: SchemaElement): string {
  const base = type ?? (num_children === undefined ? 'a group' : `a group of ${num_children}`)
  if (logical_type !== undefined) {
    const unit = 'unit' in logical_type ? `(${logical_type.unit})` : ''
    return `${base} ${logical_type.type}${unit}`
  }
  return converted_type === undefined ? base : `${base} ${converted_type}`
}

function unsupported(path: readonly string[], what: string): SabotError {
  const name = path.join('.')
  return new SabotError(
    'UNSUPPORTED_TYPE',
    `Column ${name} is ${what}, which has no column type here. Declare the columns that you need, without it`,
    { field: name, type: what },
  )
}
