/* Columns of a Parquet file that are lists, structs, maps or JavaScript values. */
import type { DecodedArray, ParquetParsers, SchemaTree } from 'hyparquet'
import { appendField, columnBuilder } from '../core/builders-nested.js'
import type { Column } from '../core/column.js'
import type { ColumnBuilder } from '../core/column-builder.js'
import { formatDecimal } from '../core/decimal.js'
import { SabotError } from '../core/errors.js'
import { type ColumnType, type Field, unwrapNullable } from '../core/types.js'
import { decimalScale, isList, isMap, leafKind, listItem } from './parquet-types.js'
import { type ColumnDecoder, TIMESTAMP_PARSERS, unscaled } from './parquet-values.js'

/** Lists, structs, maps and JavaScript values: hyparquet's objects go through the builders. */
export class NestedDecoder implements ColumnDecoder {
  readonly parsers: Partial<ParquetParsers> = {
    ...TIMESTAMP_PARSERS,
    timestampFromMilliseconds: (value: bigint) => value,
  }
  rows = 0
  private readonly tree: SchemaTree
  private readonly field: Field
  private readonly firstRow: number
  private readonly builder: ColumnBuilder

  constructor(tree: SchemaTree, field: Field, firstRow: number) {
    this.tree = tree
    this.field = field
    this.firstRow = firstRow
    this.builder = columnBuilder(field)
  }

  add(values: DecodedArray): void {
    const { field, tree } = this
    for (const value of values) {
      const position = this.firstRow + this.rows
      try {
        appendField(this.builder, field, field.name, reshaped(value, tree, field.type))
      } catch (error) {
        if (!(error instanceof SabotError)) throw error
        throw new SabotError(
          error.code,
          `Row ${position}: ${error.message}`,
          { ...error.details, position },
          { cause: error },
        )
      }
      this.rows++
    }
  }

  finish(): Column {
    return this.builder.finish()
  }
}

/** A value as the builders take it: exact decimals as texts, timestamps as numbers. */
function reshaped(value: unknown, tree: SchemaTree, type: ColumnType): unknown {
  if (value === null || value === undefined) return null
  const { element, children } = tree
  if (element.repetition_type === 'REPEATED' && Array.isArray(value)) {
    const item = { ...tree, element: { ...element, repetition_type: 'REQUIRED' as const } }
    return value.map(entry => reshaped(entry, item, elementType(type)))
  }
  if (children.length === 0) {
    const kind = leafKind(element)
    if (kind === 'decimal') {
      const integer = unscaled(value)
      return integer === undefined ? null : formatDecimal(integer, decimalScale(element))
    }
    return kind === 'millis' ? Number(value) : value
  }
  const item = isList(element) ? listItem(tree) : undefined
  if (item !== undefined && Array.isArray(value)) {
    return value.map(entry => reshaped(entry, item, elementType(type)))
  }
  if (isMap(element) || typeof value !== 'object') return value
  const fields = typeof type === 'object' && type.kind === 'struct' ? type.fields : []
  return Object.fromEntries(
    children.map(child => {
      const { name } = child.element
      const field = fields.find(candidate => candidate.name === name)
      return [name, reshaped(Reflect.get(value, name), child, field?.type ?? 'object')]
    }),
  )
}

function elementType(type: ColumnType): ColumnType {
  return typeof type === 'object' && type.kind === 'list' ? unwrapNullable(type.element).type : 'object'
}
