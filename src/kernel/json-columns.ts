/* Columns of a JSON decoder, copied out of the kernel's memory. */
import {
  JSON_COLUMN_BYTES,
  JSON_COLUMN_CODED,
  JSON_COLUMN_ENTRIES,
  JSON_COLUMN_GENERATION,
  JSON_COLUMN_OFFSETS,
  JSON_COLUMN_RECORD_BYTES,
  JSON_COLUMN_VALIDITY,
  JSON_COLUMN_VALUES,
  JSON_FIXUP_LENGTH,
  JSON_FIXUP_NODE,
  JSON_FIXUP_OFFSET,
  JSON_FIXUP_RECORD_BYTES,
  JSON_FIXUP_ROW,
  JSON_REPORT_BYTES,
  JSON_REPORT_FIXUP_BYTES,
  JSON_REPORT_FIXUP_RECORDS,
  JSON_REPORT_FIXUPS,
} from '../../assembly/abi.js'
import { bitmapBytes } from '../core/bitmap.js'
import type { Column } from '../core/column.js'
import {
  BoolColumn,
  DecimalColumn,
  Float32Column,
  Float64Column,
  Int32Column,
  Int64Column,
  TimestampColumn,
  Word64Column,
} from '../core/columns-fixed.js'
import { ListColumn, ObjectColumn, StructColumn } from '../core/columns-nested.js'
import { DictionaryColumn, Utf8Column } from '../core/columns-text.js'
import { Dictionary } from '../core/dictionary.js'
import type { ColumnType, Field } from '../core/types.js'
import { decodeUtf8 } from '../core/utf8.js'
import type { JsonNode } from './json-plan.js'
import type { Kernel } from './module.js'
import { SpareValues } from './spare-values.js'

interface CodedStrings {
  readonly dictionary: Dictionary
  readonly generation: number
}

export class JsonColumnReader {
  private readonly kernel: Kernel
  private readonly nodes: readonly JsonNode[]
  private readonly children: readonly (readonly number[])[]
  private readonly coded = new Map<number, CodedStrings>()
  private readonly bytes = new SpareValues<Uint8Array>(Uint8Array)
  private readonly words = new SpareValues<Int32Array>(Int32Array)
  private readonly longs = new SpareValues<BigInt64Array>(BigInt64Array)
  private readonly floats = new SpareValues<Float32Array>(Float32Array)
  private readonly doubles = new SpareValues<Float64Array>(Float64Array)

  constructor(kernel: Kernel, nodes: readonly JsonNode[]) {
    this.kernel = kernel
    this.nodes = nodes
    const children: number[][] = nodes.map(() => [])
    for (const [index, { parent }] of nodes.entries()) children[parent]?.push(index)
    this.children = children
  }

  /** By node number, the columns of `rowCount` rows that a report shows. */
  read(report: number, rowCount: number): (Column | undefined)[] {
    const fixups = this.fixups(report)
    return this.nodes.map(({ type, parent }, index) => {
      const isElement = this.nodes[parent]?.type === 'list'
      return type === 'object' || isElement ? undefined : this.column(report, index, rowCount, fixups)
    })
  }

  /** Nobody holds these columns any more. Validities, lists and structs are left to the collection of garbage. */
  giveBack(columns: readonly Column[]): void {
    for (const column of columns) {
      if (column instanceof DictionaryColumn) this.words.giveBack(column.codes)
      else if (column instanceof Word64Column) this.longs.giveBack(column.values)
      else if (column instanceof Float64Column) this.doubles.giveBack(column.values)
      else if (column instanceof Float32Column) this.floats.giveBack(column.values)
      else if (column instanceof Int32Column) this.words.giveBack(column.values)
      else if (column instanceof Utf8Column) {
        this.words.giveBack(column.offsets)
        this.bytes.giveBack(column.bytes)
      }
    }
  }

  private column(report: number, index: number, rows: number, fixups: ReadonlyMap<number, Fixup[]>): Column {
    const record = report + JSON_REPORT_BYTES + index * JSON_COLUMN_RECORD_BYTES
    const word = (offset: number): number => this.kernel.u32[(record + offset) >>> 2] ?? 0
    const { buffer } = this.kernel
    const validity = this.validity(word(JSON_COLUMN_VALIDITY), rows)
    const values = word(JSON_COLUMN_VALUES)
    const { type, scale } = this.node(index)
    switch (type) {
      case 'bool':
        return new BoolColumn(copyBits(buffer, values, rows), rows, validity)
      case 'i32':
        return new Int32Column(this.words.copy(new Int32Array(buffer, values, rows)), validity)
      case 'i64':
        return new Int64Column(this.longs.copy(new BigInt64Array(buffer, values, rows)), validity)
      case 'timestamp':
        return new TimestampColumn(this.longs.copy(new BigInt64Array(buffer, values, rows)), validity)
      case 'decimal': {
        const decimals = this.longs.copy(new BigInt64Array(buffer, values, rows))
        return new DecimalColumn({ kind: 'decimal', scale }, decimals, validity)
      }
      case 'f32':
        return new Float32Column(
          fix(this.floats.copy(new Float32Array(buffer, values, rows)), fixups.get(index)),
          validity,
        )
      case 'f64':
        return new Float64Column(
          fix(this.doubles.copy(new Float64Array(buffer, values, rows)), fixups.get(index)),
          validity,
        )
      case 'utf8': {
        if (word(JSON_COLUMN_CODED) === 0) return this.strings(record, rows, validity)
        const dictionary = this.dictionary(index, record)
        return new DictionaryColumn(this.words.copy(new Int32Array(buffer, values, rows)), dictionary, validity)
      }
      case 'text':
        return parsed(this.strings(record, rows, validity))
      case 'list': {
        const element = this.children[index]?.[0] ?? 0
        const offsets = new Int32Array(buffer, word(JSON_COLUMN_OFFSETS), rows + 1).slice()
        const elements = this.column(report, element, offsets[rows] ?? 0, fixups)
        const { nullable } = this.node(element)
        const elementType = nullable ? ({ kind: 'nullable', type: elements.type } as const) : elements.type
        return new ListColumn({ kind: 'list', element: elementType }, offsets, elements, validity)
      }
      case 'struct': {
        const children = this.children[index] ?? []
        const columns = children.map(child => this.column(report, child, rows, fixups))
        const fields = columns.map((column, child) => this.field(children[child] ?? 0, column.type))
        return new StructColumn({ kind: 'struct', fields }, columns, rows, validity)
      }
      case 'object':
        throw new TypeError('An object on the way to columns is none')
    }
  }

  private node(index: number): JsonNode {
    const node = this.nodes[index]
    if (node === undefined) throw new RangeError(`The plan has ${this.nodes.length} nodes, none at ${index}`)
    return node
  }

  private field(index: number, type: ColumnType): Field {
    const { key, nullable } = this.node(index)
    return { name: key, type, nullable }
  }

  private validity(pointer: number, rows: number): Uint8Array | undefined {
    return pointer === 0 ? undefined : copyBits(this.kernel.buffer, pointer, rows)
  }

  private strings(record: number, rows: number, validity: Uint8Array | undefined): Utf8Column {
    const { u32, u8, buffer } = this.kernel
    const offsets = this.words.copy(new Int32Array(buffer, u32[(record + JSON_COLUMN_OFFSETS) >>> 2], rows + 1))
    const start = u32[(record + JSON_COLUMN_BYTES) >>> 2] ?? 0
    const bytes = this.bytes.copy(u8.subarray(start, start + (offsets[rows] ?? 0)))
    return new Utf8Column(offsets, bytes, validity)
  }

  /** The dictionary of a column, with the entries that it has got since the last batch. */
  private dictionary(index: number, record: number): Dictionary {
    const { u32, u8, buffer } = this.kernel
    const generation = u32[(record + JSON_COLUMN_GENERATION) >>> 2] ?? 0
    let coded = this.coded.get(index)
    if (coded === undefined || coded.generation !== generation) {
      coded = { dictionary: new Dictionary(), generation }
      this.coded.set(index, coded)
    }
    const { dictionary } = coded
    const known = dictionary.size
    const entries = u32[(record + JSON_COLUMN_ENTRIES) >>> 2] ?? 0
    if (entries > known) {
      const pointer = (u32[(record + JSON_COLUMN_OFFSETS) >>> 2] ?? 0) + known * 4
      const offsets = new Int32Array(buffer, pointer, entries - known + 1)
      dictionary.appendUtf8(offsets, u8.subarray(u32[(record + JSON_COLUMN_BYTES) >>> 2] ?? 0))
    }
    return dictionary
  }

  /** By node number, the cells whose number the kernel could not decide. */
  private fixups(report: number): Map<number, Fixup[]> {
    const { u32, u8 } = this.kernel
    const count = u32[(report + JSON_REPORT_FIXUPS) >>> 2] ?? 0
    const records = u32[(report + JSON_REPORT_FIXUP_RECORDS) >>> 2] ?? 0
    const bytes = u32[(report + JSON_REPORT_FIXUP_BYTES) >>> 2] ?? 0
    const fixups = new Map<number, Fixup[]>()
    for (let index = 0; index < count; index++) {
      const word = (offset: number): number => u32[(records + index * JSON_FIXUP_RECORD_BYTES + offset) >>> 2] ?? 0
      const start = bytes + word(JSON_FIXUP_OFFSET)
      const value = Number(decodeUtf8(u8, start, start + word(JSON_FIXUP_LENGTH)))
      const ofNode = fixups.get(word(JSON_FIXUP_NODE)) ?? []
      ofNode.push({ row: word(JSON_FIXUP_ROW), value })
      fixups.set(word(JSON_FIXUP_NODE), ofNode)
    }
    return fixups
  }
}

interface Fixup {
  readonly row: number
  readonly value: number
}

function fix<Values extends Float32Array | Float64Array>(values: Values, fixups: readonly Fixup[] = []): Values {
  for (const { row, value } of fixups) values[row] = value
  return values
}

/** A bitmap of `rows` bits; those behind them are 0. */
function copyBits(buffer: ArrayBuffer, pointer: number, rows: number): Uint8Array {
  const bits = new Uint8Array(buffer, pointer, bitmapBytes(rows)).slice()
  const last = bits.length - 1
  if ((rows & 7) !== 0) bits[last] = (bits[last] ?? 0) & ((1 << (rows & 7)) - 1)
  return bits
}

/** JavaScript values from the JSON texts of a column. */
function parsed(texts: Utf8Column): ObjectColumn {
  const values: unknown[] = []
  for (let row = 0; row < texts.length; row++) {
    const text = texts.value(row)
    values.push(text === null ? null : JSON.parse(text))
  }
  return new ObjectColumn(values)
}
