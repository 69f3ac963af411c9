/* Builders of any column type, and of rows of them. */
import {
  BoolBuilder,
  DecimalBuilder,
  Float32Builder,
  Float64Builder,
  Int32Builder,
  Int64Builder,
  TimestampBuilder,
} from './builders-fixed.js'
import { DictionaryBuilder, Utf8Builder } from './builders-text.js'
import type { Column } from './column.js'
import { type ColumnBuilder, FIRST_ROWS, typeMismatch, ValidityBuilder } from './column-builder.js'
import { ListColumn, ObjectColumn, StructColumn } from './columns-nested.js'
import { SabotError } from './errors.js'
import { type Field, type ListType, type StructType, typeName, unwrapNullable } from './types.js'

/** A builder for values at `path` (for messages). Strings become dictionary codes, except within lists. */
export function columnBuilder(field: Field, path: string = field.name, insideList = false): ColumnBuilder {
  const { type } = field
  switch (type) {
    case 'bool':
      return new BoolBuilder(path)
    case 'i32':
      return new Int32Builder(path)
    case 'i64':
      return new Int64Builder(path)
    case 'f32':
      return new Float32Builder(path)
    case 'f64':
      return new Float64Builder(path)
    case 'utf8':
      return insideList ? new Utf8Builder(path) : new DictionaryBuilder(path)
    case 'timestamp':
      return new TimestampBuilder(path)
    case 'object':
      return new ObjectBuilder()
    default:
      if (type.kind === 'decimal') return new DecimalBuilder(path, type)
      return type.kind === 'list' ? new ListBuilder(path, type) : new StructBuilder(path, type, insideList)
  }
}

/** Appends a value that may be null where the field allows it. @throws SabotError NULL_VALUE where it does not. */
export function appendField(builder: ColumnBuilder, field: Field, path: string, value: unknown): void {
  if (value !== null && value !== undefined) {
    builder.append(value)
  } else if (field.nullable || field.type === 'object') {
    builder.appendNull()
  } else {
    throw new SabotError(
      'NULL_VALUE',
      `Field ${path} is ${value}, but not nullable. Declare it nullable(${quoted(field)})`,
      {
        field: path,
        value,
      },
    )
  }
}

/** Appends one row's fields, all or none. */
export function appendFields(
  builders: readonly ColumnBuilder[],
  fields: readonly Field[],
  row: object,
  prefix: string,
): void {
  let done = 0
  const length = builders[0]?.length ?? 0
  try {
    for (; done < builders.length; done++) {
      const builder = builders[done]
      const field = fields[done]
      if (builder === undefined || field === undefined) continue
      appendField(builder, field, prefix + field.name, fieldValue(row, field.name))
    }
  } catch (error) {
    for (const builder of builders.slice(0, done)) builder.truncate(length)
    throw error
  }
}

/** A field of a row, an accessor of its class too; but what every object has, such as `constructor`, only when own. */
function fieldValue(row: object, name: string): unknown {
  return name in Object.prototype && !Object.hasOwn(row, name) ? undefined : Reflect.get(row, name)
}

function quoted({ type }: Field): string {
  return typeof type === 'string' ? `'${type}'` : typeName(type)
}

class ListBuilder implements ColumnBuilder {
  length = 0
  private readonly path: string
  private readonly type: ListType
  private readonly element: Field
  private readonly elements: ColumnBuilder
  private ends: Int32Array = new Int32Array(FIRST_ROWS)
  private readonly validity = new ValidityBuilder()

  constructor(path: string, type: ListType) {
    this.path = path
    this.type = type
    this.element = { name: `${path}[]`, ...unwrapNullable(type.element) }
    this.elements = columnBuilder(this.element, this.element.name, true)
  }

  append(value: unknown): void {
    if (!Array.isArray(value)) throw typeMismatch(this.path, 'an array', value)
    const before = this.elements.length
    try {
      for (const element of value) appendField(this.elements, this.element, this.element.name, element)
    } catch (error) {
      this.elements.truncate(before)
      throw error
    }
    this.end(true)
  }

  appendNull(): void {
    this.end(false)
  }

  truncate(length: number): void {
    this.length = length
    this.elements.truncate(this.ends[length] ?? 0)
  }

  finish(): Column {
    const offsets = this.ends.slice(0, this.length + 1)
    const column = new ListColumn(this.type, offsets, this.elements.finish(), this.validity.finish(this.length))
    this.length = 0
    return column
  }

  private end(valid: boolean): void {
    if (this.length + 2 > this.ends.length) {
      const larger = new Int32Array(this.ends.length * 2)
      larger.set(this.ends)
      this.ends = larger
    }
    this.validity.set(this.length, valid)
    this.length++
    this.ends[this.length] = this.elements.length
  }
}

class StructBuilder implements ColumnBuilder {
  length = 0
  private readonly path: string
  private readonly type: StructType
  private readonly builders: readonly ColumnBuilder[]
  private readonly validity = new ValidityBuilder()

  constructor(path: string, type: StructType, insideList: boolean) {
    this.path = path
    this.type = type
    this.builders = type.fields.map(field => columnBuilder(field, `${path}.${field.name}`, insideList))
  }

  append(value: unknown): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw typeMismatch(this.path, 'an object', value)
    }
    appendFields(this.builders, this.type.fields, value, `${this.path}.`)
    this.validity.set(this.length, true)
    this.length++
  }

  appendNull(): void {
    for (const builder of this.builders) builder.appendNull()
    this.validity.set(this.length, false)
    this.length++
  }

  truncate(length: number): void {
    this.length = length
    for (const builder of this.builders) builder.truncate(length)
  }

  finish(): Column {
    const columns = this.builders.map(builder => builder.finish())
    const column = new StructColumn(this.type, columns, this.length, this.validity.finish(this.length))
    this.length = 0
    return column
  }
}

class ObjectBuilder implements ColumnBuilder {
  private values: unknown[] = []

  get length(): number {
    return this.values.length
  }

  append(value: unknown): void {
    this.values.push(value)
  }

  appendNull(): void {
    this.values.push(null)
  }

  truncate(length: number): void {
    this.values.length = length
  }

  finish(): Column {
    const column = new ObjectColumn(this.values)
    this.values = []
    return column
  }
}
