import type { Schema } from '../../core/schema.js'
import type { HostAggregate } from './accumulator.js'
import { type AggregateFunction, checkNumeric } from './aggregate.js'
import { CountAggregate, ExtremeAggregate, MeanAggregate, SumAggregate } from './numeric.js'

/** An aggregate, as far as it matters for what it computes. */
export interface AggregateCall {
  readonly function: AggregateFunction
  /** undefined: over rows. */
  readonly field: string | undefined
}

/**
 * Binds an aggregate to the schema of its input, for state of the host.
 * @throws SabotError UNKNOWN_FIELD; TYPE_MISMATCH for a field of a type that does not do
 */
export function hostAggregate(call: AggregateCall, input: Schema): HostAggregate {
  const { function: name, field } = call
  if (field === undefined) {
    if (name !== 'count') throw new TypeError(`${name} needs a field`)
    return new CountAggregate(undefined)
  }
  const of = input.field(field)
  if (name === 'count') return new CountAggregate(field)
  checkNumeric(name, of)
  switch (name) {
    case 'sum':
      return new SumAggregate(of)
    case 'mean':
      return new MeanAggregate(of)
    case 'min':
    case 'max':
      return new ExtremeAggregate(name, of)
  }
}
