/*
 * Columns of rows that come and go, in chunks of typed arrays by slot (row-slots.ts). A slot that is not there, such as
 * NO_ROW, reads as null.
 */
import { bitmapBytes, getBit } from '../../core/bitmap.js'
import { appendField, columnBuilder } from '../../core/builders-nested.js'
import type { Column } from '../../core/column.js'
import {
  BoolColumn,
  DecimalColumn,
  Float32Column,
  Float64Column,
  Int32Column,
  Int64Column,
  TimestampColumn,
  type Word64Column,
} from '../../core/columns-fixed.js'
import { ObjectColumn } from '../../core/columns-nested.js'
import type { Field } from '../../core/types.js'
import { CHUNK_MASK, CHUNK_ROWS, CHUNK_SHIFT, type Chunks } from './row-slots.js'
import { StoredText } from './stored-text.js'

export interface StoredColumn extends Chunks {
  /** Puts row i of the column at slots[i]. */
  write(column: Column, slots: Uint32Array): void
  /** The values at the slots, in their order. With `outer` some of them may be NO_ROW. */
  gather(slots: Uint32Array, outer: boolean): Column
  /** The slots are not in use any more. */
  release?(slots: Uint32Array): void
}

export function storedColumn(field: Field): StoredColumn {
  switch (field.type) {
    case 'i32':
      return new StoredInt32()
    case 'bool':
      return new StoredBool()
    case 'f64':
    case 'f32':
      return new StoredFloat(field.type)
    case 'utf8':
      return new StoredText()
    case 'i64':
    case 'timestamp':
      return new StoredWords(field)
    default:
      return typeof field.type === 'object' && field.type.kind === 'decimal'
        ? new StoredWords(field)
        : new StoredValues(field)
  }
}

/** Which slots hold nulls; there is nothing until the first null comes. */
class StoredNulls implements Chunks {
  private flags: (Uint8Array | undefined)[] | undefined

  open(): void {}

  drop(chunk: number): void {
    if (this.flags !== undefined) this.flags[chunk] = undefined
  }

  write({ validity }: Column, slots: Uint32Array): void {
    if (validity === undefined && this.flags === undefined) return
    this.flags ??= []
    for (let row = 0; row < slots.length; row++) {
      const slot = slots[row] ?? 0
      const isNull = validity !== undefined && !getBit(validity, row)
      const chunk = slot >>> CHUNK_SHIFT
      const flags = this.flags[chunk]
      if (flags !== undefined) flags[slot & CHUNK_MASK] = isNull ? 1 : 0
      else if (isNull) {
        const first = new Uint8Array(CHUNK_ROWS)
        first[slot & CHUNK_MASK] = 1
        this.flags[chunk] = first
      }
    }
  }

  /** The validity of the slots; undefined where none is null. NO_ROW is beyond every chunk, and null. */
  gather(slots: Uint32Array, outer: boolean): Uint8Array | undefined {
    const { flags } = this
    if (flags === undefined && !outer) return undefined
    const validity = new Uint8Array(bitmapBytes(slots.length))
    let nulls = 0
    for (let row = 0; row < slots.length; row++) {
      const slot = slots[row] ?? 0
      if (slot >= NO_SLOT || flags?.[slot >>> CHUNK_SHIFT]?.[slot & CHUNK_MASK] === 1) nulls++
      else validity[row >>> 3] = (validity[row >>> 3] ?? 0) | (1 << (row & 7))
    }
    return nulls === 0 ? undefined : validity
  }
}

/** Slots are below this; NO_ROW is not. */
export const NO_SLOT = 2 ** 31

class StoredInt32 implements StoredColumn {
  private readonly chunks: (Int32Array | undefined)[] = []
  private readonly nulls = new StoredNulls()

  open(chunk: number): void {
    this.chunks[chunk] = new Int32Array(CHUNK_ROWS)
  }

  drop(chunk: number): void {
    this.chunks[chunk] = undefined
    this.nulls.drop(chunk)
  }

  write(column: Column, slots: Uint32Array): void {
    if (!(column instanceof Int32Column)) throw unexpected(column)
    const { chunks } = this
    const { values } = column
    for (let row = 0; row < slots.length; row++) {
      const slot = slots[row] as number
      ;(chunks[slot >>> CHUNK_SHIFT] as Int32Array)[slot & CHUNK_MASK] = values[row] as number
    }
    this.nulls.write(column, slots)
  }

  gather(slots: Uint32Array, outer: boolean): Column {
    const { chunks } = this
    const values = new Int32Array(slots.length)
    for (let row = 0; row < slots.length; row++) {
      const slot = slots[row] as number
      const chunk = chunks[slot >>> CHUNK_SHIFT]
      if (chunk !== undefined) values[row] = chunk[slot & CHUNK_MASK] as number
    }
    return new Int32Column(values, this.nulls.gather(slots, outer))
  }
}

class StoredBool implements StoredColumn {
  private readonly chunks: (Uint8Array | undefined)[] = []
  private readonly nulls = new StoredNulls()

  open(chunk: number): void {
    this.chunks[chunk] = new Uint8Array(CHUNK_ROWS)
  }

  drop(chunk: number): void {
    this.chunks[chunk] = undefined
    this.nulls.drop(chunk)
  }

  write(column: Column, slots: Uint32Array): void {
    if (!(column instanceof BoolColumn)) throw unexpected(column)
    for (let row = 0; row < slots.length; row++) {
      const slot = slots[row] ?? 0
      const chunk = this.chunks[slot >>> CHUNK_SHIFT]
      if (chunk !== undefined) chunk[slot & CHUNK_MASK] = getBit(column.bits, row) ? 1 : 0
    }
    this.nulls.write(column, slots)
  }

  gather(slots: Uint32Array, outer: boolean): Column {
    const bits = new Uint8Array(bitmapBytes(slots.length))
    for (let row = 0; row < slots.length; row++) {
      const slot = slots[row] ?? 0
      const bit = this.chunks[slot >>> CHUNK_SHIFT]?.[slot & CHUNK_MASK] ?? 0
      bits[row >>> 3] = (bits[row >>> 3] ?? 0) | (bit << (row & 7))
    }
    return new BoolColumn(bits, slots.length, this.nulls.gather(slots, outer))
  }
}

/** f64, and f32 widened. */
class StoredFloat implements StoredColumn {
  private readonly chunks: (Float64Array | undefined)[] = []
  private readonly nulls = new StoredNulls()
  private readonly type: 'f64' | 'f32'

  constructor(type: 'f64' | 'f32') {
    this.type = type
  }

  open(chunk: number): void {
    this.chunks[chunk] = new Float64Array(CHUNK_ROWS)
  }

  drop(chunk: number): void {
    this.chunks[chunk] = undefined
    this.nulls.drop(chunk)
  }

  write(column: Column, slots: Uint32Array): void {
    if (column instanceof Float64Column) writeNumbers(this.chunks, column.values, slots)
    else if (column instanceof Float32Column) writeNumbers(this.chunks, Float64Array.from(column.values), slots)
    else throw unexpected(column)
    this.nulls.write(column, slots)
  }

  gather(slots: Uint32Array, outer: boolean): Column {
    const values = gatherStored(this.chunks, slots)
    const validity = this.nulls.gather(slots, outer)
    return this.type === 'f64'
      ? new Float64Column(values, validity)
      : new Float32Column(Float32Array.from(values), validity)
  }
}

export function writeNumbers(chunks: readonly (Float64Array | undefined)[], values: Float64Array, slots: Uint32Array) {
  for (let row = 0; row < slots.length; row++) {
    const slot = slots[row] as number
    ;(chunks[slot >>> CHUNK_SHIFT] as Float64Array)[slot & CHUNK_MASK] = values[row] as number
  }
}

export function gatherStored(chunks: readonly (Float64Array | undefined)[], slots: Uint32Array): Float64Array {
  const values = new Float64Array(slots.length)
  for (let row = 0; row < slots.length; row++) {
    const slot = slots[row] as number
    const chunk = chunks[slot >>> CHUNK_SHIFT]
    if (chunk !== undefined) values[row] = chunk[slot & CHUNK_MASK] as number
  }
  return values
}

/** i64, timestamp and decimal, as words: no BigInt is made. */
class StoredWords implements StoredColumn {
  private readonly chunks: (Int32Array | undefined)[] = []
  private readonly nulls = new StoredNulls()
  private readonly field: Field

  constructor(field: Field) {
    this.field = field
  }

  open(chunk: number): void {
    this.chunks[chunk] = new Int32Array(CHUNK_ROWS * 2)
  }

  drop(chunk: number): void {
    this.chunks[chunk] = undefined
    this.nulls.drop(chunk)
  }

  write(column: Column, slots: Uint32Array): void {
    if (!isWord64(column)) throw unexpected(column)
    const { chunks } = this
    const { words } = column
    for (let row = 0; row < slots.length; row++) {
      const slot = slots[row] as number
      const chunk = chunks[slot >>> CHUNK_SHIFT] as Int32Array
      const at = (slot & CHUNK_MASK) * 2
      chunk[at] = words[row * 2] as number
      chunk[at + 1] = words[row * 2 + 1] as number
    }
    this.nulls.write(column, slots)
  }

  gather(slots: Uint32Array, outer: boolean): Column {
    const { chunks } = this
    const { type } = this.field
    const values = new BigInt64Array(slots.length)
    const words = new Int32Array(values.buffer)
    for (let row = 0; row < slots.length; row++) {
      const slot = slots[row] as number
      const chunk = chunks[slot >>> CHUNK_SHIFT]
      if (chunk === undefined) continue
      const at = (slot & CHUNK_MASK) * 2
      words[row * 2] = chunk[at] as number
      words[row * 2 + 1] = chunk[at + 1] as number
    }
    const validity = this.nulls.gather(slots, outer)
    if (typeof type === 'object' && type.kind === 'decimal') return new DecimalColumn(type, values, validity)
    return type === 'timestamp' ? new TimestampColumn(values, validity) : new Int64Column(values, validity)
  }
}

function isWord64(column: Column): column is Word64Column & Column {
  return column instanceof Int64Column || column instanceof TimestampColumn || column instanceof DecimalColumn
}

/** Lists, structs and objects: as JavaScript values. */
class StoredValues implements StoredColumn {
  private readonly chunks: (unknown[] | undefined)[] = []
  private readonly field: Field

  constructor(field: Field) {
    this.field = { ...field, nullable: true }
  }

  open(chunk: number): void {
    this.chunks[chunk] = new Array(CHUNK_ROWS).fill(null)
  }

  drop(chunk: number): void {
    this.chunks[chunk] = undefined
  }

  write(column: Column, slots: Uint32Array): void {
    for (let row = 0; row < slots.length; row++) this.set(slots[row] ?? 0, column.value(row))
  }

  gather(slots: Uint32Array): Column {
    const values = Array.from(slots, slot => this.chunks[slot >>> CHUNK_SHIFT]?.[slot & CHUNK_MASK] ?? null)
    if (this.field.type === 'object') return new ObjectColumn(values)
    const builder = columnBuilder(this.field)
    for (const value of values) appendField(builder, this.field, this.field.name, value)
    return builder.finish()
  }

  release(slots: Uint32Array): void {
    for (const slot of slots) this.set(slot, null)
  }

  private set(slot: number, value: unknown): void {
    const chunk = this.chunks[slot >>> CHUNK_SHIFT]
    if (chunk !== undefined) chunk[slot & CHUNK_MASK] = value
  }
}

function unexpected(column: Column): TypeError {
  return new TypeError(`A column of ${String(column.type)} came where another type is kept`)
}
