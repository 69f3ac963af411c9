import type { Json } from '../../core/json.js'
import { numberFromJson } from '../../core/json-numbers.js'
import { valueFromJson, valueToJson } from '../../core/json-values.js'

/** Conditions that one set of values can be counted under. */
export const MAX_CONDITIONS = 31

/**
 * How many distinct values there are under each of several conditions: every value is kept once, with a bit for each
 * condition under which it has come. -0 is 0, and NaN is one value.
 *
 * Numbers stand in a list, which is searched while it is short and has a hash table from then on: there may be one for
 * each of very many keys.
 */
export class DistinctCounts {
  readonly counts: number[]
  /** In the order of arrival, and their conditions. */
  private readonly numbers: number[] = []
  private readonly bits: number[] = []
  /** Places of the numbers + 1 by hash, 0 where there is none; a power of two, at most half full. */
  private table: Int32Array | undefined
  /** What is no number, and NaN. */
  private others: Map<unknown, number> | undefined

  constructor(conditions: number) {
    this.counts = Array<number>(conditions).fill(0)
  }

  /** `bits`: the conditions that hold. */
  add(value: unknown, bits: number): void {
    if (typeof value !== 'number' || Number.isNaN(value)) {
      this.addOther(value, bits)
      return
    }
    const place = this.placeOf(value)
    if (place < 0) {
      if (bits === 0) return
      this.insert(value === 0 ? 0 : value, bits)
      this.count(bits)
      return
    }
    const known = this.bits[place] as number
    const added = bits & ~known
    if (added === 0) return
    this.bits[place] = known | bits
    this.count(added)
  }

  toJson(): Json {
    const numbers = this.numbers.map((value, place): Json => [valueToJson(value), this.bits[place] as number])
    return [...numbers, ...[...(this.others ?? [])].map(([value, bits]): Json => [valueToJson(value), bits])]
  }

  /** Adds what `toJson` gave. */
  restore(json: Json): void {
    for (const [value = null, bits] of json as readonly (readonly Json[])[]) {
      this.add(valueFromJson(value), numberFromJson(bits))
    }
  }

  private addOther(value: unknown, bits: number): void {
    this.others ??= new Map()
    const known = this.others.get(value) ?? 0
    const added = bits & ~known
    if (added === 0) return
    this.others.set(value, known | bits)
    this.count(added)
  }

  private count(added: number): void {
    for (let rest = added; rest !== 0; rest &= rest - 1) {
      const condition = 31 - Math.clz32(rest & -rest)
      this.counts[condition] = (this.counts[condition] as number) + 1
    }
  }

  /** Where a number stands; -1: nowhere. */
  private placeOf(value: number): number {
    const { numbers, table } = this
    if (table === undefined) {
      for (let place = 0; place < numbers.length; place++) if (numbers[place] === value) return place
      return -1
    }
    const mask = table.length - 1
    for (let at = hashOf(value) & mask; ; at = (at + 1) & mask) {
      const place = (table[at] as number) - 1
      if (place < 0 || numbers[place] === value) return place
    }
  }

  private insert(value: number, bits: number): void {
    const count = this.numbers.push(value)
    this.bits.push(bits)
    if (count <= SHORT_LIST) return
    if (this.table !== undefined && count * 2 <= this.table.length) link(this.table, value, count)
    else {
      this.table = new Int32Array((this.table?.length ?? SHORT_LIST * 2) * 2)
      for (const [place, number] of this.numbers.entries()) link(this.table, number, place + 1)
    }
  }
}

/** So many numbers are looked through one by one. */
const SHORT_LIST = 16

function link(table: Int32Array, value: number, entry: number): void {
  const mask = table.length - 1
  let at = hashOf(value) & mask
  while (table[at] !== 0) at = (at + 1) & mask
  table[at] = entry
}

const double = new Float64Array(1)
const words = new Int32Array(double.buffer)

/** Fibonacci hashing; the upper bits are the well-mixed ones. */
function hashOf(value: number): number {
  let word = value | 0
  if (word !== value) {
    double[0] = value
    word = (words[0] as number) ^ Math.imul(words[1] as number, 0x85ebca6b)
  }
  const product = Math.imul(word, 0x9e3779b1)
  return product ^ (product >>> 15)
}
