/* Schemas from example rows. */
import { Schema } from './schema.js'
import type { Field, PrimitiveType } from './types.js'

interface Seen {
  type: PrimitiveType | undefined
  rows: number
  nullable: boolean
}

/**
 * The schema of some rows, its fields in the order in which they are first seen: number is f64, bigint i64 (object
 * beyond 64 bits), boolean bool, string utf8, Date timestamp; all else, and fields whose values are of several types,
 * are object. A field that is null, undefined or missing somewhere is nullable; one that never has a value is a nullable object.
 */
export function inferSchema(rows: Iterable<object>): Schema {
  const seen = new Map<string, Seen>()
  let count = 0
  for (const row of rows) {
    count++
    for (const [name, value] of Object.entries(row)) {
      let field = seen.get(name)
      if (field === undefined) {
        field = { type: undefined, rows: 0, nullable: false }
        seen.set(name, field)
      }
      field.rows++
      if (value === null || value === undefined) {
        field.nullable = true
      } else {
        const type = inferType(value)
        field.type = field.type === undefined || field.type === type ? type : 'object'
      }
    }
  }
  return new Schema(Array.from(seen, ([name, field]) => inferredField(name, field, count)))
}

function inferredField(name: string, { type, rows, nullable }: Seen, rowCount: number): Field {
  return { name, type: type ?? 'object', nullable: nullable || rows < rowCount }
}

function inferType(value: unknown): PrimitiveType {
  switch (typeof value) {
    case 'number':
      return 'f64'
    case 'bigint':
      return BigInt.asIntN(64, value) === value ? 'i64' : 'object'
    case 'boolean':
      return 'bool'
    case 'string':
      return 'utf8'
    default:
      return value instanceof Date && Number.isInteger(value.getTime()) ? 'timestamp' : 'object'
  }
}
