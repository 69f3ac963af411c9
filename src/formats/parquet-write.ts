/*
 * Batches to Parquet files, a row group at a time, through hyparquet-writer (MIT). With a footer at the end and nothing
 * that points backwards but offsets, a file can be gone on with: what an encoder needs is the list of its row groups.
 *
 *   bool BOOLEAN · i32 INT32 · i64 INT64 · f32 FLOAT · f64 DOUBLE · utf8 STRING · timestamp TIMESTAMP(MILLIS, UTC)
 *   decimal(s) DECIMAL(19, s) in 9 bytes · list LIST of three levels · struct a group · object JSON
 */
import type { RowGroup, SchemaElement } from 'hyparquet'
import { ByteWriter } from 'hyparquet-writer/src/bytewriter.js'
import { ParquetWriter } from 'hyparquet-writer/src/parquet-writer.js'
import type { Batch } from '../core/batch.js'
import type { Column } from '../core/column.js'
import { DecimalColumn, Int64Column, TimestampColumn } from '../core/columns-fixed.js'
import { ListColumn, StructColumn } from '../core/columns-nested.js'
import { describeValue } from '../core/errors.js'
import { type Json, memberOf } from '../core/json.js'
import { defineField } from '../core/row-object.js'
import { Schema } from '../core/schema.js'
import { type ColumnType, type Field, unwrapNullable } from '../core/types.js'
import { encodeUtf8 } from '../core/utf8.js'
import { concatBytes, type EncoderRequest, type FileEncoder, NO_BYTES, type Suspended } from './file-encoder.js'

export interface ParquetWriteOptions {
  /** Rows of a row group at most. Default 122,880. A checkpoint ends one, too. */
  readonly rowGroupRows?: number
  /** Default 'snappy'. */
  readonly compression?: 'snappy' | 'none'
}

const DEFAULT_GROUP_ROWS = 122_880
const MAX_GROUP_ROWS = 10_000_000
/** Decimal digits of a 64-bit integer, and the bytes that hold so many. */
const DECIMAL_PRECISION = 19
const DECIMAL_BYTES = 9

/** @throws TypeError for options out of range */
export function checkParquetOptions({
  rowGroupRows = DEFAULT_GROUP_ROWS,
  compression = 'snappy',
}: ParquetWriteOptions) {
  if (!Number.isInteger(rowGroupRows) || rowGroupRows < 1 || rowGroupRows > MAX_GROUP_ROWS) {
    throw new TypeError(`rowGroupRows is a whole number up to ${MAX_GROUP_ROWS}, not ${describeValue(rowGroupRows)}`)
  }
  if (compression !== 'snappy' && compression !== 'none') {
    throw new TypeError(`The compression of Parquet is 'snappy' or 'none', not ${describeValue(compression)}`)
  }
  return { rowGroupRows, codec: compression === 'snappy' ? ('SNAPPY' as const) : ('UNCOMPRESSED' as const) }
}

/** @throws TypeError for options out of range */
export function parquetEncoder(options: ParquetWriteOptions, { resumed }: EncoderRequest): FileEncoder {
  const encoder = new ParquetEncoder(checkParquetOptions(options))
  if (resumed !== undefined && resumed.sizeBytes > 0) encoder.resume(resumed.state, resumed.sizeBytes)
  return encoder
}

class ParquetEncoder implements FileEncoder {
  private readonly options: ReturnType<typeof checkParquetOptions>
  private readonly out = new ByteWriter()
  private schema: Schema | undefined
  private writer: ParquetWriter | undefined
  private batches: Batch[] = []
  private rows = 0

  constructor(options: ReturnType<typeof checkParquetOptions>) {
    this.options = options
  }

  resume(state: Json, sizeBytes: number): void {
    const schema = Schema.fromJSON(memberOf(state, 'schema'))
    const writer = this.begin(schema)
    this.out.index = 0
    this.out.offset = sizeBytes
    writer.row_groups = revived(memberOf(state, 'rowGroups') ?? []) as RowGroup[]
    writer.num_rows = writer.row_groups.reduce((sum, group) => sum + group.num_rows, 0n)
  }

  encode(batch: Batch): Uint8Array {
    if (this.schema === undefined) this.begin(batch.schema)
    const { rowGroupRows } = this.options
    const parts: Uint8Array[] = []
    for (let from = 0; from < batch.length; ) {
      const to = Math.min(batch.length, from + rowGroupRows - this.rows)
      this.batches.push((from === 0 && to === batch.length ? batch : batch.slice(from, to)).compact())
      this.rows += to - from
      from = to
      if (this.rows >= rowGroupRows) parts.push(this.flushGroup())
    }
    return concatBytes(parts)
  }

  suspend(): Suspended {
    const bytes = this.flushGroup()
    const { schema, writer } = this
    if (schema === undefined || writer === undefined) return { bytes, state: null }
    return { bytes, state: { schema: JSON.parse(JSON.stringify(schema)), rowGroups: storable(writer.row_groups) } }
  }

  end(): Uint8Array {
    const group = this.flushGroup()
    this.writer?.finish()
    return concatBytes([group, this.drain()])
  }

  destroy(): void {
    this.batches = []
  }

  private begin(schema: Schema): ParquetWriter {
    this.schema = schema
    const elements: SchemaElement[] = [{ name: 'schema', num_children: schema.fields.length }]
    for (const field of schema.fields) elements.push(...elementsOf(field))
    this.writer = new ParquetWriter({
      writer: this.out,
      schema: elements,
      codec: this.options.codec,
      createdBy: 'sabot',
    })
    return this.writer
  }

  private flushGroup(): Uint8Array {
    const { schema, writer, batches } = this
    if (writer !== undefined && schema !== undefined && this.rows > 0) {
      const columnData = schema.fields.map(({ name }, index) => {
        const data = batches.flatMap(batch => physicalValues(batch.columnAt(index)))
        return { name, data, offsetIndex: false }
      })
      this.batches = []
      writer.write({ columnData, rowGroupSize: this.rows })
      // They belong to indexes that are not written; a long file would gather many.
      writer.pendingIndexes = []
      this.rows = 0
    }
    return this.drain()
  }

  private drain(): Uint8Array {
    if (this.out.index === 0) return NO_BYTES
    const bytes = this.out.getBytes().slice()
    this.out.index = 0
    return bytes
  }
}

function elementsOf({ name, type, nullable }: Field): SchemaElement[] {
  const shared = { name, repetition_type: nullable ? ('OPTIONAL' as const) : ('REQUIRED' as const) }
  switch (type) {
    case 'bool':
      return [{ ...shared, type: 'BOOLEAN' }]
    case 'i32':
      return [{ ...shared, type: 'INT32' }]
    case 'i64':
      return [{ ...shared, type: 'INT64' }]
    case 'f32':
      return [{ ...shared, type: 'FLOAT' }]
    case 'f64':
      return [{ ...shared, type: 'DOUBLE' }]
    case 'utf8':
      return [{ ...shared, type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } }]
    case 'timestamp':
      return [
        {
          ...shared,
          type: 'INT64',
          converted_type: 'TIMESTAMP_MILLIS',
          logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' },
        },
      ]
    case 'object':
      return [{ ...shared, repetition_type: 'OPTIONAL', type: 'BYTE_ARRAY', logical_type: { type: 'JSON' } }]
    default:
      return nestedElements(shared, type)
  }
}

function nestedElements(
  shared: Pick<SchemaElement, 'name' | 'repetition_type'>,
  type: Exclude<ColumnType, string>,
): SchemaElement[] {
  if (type.kind === 'decimal') {
    const { scale } = type
    return [
      {
        ...shared,
        type: 'FIXED_LEN_BYTE_ARRAY',
        type_length: DECIMAL_BYTES,
        converted_type: 'DECIMAL',
        scale,
        precision: DECIMAL_PRECISION,
      },
    ]
  }
  if (type.kind === 'struct') {
    return [{ ...shared, num_children: type.fields.length }, ...type.fields.flatMap(elementsOf)]
  }
  return [
    { ...shared, num_children: 1, converted_type: 'LIST', logical_type: { type: 'LIST' } },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    ...elementsOf({ name: 'element', ...unwrapNullable(type.element) }),
  ]
}

/** What the writer takes for the values of a column: exact integers, no text of a number, no Date. */
function physicalValues(column: Column): unknown[] {
  const values: unknown[] = new Array(column.length)
  for (let row = 0; row < column.length; row++) values[row] = physicalValue(column, row)
  return values
}

function physicalValue(column: Column, row: number): unknown {
  if (!column.isValid(row)) return null
  if (column instanceof TimestampColumn || column instanceof DecimalColumn || column instanceof Int64Column) {
    return column.values[row]
  }
  if (column instanceof ListColumn) {
    const [from = 0, to = 0] = [column.offsets[row], column.offsets[row + 1]]
    return Array.from({ length: to - from }, (_, index) => physicalValue(column.elements, from + index))
  }
  if (column instanceof StructColumn) {
    const struct: Record<string, unknown> = {}
    for (const [index, { name }] of column.type.fields.entries()) {
      const child = column.columns[index]
      if (child !== undefined) defineField(struct, name, physicalValue(child, row))
    }
    return struct
  }
  const value = column.value(row)
  if (column.type !== 'object') return value
  return value === null || value === undefined ? null : encodeUtf8(JSON.stringify(value, exactly) ?? 'null')
}

/** Integers beyond 2^53 stay exact as texts. */
function exactly(_key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value
  return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString()
}

/** The metadata of row groups as JSON, and back: it has bigints, bytes, and numbers that JSON does not know. */
function storable(value: unknown): Json {
  if (typeof value === 'bigint') return { $integer: value.toString() }
  if (value instanceof Uint8Array) return { $bytes: [...value] }
  if (typeof value === 'number' && !(Number.isFinite(value) && !Object.is(value, -0))) {
    return { $number: Object.is(value, -0) ? '-0' : String(value) }
  }
  if (Array.isArray(value)) return value.map(storable)
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined)
    return Object.fromEntries(members.map(([name, member]) => [name, storable(member)]))
  }
  return value as Json
}

function revived(json: Json): unknown {
  if (Array.isArray(json)) return json.map(revived)
  if (typeof json !== 'object' || json === null) return json
  const [integer, bytes, number] = ['$integer', '$bytes', '$number'].map(name => memberOf(json, name))
  if (typeof integer === 'string') return BigInt(integer)
  if (typeof number === 'string') return Number(number)
  if (Array.isArray(bytes)) return Uint8Array.from(bytes as readonly number[])
  return Object.fromEntries(Object.entries(json).map(([name, member]) => [name, revived(member)]))
}
