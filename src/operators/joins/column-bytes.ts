/*
 * Columns of any type as bytes, for snapshots. What a key can be is written as keys are (keyed/key-column-bytes.ts);
 * codes of a dictionary become strings.
 *
 *   list:    has nulls u8 | validity | offsets u32[rows + 1] from 0 | the element column
 *   struct:  has nulls u8 | validity | the columns of its fields
 *   object:  the values as one JSON text
 */
import { bitmapBytes } from '../../core/bitmap.js'
import type { ByteReader, ByteWriter } from '../../core/byte-stream.js'
import type { Column } from '../../core/column.js'
import { ListColumn, ObjectColumn, StructColumn } from '../../core/columns-nested.js'
import { DictionaryColumn, Utf8Column } from '../../core/columns-text.js'
import { SabotError } from '../../core/errors.js'
import { type ColumnType, type Field, unwrapNullable } from '../../core/types.js'
import { readKeyColumns, writeKeyColumns } from '../keyed/key-column-bytes.js'

export function writeColumn(writer: ByteWriter, column: Column, field: string): void {
  const rows = column.length
  if (column instanceof ListColumn) {
    const first = column.offsets[0] ?? 0
    const last = column.offsets[rows] ?? 0
    writeValidity(writer, column)
    writer.raw(Uint32Array.from(column.offsets.subarray(0, rows + 1), offset => offset - first))
    writeColumn(writer, column.elements.slice(first, last), field)
  } else if (column instanceof StructColumn) {
    writeValidity(writer, column)
    for (const child of column.columns) writeColumn(writer, child, field)
  } else if (column instanceof ObjectColumn) {
    writer.text(objectsToJson(column, field))
  } else {
    writeKeyColumns(writer, [column instanceof DictionaryColumn ? toStrings(column) : column], rows)
  }
}

/** @throws SabotError SNAPSHOT_TRUNCATED */
export function readColumn(reader: ByteReader, { name, type }: Field, rows: number): Column {
  if (type === 'object') return new ObjectColumn(JSON.parse(reader.text()) as unknown[])
  if (isNested(type)) {
    const validity = reader.u8() === 0 ? undefined : reader.raw(bitmapBytes(rows))
    if (type.kind === 'struct') {
      const columns = type.fields.map(field => readColumn(reader, field, rows))
      return new StructColumn(type, columns, rows, validity)
    }
    const offsets = new Int32Array(reader.raw(4 * (rows + 1)).buffer)
    const element = { name, ...unwrapNullable(type.element) }
    return new ListColumn(type, offsets, readColumn(reader, element, offsets[rows] ?? 0), validity)
  }
  const [column] = readKeyColumns(reader, [{ name, type, nullable: true }]).columns
  if (column === undefined) throw new TypeError(`There is no column for ${name}`)
  return column
}

function isNested(type: ColumnType): type is Extract<ColumnType, { kind: 'list' | 'struct' }> {
  return typeof type === 'object' && type.kind !== 'decimal'
}

function writeValidity(writer: ByteWriter, { validity, length }: Column): void {
  writer.u8(validity === undefined ? 0 : 1)
  if (validity !== undefined) writer.raw(validity.subarray(0, bitmapBytes(length)))
}

function toStrings({ codes, dictionary, validity, length }: DictionaryColumn): Utf8Column {
  const ends = dictionary.offsets()
  const texts = dictionary.bytes()
  const offsets = new Int32Array(length + 1)
  for (let row = 0; row < length; row++) {
    const code = codes[row] ?? 0
    offsets[row + 1] = (offsets[row] ?? 0) + (ends[code + 1] ?? 0) - (ends[code] ?? 0)
  }
  const bytes = new Uint8Array(offsets[length] ?? 0)
  for (let row = 0; row < length; row++) {
    const code = codes[row] ?? 0
    bytes.set(texts.subarray(ends[code], ends[code + 1]), offsets[row])
  }
  return new Utf8Column(offsets, bytes, validity)
}

function objectsToJson({ values }: ObjectColumn, field: string): string {
  try {
    return JSON.stringify(values)
  } catch (cause) {
    throw new SabotError(
      'UNSUPPORTED_TYPE',
      `A value of ${field} cannot be kept in a checkpoint: it has no JSON form. Give the field a column type`,
      { field },
      { cause },
    )
  }
}
