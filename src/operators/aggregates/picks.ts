/* Aggregates that pick records: first, last, minBy, maxBy, topN. Where records tie, the order of arrival decides. */
import type { Batch } from '../../core/batch.js'
import type { Json } from '../../core/json.js'
import { numberFromJson, numberToJson } from '../../core/json-numbers.js'
import { valueFromJson, valueToJson } from '../../core/json-values.js'
import type { ColumnType, Field } from '../../core/types.js'
import { orderValues } from '../order-values.js'
import type { HostAggregate } from './accumulator.js'
import type { AggregateSettings } from './aggregate.js'
import { isBefore, type KeptValue, type OrderKey, orderKey } from './record-values.js'

/** A value and the event time of its record; null before the first. */
type Dated = { readonly timestamp: number; readonly value: unknown } | null

/** The value of lowest or highest event time. Without event time (NaN) the order of arrival alone decides. */
export class FirstOrLastAggregate implements HostAggregate<Dated> {
  readonly type: ColumnType
  readonly nullable: boolean
  private readonly kept: KeptValue
  private readonly isFirst: boolean

  constructor(which: 'first' | 'last', kept: KeptValue) {
    this.type = kept.type
    this.nullable = kept.nullable
    this.kept = kept
    this.isFirst = which === 'first'
  }

  create(): Dated {
    return null
  }

  add(dated: Dated, record: object, timestamp: number): Dated {
    if (!this.replaces(dated, timestamp)) return dated
    const value = this.kept.of(record)
    return value === null ? dated : { timestamp, value }
  }

  merge(into: Dated, from: Dated): Dated {
    return from !== null && this.replaces(into, from.timestamp) ? from : into
  }

  result(dated: Dated): unknown {
    return dated === null ? null : dated.value
  }

  encode(dated: Dated): Json {
    return dated === null ? null : [numberToJson(dated.timestamp), valueToJson(dated.value)]
  }

  decode(json: Json): Dated {
    if (json === null) return null
    const [timestamp, value = null] = json as readonly Json[]
    return { timestamp: numberFromJson(timestamp), value: valueFromJson(value) }
  }

  private replaces(dated: Dated, timestamp: number): boolean {
    if (dated === null) return true
    return this.isFirst ? timestamp < dated.timestamp : !(timestamp < dated.timestamp)
  }
}

/** A value and its place. */
interface Placed {
  readonly place: OrderKey
  readonly value: unknown
}

interface Ranking {
  readonly limit: number
  readonly ascending: boolean
  /** Whether those that equal the last one within the limit stay too. */
  readonly ties: boolean
}

/** What minBy, maxBy and topN share: the best so far, best first. Merging puts what came first before its equals. */
class BestRecords {
  private readonly kept: KeptValue
  private readonly field: string
  private readonly placeOf: (record: object) => OrderKey | null
  private readonly ranking: Ranking
  private placeAt: ((row: number) => OrderKey | null) | undefined

  constructor(kept: KeptValue, field: string, placeOf: (record: object) => OrderKey | null, ranking: Ranking) {
    this.kept = kept
    this.field = field
    this.placeOf = placeOf
    this.ranking = ranking
  }

  bind(batch: Batch): void {
    this.placeAt = orderValues(batch.column(this.field))
  }

  add(best: Placed[], record: object, row: number | undefined): Placed[] {
    const place = row === undefined || this.placeAt === undefined ? this.placeOf(record) : this.placeAt(row)
    if (place !== null && this.isWanted(best, place)) this.insert(best, { place, value: this.kept.of(record) })
    return best
  }

  merge(into: Placed[], from: readonly Placed[]): Placed[] {
    for (const placed of from) if (this.isWanted(into, placed.place)) this.insert(into, placed)
    return into
  }

  private isWanted(best: readonly Placed[], place: OrderKey): boolean {
    const { limit, ascending, ties } = this.ranking
    const worst = best[limit - 1]
    if (worst === undefined) return true
    return ties ? !isBefore(worst.place, place, ascending) : isBefore(place, worst.place, ascending)
  }

  private insert(best: Placed[], placed: Placed): void {
    const { limit, ascending } = this.ranking
    let at = best.length
    while (at > 0 && isBefore(placed.place, (best[at - 1] as Placed).place, ascending)) at--
    best.splice(at, 0, placed)
    const worst = best[limit - 1]
    while (worst !== undefined && best.length > limit && !this.isWanted(best, (best.at(-1) as Placed).place)) best.pop()
  }
}

abstract class BestAggregate implements HostAggregate<Placed[]> {
  abstract readonly type: ColumnType
  abstract readonly nullable: boolean
  private readonly records: BestRecords

  constructor(records: BestRecords) {
    this.records = records
  }

  create(): Placed[] {
    return []
  }

  bind(batch: Batch): void {
    this.records.bind(batch)
  }

  add(best: Placed[], record: object, _timestamp: number, row?: number): Placed[] {
    return this.records.add(best, record, row)
  }

  merge(into: Placed[], from: Placed[]): Placed[] {
    return this.records.merge(into, from)
  }

  encode(best: Placed[]): Json {
    return best.map(({ place, value }) => [valueToJson(place), valueToJson(value)])
  }

  decode(json: Json): Placed[] {
    return (json as readonly (readonly Json[])[]).map(([place = null, value = null]) => {
      return { place: valueFromJson(place) as OrderKey, value: valueFromJson(value) }
    })
  }

  abstract result(best: Placed[]): unknown
}

export class MinOrMaxByAggregate extends BestAggregate {
  readonly type: ColumnType
  readonly nullable: boolean

  constructor(which: 'minBy' | 'maxBy', by: Field, kept: KeptValue) {
    super(new BestRecords(kept, by.name, orderKey(which, by), { limit: 1, ascending: which === 'minBy', ties: false }))
    this.type = kept.type
    this.nullable = kept.nullable || by.nullable
  }

  result([best]: Placed[]): unknown {
    return best === undefined ? null : best.value
  }
}

export class TopNAggregate extends BestAggregate {
  readonly type: ColumnType
  readonly nullable = false

  constructor(by: Field, kept: KeptValue, { n = 1, order, ties = false }: AggregateSettings) {
    super(new BestRecords(kept, by.name, orderKey('topN', by), { limit: n, ascending: order === 'ascending', ties }))
    const { type, nullable } = kept
    this.type = { kind: 'list', element: nullable ? { kind: 'nullable', type } : type }
  }

  result(best: Placed[]): unknown[] {
    return best.map(({ value }) => value)
  }
}
