import { getBit } from '../core/bitmap.js'
import type { Column } from '../core/column.js'
import {
  BoolColumn,
  DecimalColumn,
  Float64Column,
  Int32Column,
  Int64Column,
  TimestampColumn,
} from '../core/columns-fixed.js'
import { joinWords } from '../core/int64.js'

/** What orders rows and tells them apart: decimals are their units; bigints are only those that a number cannot hold. */
export type OrderValue = number | bigint | string

/** Upper words of whole numbers that a number holds exactly: those within ±2^52. */
const SAFE_HIGH = 2 ** 20

/** Reads the rows of a column of a primitive type, in the terms of `<` and `>`. Null where the row is null. */
export function orderValues(column: Column): (row: number) => OrderValue | null {
  const { validity } = column
  if (column instanceof Float64Column || column instanceof Int32Column) {
    const { values } = column
    return row => (validity !== undefined && !getBit(validity, row) ? null : (values[row] as number))
  }
  if (column instanceof Int64Column || column instanceof TimestampColumn || column instanceof DecimalColumn) {
    const { words, values } = column
    return row => {
      if (validity !== undefined && !getBit(validity, row)) return null
      const high = words[row * 2 + 1] as number
      const isSafe = high >= -SAFE_HIGH && high < SAFE_HIGH
      return isSafe ? joinWords(words[row * 2] as number, high) : (values[row] as bigint)
    }
  }
  if (column instanceof BoolColumn) {
    return row => {
      const value = column.value(row)
      return value === null ? null : Number(value)
    }
  }
  return row => column.value(row) as OrderValue | null
}
