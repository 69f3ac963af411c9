import { Schema } from './schema.js'

/**
 * The fields of a schema that are wanted, in its order; those that it does not have are left out. At least one, since
 * rows without any column could not be counted. undefined: all.
 */
export function readSchema(schema: Schema, fields: readonly string[] | undefined): Schema {
  if (fields === undefined || schema.fields.every(({ name }) => fields.includes(name))) return schema
  const wanted = schema.fields.filter(({ name }) => fields.includes(name))
  return new Schema(wanted.length === 0 ? schema.fields.slice(0, 1) : wanted)
}
