/* Aggregates with functions of the user: customAggregate, and the predicate of where(). */
import type { Json } from '../../core/json.js'
import { valueFromJson, valueToJson } from '../../core/json-values.js'
import { type ColumnType, unwrapNullable } from '../../core/types.js'
import { isThenable, userFunctionFailed, wrongResult } from '../user-function.js'
import type { HostAggregate } from './accumulator.js'
import type { CustomAggregate } from './aggregate.js'
import { isTrue, type Predicate } from './row-filter.js'

/** Nothing yet, or the user's accumulator in a box, since it may be anything. */
type Lifted = { readonly value: unknown } | null

/** The user's functions never change an accumulator, so accumulators may be shared. @throws SabotError USER_FUNCTION_FAILED */
export class CustomHostAggregate implements HostAggregate<Lifted> {
  readonly type: ColumnType
  readonly nullable: boolean
  readonly retract?: (lifted: Lifted, record: object) => Lifted
  private readonly custom: CustomAggregate
  private readonly operator: string

  constructor(custom: CustomAggregate, operator: string) {
    const { type, nullable } = unwrapNullable(custom.type)
    this.type = type
    this.nullable = nullable
    this.custom = custom
    this.operator = operator
    if (custom.invert !== undefined) this.retract = (lifted, record) => this.inverted(lifted, record)
  }

  create(): Lifted {
    return null
  }

  add(lifted: Lifted, record: object): Lifted {
    const { custom } = this
    return this.guarded(record, () => {
      const value = custom.lift(record)
      if (isThenable(value)) throw wrongResult(this.operator, { ...record }, value, 'an accumulator')
      return { value: lifted === null ? value : custom.combine(lifted.value, value) }
    })
  }

  merge(into: Lifted, from: Lifted): Lifted {
    if (into === null || from === null) return into ?? from
    return this.guarded(undefined, () => ({ value: this.custom.combine(into.value, from.value) }))
  }

  result(lifted: Lifted): unknown {
    return lifted === null ? null : this.guarded(undefined, () => this.custom.lower(lifted.value))
  }

  encode(lifted: Lifted): Json {
    return lifted === null ? null : [valueToJson(lifted.value)]
  }

  decode(json: Json): Lifted {
    if (json === null) return null
    const [value = null] = json as readonly Json[]
    return { value: valueFromJson(value) }
  }

  private inverted(lifted: Lifted, record: object): Lifted {
    const { custom } = this
    return lifted && this.guarded(record, () => ({ value: custom.invert?.(lifted.value, custom.lift(record)) }))
  }

  private guarded<T>(record: object | undefined, call: () => T): T {
    try {
      return call()
    } catch (cause) {
      throw userFunctionFailed(this.operator, record && { ...record }, cause)
    }
  }
}

/** Hands on the records for which the user's predicate is true. @throws SabotError USER_FUNCTION_FAILED */
export class FilteredHostAggregate implements HostAggregate {
  readonly type: ColumnType
  readonly nullable: boolean
  readonly retract?: (accumulator: unknown, record: object, timestamp: number) => unknown
  private readonly inner: HostAggregate
  private readonly predicate: Predicate
  private readonly operator: string

  constructor(inner: HostAggregate, predicate: Predicate, operator: string) {
    this.type = inner.type
    // No record may pass.
    this.nullable = inner.nullable || inner.result(inner.create()) === null
    this.inner = inner
    this.predicate = predicate
    this.operator = operator
    if (inner.retract === undefined) return
    this.retract = (accumulator, record, timestamp) => {
      return this.passes(record) ? inner.retract?.(accumulator, record, timestamp) : accumulator
    }
  }

  create(): unknown {
    return this.inner.create()
  }

  add(accumulator: unknown, record: object, timestamp: number): unknown {
    return this.passes(record) ? this.inner.add(accumulator, record, timestamp) : accumulator
  }

  merge(into: unknown, from: unknown): unknown {
    return this.inner.merge(into, from)
  }

  result(accumulator: unknown): unknown {
    return this.inner.result(accumulator)
  }

  encode(accumulator: unknown): Json {
    return this.inner.encode(accumulator)
  }

  decode(json: Json): unknown {
    return this.inner.decode(json)
  }

  private passes(record: object): boolean {
    return isTrue(this.predicate, record, this.operator)
  }
}
