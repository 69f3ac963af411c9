/* Variance, standard deviation and weighted mean. */
import type { Json } from '../../core/json.js'
import { numberFromJson, numberToJson } from '../../core/json-numbers.js'
import type { Field } from '../../core/types.js'
import { fieldOf, type HostAggregate } from './accumulator.js'

/** Count, mean, and the sum of squared distances from the mean. */
interface Moments {
  count: number
  mean: number
  squares: number
}

/** By Welford 1962; merged as in Chan, Golub, LeVeque 1983. */
export class VarianceAggregate implements HostAggregate<Moments> {
  readonly type = 'f64'
  readonly nullable = true
  private readonly field: string
  private readonly isRoot: boolean
  /** What is taken off the count: 1 for a sample. */
  private readonly freedom: number

  constructor({ name }: Field, what: 'variance' | 'stddev', of: 'sample' | 'population' = 'sample') {
    this.field = name
    this.isRoot = what === 'stddev'
    this.freedom = of === 'sample' ? 1 : 0
  }

  create(): Moments {
    return { count: 0, mean: 0, squares: 0 }
  }

  add(moments: Moments, record: object): Moments {
    const value = fieldOf(record, this.field)
    if (value === null) return moments
    const number = Number(value)
    const distance = number - moments.mean
    moments.count += 1
    moments.mean += distance / moments.count
    moments.squares += distance * (number - moments.mean)
    return moments
  }

  merge(into: Moments, from: Moments): Moments {
    if (from.count === 0) return into
    if (into.count === 0) return { ...from }
    const count = into.count + from.count
    const distance = from.mean - into.mean
    into.squares += from.squares + distance * distance * ((into.count * from.count) / count)
    into.mean += distance * (from.count / count)
    into.count = count
    return into
  }

  result({ count, squares }: Moments): number | null {
    const degrees = count - this.freedom
    if (degrees <= 0) return null
    return this.isRoot ? Math.sqrt(squares / degrees) : squares / degrees
  }

  encode({ count, mean, squares }: Moments): Json {
    return [count, numberToJson(mean), numberToJson(squares)]
  }

  decode(json: Json): Moments {
    const [count, mean, squares] = json as readonly Json[]
    return { count: numberFromJson(count), mean: numberFromJson(mean), squares: numberFromJson(squares) }
  }
}

interface WeightedSum {
  sum: number
  weights: number
}

export class WeightedMeanAggregate implements HostAggregate<WeightedSum> {
  readonly type = 'f64'
  readonly nullable = true
  private readonly field: string
  private readonly weight: string

  constructor(field: Field, weight: Field) {
    this.field = field.name
    this.weight = weight.name
  }

  create(): WeightedSum {
    return { sum: 0, weights: 0 }
  }

  add(sums: WeightedSum, record: object): WeightedSum {
    const value = fieldOf(record, this.field)
    const weight = fieldOf(record, this.weight)
    if (value === null || weight === null) return sums
    sums.sum += Number(value) * Number(weight)
    sums.weights += Number(weight)
    return sums
  }

  merge(into: WeightedSum, from: WeightedSum): WeightedSum {
    into.sum += from.sum
    into.weights += from.weights
    return into
  }

  result({ sum, weights }: WeightedSum): number | null {
    return weights === 0 ? null : sum / weights
  }

  encode({ sum, weights }: WeightedSum): Json {
    return [numberToJson(sum), numberToJson(weights)]
  }

  decode(json: Json): WeightedSum {
    const [sum, weights] = json as readonly Json[]
    return { sum: numberFromJson(sum), weights: numberFromJson(weights) }
  }
}
