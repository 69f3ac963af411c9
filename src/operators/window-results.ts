import { Schema } from '../core/schema.js'
import type { Field } from '../core/types.js'
import type { AggregateCall } from './aggregates/aggregate.js'
import { hostAggregate } from './aggregates/host-aggregate.js'
import { keyFields } from './keyed/key-fields.js'

export const WINDOW_START = 'windowStart'
export const WINDOW_END = 'windowEnd'

/** An aggregate under the name of its output field. */
export interface NamedAggregate extends AggregateCall {
  readonly name: string
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

function resultField(input: Schema, aggregate: NamedAggregate): Field {
  const { type, nullable } = hostAggregate(aggregate, input)
  return { name: aggregate.name, type, nullable }
}

/** In words: 'peak = max(celsius)', 'n = count() where', since what a function does cannot be told. */
export function describeAggregate({ name, function: kind, field, by, settings, predicate }: NamedAggregate): string {
  const options = Object.entries(settings ?? {}).map(([option, value]) => `${option} ${value}`)
  const given = [field ?? [], by === undefined ? [] : `by ${by}`, options].flat()
  return `${name} = ${kind}(${given.join(', ')})${predicate === undefined ? '' : ' where'}`
}
