/* Columns of lists, structs and JavaScript values. */
import { BaseColumn, type Column } from './column.js'
import { defineField } from './row-object.js'
import type { ListType, StructType } from './types.js'

/** Row i is the elements [offsets[i], offsets[i + 1]) of the element column. */
export class ListColumn extends BaseColumn {
  readonly type: ListType
  /** length + 1 ascending positions in `elements`; the first need not be 0. */
  readonly offsets: Int32Array
  readonly elements: Column

  constructor(type: ListType, offsets: Int32Array, elements: Column, validity?: Uint8Array) {
    super(offsets.length - 1, validity)
    this.type = type
    this.offsets = offsets
    this.elements = elements
  }

  value(row: number): unknown[] | null {
    if (!this.isValid(row)) return null
    const values: unknown[] = []
    const end = this.offsets[row + 1] ?? 0
    for (let at = this.offsets[row] ?? 0; at < end; at++) values.push(this.elements.value(at))
    return values
  }

  gather(rows: Uint32Array): ListColumn {
    const source = this.offsets
    const offsets = new Int32Array(rows.length + 1)
    let end = 0
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index] ?? 0
      end += (source[row + 1] ?? 0) - (source[row] ?? 0)
      offsets[index + 1] = end
    }
    const positions = new Uint32Array(end)
    for (let index = 0; index < rows.length; index++) {
      let from = source[rows[index] ?? 0] ?? 0
      const last = offsets[index + 1] ?? 0
      for (let at = offsets[index] ?? 0; at < last; at++) positions[at] = from++
    }
    return new ListColumn(this.type, offsets, this.elements.gather(positions), this.gatherValidity(rows))
  }

  slice(from: number, to: number): ListColumn {
    return new ListColumn(this.type, this.offsets.subarray(from, to + 1), this.elements, this.sliceValidity(from, to))
  }
}

/** Row i is an object of row i of each field's column. */
export class StructColumn extends BaseColumn {
  readonly type: StructType
  readonly columns: readonly Column[]

  constructor(type: StructType, columns: readonly Column[], length: number, validity?: Uint8Array) {
    super(length, validity)
    if (columns.length !== type.fields.length || columns.some(column => column.length !== length)) {
      throw new TypeError(`A struct of ${type.fields.length} fields and ${length} rows got other columns`)
    }
    this.type = type
    this.columns = columns
  }

  value(row: number): object | null {
    if (!this.isValid(row)) return null
    const value: Record<string, unknown> = {}
    for (const [index, { name }] of this.type.fields.entries()) {
      defineField(value, name, this.columns[index]?.value(row))
    }
    return value
  }

  gather(rows: Uint32Array): StructColumn {
    const columns = this.columns.map(column => column.gather(rows))
    return new StructColumn(this.type, columns, rows.length, this.gatherValidity(rows))
  }

  slice(from: number, to: number): StructColumn {
    const columns = this.columns.map(column => column.slice(from, to))
    return new StructColumn(this.type, columns, to - from, this.sliceValidity(from, to))
  }
}

/** JavaScript values that have no columnar type; null and undefined are its nulls. */
export class ObjectColumn extends BaseColumn {
  readonly type = 'object'
  readonly values: readonly unknown[]

  constructor(values: readonly unknown[]) {
    super(values.length, undefined)
    this.values = values
  }

  override isValid(row: number): boolean {
    const value = this.values[row]
    return value !== null && value !== undefined
  }

  value(row: number): unknown {
    return this.values[row] ?? null
  }

  gather(rows: Uint32Array): ObjectColumn {
    return new ObjectColumn(Array.from(rows, row => this.values[row]))
  }

  slice(from: number, to: number): ObjectColumn {
    return new ObjectColumn(this.values.slice(from, to))
  }
}
