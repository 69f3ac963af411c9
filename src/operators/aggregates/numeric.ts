/* count, sum, mean, min and max on the host: what they give is what the window kernel gives. */
import { formatDecimal, parseDecimal } from '../../core/decimal.js'
import type { Json } from '../../core/json.js'
import { bigIntFromJson, bigIntToJson, numberFromJson, numberToJson } from '../../core/json-numbers.js'
import type { ColumnType, Field } from '../../core/types.js'
import { fieldOf, type HostAggregate } from './accumulator.js'
import { aggregateType } from './kernel-functions.js'
import {
  emptySum,
  exactSum,
  numberSum,
  type Sum,
  type Summation,
  sumFromJson,
  summationOf,
  sumToJson,
} from './summation.js'

/** The rows, or those in which the field is not null. */
export class CountAggregate implements HostAggregate<number> {
  readonly type = 'f64'
  readonly nullable = false
  private readonly field: string | undefined

  constructor(field: string | undefined) {
    this.field = field
  }

  create(): number {
    return 0
  }

  add(count: number, record: object): number {
    return this.counts(record) ? count + 1 : count
  }

  merge(into: number, from: number): number {
    return into + from
  }

  result(count: number): number {
    return count
  }

  retract(count: number, record: object): number {
    return this.counts(record) ? count - 1 : count
  }

  encode(count: number): Json {
    return count
  }

  decode(json: Json): number {
    return numberFromJson(json)
  }

  private counts(record: object): boolean {
    return this.field === undefined || fieldOf(record, this.field) !== null
  }
}

/** What sum and mean share: null where every value is null. */
abstract class SumOfField implements HostAggregate<Sum> {
  abstract readonly type: ColumnType
  readonly nullable: boolean
  readonly retract?: (sum: Sum, record: object) => Sum
  private readonly field: string
  private readonly summation: Summation

  constructor({ name, type, nullable }: Field) {
    this.nullable = nullable
    this.field = name
    this.summation = summationOf(type, name)
    if (this.summation.isExact) this.retract = (sum, record) => this.takenBack(sum, record)
  }

  create(): Sum {
    return emptySum()
  }

  add(sum: Sum, record: object): Sum {
    const value = fieldOf(record, this.field)
    if (value !== null) this.summation.add(sum, value)
    return sum
  }

  merge(into: Sum, from: Sum): Sum {
    this.summation.merge(into, from)
    return into
  }

  result(sum: Sum): unknown {
    return sum.count === 0 ? null : this.lowered(sum)
  }

  encode(sum: Sum): Json {
    return sumToJson(sum)
  }

  decode(json: Json): Sum {
    return sumFromJson(json)
  }

  protected abstract lowered(sum: Sum): unknown

  private takenBack(sum: Sum, record: object): Sum {
    const value = fieldOf(record, this.field)
    if (value !== null) this.summation.subtract(sum, value)
    return sum
  }
}

export class SumAggregate extends SumOfField {
  readonly type: ColumnType

  constructor(field: Field) {
    super(field)
    this.type = aggregateType('sum', field.type)
  }

  protected lowered(sum: Sum): unknown {
    if (this.type === 'i64') return exactSum(sum)
    if (typeof this.type === 'object' && this.type.kind === 'decimal') {
      return formatDecimal(exactSum(sum), this.type.scale)
    }
    return numberSum(sum)
  }
}

export class MeanAggregate extends SumOfField {
  readonly type = 'f64'
  private readonly units: number

  constructor(field: Field) {
    super(field)
    this.units = typeof field.type === 'object' && field.type.kind === 'decimal' ? 10 ** field.type.scale : 1
  }

  protected lowered(sum: Sum): number {
    return numberSum(sum) / sum.count / this.units
  }
}

/** The least or greatest value so far, decimals as integers; null before the first. */
type Extreme = number | bigint | null

/** min and max: nulls are skipped, and so is NaN unless there is nothing else; -0 is 0. */
export class ExtremeAggregate implements HostAggregate<Extreme> {
  readonly type: ColumnType
  readonly nullable: boolean
  private readonly field: string
  private readonly wantsLess: boolean
  private readonly scale: number | undefined

  constructor(which: 'min' | 'max', { name, type, nullable }: Field) {
    this.type = aggregateType(which, type)
    this.nullable = nullable
    this.field = name
    this.wantsLess = which === 'min'
    this.scale = typeof type === 'object' && type.kind === 'decimal' ? type.scale : undefined
  }

  create(): Extreme {
    return null
  }

  add(extreme: Extreme, record: object): Extreme {
    const value = fieldOf(record, this.field)
    return value === null ? extreme : this.better(extreme, this.comparable(value))
  }

  merge(into: Extreme, from: Extreme): Extreme {
    return from === null ? into : this.better(into, from)
  }

  result(extreme: Extreme): unknown {
    if (typeof extreme === 'bigint' && this.scale !== undefined) return formatDecimal(extreme, this.scale)
    return extreme
  }

  encode(extreme: Extreme): Json {
    return typeof extreme === 'bigint' ? [bigIntToJson(extreme)] : extreme === null ? null : numberToJson(extreme)
  }

  decode(json: Json): Extreme {
    if (json === null) return null
    return Array.isArray(json) ? bigIntFromJson(json[0]) : numberFromJson(json)
  }

  private comparable(value: unknown): number | bigint {
    if (this.scale !== undefined) return parseDecimal(String(value), this.scale)
    if (typeof value === 'bigint') return value
    return this.type === 'i64' ? BigInt(value as number) : Number(value) + 0
  }

  private better(extreme: Extreme, value: number | bigint): number | bigint {
    if (extreme === null || Number.isNaN(extreme)) return value
    return (this.wantsLess ? value < extreme : value > extreme) ? value : extreme
  }
}
