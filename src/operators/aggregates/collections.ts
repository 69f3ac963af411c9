/* Aggregates that keep values: countDistinct, collectSet, collectList, stringJoin. */
import type { Json } from '../../core/json.js'
import { valueFromJson, valueToJson } from '../../core/json-values.js'
import type { ColumnType, Field } from '../../core/types.js'
import { fieldOf, type HostAggregate } from './accumulator.js'
import type { KeptValue } from './record-values.js'

/** Distinct values: a Set takes -0 for 0, and NaN for one value. */
abstract class DistinctAggregate implements HostAggregate<Set<unknown>> {
  abstract readonly type: ColumnType
  readonly nullable = false
  private readonly field: string

  constructor({ name }: Field) {
    this.field = name
  }

  create(): Set<unknown> {
    return new Set()
  }

  add(values: Set<unknown>, record: object): Set<unknown> {
    const value = fieldOf(record, this.field)
    return value === null ? values : values.add(value)
  }

  merge(into: Set<unknown>, from: Set<unknown>): Set<unknown> {
    for (const value of from) into.add(value)
    return into
  }

  encode(values: Set<unknown>): Json {
    return Array.from(values, valueToJson)
  }

  decode(json: Json): Set<unknown> {
    return new Set((json as readonly Json[]).map(valueFromJson))
  }

  abstract result(values: Set<unknown>): unknown
}

export class CountDistinctAggregate extends DistinctAggregate {
  readonly type = 'f64'

  result(values: Set<unknown>): number {
    return values.size
  }
}

export class CollectSetAggregate extends DistinctAggregate {
  readonly type: ColumnType

  constructor(field: Field) {
    super(field)
    this.type = { kind: 'list', element: field.type }
  }

  result(values: Set<unknown>): unknown[] {
    return [...values]
  }
}

/** Values in the order of arrival; nulls are skipped. */
abstract class SequenceAggregate implements HostAggregate<unknown[]> {
  abstract readonly type: ColumnType
  abstract readonly nullable: boolean
  protected readonly kept: KeptValue

  constructor(kept: KeptValue) {
    this.kept = kept
  }

  create(): unknown[] {
    return []
  }

  add(values: unknown[], record: object): unknown[] {
    const value = this.kept.of(record)
    if (value !== null) values.push(value)
    return values
  }

  merge(into: unknown[], from: unknown[]): unknown[] {
    for (const value of from) into.push(value)
    return into
  }

  encode(values: unknown[]): Json {
    return values.map(valueToJson)
  }

  decode(json: Json): unknown[] {
    return (json as readonly Json[]).map(valueFromJson)
  }

  abstract result(values: unknown[]): unknown
}

export class CollectListAggregate extends SequenceAggregate {
  readonly type: ColumnType
  readonly nullable = false

  constructor(kept: KeptValue) {
    super(kept)
    this.type = { kind: 'list', element: kept.type }
  }

  result(values: unknown[]): unknown[] {
    return [...values]
  }
}

export class StringJoinAggregate extends SequenceAggregate {
  readonly type = 'utf8'
  readonly nullable: boolean
  private readonly separator: string

  constructor(kept: KeptValue, separator: string) {
    super(kept)
    this.nullable = kept.nullable
    this.separator = separator
  }

  result(values: unknown[]): string | null {
    return values.length === 0 ? null : values.join(this.separator)
  }
}
