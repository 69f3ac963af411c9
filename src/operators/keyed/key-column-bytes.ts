/*
 * Key columns as bytes. Only what a key can be has a form here; a column of a dictionary is written as plain strings.
 *
 *   rows u32, then for each column: has nulls u8 | its validity bitmap where it has | values
 *   values: the bits, the numbers, or offsets u32[rows + 1] from 0 and the bytes of the strings
 */

import { bitmapBytes } from '../../core/bitmap.js'
import type { ByteReader, ByteWriter } from '../../core/byte-stream.js'
import type { Column } from '../../core/column.js'
import {
  BoolColumn,
  DecimalColumn,
  Float32Column,
  Float64Column,
  Int32Column,
  Int64Column,
  TimestampColumn,
} from '../../core/columns-fixed.js'
import { Utf8Column } from '../../core/columns-text.js'
import { type ColumnType, type Field, typeName } from '../../core/types.js'

export function writeKeyColumns(writer: ByteWriter, columns: readonly Column[], rows: number): void {
  writer.u32(rows)
  for (const column of columns) {
    writer.u8(column.validity === undefined ? 0 : 1)
    if (column.validity !== undefined) writer.raw(column.validity.subarray(0, bitmapBytes(rows)))
    if (column instanceof Utf8Column) writeText(writer, column, rows)
    else if (column instanceof BoolColumn) writer.raw(column.bits.subarray(0, bitmapBytes(rows)))
    else writer.raw(numbersOf(column))
  }
}

function writeText(writer: ByteWriter, { offsets, bytes }: Utf8Column, rows: number): void {
  const first = offsets[0] ?? 0
  const last = offsets[rows] ?? 0
  writer.raw(Uint32Array.from(offsets.subarray(0, rows + 1), offset => offset - first))
  writer.raw(bytes.subarray(first, last))
}

function numbersOf(column: Column): ArrayBufferView {
  if (column instanceof Int32Column || column instanceof Float32Column || column instanceof Float64Column) {
    return column.values
  }
  if (column instanceof Int64Column || column instanceof TimestampColumn || column instanceof DecimalColumn) {
    return column.values
  }
  throw new TypeError(`A column of ${typeName(column.type)} cannot be a key`)
}

/** The columns that writeKeyColumns wrote, and how many rows they have. @throws SabotError SNAPSHOT_TRUNCATED */
export function readKeyColumns(reader: ByteReader, fields: readonly Field[]): { columns: Column[]; rows: number } {
  const rows = reader.u32()
  const columns = fields.map(({ type }) => {
    const validity = reader.u8() === 0 ? undefined : reader.raw(bitmapBytes(rows))
    return readColumn(reader, type, rows, validity)
  })
  return { columns, rows }
}

function readColumn(reader: ByteReader, type: ColumnType, rows: number, validity: Uint8Array | undefined): Column {
  switch (type) {
    case 'utf8': {
      const offsets = new Int32Array(reader.raw(4 * (rows + 1)).buffer)
      return new Utf8Column(offsets, reader.raw(offsets[rows] ?? 0), validity)
    }
    case 'bool':
      return new BoolColumn(reader.raw(bitmapBytes(rows)), rows, validity)
    case 'i32':
      return new Int32Column(new Int32Array(reader.raw(4 * rows).buffer), validity)
    case 'f32':
      return new Float32Column(new Float32Array(reader.raw(4 * rows).buffer), validity)
    case 'f64':
      return new Float64Column(new Float64Array(reader.raw(8 * rows).buffer), validity)
    case 'i64':
      return new Int64Column(new BigInt64Array(reader.raw(8 * rows).buffer), validity)
    case 'timestamp':
      return new TimestampColumn(new BigInt64Array(reader.raw(8 * rows).buffer), validity)
    default:
      if (typeof type === 'object' && type.kind === 'decimal') {
        return new DecimalColumn(type, new BigInt64Array(reader.raw(8 * rows).buffer), validity)
      }
      throw new TypeError(`A column of ${typeName(type)} cannot be a key`)
  }
}
