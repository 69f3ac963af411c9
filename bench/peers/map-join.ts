/* An interval join as one writes it first: a Map from each key to an array of rows, for each side. */

interface KeptRow {
  readonly time: number
  readonly value: number
}

interface Pair {
  readonly key: number
  readonly left: number
  readonly right: number
  readonly time: number
}

export class MapJoin {
  private readonly sides = [new Map<number, KeptRow[]>(), new Map<number, KeptRow[]>()] as const
  private readonly reached: [number, number] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
  private readonly reachMs: number
  private swept = Number.NEGATIVE_INFINITY

  constructor(reachMs: number) {
    this.reachMs = reachMs
  }

  /** Adds rows of a side; how many pairs they made. */
  add(side: 0 | 1, keys: Int32Array, values: Float64Array, times: Float64Array, watermarks: Float64Array): number {
    const own = this.sides[side]
    const other = this.sides[side === 0 ? 1 : 0]
    const pairs: Pair[] = []
    for (let row = 0; row < keys.length; row++) {
      const key = keys[row] ?? 0
      const time = times[row] ?? 0
      const value = values[row] ?? 0
      this.reached[side] = watermarks[row] ?? 0
      if (time < Math.min(this.reached[0], this.reached[1])) continue
      const partners = other.get(key)
      for (let at = 0; partners !== undefined && at < partners.length; at++) {
        const partner = partners[at]
        if (partner === undefined || Math.abs(partner.time - time) > this.reachMs) continue
        const left = side === 0 ? value : partner.value
        const right = side === 0 ? partner.value : value
        pairs.push({ key, left, right, time: Math.max(time, partner.time) })
      }
      const rows = own.get(key)
      if (rows === undefined) own.set(key, [{ time, value }])
      else rows.push({ time, value })
    }
    this.sweep(Math.min(this.reached[0], this.reached[1]))
    return pairs.length
  }

  /** Lets rows go that no partner can come for; all keys have to be looked at, so it is done now and then. */
  private sweep(watermark: number): void {
    if (watermark < this.swept + this.reachMs) return
    this.swept = watermark
    for (const side of this.sides) {
      for (const [key, rows] of side) {
        const kept = rows.filter(({ time }) => time + this.reachMs > watermark)
        if (kept.length === 0) side.delete(key)
        else if (kept.length < rows.length) side.set(key, kept)
      }
    }
  }
}
