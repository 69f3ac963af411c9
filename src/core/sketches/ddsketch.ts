/*
 * DDSketch: quantiles within a relative error that is guaranteed, not probable. Masson, Rim, Lee, VLDB 2019. A bin i
 * holds the values in (γ^(i-1), γ^i] with γ = (1 + α) / (1 - α), and answers 2γ^i / (γ + 1), which is at most α off.
 */
import type { Json } from '../json.js'

/**
 * Laws: each quantile is within `relativeError` of the value of that rank; merge is exact: associative, commutative, and
 * equal to adding all values to one sketch.
 *
 * Bins are never collapsed: values from 1 ns to 1 day take some 800 at 2 %. Values below the smallest normal number
 * count as 0; infinities have bins of their own.
 */
export class DDSketch {
  readonly relativeError: number
  private readonly gamma: number
  private readonly logGamma: number
  private readonly positive = new Map<number, number>()
  private readonly negative = new Map<number, number>()
  private zeros = 0
  private total = 0

  /** @param relativeError in (0, 1) */
  constructor(relativeError: number) {
    this.relativeError = relativeError
    this.gamma = (1 + relativeError) / (1 - relativeError)
    // log1p keeps the digits that 1 + α and 1 - α lose.
    this.logGamma = Math.log1p((2 * relativeError) / (1 - relativeError))
  }

  /** The number of values. */
  get count(): number {
    return this.total
  }

  get binCount(): number {
    return this.positive.size + this.negative.size + (this.zeros > 0 ? 1 : 0)
  }

  /** Takes any number but NaN. */
  add(value: number): void {
    this.total++
    if (Math.abs(value) < SMALLEST_NORMAL) this.zeros++
    else if (value > 0) increase(this.positive, this.bin(value), 1)
    else increase(this.negative, this.bin(-value), 1)
  }

  /** @throws TypeError for a sketch of another relative error, whose bins are others */
  merge(from: DDSketch): void {
    if (from.relativeError !== this.relativeError) {
      throw new TypeError('DDSketches of different relative errors cannot be merged')
    }
    for (const [bin, count] of from.positive) increase(this.positive, bin, count)
    for (const [bin, count] of from.negative) increase(this.negative, bin, count)
    this.zeros += from.zeros
    this.total += from.total
  }

  /** The values of rank floor(q (count - 1)), from 0, for each q in [0, 1], ascending; null of an empty sketch. */
  quantiles(qs: readonly number[]): (number | null)[] {
    if (this.total === 0) return qs.map(() => null)
    const bins = this.ascending()
    return qs.map(q => {
      const rank = Math.floor(q * (this.total - 1))
      let seen = 0
      for (const [value, count] of bins) {
        seen += count
        if (seen > rank) return value
      }
      return bins.at(-1)?.[0] ?? null
    })
  }

  toJson(): Json {
    const { relativeError, zeros } = this
    return { relativeError, zeros, positive: sorted(this.positive).flat(), negative: sorted(this.negative).flat() }
  }

  static fromJson(json: Json): DDSketch {
    const { relativeError, zeros, positive, negative } = json as {
      relativeError: number
      zeros: number
      positive: readonly number[]
      negative: readonly number[]
    }
    const sketch = new DDSketch(relativeError)
    sketch.zeros = zeros
    sketch.total = zeros
    for (const [bins, stored] of [
      [sketch.positive, positive],
      [sketch.negative, negative],
    ] as const) {
      for (let at = 0; at < stored.length; at += 2) {
        bins.set(stored[at] ?? 0, stored[at + 1] ?? 0)
        sketch.total += stored[at + 1] ?? 0
      }
    }
    return sketch
  }

  private bin(magnitude: number): number {
    return magnitude === Number.POSITIVE_INFINITY ? INFINITE_BIN : Math.ceil(Math.log(magnitude) / this.logGamma)
  }

  /** The value that a bin answers; its power is taken in logarithms, where nothing overflows on the way. */
  private valueOf(bin: number): number {
    if (bin === INFINITE_BIN) return Number.POSITIVE_INFINITY
    return Math.min(Math.exp(bin * this.logGamma + Math.log(2 / (this.gamma + 1))), Number.MAX_VALUE)
  }

  /** Values and their counts in ascending order. */
  private ascending(): [number, number][] {
    const negative = sorted(this.negative)
      .reverse()
      .map(([bin, count]): [number, number] => [-this.valueOf(bin), count])
    const zeros: [number, number][] = this.zeros > 0 ? [[0, this.zeros]] : []
    return [...negative, ...zeros, ...sorted(this.positive).map(([bin, n]): [number, number] => [this.valueOf(bin), n])]
  }
}

const SMALLEST_NORMAL = 2 ** -1022
/** Behind every bin that a finite value can have: a JSON number, unlike Infinity. */
const INFINITE_BIN = 2 ** 52

function increase(bins: Map<number, number>, bin: number, by: number): void {
  bins.set(bin, (bins.get(bin) ?? 0) + by)
}

function sorted(bins: ReadonlyMap<number, number>): [number, number][] {
  return [...bins].sort(([a], [b]) => a - b)
}
