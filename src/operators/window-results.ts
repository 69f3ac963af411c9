import { Schema } from '../core/schema.js'
import { type AggregateFunction, aggregateType, checkNumeric } from './aggregates/aggregate.js'
import { keyFields } from './keyed/key-fields.js'

export const WINDOW_START = 'windowStart'
export const WINDOW_END = 'windowEnd'

/** An aggregate under the name of its output field. */
export interface NamedAggregate {
  readonly name: string
  readonly function: AggregateFunction
  /** undefined: over rows. */
  readonly field: string | undefined
}

/**
 * The rows of a window aggregation: the keys, the window's bounds, the aggregates.
 * @throws SabotError UNKNOWN_FIELD, TYPE_MISMATCH for a key or an aggregated field of a type that does not do.
 */
export function windowResultSchema(
  input: Schema,
  keys: readonly string[],
  aggregates: readonly NamedAggregate[],
): Schema {
  return new Schema([
    ...keyFields(input, keys),
    { name: WINDOW_START, type: 'timestamp', nullable: false },
    { name: WINDOW_END, type: 'timestamp', nullable: false },
    ...aggregates.map(aggregate => resultField(input, aggregate)),
  ])
}

function resultField(input: Schema, { name, function: kind, field }: NamedAggregate) {
  if (field === undefined) return { name, type: aggregateType(kind, 'f64'), nullable: false }
  const { type, nullable } = input.field(field)
  if (kind === 'count') return { name, type: aggregateType(kind, type), nullable: false }
  checkNumeric(kind, input.field(field))
  return { name, type: aggregateType(kind, type), nullable }
}
