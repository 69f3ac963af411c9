/* Sessions record by record, in the simplest words: the kernel must agree with it. */

export interface SessionRow {
  readonly key: number
  readonly timestamp: number
  /** The watermark in force before the row. */
  readonly watermark: number
  readonly gap: number
  /** A whole number, NaN or null, so that sums do not depend on the order of additions. */
  readonly float: number | null
  readonly integer: bigint
}

interface Open {
  start: number
  end: number
  readonly rows: SessionRow[]
}

/** start, end, key, rows, then non-null, sum, min and max of the float and of the integer column, watermark before. */
export type SessionResult = readonly string[]

export class SessionOracle {
  readonly results: SessionResult[] = []
  /** Late rows, and how many sessions had fired before each. */
  readonly late: { readonly row: SessionRow; readonly firedBefore: number }[] = []
  private readonly open = new Map<number, Open[]>()
  private watermark = Number.NEGATIVE_INFINITY

  add(row: SessionRow): void {
    this.advance(row.watermark)
    const all = this.open.get(row.key) ?? []
    const merged: Open = { start: row.timestamp, end: row.timestamp + row.gap, rows: [] }
    const touching = all.filter(({ start, end }) => start <= merged.end && end >= merged.start)
    for (const { start, end, rows } of touching) {
      merged.start = Math.min(merged.start, start)
      merged.end = Math.max(merged.end, end)
      merged.rows.push(...rows)
    }
    if (merged.end - 1 <= this.watermark) {
      this.late.push({ row, firedBefore: this.results.length })
      return
    }
    merged.rows.push(row)
    this.open.set(row.key, [...all.filter(session => !touching.includes(session)), merged])
  }

  advance(watermark: number): void {
    if (watermark <= this.watermark) return
    const before = this.watermark
    this.watermark = watermark
    const ready: { readonly key: number; readonly session: Open }[] = []
    for (const [key, sessions] of this.open) {
      const kept = sessions.filter(({ end }) => end - 1 > watermark)
      for (const session of sessions) if (!kept.includes(session)) ready.push({ key, session })
      this.open.set(key, kept)
    }
    ready.sort((a, b) => a.session.end - b.session.end || a.key - b.key)
    for (const { key, session } of ready) this.results.push(resultOf(key, session, before))
  }
}

function resultOf(key: number, { start, end, rows }: Open, watermark: number): SessionResult {
  const floats = rows.flatMap(({ float }) => (float === null ? [] : [float]))
  const numbers = floats.filter(value => !Number.isNaN(value))
  const values =
    floats.length === 0
      ? [0, 0, '-', '-']
      : [
          floats.length,
          floats.reduce((sum, value) => sum + value, 0),
          numbers.length === 0 ? Number.NaN : Math.min(...numbers),
          numbers.length === 0 ? Number.NaN : Math.max(...numbers),
        ]
  const integers = rows.map(({ integer }) => integer)
  const low = integers.reduce((a, b) => (a < b ? a : b))
  const high = integers.reduce((a, b) => (a > b ? a : b))
  const sum = integers.reduce((a, b) => a + b)
  return [start, end, key, rows.length, ...values, rows.length, sum, low, high, watermark].map(String)
}
