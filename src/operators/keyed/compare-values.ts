import type { ColumnType } from '../../core/types.js'

export type Comparison = (a: unknown, b: unknown) => number

/**
 * Compares values of a column: numbers and times by size (-0 is 0), texts by their UTF-16 units, false before true.
 * Null and NaN come last in both directions, and are equal to one another. A whole number may be a number or a bigint.
 */
export function comparison(type: ColumnType, order: 'asc' | 'desc'): Comparison {
  const sign = order === 'asc' ? 1 : -1
  const unit = typeof type === 'object' && type.kind === 'decimal' ? decimalUnits : (value: unknown) => value
  return (a, b) => {
    // Most values are numbers; a decimal that is one is in units.
    if (typeof a === 'number' && typeof b === 'number') {
      if (a < b) return -sign
      if (a > b) return sign
      if (a === b) return 0
    }
    const aIsLast = isLast(a)
    const bIsLast = isLast(b)
    if (aIsLast || bIsLast) return Number(aIsLast) - Number(bIsLast)
    const x = unit(a) as number
    const y = unit(b) as number
    return x < y ? -sign : x > y ? sign : 0
  }
}

function isLast(value: unknown): boolean {
  return value === null || value === undefined || Number.isNaN(value)
}

/** All values of one column have the same scale. */
function decimalUnits(value: unknown): bigint {
  return BigInt(String(value).replace('.', ''))
}
