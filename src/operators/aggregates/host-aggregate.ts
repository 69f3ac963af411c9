import type { Schema } from '../../core/schema.js'
import type { HostAggregate } from './accumulator.js'
import type { AggregateCall } from './aggregate.js'
import { ApproxCountDistinctAggregate, QuantilesAggregate } from './approximate.js'
import {
  CollectListAggregate,
  CollectSetAggregate,
  CountDistinctAggregate,
  StringJoinAggregate,
} from './collections.js'
import { CustomHostAggregate, FilteredHostAggregate } from './custom.js'
import { checkNumeric } from './kernel-functions.js'
import { VarianceAggregate, WeightedMeanAggregate } from './moments.js'
import { CountAggregate, ExtremeAggregate, MeanAggregate, SumAggregate } from './numeric.js'
import { FirstOrLastAggregate, MinOrMaxByAggregate, TopNAggregate } from './picks.js'
import { checkPrimitive, checkText, keptValue } from './record-values.js'

/**
 * Binds an aggregate to the schema of its input, for state of the host. `operator` is the operator's id, for errors of
 * the user's functions.
 * @throws SabotError UNKNOWN_FIELD; TYPE_MISMATCH for a field of a type that does not do
 */
export function hostAggregate(call: AggregateCall, input: Schema, operator = 'aggregate'): HostAggregate {
  const { predicate } = call
  const bound = unfiltered(call, input, operator)
  return predicate === undefined ? bound : new FilteredHostAggregate(bound, predicate, operator)
}

function unfiltered(call: AggregateCall, input: Schema, operator: string): HostAggregate {
  const { function: name, field, custom } = call
  switch (name) {
    case 'count':
      return new CountAggregate(field === undefined ? undefined : input.field(field).name)
    case 'first':
    case 'last':
      return new FirstOrLastAggregate(name, keptValue(field, input))
    case 'collectList':
      return new CollectListAggregate(keptValue(field, input))
    case 'minBy':
    case 'maxBy':
    case 'topN':
      return ordered(name, call, input)
    case 'custom':
      if (custom === undefined) throw new TypeError('A custom aggregate needs its functions')
      return new CustomHostAggregate(custom, operator)
    default:
      return ofField(name, call, input)
  }
}

function ordered(name: 'minBy' | 'maxBy' | 'topN', call: AggregateCall, input: Schema): HostAggregate {
  const { field, by, settings = {} } = call
  const kept = keptValue(field, input)
  const ordering = input.field(required(name, by))
  return name === 'topN' ? new TopNAggregate(ordering, kept, settings) : new MinOrMaxByAggregate(name, ordering, kept)
}

type FieldFunction = Exclude<
  AggregateCall['function'],
  'count' | 'first' | 'last' | 'collectList' | 'minBy' | 'maxBy' | 'topN' | 'custom'
>

function ofField(name: FieldFunction, call: AggregateCall, input: Schema): HostAggregate {
  const field = input.field(required(name, call.field))
  const { settings = {} } = call
  switch (name) {
    case 'countDistinct':
      checkPrimitive(name, field)
      return new CountDistinctAggregate(field)
    case 'collectSet':
      checkPrimitive(name, field)
      return new CollectSetAggregate(field)
    case 'approxCountDistinct':
      checkPrimitive(name, field)
      return new ApproxCountDistinctAggregate(field, settings.precision ?? 12, settings.seed ?? 0)
    case 'stringJoin':
      checkText(name, field)
      return new StringJoinAggregate(keptValue(field.name, input), settings.separator ?? ',')
  }
  checkNumeric(name, field)
  switch (name) {
    case 'sum':
      return new SumAggregate(field)
    case 'mean':
      return new MeanAggregate(field)
    case 'min':
    case 'max':
      return new ExtremeAggregate(name, field)
    case 'variance':
    case 'stddev':
      return new VarianceAggregate(field, name, settings.of)
    case 'quantile':
    case 'quantiles':
      return new QuantilesAggregate(name, field, settings.quantiles ?? [0.5], settings.relativeError ?? 0.01)
    case 'weightedMean': {
      const weight = input.field(required(name, call.by))
      checkNumeric(name, weight)
      return new WeightedMeanAggregate(field, weight)
    }
  }
}

function required(name: string, field: string | undefined): string {
  if (field === undefined) throw new TypeError(`${name} needs a field`)
  return field
}
