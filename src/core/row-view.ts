/*
 * Rows as user functions see them: one object per reader whose accessors read the columns at the current row, so that
 * a lambda costs no object a record.
 *
 * The fields are own, enumerable accessors, not accessors of a prototype. So `{ ...row }`, `Object.keys`,
 * `JSON.stringify` and destructuring see every field, and a name such as `constructor` or `__proto__` is a field like
 * any other. Assigning to a field is a TypeError.
 */
import type { Batch } from './batch.js'
import type { Column } from './column.js'
import { BoolColumn, Float32Column, Float64Column, Int32Column, Int64Column, TimestampColumn } from './columns-fixed.js'
import { DictionaryColumn } from './columns-text.js'
import { SabotError } from './errors.js'
import type { Schema } from './schema.js'
import type { Field } from './types.js'

/** The row that all accessors of one reader read. */
interface Cursor {
  row: number
}

/** What one accessor reads. `bind` points it at the column of the next batch. */
interface FieldReader {
  readonly get: () => unknown
  bind(column: Column): void
}

/**
 * Reads rows of one schema. Usage: `reader.bind(batch)` once a batch, then `reader.at(physicalRow)` a row.
 *
 * The row that `at` returns is the same object each time: it shows another row after the next `at`, and another batch
 * after the next `bind`. Who keeps a row keeps `materialize()` or `{ ...row }`.
 */
export class RowReader<Row = unknown> {
  readonly schema: Schema<Row>
  private readonly readers: readonly FieldReader[]
  private readonly cursor: Cursor = { row: 0 }
  private readonly flyweight: object

  constructor(schema: Schema<Row>) {
    this.schema = schema
    this.readers = schema.fields.map(field => fieldReader(field, this.cursor))
    // A prototype of its own gives the flyweight a hidden class of its own: were it shared, the second reader with a
    // field of the same name would turn both into slow dictionary objects.
    const row: object = Object.create(Object.create(Object.prototype))
    for (const [index, { name }] of schema.fields.entries()) {
      const reader = this.readers[index]
      if (reader) Object.defineProperty(row, name, { get: reader.get, enumerable: true, configurable: false })
    }
    this.flyweight = Object.preventExtensions(row)
  }

  /** @throws SabotError SCHEMA_MISMATCH when the batch is of another schema. */
  bind(batch: Batch<Row>): this {
    if (batch.schema !== this.schema && !batch.schema.equals(this.schema)) {
      throw new SabotError(
        'SCHEMA_MISMATCH',
        `A reader of (${this.schema.describe()}) got a batch of (${batch.schema.describe()})`,
        { expected: this.schema.toJSON(), actual: batch.schema.toJSON() },
      )
    }
    for (const [index, reader] of this.readers.entries()) reader.bind(batch.columnAt(index))
    this.cursor.row = 0
    return this
  }

  /** The row object, now showing this physical row of the bound batch. */
  at(physicalRow: number): Row {
    this.cursor.row = physicalRow
    return this.flyweight as Row
  }

  /** The current row as a plain object of its own. */
  materialize(): Row {
    return { ...this.flyweight } as Row
  }
}

function fieldReader(field: Field, cursor: Cursor): FieldReader {
  switch (field.type) {
    case 'f64':
      return float64Reader(cursor)
    case 'f32':
      return float32Reader(cursor)
    case 'i32':
      return int32Reader(cursor)
    case 'i64':
      return int64Reader(cursor)
    case 'timestamp':
      return timestampReader(cursor)
    case 'bool':
      return boolReader(cursor)
    case 'utf8':
      return textReader(cursor)
    default:
      return valueReader(cursor)
  }
}

// One function a type, each with its own loop-free accessor, so that the engine sees one kind of array in each.

function isNull(validity: Uint8Array, row: number): boolean {
  return (((validity[row >>> 3] ?? 0) >>> (row & 7)) & 1) === 0
}

function float64Reader(cursor: Cursor): FieldReader {
  let values: Float64Array = new Float64Array(0)
  let validity: Uint8Array | undefined
  return {
    get: () => (validity !== undefined && isNull(validity, cursor.row) ? null : values[cursor.row]),
    bind(column) {
      if (!(column instanceof Float64Column)) throw unreadable(column)
      values = column.values
      validity = column.validity
    },
  }
}

function float32Reader(cursor: Cursor): FieldReader {
  let values: Float32Array = new Float32Array(0)
  let validity: Uint8Array | undefined
  return {
    get: () => (validity !== undefined && isNull(validity, cursor.row) ? null : values[cursor.row]),
    bind(column) {
      if (!(column instanceof Float32Column)) throw unreadable(column)
      values = column.values
      validity = column.validity
    },
  }
}

function int32Reader(cursor: Cursor): FieldReader {
  let values: Int32Array = new Int32Array(0)
  let validity: Uint8Array | undefined
  return {
    get: () => (validity !== undefined && isNull(validity, cursor.row) ? null : values[cursor.row]),
    bind(column) {
      if (!(column instanceof Int32Column)) throw unreadable(column)
      values = column.values
      validity = column.validity
    },
  }
}

function int64Reader(cursor: Cursor): FieldReader {
  let values: BigInt64Array = new BigInt64Array(0)
  let validity: Uint8Array | undefined
  // A BigInt is made when it is first read of its row.
  let readRow = -1
  let read: bigint | undefined
  return {
    get: () => {
      const { row } = cursor
      if (validity !== undefined && isNull(validity, row)) return null
      if (row !== readRow) {
        read = values[row]
        readRow = row
      }
      return read
    },
    bind(column) {
      if (!(column instanceof Int64Column)) throw unreadable(column)
      values = column.values
      validity = column.validity
      readRow = -1
    },
  }
}

function timestampReader(cursor: Cursor): FieldReader {
  let words: Int32Array = new Int32Array(0)
  let validity: Uint8Array | undefined
  return {
    get: () => {
      const { row } = cursor
      if (validity !== undefined && isNull(validity, row)) return null
      return (words[row * 2 + 1] ?? 0) * 4_294_967_296 + ((words[row * 2] ?? 0) >>> 0)
    },
    bind(column) {
      if (!(column instanceof TimestampColumn)) throw unreadable(column)
      words = column.words
      validity = column.validity
    },
  }
}

function boolReader(cursor: Cursor): FieldReader {
  let bits: Uint8Array = new Uint8Array(0)
  let validity: Uint8Array | undefined
  return {
    get: () => (validity !== undefined && isNull(validity, cursor.row) ? null : !isNull(bits, cursor.row)),
    bind(column) {
      if (!(column instanceof BoolColumn)) throw unreadable(column)
      bits = column.bits
      validity = column.validity
    },
  }
}

/** Strings from a dictionary come from its cache; a plain string is decoded when it is first read of its row. */
function textReader(cursor: Cursor): FieldReader {
  let dictionaryColumn: DictionaryColumn | undefined
  let other: Column | undefined
  let decodedRow = -1
  let decoded: unknown
  return {
    get: () => {
      const { row } = cursor
      if (dictionaryColumn !== undefined) return dictionaryColumn.value(row)
      if (row !== decodedRow) {
        decoded = other?.value(row)
        decodedRow = row
      }
      return decoded
    },
    bind(column) {
      dictionaryColumn = column instanceof DictionaryColumn ? column : undefined
      other = column
      decodedRow = -1
    },
  }
}

function valueReader(cursor: Cursor): FieldReader {
  let bound: Column | undefined
  return {
    get: () => bound?.value(cursor.row),
    bind(column) {
      bound = column
    },
  }
}

function unreadable(column: Column): TypeError {
  return new TypeError(`${column.constructor.name} says that it is ${String(column.type)}, but is not its class`)
}
