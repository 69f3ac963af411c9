import type { Batch } from '../../core/batch.js'
import type { Json } from '../../core/json.js'
import type { Schema } from '../../core/schema.js'
import type { Field } from '../../core/types.js'
import { type OrderValue, orderValues } from '../order-values.js'
import type { NamedAggregate } from '../window-results.js'
import type { HostAggregate } from './accumulator.js'
import { DistinctCounts, MAX_CONDITIONS } from './distinct-counts.js'
import { hostAggregate } from './host-aggregate.js'
import { isTrue, type Predicate } from './row-filter.js'

/** Aggregates over the same records: a predicate is asked once, however many aggregates it is of. */
interface Group {
  readonly predicate: Predicate | undefined
  readonly members: readonly number[]
}

/** Aggregates that count the distinct values of one field: they share the values, at the place of the first. */
interface DistinctGroup {
  readonly field: string
  readonly first: number
  /** The groups of the members, as bits. */
  readonly bits: number
  readValue: (row: number) => OrderValue | null
}

/**
 * Several aggregates as one, whose accumulator is a list of theirs. Usage: `bind(batch)` once a batch, then `add` for
 * rows of it.
 */
export class AggregateRow {
  /** The fields of the results, in the order of the aggregates. */
  readonly fields: readonly Field[]
  private readonly aggregates: readonly HostAggregate[]
  private readonly groups: readonly Group[]
  private readonly distinct: readonly DistinctGroup[]
  /** By aggregate: the place of the values that it counts, and its bit there. */
  private readonly counted: readonly ({ readonly first: number; readonly bit: number } | undefined)[]
  private readonly operator: string

  /** @throws SabotError UNKNOWN_FIELD, TYPE_MISMATCH */
  constructor(input: Schema, named: readonly NamedAggregate[], operator: string) {
    this.fields = named.map(aggregate => {
      const { type, nullable } = hostAggregate(aggregate, input)
      return { name: aggregate.name, type, nullable }
    })
    this.aggregates = named.map(aggregate => hostAggregate({ ...aggregate, predicate: undefined }, input, operator))
    const predicates = [...new Set(named.map(({ predicate }) => predicate))]
    const countsOf = ({ function: name, field }: NamedAggregate): string | undefined =>
      name === 'countDistinct' && predicates.length <= MAX_CONDITIONS ? field : undefined
    this.counted = named.map(aggregate => {
      const field = countsOf(aggregate)
      if (field === undefined) return undefined
      return {
        first: named.findIndex(other => countsOf(other) === field),
        bit: predicates.indexOf(aggregate.predicate),
      }
    })
    this.distinct = named.flatMap((aggregate, index): DistinctGroup[] => {
      if (this.counted[index]?.first !== index) return []
      const members = this.counted.filter(other => other?.first === index)
      const bits = members.reduce((sum, member) => sum | (1 << (member?.bit ?? 0)), 0)
      return [{ field: aggregate.field as string, first: index, bits, readValue: () => null }]
    })
    this.groups = predicates.map(predicate => ({
      predicate,
      members: named.flatMap((aggregate, index) => {
        return aggregate.predicate === predicate && this.counted[index] === undefined ? index : []
      }),
    }))
    this.operator = operator
  }

  create(): unknown[] {
    return this.aggregates.map((aggregate, index) => {
      const counted = this.counted[index]
      if (counted === undefined) return aggregate.create()
      return counted.first === index ? new DistinctCounts(this.groups.length) : undefined
    })
  }

  /** The batch whose rows are added next; it has no selection. */
  bind(batch: Batch): void {
    for (const group of this.distinct) group.readValue = orderValues(batch.column(group.field))
    for (const aggregate of this.aggregates) aggregate.bind?.(batch)
  }

  /** `record` shows the row. @throws SabotError of the aggregates, USER_FUNCTION_FAILED */
  add(kept: unknown[], record: object, timestamp: number, row: number): void {
    const { aggregates, groups, distinct, operator } = this
    let held = 0
    for (let index = 0; index < groups.length; index++) {
      const { predicate, members } = groups[index] as Group
      if (predicate !== undefined && !isTrue(predicate, record, operator)) continue
      held |= 1 << index
      for (let at = 0; at < members.length; at++) {
        const member = members[at] as number
        kept[member] = (aggregates[member] as HostAggregate).add(kept[member], record, timestamp, row)
      }
    }
    for (let index = 0; index < distinct.length; index++) {
      const { readValue, first, bits } = distinct[index] as DistinctGroup
      const value = readValue(row)
      if (value !== null) (kept[first] as DistinctCounts).add(value, held & bits)
    }
  }

  result(kept: readonly unknown[], index: number): unknown {
    const counted = this.counted[index]
    if (counted === undefined) return this.aggregates[index]?.result(kept[index])
    return (kept[counted.first] as DistinctCounts).counts[counted.bit]
  }

  encode(kept: unknown[]): Json {
    return this.aggregates.map((aggregate, index): Json => {
      const own = kept[index]
      if (own instanceof DistinctCounts) return own.toJson()
      return this.counted[index] === undefined ? aggregate.encode(own) : null
    })
  }

  decode(json: Json): unknown[] {
    const kept = this.create()
    for (const [index, aggregate] of this.aggregates.entries()) {
      const own = (json as readonly Json[])[index] ?? null
      const into = kept[index]
      if (into instanceof DistinctCounts) into.restore(own)
      else if (this.counted[index] === undefined) kept[index] = aggregate.decode(own)
    }
    return kept
  }
}
