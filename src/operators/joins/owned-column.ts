import type { Column } from '../../core/column.js'
import {
  DecimalColumn,
  Float32Column,
  Float64Column,
  Int32Column,
  Int64Column,
  TimestampColumn,
  Word64Column,
} from '../../core/columns-fixed.js'
import { DictionaryColumn, Utf8Column } from '../../core/columns-text.js'

/** A view may be of a buffer that is so many times as large, and this many bytes more. */
const LARGER = 2
const SMALL_BYTES = 1024

/**
 * The column as one keeps it for long: it does not hold on to a buffer of which it shows a small part, as a slice of a
 * large batch does, or a column that came from another thread in one buffer with others.
 */
export function ownedColumn(column: Column): Column {
  return isMostlyForeign(column) ? copyOf(column) : column
}

function isMostlyForeign(column: Column): boolean {
  const { validity } = column
  if (validity !== undefined && isPart(validity, validity.byteLength)) return true
  if (column instanceof DictionaryColumn) return isPart(column.codes, column.codes.byteLength)
  if (column instanceof Utf8Column) {
    const { offsets, bytes, length } = column
    const size = (offsets[length] ?? 0) - (offsets[0] ?? 0)
    return isPart(offsets, offsets.byteLength) || isPart(bytes, size)
  }
  if (
    column instanceof Word64Column ||
    column instanceof Float64Column ||
    column instanceof Int32Column ||
    column instanceof Float32Column
  ) {
    return isPart(column.values, column.values.byteLength)
  }
  // Bits are small; lists and structs are copied, since their parts are not looked into.
  return column.type !== 'bool' && column.type !== 'object'
}

function isPart({ buffer }: ArrayBufferView, usedBytes: number): boolean {
  return buffer.byteLength > usedBytes * LARGER + SMALL_BYTES
}

/** What stands in one piece is copied as one. */
function copyOf(column: Column): Column {
  const validity = column.validity?.slice()
  if (column instanceof DictionaryColumn) return new DictionaryColumn(column.codes.slice(), column.dictionary, validity)
  if (column instanceof Utf8Column) {
    const first = column.offsets[0] ?? 0
    const offsets = column.offsets.slice()
    if (first !== 0) for (let row = 0; row < offsets.length; row++) offsets[row] = (offsets[row] as number) - first
    return new Utf8Column(offsets, column.bytes.slice(first, first + (offsets[column.length] ?? 0)), validity)
  }
  if (column instanceof Int64Column) return new Int64Column(column.values.slice(), validity)
  if (column instanceof TimestampColumn) return new TimestampColumn(column.values.slice(), validity)
  if (column instanceof DecimalColumn) return new DecimalColumn(column.type, column.values.slice(), validity)
  if (column instanceof Float64Column) return new Float64Column(column.values.slice(), validity)
  if (column instanceof Int32Column) return new Int32Column(column.values.slice(), validity)
  return column.gather(ascending(column.length))
}

function ascending(rows: number): Uint32Array {
  const all = new Uint32Array(rows)
  for (let row = 0; row < rows; row++) all[row] = row
  return all
}
