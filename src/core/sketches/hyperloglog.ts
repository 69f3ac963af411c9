/*
 * HyperLogLog: how many distinct values there were, in a few bytes. Flajolet, Fusy, Gandouet, Meunier 2007; the estimate
 * is that of Ertl 2017 ("New cardinality estimation algorithms for HyperLogLog sketches", algorithm 6), which needs no
 * correction at either end.
 */
import type { Json } from '../json.js'
import type { ValueHash } from './value-hash.js'

export const MIN_PRECISION = 4
export const MAX_PRECISION = 16

/** While fewer than this share of the registers is set, only those are kept. */
const SPARSE_SHARE = 1 / 8

/**
 * The standard error is 1.04 / sqrt(2^precision): 1.6 % at 12, with 4 kB once it is full.
 *
 * Laws: adding a value again changes nothing; merge is associative, commutative and idempotent, and equals adding all
 * values to one sketch; so does any order of adding.
 */
export class HyperLogLog {
  readonly precision: number
  readonly seed: number
  private sparse: Map<number, number> | undefined = new Map()
  private registers: Uint8Array | undefined

  constructor(precision: number, seed: number) {
    this.precision = precision
    this.seed = seed
  }

  /** `hash` is of this sketch's seed, and shows the value's hash. */
  add({ low, high }: ValueHash): void {
    const { precision } = this
    const index = high >>> (32 - precision)
    const rest = (high << precision) >>> 0
    // The position of the first 1 in the other 64 - precision bits, from 1.
    const rank = rest !== 0 ? Math.clz32(rest) + 1 : 32 - precision + Math.clz32(low) + 1
    this.raise(index, rank)
  }

  /** @throws TypeError for sketches of other settings, whose registers mean something else */
  merge(from: HyperLogLog): void {
    if (from.precision !== this.precision || from.seed !== this.seed) {
      throw new TypeError('HyperLogLog sketches of different precisions or seeds cannot be merged')
    }
    for (const [index, rank] of from.entries()) this.raise(index, rank)
  }

  /** The estimate, rounded. */
  get count(): number {
    const registers = 2 ** this.precision
    const most = 64 - this.precision + 1
    const histogram = new Float64Array(most + 1)
    let set = 0
    for (const [, rank] of this.entries()) {
      histogram[rank] = (histogram[rank] ?? 0) + 1
      set++
    }
    histogram[0] = registers - set
    let z = registers * tau(1 - (histogram[most] ?? 0) / registers)
    for (let rank = most - 1; rank >= 1; rank--) z = 0.5 * (z + (histogram[rank] ?? 0))
    z += registers * sigma((histogram[0] ?? 0) / registers)
    return Math.round(registers ** 2 / (2 * Math.LN2 * z))
  }

  toJson(): Json {
    const { precision, seed } = this
    return { precision, seed, registers: [...this.entries()].sort(([a], [b]) => a - b).flat() }
  }

  static fromJson(json: Json): HyperLogLog {
    const { precision, seed, registers } = json as { precision: number; seed: number; registers: readonly number[] }
    const sketch = new HyperLogLog(precision, seed)
    for (let at = 0; at < registers.length; at += 2) sketch.raise(registers[at] ?? 0, registers[at + 1] ?? 0)
    return sketch
  }

  private raise(index: number, rank: number): void {
    if (this.registers !== undefined) {
      if (rank > (this.registers[index] ?? 0)) this.registers[index] = rank
    } else if (this.sparse !== undefined && rank > (this.sparse.get(index) ?? 0)) {
      this.sparse.set(index, rank)
      if (this.sparse.size > 2 ** this.precision * SPARSE_SHARE) this.toDense()
    }
  }

  private toDense(): void {
    const registers = new Uint8Array(2 ** this.precision)
    for (const [index, rank] of this.entries()) registers[index] = rank
    this.registers = registers
    this.sparse = undefined
  }

  /** The registers that are set. */
  private *entries(): Generator<[number, number], void, void> {
    if (this.sparse !== undefined) yield* this.sparse
    else for (const [index, rank] of (this.registers ?? []).entries()) if (rank !== 0) yield [index, rank]
  }
}

function sigma(share: number): number {
  if (share === 1) return Number.POSITIVE_INFINITY
  let [x, y, z, before] = [share, 1, share, Number.NaN]
  while (z !== before) {
    before = z
    x *= x
    z += x * y
    y += y
  }
  return z
}

function tau(share: number): number {
  if (share === 0 || share === 1) return 0
  let [x, y, z, before] = [share, 1, 1 - share, Number.NaN]
  while (z !== before) {
    before = z
    x = Math.sqrt(x)
    y *= 0.5
    z -= (1 - x) ** 2 * y
  }
  return z / 3
}
