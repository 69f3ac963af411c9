import { Batch, type WatermarkMovers } from '../../core/batch.js'
import { bitmapBytes } from '../../core/bitmap.js'
import type { Column } from '../../core/column.js'
import {
  BoolColumn,
  DecimalColumn,
  Float32Column,
  Float64Column,
  Int32Column,
  Int64Column,
  TimestampColumn,
  Word64Column,
} from '../../core/columns-fixed.js'
import { ListColumn, ObjectColumn, StructColumn } from '../../core/columns-nested.js'
import { DictionaryColumn, Utf8Column } from '../../core/columns-text.js'
import { Dictionary } from '../../core/dictionary.js'
import { describeValue, SabotError } from '../../core/errors.js'
import { Schema, type SchemaJSON } from '../../core/schema.js'
import type { ColumnType } from '../../core/types.js'

/**
 * A batch on its way to another thread: buffers with the bytes of all columns, each part at a multiple of its width, and
 * a description of where they stand. The buffers are transferred, not copied, and read in their place on the other side.
 * They are those of the batch where it owns them; what is shared with others is copied into one buffer behind those.
 */
export interface WireBatch {
  /** Sent once on a channel, then known by its number. */
  readonly schema: { readonly number: number; readonly json?: SchemaJSON }
  readonly rows: number
  readonly split: number | undefined
  readonly movers: WatermarkMovers | undefined
  readonly marks: { readonly timestamps: Part; readonly watermarks: Part; readonly kinds: Part }
  readonly columns: readonly WireColumn[]
  readonly buffers: readonly ArrayBuffer[]
}

/** The number of the buffer, where in it a part begins, and its bytes; undefined: there is none. */
type Part = readonly [buffer: number, at: number, bytes: number] | undefined

type Buffers = WireBatch['buffers']

const NO_PART: NonNullable<Part> = [0, 0, 0]

interface WireColumn {
  readonly form: 'fixed' | 'utf8' | 'dictionary' | 'list' | 'struct' | 'object'
  readonly length: number
  readonly validity: Part
  readonly values: Part
  readonly offsets?: Part
  readonly dictionary?: WireDictionary
  readonly children?: readonly WireColumn[]
  /** Values without a columnar type: cloned as they are. */
  readonly objects?: readonly unknown[]
}

/** The entries that the other side does not have yet, from the first of which it has `from`. */
interface WireDictionary {
  readonly id: number
  readonly from: number
  readonly offsets: Part
  readonly bytes: Part
  /** A dictionary that is not used any more. */
  readonly forget: number | undefined
}

/** Dictionaries that a channel keeps on both sides; the one not used for longest gives way. */
const DICTIONARIES_KEPT = 8

/** The sending side of one channel. */
export class BatchEncoder {
  private readonly schemas: Schema[] = []
  private readonly numbers = new WeakMap<Schema, number>()
  /** Entries that the other side has, by dictionary; the one used last at the end. */
  private readonly sent = new Map<number, number>()
  private copied = new CopiedParts()
  /** Buffers that go as they are. */
  private own: ArrayBuffer[] = []

  /** `isOwned`: the batch's buffers are nobody else's. They are gone from here when the result is transferred. */
  encode(given: Batch, isOwned = false): WireBatch {
    const batch = given.compact()
    const { timestamps, watermarks, kinds, rowCount, split, movers } = batch
    this.copied = new CopiedParts()
    this.own = isOwned ? ownBuffers(batch) : []
    const marks = { timestamps: this.add(timestamps), watermarks: this.add(watermarks), kinds: this.add(kinds) }
    const columns = batch.columns.map(column => this.column(column))
    const { copied, own } = this
    const buffers = copied.size === 0 ? own : [...own, copied.join()]
    return { schema: this.schema(batch.schema), rows: rowCount, split, movers, marks, columns, buffers }
  }

  private schema(schema: Schema): WireBatch['schema'] {
    const known = this.numbers.get(schema)
    if (known !== undefined) return { number: known }
    const equal = this.schemas.findIndex(other => other.equals(schema))
    const number = equal < 0 ? this.schemas.push(schema) - 1 : equal
    this.numbers.set(schema, number)
    return equal < 0 ? { number, json: schema.toJSON() } : { number }
  }

  private add(array: ArrayBufferView | undefined): Part {
    if (array === undefined) return undefined
    const { own, copied } = this
    const { buffer, byteOffset, byteLength } = array
    const number = own.indexOf(buffer as ArrayBuffer)
    return number >= 0 ? [number, byteOffset, byteLength] : [own.length, copied.add(array), byteLength]
  }

  private column(column: Column): WireColumn {
    const { length } = column
    const validity = this.add(column.validity?.subarray(0, bitmapBytes(length)))
    if (column instanceof BoolColumn) {
      return { form: 'fixed', length, validity, values: this.add(column.bits.subarray(0, bitmapBytes(length))) }
    }
    if (column instanceof DictionaryColumn) {
      const dictionary = this.dictionary(column.dictionary)
      return { form: 'dictionary', length, validity, values: this.add(column.codes), dictionary }
    }
    if (column instanceof Utf8Column) {
      const { offsets, bytes } = column
      const first = offsets[0] ?? 0
      const own = first === 0 ? offsets : offsets.map(offset => offset - first)
      const values = this.add(bytes.subarray(first, offsets[length] ?? first))
      return { form: 'utf8', length, validity, values, offsets: this.add(own) }
    }
    if (column instanceof ListColumn) {
      const { offsets, elements } = column
      const first = offsets[0] ?? 0
      const own = first === 0 ? offsets : offsets.map(offset => offset - first)
      const children = [this.column(elements.slice(first, offsets[length] ?? first))]
      return { form: 'list', length, validity, values: undefined, offsets: this.add(own), children }
    }
    if (column instanceof StructColumn) {
      const children = column.columns.map(child => this.column(child))
      return { form: 'struct', length, validity, values: undefined, children }
    }
    if (column instanceof ObjectColumn) {
      return { form: 'object', length, validity, values: undefined, objects: column.values }
    }
    if (isFixed(column)) return { form: 'fixed', length, validity, values: this.add(column.values) }
    throw new TypeError(`A column of ${describeValue(column.type)} cannot be sent`)
  }

  private dictionary(dictionary: Dictionary): WireDictionary {
    const { id, size } = dictionary
    const from = this.sent.get(id) ?? 0
    this.sent.delete(id)
    this.sent.set(id, size)
    const [oldest] = this.sent.keys()
    const forget = this.sent.size > DICTIONARIES_KEPT ? oldest : undefined
    if (forget !== undefined) this.sent.delete(forget)
    if (from === size) return { id, from, offsets: undefined, bytes: undefined, forget }
    const offsets = dictionary.offsets(from)
    const first = offsets[0] ?? 0
    return {
      id,
      from,
      offsets: this.add(offsets.map(offset => offset - first)),
      bytes: this.add(dictionary.bytes(from, size)),
      forget,
    }
  }
}

/** Parts that are shared with others, joined in one buffer. */
class CopiedParts {
  size = 0
  private readonly parts: { readonly at: number; readonly bytes: Uint8Array }[] = []

  /** Where the part will stand. */
  add({ buffer, byteOffset, byteLength }: ArrayBufferView): number {
    const at = this.size
    this.parts.push({ at, bytes: new Uint8Array(buffer, byteOffset, byteLength) })
    this.size = (at + byteLength + 7) & ~7
    return at
  }

  join(): ArrayBuffer {
    const joined = new Uint8Array(this.size)
    for (const { at, bytes } of this.parts) joined.set(bytes, at)
    return joined.buffer
  }
}

/** The buffers behind a packed batch's times, kinds and columns; not those of dictionaries, which others use too. */
function ownBuffers({ timestamps, watermarks, kinds, columns }: Batch): ArrayBuffer[] {
  const views = columns.flatMap(column => [column.validity, ...viewsOf(column)])
  const buffers = [timestamps, watermarks, kinds, ...views].flatMap(view => (view === undefined ? [] : [view.buffer]))
  return [...new Set(buffers as ArrayBuffer[])].filter(({ byteLength }) => byteLength > 0)
}

/** The values of a column that packers make; other columns are copied. */
function viewsOf(column: Column): readonly ArrayBufferView[] {
  if (column instanceof Utf8Column) return [column.offsets, column.bytes]
  if (column instanceof DictionaryColumn) return [column.codes]
  if (column instanceof BoolColumn) return [column.bits]
  return isFixed(column) ? [column.values] : []
}

type FixedColumn = Int32Column | Float32Column | Float64Column | Word64Column

function isFixed(column: Column): column is FixedColumn {
  return (
    column instanceof Int32Column ||
    column instanceof Float32Column ||
    column instanceof Float64Column ||
    column instanceof Word64Column
  )
}

/** The receiving side of one channel. Law: decode(encode(b)) has the rows, times, kinds, split and movers of b. */
export class BatchDecoder {
  private readonly schemas: Schema[] = []
  private readonly dictionaries = new Map<number, Dictionary>()

  decode({ schema: { number, json }, rows, split, movers, marks, columns, buffers }: WireBatch): Batch {
    if (json !== undefined) this.schemas[number] = Schema.fromJSON(json)
    const schema = this.schemas[number]
    if (schema === undefined) throw new TypeError(`Schema ${number} was not sent`)
    return new Batch({
      schema,
      columns: schema.fields.map(({ type }, index) => this.column(type, columns[index], buffers)),
      rowCount: rows,
      timestamps: marks.timestamps && floats(buffers, marks.timestamps),
      watermarks: marks.watermarks && floats(buffers, marks.watermarks),
      kinds: marks.kinds && octets(buffers, marks.kinds),
      split,
      movers,
    })
  }

  private column(type: ColumnType, wire: WireColumn | undefined, buffers: Buffers): Column {
    if (wire === undefined) throw new TypeError('A column is missing')
    const { form, length, values, offsets, children = [], objects = [] } = wire
    const validity = wire.validity && octets(buffers, wire.validity)
    const ends = offsets === undefined ? new Int32Array(1) : integers(buffers, offsets)
    switch (form) {
      case 'utf8':
        return new Utf8Column(ends, octets(buffers, values), validity)
      case 'dictionary':
        return new DictionaryColumn(integers(buffers, values), this.dictionary(wire, buffers), validity)
      case 'list': {
        if (typeof type !== 'object' || type.kind !== 'list') throw wrongForm(type, form)
        const element = unwrapped(type.element)
        return new ListColumn(type, ends, this.column(element, children[0], buffers), validity)
      }
      case 'struct': {
        if (typeof type !== 'object' || type.kind !== 'struct') throw wrongForm(type, form)
        const columns = type.fields.map((field, index) => this.column(field.type, children[index], buffers))
        return new StructColumn(type, columns, length, validity)
      }
      case 'object':
        return new ObjectColumn(objects)
      case 'fixed':
        return fixed(type, length, buffers, values, validity)
    }
  }

  private dictionary({ dictionary }: WireColumn, buffers: Buffers): Dictionary {
    if (dictionary === undefined) throw new TypeError('A dictionary is missing')
    const { id, from, offsets, bytes, forget } = dictionary
    const known = from === 0 ? new Dictionary() : this.dictionaries.get(id)
    if (known === undefined || known.size < from) throw new TypeError(`Dictionary ${id} was not sent`)
    // One batch may name a dictionary in several columns: entries that are there stay.
    if (offsets !== undefined && known.size === from)
      known.appendUtf8(integers(buffers, offsets), octets(buffers, bytes))
    this.dictionaries.set(id, known)
    if (forget !== undefined) this.dictionaries.delete(forget)
    return known
  }
}

/** A batch that cannot be cloned: a value in an object column is a function, or holds one. */
export function notTransferable(cause: unknown, exchange: string): SabotError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new SabotError(
    'NOT_TRANSFERABLE',
    `Rows cannot go from ${exchange} to another worker: ${reason}. Keep functions and handles out of the records`,
    { exchange },
    { cause },
  )
}

function fixed(
  type: ColumnType,
  length: number,
  buffers: Buffers,
  values: Part,
  validity: Uint8Array | undefined,
): Column {
  switch (type) {
    case 'bool':
      return new BoolColumn(octets(buffers, values), length, validity)
    case 'i32':
      return new Int32Column(integers(buffers, values), validity)
    case 'f32':
      return new Float32Column(narrowFloats(buffers, values), validity)
    case 'f64':
      return new Float64Column(floats(buffers, values), validity)
    case 'i64':
      return new Int64Column(words(buffers, values), validity)
    case 'timestamp':
      return new TimestampColumn(words(buffers, values), validity)
    default:
      if (typeof type === 'object' && type.kind === 'decimal') {
        return new DecimalColumn(type, words(buffers, values), validity)
      }
      throw wrongForm(type, 'fixed')
  }
}

function unwrapped(type: ListColumn['type']['element']): ColumnType {
  return typeof type === 'object' && type.kind === 'nullable' ? type.type : type
}

function wrongForm(type: ColumnType, form: string): TypeError {
  return new TypeError(`A column of ${describeValue(type)} came as ${form}`)
}

const none = new ArrayBuffer(0)

const octets = (buffers: Buffers, [number, at, bytes]: Part = NO_PART): Uint8Array =>
  new Uint8Array(buffers[number] ?? none, at, bytes)
const integers = (buffers: Buffers, [number, at, bytes]: Part = NO_PART): Int32Array =>
  new Int32Array(buffers[number] ?? none, at, bytes / 4)
const narrowFloats = (buffers: Buffers, [number, at, bytes]: Part = NO_PART): Float32Array =>
  new Float32Array(buffers[number] ?? none, at, bytes / 4)
const floats = (buffers: Buffers, [number, at, bytes]: Part = NO_PART): Float64Array =>
  new Float64Array(buffers[number] ?? none, at, bytes / 8)
const words = (buffers: Buffers, [number, at, bytes]: Part = NO_PART): BigInt64Array =>
  new BigInt64Array(buffers[number] ?? none, at, bytes / 8)
