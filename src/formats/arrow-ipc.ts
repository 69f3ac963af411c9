/*
 * Arrow IPC, streams and files, a record batch at a time. Messages are framed here, within the bytes that are there;
 * their metadata and vectors are read by apache-arrow (Apache-2.0).
 *
 *   stream   (FFFFFFFF · length · metadata · body)* · FFFFFFFF 00000000
 *   file     ARROW1 00 00 · messages · footer · length of the footer · ARROW1
 */
import * as arrow from 'apache-arrow'
import { Footer } from 'apache-arrow/ipc/metadata/file'
import type { BufferRegion, FieldNode, RecordBatch as RecordBatchHeader } from 'apache-arrow/ipc/metadata/message'
import { VectorLoader } from 'apache-arrow/visitor/vectorloader'
import { Batch } from '../core/batch.js'
import { SabotError } from '../core/errors.js'
import type { ReadableFile } from '../core/files.js'
import { nearestName } from '../core/nearest.js'
import { readSchema } from '../core/read-schema.js'
import { Schema } from '../core/schema.js'
import type { Field } from '../core/types.js'
import { checkFooter, checkMessage } from './arrow-metadata.js'
import { readColumn, readField } from './arrow-read.js'
import { ByteWindow } from './byte-window.js'
import { castColumn, checkCast } from './cast-column.js'
import { decompressLz4Frame } from './lz4-frame.js'
import type { RowBlock, RowBlocks } from './row-blocks.js'
import { loadZstd } from './zstd.js'

const MAGIC = 'ARROW1'
/** Behind the magic and its padding. */
const FILE_START = 8
const MAX_METADATA_BYTES = 64 * 1_048_576
/** What a record batch unpacks to at most. */
const MAX_BODY_BYTES = 1_073_741_824
/** Rows that take no byte, as those of null columns, are bounded by this number in a record batch. */
const MAX_EMPTY_ROWS = 16_777_216

/**
 * Opens a stream or a file, as its first bytes tell; a file needs random access. With a schema only its fields are
 * decoded, with `fields` only those of them: integers and floats of other widths where every value is exact. Bodies may be compressed by LZ4 or zstd.
 * @throws SabotError ARROW_INVALID when it is foreign, damaged or truncated; MISSING_COLUMN; TYPE_MISMATCH;
 *   UNSUPPORTED_TYPE. Record batches also throw NULL_VALUE, OUT_OF_RANGE, COMPRESSION_INVALID.
 */
export async function openArrow(
  file: ReadableFile,
  declared: Schema | undefined,
  fields?: readonly string[],
): Promise<RowBlocks> {
  const window = new ByteWindow(file)
  const magic = await window.read(0, MAGIC.length)
  if (MAGIC !== String.fromCharCode(...magic)) return openStream(window, declared, fields)
  const whole = file.isSequential === true ? await inMemory(window) : file
  const { schema, blocks } = await readFooter(whole)
  return guarded('The schema cannot be read', 0, () => {
    return new OpenArrow(schema, declared, fields, new BlockMessages(whole, blocks))
  })
}

async function openStream(
  window: ByteWindow,
  declared: Schema | undefined,
  fields: readonly string[] | undefined,
): Promise<RowBlocks> {
  const messages = new StreamMessages(window)
  const first = await messages.next()
  if (first === undefined || !first.message.isSchema()) throw invalid('The data does not begin as Arrow IPC does', 0)
  const schema = first.message.header()
  return guarded('The schema cannot be read', 0, () => new OpenArrow(schema, declared, fields, messages))
}

/** A file that comes as a stream: its end is wanted first. */
async function inMemory(window: ByteWindow): Promise<Pick<ReadableFile, 'sizeBytes' | 'read'>> {
  const bytes = await window.read(0, MAX_BODY_BYTES)
  if (bytes.length === MAX_BODY_BYTES) throw invalid('A file that comes as a stream has more than 1 GiB', bytes.length)
  return {
    sizeBytes: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
  }
}

interface FramedMessage {
  readonly message: arrow.Message
  /** Where its body begins. */
  readonly offset: number
  body(): Promise<Uint8Array>
}

interface Messages {
  /** undefined at the end. */
  next(): Promise<FramedMessage | undefined>
}

type ReadBytes = (offset: number, length: number) => Promise<Uint8Array>

/** The messages of a stream, one behind the other. */
class StreamMessages implements Messages {
  private readonly window: ByteWindow
  private offset = 0

  constructor(window: ByteWindow) {
    this.window = window
  }

  async next(): Promise<FramedMessage | undefined> {
    const read: ReadBytes = (offset, length) => this.window.read(offset, length)
    const framed = await readMessage(read, this.offset)
    if (framed === undefined) return undefined
    this.offset = framed.offset + framed.message.bodyLength
    return framed
  }
}

interface Block {
  readonly offset: number
}

/** The messages that the footer of a file tells: dictionaries, then record batches. */
class BlockMessages implements Messages {
  private readonly file: Pick<ReadableFile, 'sizeBytes' | 'read'>
  private readonly blocks: readonly Block[]
  private index = 0

  constructor(file: Pick<ReadableFile, 'sizeBytes' | 'read'>, blocks: readonly Block[]) {
    this.file = file
    this.blocks = blocks
  }

  async next(): Promise<FramedMessage | undefined> {
    const block = this.blocks[this.index++]
    if (block === undefined) return undefined
    const { offset } = block
    if (!(offset >= FILE_START && offset < this.file.sizeBytes)) {
      throw invalid(`A block lies at byte ${offset}, outside the file`, offset)
    }
    const read: ReadBytes = (from, length) => {
      return this.file.read(from, Math.max(0, Math.min(length, this.file.sizeBytes - from)))
    }
    const framed = await readMessage(read, offset)
    if (framed === undefined) throw invalid(`There is no message at byte ${offset}`, offset)
    return framed
  }
}

async function readMessage(read: ReadBytes, offset: number): Promise<FramedMessage | undefined> {
  const prefix = await read(offset, 8)
  if (prefix.length === 0) return undefined
  if (prefix.length < 4) throw invalid('The data ends in the middle of a message', offset)
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.length)
  const isLong = view.getInt32(0, true) === -1
  if (isLong && prefix.length < 8) throw invalid('The data ends in the middle of a message', offset)
  const length = view.getInt32(isLong ? 4 : 0, true)
  if (length === 0) return undefined
  if (length < 0 || length > MAX_METADATA_BYTES) throw invalid(`A message claims ${length} bytes of metadata`, offset)
  const start = offset + (isLong ? 8 : 4)
  const metadata = await read(start, length)
  if (metadata.length < length) throw invalid('The data ends in the middle of a message', offset)
  const message = guarded('A message cannot be read', offset, () => {
    checkMessage(metadata)
    const decoded = arrow.Message.decode(metadata.slice())
    // Its header is decoded when it is asked for: here, where what is wrong with it is caught.
    decoded.header()
    return decoded
  })
  const { bodyLength } = message
  if (!(bodyLength >= 0 && bodyLength <= MAX_BODY_BYTES)) throw invalid(`A body claims ${bodyLength} bytes`, offset)
  return {
    message,
    offset: start + length,
    body: async () => {
      const bytes = await read(start + length, bodyLength)
      if (bytes.length < bodyLength) throw invalid('The data ends in the middle of a body', start + length)
      // A copy: its values must be aligned, and outlive what they were read from.
      return bytes.slice()
    },
  }
}

async function readFooter(
  file: Pick<ReadableFile, 'sizeBytes' | 'read'>,
): Promise<{ schema: arrow.Schema; blocks: readonly Block[] }> {
  const { sizeBytes } = file
  const tail = sizeBytes < FILE_START + 10 ? new Uint8Array() : await file.read(sizeBytes - 10, 10)
  if (tail.length < 10 || String.fromCharCode(...tail.subarray(4)) !== MAGIC) {
    throw invalid('The file does not end as an Arrow file does: it is truncated', sizeBytes)
  }
  const length = new DataView(tail.buffer, tail.byteOffset, 4).getInt32(0, true)
  const start = sizeBytes - 10 - length
  if (length <= 0 || start < FILE_START || length > MAX_METADATA_BYTES) {
    throw invalid(`The footer claims ${length} bytes`, sizeBytes - 10)
  }
  const bytes = await file.read(start, length)
  return guarded('The footer of the Arrow file cannot be read', start, () => {
    checkFooter(bytes)
    const footer = Footer.decode(bytes.slice())
    const blocks = [...footer.dictionaryBatches(), ...footer.recordBatches()]
    return { schema: footer.schema, blocks: blocks.map(({ offset }) => ({ offset: Number(offset) })) }
  })
}

class OpenArrow implements RowBlocks {
  readonly schema: Schema
  private readonly wanted: Schema
  /** Record batches before the next one. */
  at = 0
  private readonly arrowSchema: arrow.Schema
  /** The file's column of each field. */
  private readonly columns: readonly { readonly index: number; readonly declared: Field; readonly file: Field }[]
  private readonly messages: Messages
  private readonly dictionaries = new Map<number, arrow.Vector>()

  constructor(
    arrowSchema: arrow.Schema,
    declared: Schema | undefined,
    fields: readonly string[] | undefined,
    messages: Messages,
  ) {
    this.arrowSchema = arrowSchema
    this.messages = messages
    const known = arrowSchema.fields.map(({ name }) => name)
    this.schema = declared ?? new Schema(arrowSchema.fields.map(field => readField(field, field.name)))
    this.wanted = readSchema(this.schema, fields)
    const columns = this.schema.fields.map((field, position) => {
      const index = declared === undefined ? position : known.indexOf(field.name)
      const inFile = arrowSchema.fields[index]
      if (inFile === undefined) throw missingColumn(field.name, known)
      const file = readField(inFile, field.name)
      checkCast(file, field)
      return { index, declared: field, file }
    })
    this.columns = columns.filter(({ declared: { name } }) => this.wanted.has(name))
  }

  async seek(at: number): Promise<boolean> {
    while (this.at < at) if ((await this.nextBatch()) === undefined) return false
    return true
  }

  async next(): Promise<RowBlock | undefined> {
    const framed = await this.nextBatch()
    return framed === undefined ? undefined : new RecordBatchBlock(await this.decode(framed))
  }

  private async decode(framed: FramedMessage): Promise<Batch> {
    const header = framed.message.header() as RecordBatchHeader
    const wanted = new Set(this.columns.map(({ index }) => index))
    const body = await framed.body()
    const data = await this.load(header, body, this.arrowSchema.fields, framed.offset, wanted)
    const rowCount = header.length
    const columns = this.columns.map(({ index, declared, file }) => {
      const column = data[index]
      if (column === undefined || column.length !== rowCount) {
        throw invalid(`Column ${declared.name} has other rows than its record batch`, framed.offset)
      }
      // Nulls are for the declared field to refuse.
      const nullable = typeof declared.type === 'string' && declared.type === file.type ? declared.nullable : true
      const read = guarded(`Column ${declared.name} cannot be read`, framed.offset, () =>
        readColumn(column, { ...file, nullable }, declared.name),
      )
      return castColumn(read, declared)
    })
    return new Batch({ schema: this.wanted, columns, rowCount })
  }

  /** The next record batch, when the dictionaries before it are loaded. */
  private async nextBatch(): Promise<FramedMessage | undefined> {
    for (;;) {
      const framed = await this.messages.next()
      if (framed === undefined) return undefined
      const { message } = framed
      if (message.isRecordBatch()) {
        this.at += 1
        return framed
      }
      if (message.isDictionaryBatch()) await this.loadDictionary(framed)
      else throw invalid('A message is neither a record batch nor a dictionary', framed.offset)
    }
  }

  private async loadDictionary({ message, offset, body }: FramedMessage): Promise<void> {
    if (!message.isDictionaryBatch()) return
    const { id, isDelta, data: header } = message.header()
    const type = this.arrowSchema.dictionaries.get(id)
    if (type === undefined) throw invalid(`There is a dictionary ${id} that no column has`, offset)
    const [data] = await this.load(header, await body(), [new arrow.Field('dictionary', type)], offset, undefined)
    if (data === undefined) throw invalid(`The dictionary ${id} is empty`, offset)
    const known = this.dictionaries.get(id)
    const entries = new arrow.Vector([data])
    this.dictionaries.set(id, known !== undefined && isDelta ? known.concat(entries) : entries)
  }

  private async load(
    header: RecordBatchHeader,
    body: Uint8Array,
    fields: readonly arrow.Field[],
    offset: number,
    wanted: ReadonlySet<number> | undefined,
  ): Promise<readonly arrow.Data[]> {
    const isPlain = header.compression === null
    const plain = isPlain ? { bytes: body, buffers: header.buffers } : await unpack(header, body, fields, wanted)
    const most = Math.max(MAX_EMPTY_ROWS, plain.bytes.length * 8)
    const lengths = [header.length, ...header.nodes.map((node: FieldNode) => Number(node.length))]
    const lie = lengths.find(length => !(length >= 0 && length <= most))
    if (lie !== undefined) throw invalid(`A record batch claims ${lie} rows in ${plain.bytes.length} bytes`, offset)
    return guarded('A record batch cannot be read', offset, () => {
      const loader = new VectorLoader(
        plain.bytes,
        header.nodes,
        [...plain.buffers],
        this.dictionaries,
        this.arrowSchema.metadataVersion,
        header.variadicBufferCounts,
      )
      return loader.visitMany([...fields])
    })
  }
}

class RecordBatchBlock implements RowBlock {
  private readonly batch: Batch
  private row = 0

  constructor(batch: Batch) {
    this.batch = batch
  }

  get rowCount(): number {
    return this.batch.length
  }

  read(rows: number): Batch | undefined {
    const [from, to] = [this.row, Math.min(this.row + rows, this.batch.length)]
    if (from === to) return undefined
    this.row = to
    return from === 0 && to === this.batch.length ? this.batch : this.batch.slice(from, to)
  }

  skip(rows: number): void {
    this.row += rows
  }
}

/**
 * The buffers of a compressed body behind one another. Each begins with its size, -1 where it is not compressed. Those
 * of columns that nobody wants stay packed: they count as empty.
 * @throws SabotError COMPRESSION_INVALID
 */
async function unpack(
  header: RecordBatchHeader,
  body: Uint8Array,
  fields: readonly arrow.Field[],
  wanted: ReadonlySet<number> | undefined,
): Promise<{ bytes: Uint8Array; buffers: readonly BufferRegion[] }> {
  const isLz4 = header.compression?.type === arrow.CompressionType.LZ4_FRAME
  const isWanted = wantedBuffers(fields, wanted)
  const parts: Uint8Array[] = []
  const buffers: BufferRegion[] = []
  let size = 0
  for (const [index, { offset, length }] of header.buffers.entries()) {
    const packed = body.subarray(Number(offset), Number(offset) + Number(length))
    const part =
      isWanted(index) && packed.length > 0 ? await unpackBuffer(packed, isLz4, MAX_BODY_BYTES - size) : NOTHING
    buffers.push({ offset: size, length: part.length } as BufferRegion)
    parts.push(part)
    size += (part.length + 7) & ~7
  }
  const bytes = new Uint8Array(size)
  for (const [index, part] of parts.entries()) bytes.set(part, buffers[index]?.offset ?? 0)
  return { bytes, buffers }
}

const NOTHING = new Uint8Array()

async function unpackBuffer(packed: Uint8Array, isLz4: boolean, most: number): Promise<Uint8Array> {
  try {
    if (packed.length < 8) throw new RangeError('it has no size')
    const size = Number(new DataView(packed.buffer, packed.byteOffset, 8).getBigInt64(0, true))
    const bytes = packed.subarray(8)
    if (size === -1) return bytes
    if (!(size >= 0 && size <= most)) throw new RangeError(`it claims ${size} bytes`)
    return isLz4 ? decompressLz4Frame(bytes, size) : (await loadZstd()).decompress(bytes, size)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const codec = isLz4 ? 'lz4' : 'zstd'
    throw new SabotError(
      'COMPRESSION_INVALID',
      `A buffer that is compressed by ${codec} is damaged: ${reason}`,
      {},
      { cause },
    )
  }
}

/** Which buffers belong to wanted columns; all where a type's number of buffers is not known here. */
function wantedBuffers(
  fields: readonly arrow.Field[],
  wanted: ReadonlySet<number> | undefined,
): (buffer: number) => boolean {
  const counts = fields.map(({ type }) => bufferCount(type))
  if (wanted === undefined || counts.includes(undefined)) return () => true
  const columns = counts.flatMap((count, column) => new Array<number>(count ?? 0).fill(column))
  return buffer => wanted.has(columns[buffer] ?? -1)
}

function bufferCount(type: arrow.DataType): number | undefined {
  const { DataType } = arrow
  if (DataType.isNull(type)) return 0
  if (DataType.isUtf8(type) || DataType.isBinary(type) || DataType.isLargeUtf8(type) || DataType.isLargeBinary(type))
    return 3
  if (DataType.isDictionary(type)) return 2
  const children = (type.children ?? []).reduce<number | undefined>((sum, child) => {
    const count = bufferCount(child.type)
    return sum === undefined || count === undefined ? undefined : sum + count
  }, 0)
  if (children === undefined) return undefined
  if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isMap(type)) return 2 + children
  if (DataType.isStruct(type) || DataType.isFixedSizeList(type)) return 1 + children
  const isFixed =
    DataType.isBool(type) ||
    DataType.isInt(type) ||
    DataType.isFloat(type) ||
    DataType.isDate(type) ||
    DataType.isTimestamp(type) ||
    DataType.isTime(type) ||
    DataType.isDecimal(type) ||
    DataType.isFixedSizeBinary(type) ||
    DataType.isDuration(type) ||
    DataType.isInterval(type)
  return isFixed ? 2 : undefined
}

/** What the library throws for damaged data, as an error of ours. */
function guarded<T>(what: string, position: number, action: () => T): T {
  try {
    return action()
  } catch (cause) {
    if (cause instanceof SabotError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new SabotError('ARROW_INVALID', `${what}: ${reason}`, { position }, { cause })
  }
}

function missingColumn(name: string, known: readonly string[]): SabotError {
  const nearest = nearestName(name, known)
  const hint = nearest === undefined ? '' : ` Did you mean ${JSON.stringify(nearest)}?`
  return new SabotError(
    'MISSING_COLUMN',
    `The data has no column ${JSON.stringify(name)}.${hint} It has ${known.join(', ')}.`,
    { field: name, known, nearest },
  )
}

function invalid(message: string, position: number): SabotError {
  return new SabotError('ARROW_INVALID', message, { position })
}
