import type { Batch } from '../core/batch.js'
import { getBit, setBit } from '../core/bitmap.js'
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
import { DictionaryColumn, Utf8Column } from '../core/columns-text.js'
import { DEFAULT_MAX_PARALLELISM } from '../core/key-groups.js'
import type { ColumnType, Field } from '../core/types.js'
import type { KeyColumn } from '../kernel/composite-columns.js'
import { KeyIndex, type KeyKind, type ReadValues } from '../kernel/keys.js'
import type { Kernel } from '../kernel/module.js'

/** The key fields of a stream as dense ids, and ids as key columns again. */
export class KeyCoder {
  readonly index: KeyIndex
  private readonly fields: readonly Field[]

  /** @param keyGroups how many key groups the job has. @throws SabotError MEMORY_LIMIT */
  constructor(kernel: Kernel, fields: readonly Field[], keyGroups: number = DEFAULT_MAX_PARALLELISM) {
    this.fields = fields
    const [only] = fields
    const kind = fields.length === 1 && only !== undefined ? keyKind(only.type) : 'composite'
    this.index = new KeyIndex(kernel, { kind, maxParallelism: keyGroups })
  }

  /** The ids of the keys of a batch without a selection: a view, valid until the next call. */
  code(batch: Batch): Uint32Array {
    const [only] = this.fields
    if (this.fields.length === 1 && only !== undefined) return this.codeOne(batch.column(only.name))
    const columns = this.fields.map(({ name }) => batch.column(name))
    return this.index.codeComposite(columns.map(toKeyColumn), batch.rowCount)
  }

  /** The key columns of `count` ids that stand at `ids` in the kernel. */
  read(ids: number, count: number): Column[] {
    return this.fields.map(({ type }, component) => {
      return this.fields.length === 1 ? this.readOne(type, ids, count) : this.readComponent(type, ids, count, component)
    })
  }

  close(): void {
    this.index.destroy()
  }

  private codeOne(column: Column): Uint32Array {
    const { index } = this
    const key = toKeyColumn(column)
    if (key.type === 'dictionary') return index.codeDictionary(key.dictionary, key.codes, key.validity)
    if (key.type === 'utf8') return index.codeUtf8(key.values, key.validity)
    if (key.type === 'bool') return index.codeBool(key.bits, column.length, key.validity)
    if (key.type === 'i32') return index.codeInt32(key.values, key.validity)
    if (key.type === 'i64') return index.codeInt64(key.values, key.validity)
    return index.codeFloat64(key.values, key.validity)
  }

  private readOne(type: ColumnType, ids: number, count: number): Column {
    const { index } = this
    switch (keyKind(type)) {
      case 'utf8':
        return textColumn(index.readUtf8(ids, count), count)
      case 'f64':
        return floatColumn(type, index.readFloat64(ids, count), count)
      case 'i64':
        return wideColumn(type, index.readInt64(ids, count), count)
      default:
        return narrowColumn(type, index.readInt32(ids, count), count)
    }
  }

  private readComponent(type: ColumnType, ids: number, count: number, component: number): Column {
    const { index } = this
    switch (keyKind(type)) {
      case 'utf8':
        return textColumn(index.readUtf8Component(ids, count, component), count)
      case 'f64':
        return floatColumn(type, index.readComponent(ids, count, component, 'f64'), count)
      case 'i64':
        return wideColumn(type, index.readComponent(ids, count, component, 'i64'), count)
      case 'bool':
        return narrowColumn(type, index.readComponent(ids, count, component, 'bool'), count)
      default:
        return narrowColumn(type, index.readComponent(ids, count, component, 'i32'), count)
    }
  }
}

function keyKind(type: ColumnType): Exclude<KeyKind, 'composite'> {
  switch (type) {
    case 'bool':
    case 'i32':
    case 'utf8':
      return type
    case 'f32':
    case 'f64':
      return 'f64'
    default:
      return 'i64'
  }
}

/** A column as the kernels take keys. @throws TypeError for a type that cannot be a key */
export function toKeyColumn(column: Column): KeyColumn {
  const { validity } = column
  if (column instanceof DictionaryColumn) {
    return { type: 'dictionary', codes: column.codes, dictionary: column.dictionary, validity }
  }
  if (column instanceof Utf8Column) return { type: 'utf8', values: column, validity }
  if (column instanceof Int32Column) return { type: 'i32', values: column.values, validity }
  if (column instanceof BoolColumn) return { type: 'bool', bits: column.bits, validity }
  if (column instanceof Float64Column || column instanceof Float32Column) {
    return { type: 'f64', values: column.values, validity }
  }
  if (column instanceof Int64Column || column instanceof TimestampColumn || column instanceof DecimalColumn) {
    return { type: 'i64', values: column.values, validity }
  }
  throw new TypeError(`A column of ${String(column.type)} cannot be a key`)
}

// What the kernel gives are views that its next call overwrites: the columns get copies.

function textColumn(read: ReturnType<KeyIndex['readUtf8']>, count: number): Column {
  return new Utf8Column(read.offsets.slice(), read.bytes.slice(), nulls(read.validity, count))
}

function floatColumn(type: ColumnType, { values, validity }: ReadValues<Float64Array>, count: number): Column {
  const valid = nulls(validity, count)
  return type === 'f32' ? new Float32Column(Float32Array.from(values), valid) : new Float64Column(values.slice(), valid)
}

function wideColumn(type: ColumnType, { values, validity }: ReadValues<BigInt64Array>, count: number): Column {
  const valid = nulls(validity, count)
  if (typeof type === 'object' && type.kind === 'decimal') return new DecimalColumn(type, values.slice(), valid)
  return type === 'timestamp' ? new TimestampColumn(values.slice(), valid) : new Int64Column(values.slice(), valid)
}

function narrowColumn(type: ColumnType, { values, validity }: ReadValues<Int32Array>, count: number): Column {
  const valid = nulls(validity, count)
  if (type !== 'bool') return new Int32Column(values.slice(), valid)
  const bits = new Uint8Array((count + 7) >>> 3)
  for (let row = 0; row < count; row++) setBit(bits, row, values[row] !== 0)
  return new BoolColumn(bits, count, valid)
}

/** A copy of the validity, or undefined where no row is null. */
function nulls(validity: Uint8Array, count: number): Uint8Array | undefined {
  for (let row = 0; row < count; row++) if (!getBit(validity, row)) return validity.slice()
  return undefined
}
