/* Sums by column type. Integers are exact; what leaves 64 bits is an error, as in the kernels. */
import { parseDecimal } from '../../core/decimal.js'
import { SabotError } from '../../core/errors.js'
import { MAX_INT64, MIN_INT64 } from '../../core/int64.js'
import type { Json } from '../../core/json.js'
import { bigIntFromJson, bigIntToJson, numberFromJson, numberToJson } from '../../core/json-numbers.js'
import type { ColumnType } from '../../core/types.js'

/** A sum that is being made; `count` is the number of values in it. */
export interface Sum {
  count: number
  /** The sum, less `beyond`. */
  sum: number
  /** What went beyond the integers that numbers hold exactly; always 0 for floats. */
  beyond: bigint
}

/** How the values of one column type are added. */
export interface Summation {
  /** Whether `subtract` takes back exactly what `add` added. */
  readonly isExact: boolean
  add(sum: Sum, value: unknown): void
  subtract(sum: Sum, value: unknown): void
  merge(into: Sum, from: Sum): void
}

export function emptySum(): Sum {
  return { count: 0, sum: 0, beyond: 0n }
}

/** The sum as an integer; of integers only. */
export function exactSum({ sum, beyond }: Sum): bigint {
  return beyond + BigInt(sum)
}

/** The sum as the nearest number. */
export function numberSum(sum: Sum): number {
  return sum.beyond === 0n ? sum.sum : Number(exactSum(sum))
}

export function sumToJson({ count, sum, beyond }: Sum): Json {
  return [count, numberToJson(sum), bigIntToJson(beyond)]
}

export function sumFromJson(json: Json): Sum {
  const [count, sum, beyond] = json as readonly Json[]
  return { count: numberFromJson(count), sum: numberFromJson(sum), beyond: bigIntFromJson(beyond) }
}

/** `field` names the summed field in errors. */
export function summationOf(type: ColumnType, field: string): Summation {
  if (type === 'f64' || type === 'f32') return new FloatSummation()
  if (typeof type !== 'object' || type.kind !== 'decimal') return new IntegerSummation(field, undefined)
  const { scale } = type
  return new IntegerSummation(field, value => parseDecimal(String(value), scale))
}

/** In the order of arrival, each addition rounded. */
class FloatSummation implements Summation {
  readonly isExact = false

  add(sum: Sum, value: unknown): void {
    sum.count += 1
    sum.sum += value as number
  }

  subtract(): void {
    throw new TypeError('A rounded sum cannot be taken back')
  }

  merge(into: Sum, from: Sum): void {
    into.count += from.count
    into.sum += from.sum
  }
}

/** In numbers as long as they are exact, the rest in a BigInt. */
class IntegerSummation implements Summation {
  readonly isExact = true
  private readonly field: string
  /** How values become integers; undefined where they are bigints, whole numbers or booleans. */
  private readonly integerOf: ((value: unknown) => bigint) | undefined

  constructor(field: string, integerOf: ((value: unknown) => bigint) | undefined) {
    this.field = field
    this.integerOf = integerOf
  }

  add(sum: Sum, value: unknown): void {
    this.change(sum, value, 1)
    sum.count += 1
  }

  subtract(sum: Sum, value: unknown): void {
    this.change(sum, value, -1)
    sum.count -= 1
  }

  merge(into: Sum, from: Sum): void {
    this.addInteger(into, exactSum(from))
    into.count += from.count
  }

  private change(sum: Sum, value: unknown, sign: 1 | -1): void {
    const integer = this.integerOf === undefined ? value : this.integerOf(value)
    const number = Number(integer)
    // A number that is safe was not rounded; where both terms and their rounded sum are safe, neither was the sum.
    const next = sum.sum + sign * number
    if (sum.beyond === 0n && Number.isSafeInteger(number) && Number.isSafeInteger(next)) sum.sum = next
    else this.addInteger(sum, BigInt(sign) * BigInt(integer as bigint | number | boolean))
  }

  private addInteger(sum: Sum, integer: bigint): void {
    const next = exactSum(sum) + integer
    if (next < MIN_INT64 || next > MAX_INT64) {
      throw new SabotError('SUM_OVERFLOW', `The sum of ${this.field} leaves the 64-bit range`, { field: this.field })
    }
    const isSafe = next >= Number.MIN_SAFE_INTEGER && next <= Number.MAX_SAFE_INTEGER
    sum.sum = isSafe ? Number(next) : 0
    sum.beyond = isSafe ? 0n : next
  }
}
