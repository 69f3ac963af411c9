import type { Json } from '../../core/json.js'
import { numberFromJson } from '../../core/json-numbers.js'
import { valueFromJson, valueToJson } from '../../core/json-values.js'

/** Conditions that one set of values can be counted under. */
export const MAX_CONDITIONS = 31

/**
 * How many distinct values there are under each of several conditions: every value is kept once, with a bit for each
 * condition under which it has come. -0 is 0, and NaN is one value.
 */
export class DistinctCounts {
  readonly counts: number[]
  private readonly conditions = new Map<unknown, number>()

  constructor(conditions: number) {
    this.counts = Array<number>(conditions).fill(0)
  }

  /** `bits`: the conditions that hold. */
  add(value: unknown, bits: number): void {
    const known = this.conditions.get(value) ?? 0
    const added = bits & ~known
    if (added === 0) return
    this.conditions.set(value, known | bits)
    for (let rest = added; rest !== 0; rest &= rest - 1) {
      const condition = 31 - Math.clz32(rest & -rest)
      this.counts[condition] = (this.counts[condition] ?? 0) + 1
    }
  }

  toJson(): Json {
    return [...this.conditions].map(([value, bits]) => [valueToJson(value), bits])
  }

  /** Adds what `toJson` gave. */
  restore(json: Json): void {
    for (const [value = null, bits] of json as readonly (readonly Json[])[]) {
      this.add(valueFromJson(value), numberFromJson(bits))
    }
  }
}
