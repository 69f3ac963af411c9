import { SabotError } from '../../core/errors.js'
import type { Schema } from '../../core/schema.js'
import { type Field, typeName } from '../../core/types.js'

/** The fields that a stream is keyed by. @throws SabotError UNKNOWN_FIELD, TYPE_MISMATCH for a type that is no key's. */
export function keyFields(input: Schema, keys: readonly string[]): Field[] {
  return keys.map(key => {
    const field = input.field(key)
    if (typeof field.type === 'object' ? field.type.kind !== 'decimal' : field.type === 'object') {
      throw new SabotError(
        'TYPE_MISMATCH',
        `keyBy() names ${key}, which is ${typeName(field.type)}: keys are of a primitive type`,
        { field: key, type: typeName(field.type) },
      )
    }
    return field
  })
}
