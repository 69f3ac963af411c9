import { inferSchema } from '../core/infer-schema.js'
import type { Json } from '../core/json.js'
import { Schema } from '../core/schema.js'

/**
 * The schema of the objects that a user's function makes: declared, or inferred once from the first objects and then
 * the same for all. Inferred fields are nullable, since the first objects do not tell. It is part of the operator's
 * state, so that a resumed job goes on with the same columns.
 */
export class ObjectSchema {
  private current: Schema | undefined

  private readonly declared: Schema | undefined

  constructor(declared: Schema | undefined) {
    this.declared = declared
    this.current = declared
  }

  /** The schema, inferred from `rows` if need be. */
  of(rows: readonly object[]): Schema {
    this.current ??= new Schema(inferSchema(rows).fields.map(field => ({ ...field, nullable: true })))
    return this.current
  }

  snapshot(): Json {
    if (this.declared !== undefined || this.current === undefined) return null
    return JSON.parse(JSON.stringify(this.current)) as Json
  }

  restore(state: Json): void {
    if (state !== null) this.current = Schema.fromJSON(state)
  }
}
