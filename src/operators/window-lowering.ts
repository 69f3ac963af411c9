import { bitmapBytes, setBit } from '../core/bitmap.js'
import type { Column } from '../core/column.js'
import {
  DecimalColumn,
  Float32Column,
  Float64Column,
  Int32Column,
  Int64Column,
  TimestampColumn,
} from '../core/columns-fixed.js'
import { joinWords } from '../core/int64.js'
import type { ColumnType } from '../core/types.js'
import type { FiredColumn } from '../kernel/aggregated-columns.js'
import { aggregateType, type KernelFunction } from './aggregates/kernel-functions.js'

/** What the kernel kept of an aggregated column, as the result column of an aggregate. Copies: the views are reused. */
export function lowered(kind: KernelFunction, type: ColumnType, fired: FiredColumn): Column {
  if (kind === 'count') return new Float64Column(fired.nonNull.slice())
  const validity = validityOf(fired.nonNull)
  if (kind === 'mean') return new Float64Column(means(type, fired), validity)
  const values = kind === 'sum' ? fired.sum : kind === 'min' ? fired.min : fired.max
  if (values === undefined) throw new TypeError(`The kernel keeps no ${kind} of this column`)
  return columnOf(aggregateType(kind, type), values, validity)
}

function means(type: ColumnType, { sum, nonNull }: FiredColumn): Float64Array {
  const scale = typeof type === 'object' && type.kind === 'decimal' ? 10 ** type.scale : 1
  const sums = sum instanceof Float64Array ? sum : numbersOf(sum)
  const means = new Float64Array(nonNull.length)
  for (let row = 0; row < means.length; row++) means[row] = (sums[row] ?? 0) / (nonNull[row] ?? 0) / scale
  return means
}

function columnOf(type: ColumnType, values: Float64Array | BigInt64Array, validity: Uint8Array | undefined): Column {
  if (values instanceof Float64Array) {
    return type === 'f32'
      ? new Float32Column(Float32Array.from(values), validity)
      : new Float64Column(values.slice(), validity)
  }
  if (typeof type === 'object' && type.kind === 'decimal') return new DecimalColumn(type, values.slice(), validity)
  if (type === 'timestamp') return new TimestampColumn(values.slice(), validity)
  if (type === 'i64') return new Int64Column(values.slice(), validity)
  const numbers = numbersOf(values)
  return type === 'i32' ? new Int32Column(Int32Array.from(numbers), validity) : new Float64Column(numbers, validity)
}

/** 64-bit integers as numbers, without a BigInt each. */
function numbersOf(values: BigInt64Array): Float64Array {
  const words = new Int32Array(values.buffer, values.byteOffset, values.length * 2)
  const numbers = new Float64Array(values.length)
  for (let row = 0; row < numbers.length; row++) numbers[row] = joinWords(words[row * 2] ?? 0, words[row * 2 + 1] ?? 0)
  return numbers
}

/** Null where no value was there; undefined where every row has one. */
function validityOf(nonNull: Float64Array): Uint8Array | undefined {
  if (!nonNull.includes(0)) return undefined
  const bits = new Uint8Array(bitmapBytes(nonNull.length))
  for (let row = 0; row < nonNull.length; row++) setBit(bits, row, nonNull[row] !== 0)
  return bits
}
