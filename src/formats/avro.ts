/* Avro object container files, a block at a time, into column batches. */
import { Batch } from '../core/batch.js'
import { appendField, columnBuilder } from '../core/builders-nested.js'
import type { ColumnBuilder } from '../core/column-builder.js'
import { describeValue, SabotError } from '../core/errors.js'
import type { ReadableFile } from '../core/files.js'
import { nearestName } from '../core/nearest.js'
import { readSchema } from '../core/read-schema.js'
import { Schema } from '../core/schema.js'
import { type Field, typeName } from '../core/types.js'
import { decodeUtf8 } from '../core/utf8.js'
import { AvroInput, type AvroReader, avroReader, avroSkipper, minBytesOf } from './avro-binary.js'
import { AVRO_CODECS, type AvroCodec, MAX_BLOCK_BYTES, unpackBlock } from './avro-codec.js'
import { type AvroRecord, parseAvroSchema } from './avro-schema.js'
import { fieldOfAvro } from './avro-types.js'
import { ByteWindow } from './byte-window.js'
import { checkCast } from './cast-column.js'
import type { RowBlock, RowBlocks } from './row-blocks.js'

const MAGIC = [0x4f, 0x62, 0x6a, 0x01]
const SYNC_BYTES = 16
const MAX_HEADER_BYTES = 16 * 1_048_576
/** Rows that take no byte are bounded by this number in a block. */
const MAX_EMPTY_ROWS = 16_777_216
/** The longest varint. */
const LONG_BYTES = 10

/**
 * Opens a file by its header. With a schema only its fields are decoded, with `fields` only those of them; others are
 * stepped over.
 * @throws SabotError AVRO_INVALID when the file is foreign or damaged, or its schema is no record; MISSING_COLUMN;
 *   TYPE_MISMATCH; UNSUPPORTED_TYPE for a codec that is not here (bzip2, xz). Blocks also throw NULL_VALUE and
 *   OUT_OF_RANGE, COMPRESSION_INVALID.
 */
export async function openAvro(
  file: Pick<ReadableFile, 'read'>,
  declared: Schema | undefined,
  fields?: readonly string[],
): Promise<RowBlocks> {
  const window = new ByteWindow(file)
  const header = await readHeader(window)
  return new OpenAvro(window, header, declared ?? new Schema(header.record.fields.map(fieldOfAvro)), fields)
}

class OpenAvro implements RowBlocks {
  readonly schema: Schema
  /** Byte at which the next block begins. */
  at: number
  private readonly window: ByteWindow
  private readonly header: Header
  private readonly wanted: Schema
  private readonly steps: readonly Step[]
  private readonly minBytes: number

  constructor(window: ByteWindow, header: Header, schema: Schema, fields: readonly string[] | undefined) {
    this.window = window
    this.header = header
    this.schema = schema
    this.at = header.end
    this.wanted = readSchema(schema, fields)
    this.steps = planColumns(header.record, schema, this.wanted)
    this.minBytes = minBytesOf(header.record)
  }

  async seek(at: number): Promise<boolean> {
    this.at = Math.max(at, this.header.end)
    return (await this.window.read(this.at, 1)).length > 0
  }

  async next(): Promise<RowBlock | undefined> {
    const { codec, sync } = this.header
    const frame = await readFrame(this.window, this.at, sync)
    if (frame === undefined) return undefined
    const bytes = await unpackBlock(frame.bytes, codec)
    const most = this.minBytes === 0 ? MAX_EMPTY_ROWS : bytes.length / this.minBytes
    if (frame.rowCount > most) throw invalid(`The block at byte ${this.at} claims ${frame.rowCount} rows`, this.at)
    this.at = frame.end
    return new Block(this.wanted, this.steps, bytes, frame.rowCount)
  }
}

interface Header {
  readonly record: AvroRecord
  readonly codec: AvroCodec
  readonly sync: Uint8Array
  readonly end: number
}

async function readHeader(window: ByteWindow): Promise<Header> {
  for (let length = 4096; ; length *= 4) {
    const bytes = await window.read(0, length)
    if (!MAGIC.every((byte, at) => bytes[at] === byte)) throw invalid('The file does not begin as an Avro file does', 0)
    try {
      return parseHeader(bytes)
    } catch (cause) {
      // A header that is cut off: more of it may be there.
      if (bytes.length < length || length >= MAX_HEADER_BYTES || !isCutOff(cause)) throw cause
    }
  }
}

function isCutOff(cause: unknown): boolean {
  return cause instanceof SabotError && cause.code === 'AVRO_INVALID' && cause.details.position !== undefined
}

function parseHeader(bytes: Uint8Array): Header {
  const input = new AvroInput(bytes)
  input.take(MAGIC.length)
  const metadata = new Map<string, Uint8Array>()
  input.blocks(1, () => {
    const key = decodeUtf8(input.take(input.length(input.remaining)))
    metadata.set(key, input.take(input.length(input.remaining)))
  })
  const sync = input.take(SYNC_BYTES).slice()
  const codec = decodeUtf8(metadata.get('avro.codec') ?? new Uint8Array()) || 'null'
  if (!AVRO_CODECS.has(codec)) {
    throw new SabotError(
      'UNSUPPORTED_TYPE',
      `The file is compressed by ${describeValue(codec)}; ${[...AVRO_CODECS].join(', ')} are read`,
      { codec },
    )
  }
  const text = decodeUtf8(metadata.get('avro.schema') ?? new Uint8Array())
  const type = parseAvroSchema(jsonOf(text))
  if (type.kind !== 'record') {
    throw new SabotError('AVRO_INVALID', `The file holds values of type ${type.kind}, not records`, {})
  }
  return { record: type, codec: codec as AvroCodec, sync, end: input.position }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new SabotError('AVRO_INVALID', `The file's schema is no JSON: ${describeValue(text)}`, {}, { cause })
  }
}

interface Frame {
  readonly rowCount: number
  readonly bytes: Uint8Array
  readonly end: number
}

async function readFrame(window: ByteWindow, offset: number, sync: Uint8Array): Promise<Frame | undefined> {
  const start = await window.read(offset, 2 * LONG_BYTES)
  if (start.length === 0) return undefined
  const input = new AvroInput(start)
  const [rowCount, size] = [input.long(), input.long()]
  if (typeof rowCount !== 'number' || typeof size !== 'number' || rowCount < 0 || size < 0 || size > MAX_BLOCK_BYTES) {
    throw invalid(`The block at byte ${offset} claims ${rowCount} rows in ${size} bytes`, offset)
  }
  const from = input.position
  const end = offset + from + size + SYNC_BYTES
  const whole = await window.read(offset, end - offset)
  if (whole.length < end - offset) throw invalid(`The file ends in the middle of the block at byte ${offset}`, offset)
  const marker = whole.subarray(from + size)
  if (!sync.every((byte, at) => marker[at] === byte)) {
    throw invalid(`The block at byte ${offset} does not end with the file's sync marker`, offset)
  }
  return { rowCount, bytes: whole.slice(from, from + size), end }
}

/** A field of the file: read into a column, or stepped over. */
type Step = { readonly read: AvroReader; readonly column: number } | { readonly skip: (input: AvroInput) => void }

function planColumns(record: AvroRecord, schema: Schema, wanted: Schema): Step[] {
  const known = record.fields.map(({ name }) => name)
  for (const field of schema.fields) {
    const inFile = record.fields.find(({ name }) => name === field.name)
    if (inFile !== undefined) {
      checkCast(fieldOfAvro(inFile), field)
      continue
    }
    const nearest = nearestName(field.name, known)
    const hint = nearest === undefined ? '' : ` Did you mean ${JSON.stringify(nearest)}?`
    throw new SabotError(
      'MISSING_COLUMN',
      `The file has no field ${JSON.stringify(field.name)}.${hint} It has ${known.join(', ')}.`,
      { field: field.name, known, nearest },
    )
  }
  return record.fields.map(({ name, type }): Step => {
    return wanted.has(name) ? { read: avroReader(type), column: wanted.indexOf(name) } : { skip: avroSkipper(type) }
  })
}

class Block implements RowBlock {
  readonly rowCount: number
  private readonly schema: Schema
  private readonly steps: readonly Step[]
  private readonly input: AvroInput
  private readonly builders: readonly ColumnBuilder[]
  private row = 0

  constructor(schema: Schema, steps: readonly Step[], bytes: Uint8Array, rowCount: number) {
    this.schema = schema
    this.steps = steps
    this.input = new AvroInput(bytes)
    this.rowCount = rowCount
    this.builders = schema.fields.map(field => columnBuilder(field))
  }

  read(rows: number): Batch | undefined {
    const count = Math.min(rows, this.rowCount - this.row)
    if (count === 0) return undefined
    const { input, builders } = this
    const { fields } = this.schema
    for (let index = 0; index < count; index++) {
      for (const step of this.steps) {
        if ('skip' in step) step.skip(input)
        else this.append(builders[step.column], fields[step.column], step.read(input))
      }
      this.row += 1
    }
    this.checkEnd()
    return new Batch({ schema: this.schema, columns: builders.map(builder => builder.finish()), rowCount: count })
  }

  skip(rows: number): void {
    for (let index = 0; index < rows && this.row < this.rowCount; index++) {
      for (const step of this.steps) 'skip' in step ? step.skip(this.input) : step.read(this.input)
      this.row += 1
    }
    this.checkEnd()
  }

  private append(builder: ColumnBuilder | undefined, field: Field | undefined, value: unknown): void {
    if (builder === undefined || field === undefined) return
    if (typeof value === 'bigint' && field.type !== 'i64' && field.type !== 'object') throw beyond(field, value)
    appendField(builder, field, field.name, value)
  }

  private checkEnd(): void {
    if (this.row < this.rowCount || this.input.remaining === 0) return
    throw this.input.invalid(`has ${this.input.remaining} bytes behind the last row of a block`)
  }
}

/** A number that is not exact in the declared type. */
function beyond({ name, type }: Field, value: bigint): SabotError {
  return new SabotError('OUT_OF_RANGE', `Field ${name}: ${value} is not exact as ${typeName(type)}. Declare it i64`, {
    field: name,
    value,
  })
}

function invalid(message: string, position: number): SabotError {
  return new SabotError('AVRO_INVALID', message, { position })
}
