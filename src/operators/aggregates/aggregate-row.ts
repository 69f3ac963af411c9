import type { Json } from '../../core/json.js'
import type { Schema } from '../../core/schema.js'
import type { Field } from '../../core/types.js'
import type { NamedAggregate } from '../window-results.js'
import type { HostAggregate } from './accumulator.js'
import { hostAggregate } from './host-aggregate.js'
import { isTrue, type Predicate } from './row-filter.js'

/** Aggregates over the same records: a predicate is asked once, however many aggregates it is of. */
interface Group {
  readonly predicate: Predicate | undefined
  readonly members: readonly number[]
}

/** Several aggregates as one, whose accumulator is a list of theirs. */
export class AggregateRow {
  /** The fields of the results, in the order of the aggregates. */
  readonly fields: readonly Field[]
  private readonly aggregates: readonly HostAggregate[]
  private readonly groups: readonly Group[]
  private readonly operator: string

  /** @throws SabotError UNKNOWN_FIELD, TYPE_MISMATCH */
  constructor(input: Schema, named: readonly NamedAggregate[], operator: string) {
    this.fields = named.map(aggregate => {
      const { type, nullable } = hostAggregate(aggregate, input)
      return { name: aggregate.name, type, nullable }
    })
    this.aggregates = named.map(aggregate => hostAggregate({ ...aggregate, predicate: undefined }, input, operator))
    this.groups = [...new Set(named.map(({ predicate }) => predicate))].map(predicate => ({
      predicate,
      members: named.flatMap((aggregate, index) => (aggregate.predicate === predicate ? index : [])),
    }))
    this.operator = operator
  }

  create(): unknown[] {
    return this.aggregates.map(aggregate => aggregate.create())
  }

  /** @throws SabotError of the aggregates, USER_FUNCTION_FAILED */
  add(kept: unknown[], record: object, timestamp: number): void {
    const { aggregates, groups, operator } = this
    for (const { predicate, members } of groups) {
      if (predicate !== undefined && !isTrue(predicate, record, operator)) continue
      for (const index of members) kept[index] = aggregates[index]?.add(kept[index], record, timestamp)
    }
  }

  result(kept: readonly unknown[], index: number): unknown {
    return this.aggregates[index]?.result(kept[index])
  }

  encode(kept: unknown[]): Json {
    return this.aggregates.map((aggregate, index) => aggregate.encode(kept[index]))
  }

  decode(json: Json): unknown[] {
    return this.aggregates.map((aggregate, index) => aggregate.decode((json as readonly Json[])[index] ?? null))
  }
}
