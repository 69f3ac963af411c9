import type { Batch } from './batch.js'
import type { Column } from './column.js'
import { BoolColumn, Float32Column, Float64Column, Int32Column, Word64Column } from './columns-fixed.js'
import { ListColumn, StructColumn } from './columns-nested.js'
import { DictionaryColumn, Utf8Column } from './columns-text.js'

/** What a JavaScript value in an object column counts for: it is not looked into. */
const OBJECT_BYTES = 8

/**
 * Bytes of the selected rows, in their columns: fixed values, offsets and text; 4 a row for a dictionary's codes. The
 * dictionary and validity bitmaps are not counted. Where rows are selected, their share of the whole.
 */
export function bytesOf(batch: Batch): number {
  const { rowCount, length } = batch
  if (length === 0 || rowCount === 0) return 0
  const bytes = batch.columns.reduce((sum, column) => sum + columnBytes(column, 0, rowCount), 0)
  return length === rowCount ? bytes : Math.round((bytes * length) / rowCount)
}

/** Of rows [from, to). */
function columnBytes(column: Column, from: number, to: number): number {
  const rows = to - from
  if (column instanceof Word64Column || column instanceof Float64Column) return rows * 8
  if (column instanceof Int32Column || column instanceof Float32Column) return rows * 4
  if (column instanceof DictionaryColumn) return rows * 4
  if (column instanceof BoolColumn) return Math.ceil(rows / 8)
  if (column instanceof Utf8Column) return rows * 4 + (column.offsets[to] ?? 0) - (column.offsets[from] ?? 0)
  if (column instanceof ListColumn) {
    const { offsets, elements } = column
    return rows * 4 + columnBytes(elements, offsets[from] ?? 0, offsets[to] ?? 0)
  }
  if (column instanceof StructColumn) {
    return column.columns.reduce((sum, member) => sum + columnBytes(member, from, to), 0)
  }
  return rows * OBJECT_BYTES
}
