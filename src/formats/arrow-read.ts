/*
 * apache-arrow to batches. Buffers are shared where the layouts are one: bool, Int32, Int64, Float32, Float64,
 * Timestamp(ms), Date(ms), Utf8, dictionaries with Int32 codes, lists, structs. Narrower integers, other time units,
 * decimals, float16 and 64-bit offsets are converted.
 */
import * as arrow from 'apache-arrow'
import { Batch } from '../core/batch.js'
import { sliceBits } from '../core/bitmap.js'
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
import { ListColumn, ObjectColumn, StructColumn } from '../core/columns-nested.js'
import { DictionaryColumn, Utf8Column } from '../core/columns-text.js'
import { Dictionary } from '../core/dictionary.js'
import { SabotError } from '../core/errors.js'
import { floorDivideWords, joinWords, MAX_TIMESTAMP, writeWords } from '../core/int64.js'
import { Schema } from '../core/schema.js'
import {
  type ColumnType,
  type DecimalType,
  type Field,
  type ListType,
  MAX_DECIMAL_SCALE,
  type StructType,
  typeName,
} from '../core/types.js'

/**
 * One batch for each record batch, all of one schema.
 * @throws SabotError UNSUPPORTED_TYPE, naming field and type; OUT_OF_RANGE where a value does not fit the type here, and
 *   NULL_VALUE where a field that is not nullable holds a null, both with the row; ARROW_INVALID for damaged data.
 */
export function fromArrow(data: arrow.Table | arrow.RecordBatch): Batch[] {
  const schema = schemaFromArrow(data.schema)
  const recordBatches = 'batches' in data ? data.batches : [data]
  return recordBatches.map(recordBatch => {
    const columns = schema.fields.map((field, index) => {
      const child = recordBatch.data.children[index]
      if (child === undefined) throw invalid(field.name, 'is missing in a record batch')
      return readColumn(child, field, field.name)
    })
    return new Batch({ schema, columns, rowCount: recordBatch.numRows })
  })
}

/** @throws SabotError UNSUPPORTED_TYPE, naming field and type. */
export function schemaFromArrow(schema: arrow.Schema): Schema {
  return new Schema(schema.fields.map(field => readField(field, field.name)))
}

export function readField({ name, type, nullable }: arrow.Field, path: string): Field {
  return { name, type: readType(type, path), nullable: nullable || arrow.DataType.isNull(type) }
}

function readType(type: arrow.DataType, path: string): ColumnType {
  if (arrow.DataType.isBool(type)) return 'bool'
  if (arrow.DataType.isInt(type)) return type.bitWidth < 32 || (type.bitWidth === 32 && type.isSigned) ? 'i32' : 'i64'
  if (arrow.DataType.isFloat(type)) return type.precision === arrow.Precision.DOUBLE ? 'f64' : 'f32'
  if (arrow.DataType.isUtf8(type) || arrow.DataType.isLargeUtf8(type)) return 'utf8'
  if (arrow.DataType.isTimestamp(type) || arrow.DataType.isDate(type)) return 'timestamp'
  if (arrow.DataType.isNull(type)) return 'object'
  if (arrow.DataType.isDecimal(type)) {
    if (type.scale < 0 || type.scale > MAX_DECIMAL_SCALE) throw unsupported(type, path)
    return { kind: 'decimal', scale: type.scale }
  }
  if (arrow.DataType.isDictionary(type)) {
    if (readType(type.dictionary, path) === 'utf8') return 'utf8'
    throw unsupported(type, path)
  }
  if (arrow.DataType.isList(type) || arrow.DataType.isLargeList(type) || arrow.DataType.isFixedSizeList(type)) {
    const child = type.children[0]
    if (child === undefined) throw unsupported(type, path)
    const { type: element, nullable } = readField(child, `${path}[]`)
    return { kind: 'list', element: nullable ? { kind: 'nullable', type: element } : element }
  }
  if (arrow.DataType.isStruct(type)) {
    return { kind: 'struct', fields: type.children.map(child => readField(child, `${path}.${child.name}`)) }
  }
  throw unsupported(type, path)
}

/** Arrow cuts the values of a slice, but not its bitmaps: `offset` is the first bit of those. */
export function readColumn(data: arrow.Data, field: Field, path: string): Column {
  const { length } = data
  if (field.type === 'object') return new ObjectColumn(new Array(length).fill(null))
  const validity = readValidity(data, path)
  if (validity !== undefined && !field.nullable) throw nullValue(validity, path)
  const { type } = field
  switch (type) {
    case 'bool':
      return new BoolColumn(sliceBits(data.values, data.offset, data.offset + length), length, validity)
    case 'i32':
      return new Int32Column(toInt32(values(data, 1, path)), validity)
    case 'i64':
      return new Int64Column(toInt64(values(data, 1, path), validity, path), validity)
    case 'f32':
      return new Float32Column(toFloat32(data, path), validity)
    case 'f64':
      return new Float64Column(values(data, 1, path), validity)
    case 'timestamp':
      return readTimestamps(data, validity, path)
    case 'utf8':
      return arrow.DataType.isDictionary(data.type)
        ? readDictionary(data, validity, path)
        : new Utf8Column(readOffsets(data, data.values.length, path), data.values, validity)
    default:
      if (type.kind === 'decimal') return readDecimals(data, type, validity, path)
      return type.kind === 'list' ? readList(data, type, validity, path) : readStruct(data, type, validity, path)
  }
}

function readValidity(data: arrow.Data, path: string): Uint8Array | undefined {
  if (data.nullCount === 0) return undefined
  const bitmap: Uint8Array | undefined = data.nullBitmap
  const end = data.offset + data.length
  if (bitmap === undefined || bitmap.length * 8 < end) throw invalid(path, 'has a validity bitmap that is too short')
  return sliceBits(bitmap, data.offset, end)
}

/** The values of the rows, without what pads the buffer. */
function values(data: arrow.Data, perRow: number, path: string): arrow.Data['values'] {
  const count = data.length * perRow
  if (data.values === undefined || data.values.length < count) throw invalid(path, 'has fewer values than rows')
  return data.values.length === count ? data.values : data.values.subarray(0, count)
}

function toInt32(source: Int32Array | Int8Array | Int16Array | Uint8Array | Uint16Array): Int32Array {
  return source instanceof Int32Array ? source : Int32Array.from(source)
}

function toInt64(
  source: BigInt64Array | BigUint64Array | Uint32Array,
  validity: Uint8Array | undefined,
  path: string,
): BigInt64Array {
  if (source instanceof BigInt64Array) return source
  const target = new BigInt64Array(source.length)
  for (let row = 0; row < source.length; row++) {
    const value = BigInt(source[row] ?? 0)
    target[row] = value
    if (target[row] !== value && isValid(validity, row)) throw outOfRange(path, row, value, 'a signed 64-bit integer')
  }
  return target
}

function toFloat32(data: arrow.Data, path: string): Float32Array {
  const source = values(data, 1, path)
  if (source instanceof Float32Array) return source
  const vector = new arrow.Vector([data])
  return Float32Array.from({ length: data.length }, (_, row) => Number(vector.get(row) ?? 0))
}

function readTimestamps(data: arrow.Data, validity: Uint8Array | undefined, path: string): TimestampColumn {
  const { type } = data
  const source = values(data, 1, path)
  const inDays = source instanceof Int32Array
  const [factor, divisor] = arrow.DataType.isTimestamp(type) ? TIME_UNITS[type.unit] : [inDays ? 86_400_000 : 1, 1]
  const words = inDays ? source : new Int32Array(source.buffer, source.byteOffset, source.length * 2)
  const asIs = factor === 1 && divisor === 1
  const target = asIs ? source : new BigInt64Array(source.length)
  const targetWords = new Int32Array(target.buffer, target.byteOffset, target.length * 2)
  for (let row = 0; row < data.length; row++) {
    const low = words[inDays ? row : row * 2] ?? 0
    const high = inDays ? low >> 31 : (words[row * 2 + 1] ?? 0)
    const ms = divisor === 1 ? joinWords(low, high) * factor : floorDivideWords(low, high, divisor)
    if (!isValid(validity, row)) continue
    if (Math.abs(ms) > MAX_TIMESTAMP) throw outOfRange(path, row, source[row], 'within ±8.64e15 ms of 1970')
    if (!asIs) writeWords(targetWords, row, ms)
  }
  return new TimestampColumn(target, validity)
}

/** By TimeUnit: what a value is multiplied with, or divided by (towards −∞), to be milliseconds. */
const TIME_UNITS: Record<arrow.TimeUnit, readonly [factor: number, divisor: number]> = {
  [arrow.TimeUnit.SECOND]: [1000, 1],
  [arrow.TimeUnit.MILLISECOND]: [1, 1],
  [arrow.TimeUnit.MICROSECOND]: [1, 1000],
  [arrow.TimeUnit.NANOSECOND]: [1, 1_000_000],
}

function readDecimals(
  data: arrow.Data,
  type: DecimalType,
  validity: Uint8Array | undefined,
  path: string,
): DecimalColumn {
  const perRow = arrow.DataType.isDecimal(data.type) ? data.type.bitWidth / 32 : 4
  const source: Uint32Array = values(data, perRow, path)
  const target = new BigInt64Array(data.length)
  const words = new Int32Array(target.buffer)
  for (let row = 0; row < data.length; row++) {
    const at = row * perRow
    words[row * 2] = source[at] ?? 0
    const high = perRow === 1 ? (words[row * 2] ?? 0) >> 31 : (source[at + 1] ?? 0) | 0
    words[row * 2 + 1] = high
    for (let word = 2; word < perRow; word++) {
      if (((source[at + word] ?? 0) | 0) !== high >> 31 && isValid(validity, row)) {
        throw outOfRange(path, row, undefined, `a ${typeName(type)} of 64 bits`)
      }
    }
  }
  return new DecimalColumn(type, target, validity)
}

function readOffsets(data: arrow.Data, limit: number, path: string): Int32Array {
  const source: Int32Array | BigInt64Array = data.valueOffsets
  const count = data.length + 1
  if (source === undefined || source.length < count) {
    if (data.length === 0) return new Int32Array(1)
    throw invalid(path, 'has fewer offsets than rows')
  }
  const offsets =
    source instanceof Int32Array ? source.subarray(0, count) : Int32Array.from(source.subarray(0, count), Number)
  let previous = 0
  for (let row = 0; row < count; row++) {
    const offset = offsets[row] ?? 0
    if (offset < previous || offset > limit) throw invalid(path, `has an offset that leads outside, before row ${row}`)
    previous = offset
  }
  return offsets
}

const dictionaries = new WeakMap<arrow.Vector, { dictionary: Dictionary; codes: Int32Array | undefined }>()

function readDictionary(data: arrow.Data, validity: Uint8Array | undefined, path: string): Column {
  const vector = data.dictionary
  if (vector === undefined) throw invalid(path, 'has codes but no dictionary')
  let known = dictionaries.get(vector)
  if (known === undefined) {
    known = readEntries(vector)
    dictionaries.set(vector, known)
  }
  const { dictionary, codes: recoded } = known
  const source: Int32Array = toInt32(values(data, 1, path))
  const codes = recoded === undefined ? source : source.map(code => recoded[code] ?? -1)
  let nulls = validity
  for (let row = 0; row < codes.length; row++) {
    if (!isValid(nulls, row)) continue
    const from = source[row] ?? -1
    if (from < 0 || from >= vector.length) throw invalid(path, `has code ${from} outside its dictionary in row ${row}`)
    if ((codes[row] ?? -1) < 0) {
      // The dictionary itself has a null at this code.
      nulls ??= new Uint8Array((codes.length + 7) >>> 3).fill(0xff)
      if (nulls === validity) nulls = validity.slice()
      nulls[row >>> 3] = (nulls[row >>> 3] ?? 0) & ~(1 << (row & 7))
      codes[row] = 0
    }
  }
  return new DictionaryColumn(codes, dictionary, nulls)
}

/** The dictionary of an Arrow vector, with new codes where the vector has duplicates or nulls (−1). */
function readEntries(vector: arrow.Vector): { dictionary: Dictionary; codes: Int32Array | undefined } {
  const dictionary = new Dictionary()
  const codes = new Int32Array(vector.length)
  let same = true
  for (let code = 0; code < vector.length; code++) {
    const text: unknown = vector.get(code)
    codes[code] = typeof text === 'string' ? dictionary.encode(text) : -1
    same &&= codes[code] === code
  }
  return { dictionary, codes: same ? undefined : codes }
}

function readList(data: arrow.Data, type: ListType, validity: Uint8Array | undefined, path: string): ListColumn {
  const child = data.children[0]
  if (child === undefined) throw invalid(path, 'has no elements')
  const field: Field = { name: '[]', ...elementOf(type) }
  const offsets = arrow.DataType.isFixedSizeList(data.type)
    ? Int32Array.from({ length: data.length + 1 }, (_, row) => row * data.stride)
    : readOffsets(data, child.length, path)
  return new ListColumn(type, offsets, readColumn(child, field, `${path}[]`), validity)
}

function elementOf({ element }: ListType): { type: ColumnType; nullable: boolean } {
  if (typeof element === 'object' && element.kind === 'nullable') return { type: element.type, nullable: true }
  return { type: element, nullable: false }
}

function readStruct(data: arrow.Data, type: StructType, validity: Uint8Array | undefined, path: string): StructColumn {
  const columns = type.fields.map((field, index) => {
    const child = data.children[index]
    if (child === undefined) throw invalid(`${path}.${field.name}`, 'is missing')
    // A null struct may stand over nulls of fields that are not nullable.
    const inside = validity === undefined ? field : { ...field, nullable: true }
    return readColumn(child, inside, `${path}.${field.name}`)
  })
  return new StructColumn(type, columns, data.length, validity)
}

function isValid(validity: Uint8Array | undefined, row: number): boolean {
  return validity === undefined || (((validity[row >>> 3] ?? 0) >>> (row & 7)) & 1) === 1
}

function unsupported(type: arrow.DataType, path: string): SabotError {
  return new SabotError('UNSUPPORTED_TYPE', `Field ${path} is of Arrow type ${type}, which has no column type here`, {
    field: path,
    type: String(type),
  })
}

function outOfRange(path: string, row: number, value: unknown, wanted: string): SabotError {
  const shown = value === undefined ? 'the value' : String(value)
  return new SabotError('OUT_OF_RANGE', `Field ${path}, row ${row}: ${shown} is not ${wanted}`, {
    field: path,
    position: row,
    value,
  })
}

function nullValue(validity: Uint8Array, path: string): SabotError {
  let row = 0
  while (isValid(validity, row)) row++
  return new SabotError('NULL_VALUE', `Field ${path} is not nullable, but null in row ${row}`, {
    field: path,
    position: row,
  })
}

function invalid(path: string, why: string): SabotError {
  return new SabotError('ARROW_INVALID', `Field ${path} ${why}`, { field: path })
}
