import { describeValue, SabotError } from '../../core/errors.js'
import type { Json } from '../../core/json.js'
import { numberFromJson, numberToJson } from '../../core/json-numbers.js'
import { valueFromJson, valueToJson } from '../../core/json-values.js'
import type { HostAggregate } from '../aggregates/accumulator.js'
import { isThenable } from '../user-function.js'

/** What is kept of the records of a window. Laws as for HostAggregate. */
export interface Contents<Kept = unknown> {
  create(): Kept
  /** `record` is a view: what is kept of it is copied. */
  add(kept: Kept, record: object, timestamp: number): Kept
  merge(into: Kept, from: Kept): Kept
  encode(kept: Kept): Json
  decode(json: Json): Kept
}

/** An accumulator for each of several aggregates. */
export class Accumulators implements Contents<unknown[]> {
  private readonly aggregates: readonly HostAggregate[]

  constructor(aggregates: readonly HostAggregate[]) {
    this.aggregates = aggregates
  }

  create(): unknown[] {
    return this.aggregates.map(aggregate => aggregate.create())
  }

  add(kept: unknown[], record: object, timestamp: number): unknown[] {
    const { aggregates } = this
    for (let index = 0; index < aggregates.length; index++) {
      kept[index] = aggregates[index]?.add(kept[index], record, timestamp)
    }
    return kept
  }

  merge(into: unknown[], from: unknown[]): unknown[] {
    return this.aggregates.map((aggregate, index) => aggregate.merge(into[index], from[index]))
  }

  encode(kept: unknown[]): Json {
    return this.aggregates.map((aggregate, index) => aggregate.encode(kept[index]))
  }

  decode(json: Json): unknown[] {
    return this.aggregates.map((aggregate, index) => aggregate.decode((json as readonly Json[])[index] ?? null))
  }

  results(kept: unknown[]): unknown[] {
    return this.aggregates.map((aggregate, index) => aggregate.result(kept[index]))
  }
}

/** A record that a window keeps. */
export interface WindowRecord<Row = object> {
  readonly row: Row
  /** Event time, ms. */
  readonly timestamp: number
}

/** The records themselves, in the order of arrival. */
export class Records implements Contents<WindowRecord[]> {
  create(): WindowRecord[] {
    return []
  }

  add(kept: WindowRecord[], record: object, timestamp: number): WindowRecord[] {
    kept.push({ row: { ...record }, timestamp })
    return kept
  }

  merge(into: WindowRecord[], from: WindowRecord[]): WindowRecord[] {
    for (const record of from) into.push(record)
    return into
  }

  encode(kept: WindowRecord[]): Json {
    return kept.map(({ row, timestamp }) => [numberToJson(timestamp), valueToJson(row)])
  }

  decode(json: Json): WindowRecord[] {
    return (json as readonly Json[]).map(entry => {
      const [timestamp, row = null] = entry as readonly Json[]
      return { timestamp: numberFromJson(timestamp), row: valueFromJson(row) as object }
    })
  }
}

/** One row, made of all by the function of the user. */
export class Reduced implements Contents<object | undefined> {
  private readonly reduce: (a: object, b: object) => object

  constructor(reduce: (a: object, b: object) => object) {
    this.reduce = reduce
  }

  create(): undefined {
    return undefined
  }

  add(kept: object | undefined, record: object): object {
    return kept === undefined ? { ...record } : this.reduced(kept, record)
  }

  merge(into: object | undefined, from: object | undefined): object | undefined {
    if (into === undefined || from === undefined) return into ?? from
    return this.reduced(into, from)
  }

  private reduced(a: object, b: object): object {
    const result: unknown = this.reduce(a, b)
    if (typeof result === 'object' && result !== null && !isThenable(result)) return result
    const hint = isThenable(result) ? ' (functions here must not be async)' : ''
    throw new SabotError(
      'USER_FUNCTION_RESULT',
      `its function returned ${describeValue(result)} instead of an object${hint}`,
      { result },
    )
  }

  encode(kept: object | undefined): Json {
    return valueToJson(kept)
  }

  decode(json: Json): object | undefined {
    return valueFromJson(json) as object | undefined
  }
}
