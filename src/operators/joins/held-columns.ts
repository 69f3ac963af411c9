/*
 * A field of rows that stand in the columns of many batches, as those came in. Rows are taken together by their places;
 * a row that is not there is null.
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
import { type Field, typeName, typesEqual } from '../../core/types.js'
import { gatherText, type TextSources } from './held-text.js'

/** By row: the number of the batch that holds it, -1 where there is none, and its row there. */
export interface RowPlaces {
  readonly batches: Int32Array
  readonly rows: Int32Array
}

export class HeldColumn {
  private readonly field: Field
  private readonly columns: (Column | undefined)[] = []
  private readonly sources: TextSources = []
  /** Columns that have a validity bitmap. */
  private withNulls = 0

  constructor(field: Field) {
    this.field = field
  }

  hold(batch: number, column: Column): void {
    const { name, type } = this.field
    if (column.type !== type && !typesEqual(column.type, type)) {
      throw new TypeError(`A column of ${typeName(column.type)} came where ${name}, ${typeName(type)}, is kept`)
    }
    this.columns[batch] = column
    if (column.validity !== undefined) this.withNulls++
  }

  drop(batch: number): void {
    if (this.columns[batch]?.validity !== undefined) this.withNulls--
    this.columns[batch] = undefined
    this.sources[batch] = undefined
  }

  at(batch: number): Column | undefined {
    return this.columns[batch]
  }

  /** With `outer` some of the rows may not be there. */
  gather(places: RowPlaces, outer: boolean): Column {
    const { columns, field } = this
    const { type } = field
    const validity = outer || this.withNulls > 0 ? validityOf(columns, places) : undefined
    switch (type) {
      case 'i32':
        return new Int32Column(gatherNumbers(columns, places, new Int32Array(places.rows.length)), validity)
      case 'f64':
        return new Float64Column(gatherNumbers(columns, places, new Float64Array(places.rows.length)), validity)
      case 'f32':
        return new Float32Column(gatherNumbers(columns, places, new Float32Array(places.rows.length)), validity)
      case 'bool':
        return new BoolColumn(gatherBits(columns, places), places.rows.length, validity)
      case 'utf8':
        return gatherText(columns, this.sources, places, validity)
      case 'i64':
        return new Int64Column(gatherWords(columns, places), validity)
      case 'timestamp':
        return new TimestampColumn(gatherWords(columns, places), validity)
    }
    if (typeof type === 'object' && type.kind === 'decimal') {
      return new DecimalColumn(type, gatherWords(columns, places), validity)
    }
    return gatherValues(field, columns, places)
  }
}

/** Undefined where no row is null. */
function validityOf(columns: readonly (Column | undefined)[], { batches, rows }: RowPlaces): Uint8Array | undefined {
  const validity = new Uint8Array(bitmapBytes(rows.length))
  let nulls = 0
  for (let at = 0; at < rows.length; at++) {
    const held = columns[batches[at] as number]
    const bits = held?.validity
    if (held === undefined || (bits !== undefined && !getBit(bits, rows[at] as number))) nulls++
    else validity[at >>> 3] = (validity[at >>> 3] as number) | (1 << (at & 7))
  }
  return nulls === 0 ? undefined : validity
}

type NumberArray = Int32Array | Float64Array | Float32Array
type NumberColumn = Int32Column | Float64Column | Float32Column

/** Where rows of one batch follow one another, its values are looked up once. */
function gatherNumbers<Values extends NumberArray>(
  columns: readonly (Column | undefined)[],
  { batches, rows }: RowPlaces,
  gathered: Values,
): Values {
  let last = -1
  let values: NumberArray = gathered
  for (let at = 0; at < rows.length; at++) {
    const batch = batches[at] as number
    if (batch < 0) continue
    if (batch !== last) {
      values = (columns[batch] as NumberColumn).values
      last = batch
    }
    gathered[at] = values[rows[at] as number] as number
  }
  return gathered
}

/** 64 bits as words: no BigInt is made. */
function gatherWords(columns: readonly (Column | undefined)[], { batches, rows }: RowPlaces): BigInt64Array {
  const gathered = new BigInt64Array(rows.length)
  const target = new Int32Array(gathered.buffer)
  let last = -1
  let words = target
  for (let at = 0; at < rows.length; at++) {
    const batch = batches[at] as number
    if (batch < 0) continue
    if (batch !== last) {
      words = (columns[batch] as Word64Column).words as Int32Array<ArrayBuffer>
      last = batch
    }
    const row = rows[at] as number
    target[at * 2] = words[row * 2] as number
    target[at * 2 + 1] = words[row * 2 + 1] as number
  }
  return gathered
}

function gatherBits(columns: readonly (Column | undefined)[], { batches, rows }: RowPlaces): Uint8Array {
  const bits = new Uint8Array(bitmapBytes(rows.length))
  for (let at = 0; at < rows.length; at++) {
    const held = columns[batches[at] as number] as BoolColumn | undefined
    if (held === undefined || !getBit(held.bits, rows[at] as number)) continue
    bits[at >>> 3] = (bits[at >>> 3] as number) | (1 << (at & 7))
  }
  return bits
}

/** Lists, structs and objects: by their values. */
function gatherValues(given: Field, columns: readonly (Column | undefined)[], { batches, rows }: RowPlaces): Column {
  const field = { ...given, nullable: true }
  const values = Array.from(rows, (row, at) => columns[batches[at] as number]?.value(row) ?? null)
  if (field.type === 'object') return new ObjectColumn(values)
  const builder = columnBuilder(field)
  for (const value of values) appendField(builder, field, field.name, value)
  return builder.finish()
}
