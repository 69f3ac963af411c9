import { inferSchema } from '../core/infer-schema.js'
import { type Json, memberOf } from '../core/json.js'
import { Schema } from '../core/schema.js'
import type { OperatorState } from './operator.js'

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

  /** null: nothing has been inferred. */
  snapshot(): Json {
    if (this.declared !== undefined || this.current === undefined) return null
    return JSON.parse(JSON.stringify(this.current)) as Json
  }

  /** The subtasks of one operator may have inferred on their own: the first that did is followed. */
  restore(states: readonly OperatorState[]): void {
    const inferred = states.find(({ state }) => memberOf(state, 'fields') !== undefined)
    if (inferred !== undefined) this.current = Schema.fromJSON(inferred.state)
  }
}
