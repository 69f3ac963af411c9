/*
 * Batches to Arrow IPC, as a stream or as a file (see arrow-ipc.ts). Strings are written plain, not as dictionaries, so
 * that every record batch stands for itself and a file can be gone on with by the list of its blocks.
 */
import * as arrow from 'apache-arrow'
import { FileBlock, Footer } from 'apache-arrow/ipc/metadata/file'
import { RecordBatch as RecordBatchHeader } from 'apache-arrow/ipc/metadata/message'
import { VectorAssembler } from 'apache-arrow/visitor/vectorassembler'
import { Batch } from '../core/batch.js'
import type { Column } from '../core/column.js'
import { ListColumn, StructColumn } from '../core/columns-nested.js'
import { DictionaryColumn, Utf8Column } from '../core/columns-text.js'
import { describeValue } from '../core/errors.js'
import { type Json, memberOf, numberMember } from '../core/json.js'
import { Schema } from '../core/schema.js'
import { encodeUtf8 } from '../core/utf8.js'
import { schemaToArrow, toArrow } from './arrow-write.js'
import { concatBytes, type EncoderRequest, type FileEncoder, NO_BYTES, type Suspended } from './file-encoder.js'

export interface ArrowWriteOptions {
  /** 'file' (the default) can be read at any place once it is whole, 'stream' from its beginning while it grows. */
  readonly format?: 'file' | 'stream'
}

const MAGIC = encodeUtf8('ARROW1')
const END_OF_STREAM = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0)

/** @throws TypeError for options that are none */
export function checkArrowOptions({ format = 'file' }: ArrowWriteOptions): 'file' | 'stream' {
  if (format === 'file' || format === 'stream') return format
  throw new TypeError(`The format of Arrow is 'file' or 'stream', not ${describeValue(format)}`)
}

/** encode() throws SabotError UNSUPPORTED_TYPE for object columns. */
export function arrowEncoder(options: ArrowWriteOptions, { resumed }: EncoderRequest): FileEncoder {
  const encoder = new ArrowEncoder(checkArrowOptions(options))
  const schema = resumed === undefined ? undefined : memberOf(resumed.state, 'schema')
  if (resumed !== undefined && schema !== undefined) {
    encoder.resume(Schema.fromJSON(schema), resumed.sizeBytes, memberOf(resumed.state, 'blocks') ?? [])
  }
  return encoder
}

class ArrowEncoder implements FileEncoder {
  private readonly format: 'file' | 'stream'
  private schema: Schema | undefined
  private blocks: FileBlock[] = []
  private offset = 0

  constructor(format: 'file' | 'stream') {
    this.format = format
  }

  resume(schema: Schema, sizeBytes: number, blocks: Json): void {
    this.schema = schema
    this.offset = sizeBytes
    this.blocks = (Array.isArray(blocks) ? (blocks as readonly Json[]) : []).map(block => {
      const [metadata, body, offset] = ['metadata', 'body', 'offset'].map(name => numberMember(block, name, 0))
      return new FileBlock(metadata ?? 0, body ?? 0, offset ?? 0)
    })
  }

  encode(batch: Batch): Uint8Array {
    const parts: Uint8Array[] = []
    if (this.schema === undefined) {
      this.schema = batch.schema
      if (this.format === 'file') parts.push(MAGIC, new Uint8Array(2))
      parts.push(framed(arrow.Message.from(schemaToArrow(batch.schema))))
      this.offset = sizeOf(parts)
    }
    if (batch.length > 0) {
      const message = this.recordBatch(plain(batch.compact()))
      parts.push(...message)
      this.offset += sizeOf(message)
    }
    return concatBytes(parts)
  }

  suspend(): Suspended {
    if (this.schema === undefined) return { bytes: NO_BYTES, state: null }
    const blocks = this.blocks.map(({ metaDataLength, bodyLength, offset }) => {
      return { metadata: metaDataLength, body: Number(bodyLength), offset: Number(offset) }
    })
    const schema = JSON.parse(JSON.stringify(this.schema)) as Json
    return { bytes: NO_BYTES, state: this.format === 'file' ? { schema, blocks } : { schema } }
  }

  end(): Uint8Array {
    const { schema } = this
    if (schema === undefined) return NO_BYTES
    if (this.format === 'stream') return END_OF_STREAM
    const footer = Footer.encode(new Footer(schemaToArrow(schema), arrow.MetadataVersion.V5, this.blocks, []))
    const length = new Uint8Array(4)
    new DataView(length.buffer).setInt32(0, footer.length, true)
    return concatBytes([END_OF_STREAM, footer, length, MAGIC])
  }

  destroy(): void {}

  private recordBatch(batch: Batch): Uint8Array[] {
    const data = toArrow(batch)
    const { byteLength, nodes, bufferRegions, buffers, variadicBufferCounts } = VectorAssembler.assemble(data)
    const header = new RecordBatchHeader(batch.rowCount, nodes, bufferRegions, null, variadicBufferCounts)
    const metadata = framed(arrow.Message.from(header, byteLength))
    this.blocks.push(new FileBlock(metadata.length, byteLength, this.offset))
    const parts = [metadata]
    for (const buffer of buffers) {
      const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
      parts.push(bytes)
      if (bytes.length % 8 !== 0) parts.push(new Uint8Array(8 - (bytes.length % 8)))
    }
    return parts
  }
}

/** A message's metadata with its prefix, filled up to a multiple of 8 bytes. */
function framed(message: arrow.Message): Uint8Array {
  const metadata = arrow.Message.encode(message)
  const size = (metadata.length + 8 + 7) & ~7
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  view.setInt32(0, -1, true)
  view.setInt32(4, size - 8, true)
  bytes.set(metadata, 8)
  return bytes
}

function sizeOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0)
}

/** The same batch without dictionaries. */
function plain(batch: Batch): Batch {
  const { schema, columns, rowCount } = batch
  return new Batch({ schema, columns: columns.map(plainColumn), rowCount })
}

function plainColumn(column: Column): Column {
  if (column instanceof DictionaryColumn) {
    const { codes, dictionary, length, validity } = column
    const [offsets, bytes] = [dictionary.offsets(), dictionary.bytes()]
    const ends = new Int32Array(length + 1)
    let end = 0
    for (let row = 0; row < length; row++) {
      const code = codes[row] ?? 0
      if (column.isValid(row)) end += (offsets[code + 1] ?? 0) - (offsets[code] ?? 0)
      ends[row + 1] = end
    }
    const texts = new Uint8Array(end)
    for (let row = 0; row < length; row++) {
      const code = codes[row] ?? 0
      if (column.isValid(row)) texts.set(bytes.subarray(offsets[code] ?? 0, offsets[code + 1] ?? 0), ends[row])
    }
    return new Utf8Column(ends, texts, validity)
  }
  if (column instanceof ListColumn) {
    return new ListColumn(column.type, column.offsets, plainColumn(column.elements), column.validity)
  }
  if (column instanceof StructColumn) {
    return new StructColumn(column.type, column.columns.map(plainColumn), column.length, column.validity)
  }
  return column
}
