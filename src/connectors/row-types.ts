/* What a source of JavaScript objects takes and gives, to TypeScript. */
import { inferSchema } from '../core/infer-schema.js'
import { Schema } from '../core/schema.js'

/** The values that a column takes for a JavaScript type: times also as Date, 64-bit integers also as numbers. */
type Accepted<Value> = Value extends number ? number | Date : Value extends bigint ? bigint | number : Value

/** The objects that a schema's columns can be filled from; nullable fields may be missing. */
export type RowInput<Row> = {
  readonly [Name in keyof Row as null extends Row[Name] ? never : Name]: Accepted<Row[Name]>
} & {
  readonly [Name in keyof Row as null extends Row[Name] ? Name : never]?: Accepted<Row[Name]> | undefined
}

type InferredValue<Value> = Value extends Date ? number : Value extends undefined ? null : Value

/** What objects become in columns whose schema is inferred: a Date is its time in ms, a missing field is null. */
export type InferredRow<Row> = { readonly [Name in keyof Row]-?: InferredValue<Row[Name]> }

/** The schema of all rows that there will be. */
export function schemaOfAll<Row>(rows: Iterable<unknown>): Schema<Row> {
  return new Schema(inferSchema(objectsOf(rows)).fields)
}

/** A schema from the first of many rows: what follows is not known, so every field may be null. */
export function schemaOfFirst<Row>(rows: Iterable<unknown>): Schema<Row> {
  return new Schema(inferSchema(objectsOf(rows)).fields.map(field => ({ ...field, nullable: true })))
}

/** What is no object is reported with its position when its batch is built. */
function* objectsOf(rows: Iterable<unknown>): Generator<object> {
  for (const row of rows) if (typeof row === 'object' && row !== null) yield row
}
