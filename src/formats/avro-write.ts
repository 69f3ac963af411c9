/*
 * Batches to Avro object container files. Blocks stand for themselves, so that a file can be gone on with; the sync
 * marker is made from the schema, since what writes files knows no randomness.
 *
 *   bool boolean · i32 int · i64 long · f32 float · f64 double · utf8 string · timestamp timestamp-millis
 *   decimal(s) bytes, decimal(19, s) · list array · struct record · nullable [null, T] · object its JSON as a string
 */
import type { Batch } from '../core/batch.js'
import type { Column } from '../core/column.js'
import { DecimalColumn, Int64Column } from '../core/columns-fixed.js'
import { ListColumn, StructColumn } from '../core/columns-nested.js'
import { describeValue, SabotError } from '../core/errors.js'
import { type Json, memberOf } from '../core/json.js'
import { Schema } from '../core/schema.js'
import { type ColumnType, type Field, unwrapNullable } from '../core/types.js'
import { encodeUtf8 } from '../core/utf8.js'
import { AvroOutput, twosComplement } from './avro-binary.js'
import { packBlock } from './avro-codec.js'
import { avroFingerprint, parseAvroSchema } from './avro-schema.js'
import { concatBytes, type EncoderRequest, type FileEncoder, NO_BYTES, type Suspended } from './file-encoder.js'

export interface AvroWriteOptions {
  /** Default 'deflate'. */
  readonly compression?: 'deflate' | 'none'
}

/** A block ends behind the row that fills it. */
const BLOCK_BYTES = 65_536
const DECIMAL_PRECISION = 19
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/** @throws TypeError for options that are none */
export function checkAvroOptions({ compression = 'deflate' }: AvroWriteOptions): 'null' | 'deflate' {
  if (compression === 'deflate') return compression
  if (compression === 'none') return 'null'
  throw new TypeError(`The compression of Avro is 'deflate' or 'none', not ${describeValue(compression)}`)
}

/** encode() throws SabotError SCHEMA_INVALID for a field whose name Avro does not allow. */
export function avroEncoder(options: AvroWriteOptions, { resumed }: EncoderRequest): FileEncoder {
  const encoder = new AvroEncoder(checkAvroOptions(options))
  const schema = resumed === undefined ? undefined : memberOf(resumed.state, 'schema')
  if (schema !== undefined) encoder.resume(Schema.fromJSON(schema))
  return encoder
}

class AvroEncoder implements FileEncoder {
  private readonly codec: 'null' | 'deflate'
  private readonly output = new AvroOutput()
  private schema: Schema | undefined
  private sync: Uint8Array = NO_BYTES
  private rows = 0

  constructor(codec: 'null' | 'deflate') {
    this.codec = codec
  }

  resume(schema: Schema): void {
    this.schema = schema
    this.sync = syncOf(avroSchemaOf(schema))
  }

  async encode(batch: Batch): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    if (this.schema === undefined) {
      this.resume(batch.schema)
      parts.push(this.header(batch.schema))
    }
    const { output } = this
    const writers = batch.schema.fields.map((field, index) => columnWriter(batch.columnAt(index), field))
    for (let index = 0; index < batch.length; index++) {
      const row = batch.physicalRow(index)
      for (const write of writers) write(row, output)
      this.rows += 1
      if (output.length >= BLOCK_BYTES) parts.push(await this.block())
    }
    return concatBytes(parts)
  }

  async suspend(): Promise<Suspended> {
    const bytes = await this.block()
    return {
      bytes,
      state: this.schema === undefined ? null : { schema: JSON.parse(JSON.stringify(this.schema)) as Json },
    }
  }

  end(): Promise<Uint8Array> {
    return this.block()
  }

  destroy(): void {}

  private header(schema: Schema): Uint8Array {
    const output = new AvroOutput()
    output.put(Uint8Array.of(0x4f, 0x62, 0x6a, 0x01))
    output.long(2)
    output.text('avro.codec')
    output.text(this.codec)
    output.text('avro.schema')
    output.text(JSON.stringify(avroSchemaOf(schema)))
    output.long(0)
    output.put(this.sync)
    return output.finish()
  }

  private async block(): Promise<Uint8Array> {
    const { rows } = this
    if (rows === 0) return NO_BYTES
    this.rows = 0
    const bytes = await packBlock(this.output.finish(), this.codec)
    const frame = new AvroOutput()
    frame.long(rows)
    frame.long(bytes.length)
    return concatBytes([frame.finish(), bytes, this.sync])
  }
}

/** @throws SabotError SCHEMA_INVALID */
function avroSchemaOf(schema: Schema): Json {
  let records = 0
  const record = (fields: readonly Field[], name: string): Json => ({
    type: 'record',
    name,
    fields: fields.map(field => {
      if (!NAME.test(field.name)) {
        throw new SabotError(
          'SCHEMA_INVALID',
          `Avro has no field named ${describeValue(field.name)}: names are letters, digits and underscores. Rename it in ` +
            'a select()',
          { field: field.name },
        )
      }
      const type = typeOf(field.type)
      return isNullable(field) ? { name: field.name, type: ['null', type], default: null } : { name: field.name, type }
    }),
  })
  const typeOf = (type: ColumnType): Json => {
    switch (type) {
      case 'bool':
        return 'boolean'
      case 'i32':
        return 'int'
      case 'i64':
        return 'long'
      case 'f32':
        return 'float'
      case 'f64':
        return 'double'
      case 'utf8':
      case 'object':
        return 'string'
      case 'timestamp':
        return { type: 'long', logicalType: 'timestamp-millis' }
      default:
        if (type.kind === 'decimal') {
          return { type: 'bytes', logicalType: 'decimal', precision: DECIMAL_PRECISION, scale: type.scale }
        }
        if (type.kind === 'struct') return record(type.fields, `Struct${++records}`)
        return { type: 'array', items: elementType(unwrapNullable(type.element)) }
    }
  }
  const elementType = ({ type, nullable }: { type: ColumnType; nullable: boolean }): Json => {
    return nullable || type === 'object' ? ['null', typeOf(type)] : typeOf(type)
  }
  return record(schema.fields, 'Row')
}

function isNullable({ type, nullable }: Pick<Field, 'type' | 'nullable'>): boolean {
  return nullable || type === 'object'
}

/** 16 bytes: the schema's fingerprint, and that of its text. */
function syncOf(schema: Json): Uint8Array {
  const sync = new Uint8Array(16)
  const view = new DataView(sync.buffer)
  view.setBigUint64(0, avroFingerprint(parseAvroSchema(schema)))
  view.setBigUint64(8, avroFingerprint({ kind: 'enum', name: JSON.stringify(schema), symbols: [] }))
  return sync
}

type ColumnWriter = (row: number, output: AvroOutput) => void

function columnWriter(column: Column, field: Pick<Field, 'type' | 'nullable'>): ColumnWriter {
  const write = valueWriter(column)
  if (!isNullable(field)) return write
  const isNull =
    column.type === 'object' ? (row: number) => column.value(row) == null : (row: number) => !column.isValid(row)
  return (row, output) => {
    if (isNull(row)) return output.byte(0)
    output.byte(2)
    write(row, output)
  }
}

function valueWriter(column: Column): ColumnWriter {
  if (column instanceof DecimalColumn) {
    return (row, output) => {
      const bytes = twosComplement(column.values[row] ?? 0n, undefined)
      output.long(bytes.length)
      output.put(bytes)
    }
  }
  if (column instanceof Int64Column) return (row, output) => output.long(column.values[row] ?? 0n)
  if (column instanceof ListColumn) {
    const write = columnWriter(column.elements, unwrapNullable(column.type.element))
    return (row, output) => {
      const [from = 0, to = 0] = [column.offsets[row], column.offsets[row + 1]]
      if (to > from) output.long(to - from)
      for (let index = from; index < to; index++) write(index, output)
      output.long(0)
    }
  }
  if (column instanceof StructColumn) {
    const writers = column.type.fields.map((field, index) => {
      const child = column.columns[index]
      if (child === undefined) throw new TypeError(`There is no column for field ${field.name}`)
      return columnWriter(child, field)
    })
    return (row, output) => {
      for (const write of writers) write(row, output)
    }
  }
  switch (column.type) {
    case 'bool':
      return (row, output) => output.byte(column.value(row) === true ? 1 : 0)
    case 'f32':
      return (row, output) => output.float(Number(column.value(row)))
    case 'f64':
      return (row, output) => output.double(Number(column.value(row)))
    case 'i32':
    case 'timestamp':
      return (row, output) => output.long(Number(column.value(row)))
    case 'utf8':
      return (row, output) => output.text(String(column.value(row)))
    default:
      return (row, output) => {
        const text = encodeUtf8(JSON.stringify(column.value(row), exactly) ?? 'null')
        output.long(text.length)
        output.put(text)
      }
  }
}

/** Integers beyond 2^53 stay exact as texts. */
function exactly(_key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value
  return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString()
}
