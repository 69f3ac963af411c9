/*
 * Batches to apache-arrow. Buffers are shared, except those of decimals, which Arrow has in 128 bits.
 *
 *   bool Bool · i32 Int32 · i64 Int64 · f32 Float32 · f64 Float64 · timestamp Timestamp(ms) · decimal(s) Decimal(19, s)
 *   utf8 Utf8, or Dictionary(Int32, Utf8) where the column is one · list List · struct Struct · object: refused
 */
import * as arrow from 'apache-arrow'
import type { Batch } from '../core/batch.js'
import { countSetBits } from '../core/bitmap.js'
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
import { ListColumn, StructColumn } from '../core/columns-nested.js'
import { DictionaryColumn, Utf8Column } from '../core/columns-text.js'
import { SabotError } from '../core/errors.js'
import type { Schema } from '../core/schema.js'
import { type ColumnType, type Field, unwrapNullable } from '../core/types.js'

/** Decimal digits of a 64-bit integer. */
const DECIMAL_PRECISION = 19

/**
 * The selected rows as a RecordBatch. Without a selection its buffers are the batch's own; with one the rows are copied.
 * Event times and watermarks are not columns, and do not go along.
 * @throws SabotError UNSUPPORTED_TYPE for object columns.
 */
export function toArrow(batch: Batch): arrow.RecordBatch {
  const { schema, columns, rowCount } = batch.compact()
  const children = schema.fields.map(({ name }, index) => columnData(columns[index], name))
  const fields = schema.fields.map(({ name, nullable }, index) => {
    return new arrow.Field(name, children[index]?.type ?? new arrow.Null(), nullable)
  })
  const data = arrow.makeData({ type: new arrow.Struct(fields), length: rowCount, nullCount: 0, children })
  return new arrow.RecordBatch(new arrow.Schema(fields), data)
}

/** The Arrow schema of batches without dictionary columns. @throws SabotError UNSUPPORTED_TYPE for object columns. */
export function schemaToArrow(schema: Schema): arrow.Schema {
  return new arrow.Schema(schema.fields.map(field => arrowField(field, field.name)))
}

function arrowField({ name, type, nullable }: Field, path: string): arrow.Field {
  return new arrow.Field(name, arrowType(type, path), nullable)
}

function arrowType(type: ColumnType, path: string): arrow.DataType {
  switch (type) {
    case 'bool':
      return new arrow.Bool()
    case 'i32':
      return new arrow.Int32()
    case 'i64':
      return new arrow.Int64()
    case 'f32':
      return new arrow.Float32()
    case 'f64':
      return new arrow.Float64()
    case 'utf8':
      return new arrow.Utf8()
    case 'timestamp':
      return new arrow.TimestampMillisecond()
    case 'object':
      throw unsupported(path)
    default:
      if (type.kind === 'decimal') return new arrow.Decimal(type.scale, DECIMAL_PRECISION, 128)
      if (type.kind === 'struct') {
        return new arrow.Struct(type.fields.map(field => arrowField(field, `${path}.${field.name}`)))
      }
      return new arrow.List(arrowField({ name: 'item', ...unwrapNullable(type.element) }, `${path}[]`))
  }
}

function columnData(column: Column | undefined, path: string): arrow.Data {
  if (column === undefined) throw new TypeError(`There is no column for field ${path}`)
  const { length, validity } = column
  const nullCount = validity === undefined ? 0 : length - countSetBits(validity, length)
  const shared = { length, nullCount, nullBitmap: validity }
  if (column instanceof Int32Column) return arrow.makeData({ ...shared, type: new arrow.Int32(), data: column.values })
  if (column instanceof Int64Column) return arrow.makeData({ ...shared, type: new arrow.Int64(), data: column.values })
  if (column instanceof Float32Column) {
    return arrow.makeData({ ...shared, type: new arrow.Float32(), data: column.values })
  }
  if (column instanceof Float64Column) {
    return arrow.makeData({ ...shared, type: new arrow.Float64(), data: column.values })
  }
  if (column instanceof TimestampColumn) {
    return arrow.makeData({ ...shared, type: new arrow.TimestampMillisecond(), data: column.values })
  }
  if (column instanceof BoolColumn) return arrow.makeData({ ...shared, type: new arrow.Bool(), data: column.bits })
  if (column instanceof DecimalColumn) {
    const type = new arrow.Decimal(column.type.scale, DECIMAL_PRECISION, 128)
    return arrow.makeData({ ...shared, type, data: widened(column) })
  }
  if (column instanceof Utf8Column) {
    const { offsets: valueOffsets, bytes: data } = column
    return arrow.makeData({ ...shared, type: new arrow.Utf8(), valueOffsets, data })
  }
  if (column instanceof DictionaryColumn) return dictionaryData(column, shared)
  if (column instanceof ListColumn) {
    const child = columnData(column.elements, `${path}[]`)
    const { nullable } = unwrapNullable(column.type.element)
    const type = new arrow.List(new arrow.Field('item', child.type, nullable))
    return arrow.makeData({ ...shared, type, valueOffsets: column.offsets, child })
  }
  if (column instanceof StructColumn) {
    const children = column.type.fields.map(({ name }, index) => columnData(column.columns[index], `${path}.${name}`))
    const fields = column.type.fields.map(({ name, nullable }, index) => {
      return new arrow.Field(name, children[index]?.type ?? new arrow.Null(), nullable)
    })
    return arrow.makeData({ ...shared, type: new arrow.Struct(fields), children })
  }
  throw unsupported(path)
}

interface Shared {
  readonly length: number
  readonly nullCount: number
  readonly nullBitmap: Uint8Array | undefined
}

function dictionaryData({ codes, dictionary }: DictionaryColumn, shared: Shared): arrow.Data {
  const entries = arrow.makeData({
    type: new arrow.Utf8(),
    length: dictionary.size,
    nullCount: 0,
    valueOffsets: dictionary.offsets(),
    data: dictionary.bytes(),
  })
  const type = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32(), dictionary.id)
  return arrow.makeData({ ...shared, type, data: codes, dictionary: new arrow.Vector([entries]) })
}

/** 64-bit integers as 128-bit ones: the sign fills the upper words. */
function widened({ words, length }: DecimalColumn): Uint32Array {
  const wide = new Uint32Array(length * 4)
  for (let row = 0; row < length; row++) {
    const high = words[row * 2 + 1] ?? 0
    wide[row * 4] = words[row * 2] ?? 0
    wide[row * 4 + 1] = high
    wide[row * 4 + 2] = high >> 31
    wide[row * 4 + 3] = high >> 31
  }
  return wide
}

function unsupported(path: string): SabotError {
  return new SabotError(
    'UNSUPPORTED_TYPE',
    `Field ${path} holds JavaScript objects, which Arrow has no type for. Select the other fields, or declare its type`,
    { field: path, type: 'object' },
  )
}
