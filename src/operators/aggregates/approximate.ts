/* Aggregates within a stated error: distinct values by HyperLogLog, quantiles by DDSketch. */
import type { Json } from '../../core/json.js'
import { DDSketch } from '../../core/sketches/ddsketch.js'
import { HyperLogLog } from '../../core/sketches/hyperloglog.js'
import { ValueHash } from '../../core/sketches/value-hash.js'
import type { ColumnType, Field } from '../../core/types.js'
import { fieldOf, type HostAggregate } from './accumulator.js'

export class ApproxCountDistinctAggregate implements HostAggregate<HyperLogLog> {
  readonly type = 'f64'
  readonly nullable = false
  private readonly field: string
  private readonly precision: number
  private readonly seed: number
  private readonly hash: ValueHash

  constructor({ name }: Field, precision: number, seed: number) {
    this.field = name
    this.precision = precision
    this.seed = seed
    this.hash = new ValueHash(seed)
  }

  create(): HyperLogLog {
    return new HyperLogLog(this.precision, this.seed)
  }

  add(sketch: HyperLogLog, record: object): HyperLogLog {
    const value = fieldOf(record, this.field)
    if (value === null) return sketch
    this.hash.of(value)
    sketch.add(this.hash)
    return sketch
  }

  merge(into: HyperLogLog, from: HyperLogLog): HyperLogLog {
    into.merge(from)
    return into
  }

  result(sketch: HyperLogLog): number {
    return sketch.count
  }

  encode(sketch: HyperLogLog): Json {
    return sketch.toJson()
  }

  decode(json: Json): HyperLogLog {
    return HyperLogLog.fromJson(json)
  }
}

export class QuantilesAggregate implements HostAggregate<DDSketch> {
  readonly type: ColumnType
  readonly nullable = true
  private readonly field: string
  private readonly isList: boolean
  private readonly quantiles: readonly number[]
  private readonly relativeError: number

  constructor(which: 'quantile' | 'quantiles', { name }: Field, quantiles: readonly number[], relativeError: number) {
    this.type = which === 'quantile' ? 'f64' : { kind: 'list', element: 'f64' }
    this.field = name
    this.isList = which === 'quantiles'
    this.quantiles = quantiles
    this.relativeError = relativeError
  }

  create(): DDSketch {
    return new DDSketch(this.relativeError)
  }

  add(sketch: DDSketch, record: object): DDSketch {
    const value = fieldOf(record, this.field)
    if (value === null) return sketch
    const number = Number(value)
    if (!Number.isNaN(number)) sketch.add(number)
    return sketch
  }

  merge(into: DDSketch, from: DDSketch): DDSketch {
    into.merge(from)
    return into
  }

  result(sketch: DDSketch): unknown {
    if (sketch.count === 0) return null
    const values = sketch.quantiles(this.quantiles)
    return this.isList ? values : values[0]
  }

  encode(sketch: DDSketch): Json {
    return sketch.toJson()
  }

  decode(json: Json): DDSketch {
    return DDSketch.fromJson(json)
  }
}
