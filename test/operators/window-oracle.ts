/* What window aggregation is, record by record, in the simplest words: the kernels must agree with it. */
import type { WindowGeometry } from '../../src/core/window-geometry.js'

export interface OracleRow {
  readonly key: string | null
  readonly value: number | null
  readonly timestamp: number
}

export interface OracleResult {
  readonly key: string | null
  readonly windowStart: number
  readonly windowEnd: number
  readonly rows: number
  readonly known: number
  readonly total: number | null
  readonly least: number | null
  readonly most: number | null
  readonly average: number | null
}

/** The results in the order of their windows' ends, and the rows that are late for all of their windows. */
export function windowOracle(
  rows: readonly OracleRow[],
  { sizeMs, slideMs, offsetMs }: WindowGeometry,
  boundMs: number,
): { results: OracleResult[]; late: OracleRow[]; inNoWindow: number } {
  const open = new Map<number, Map<string | null, (number | null)[]>>()
  const results: OracleResult[] = []
  const late: OracleRow[] = []
  let inNoWindow = 0
  let watermark = Number.NEGATIVE_INFINITY
  const fire = (): void => {
    for (const start of [...open.keys()].sort((a, b) => a - b)) {
      if (start + sizeMs - 1 > watermark) continue
      for (const [key, values] of open.get(start) ?? []) results.push(resultOf(key, start, start + sizeMs, values))
      open.delete(start)
    }
  }
  for (const row of rows) {
    fire()
    const starts: number[] = []
    const last = offsetMs + Math.floor((row.timestamp - offsetMs) / slideMs) * slideMs
    for (let start = last; start + sizeMs > row.timestamp; start -= slideMs) starts.push(start)
    const alive = starts.filter(start => start + sizeMs - 1 > watermark)
    if (last + sizeMs - 1 <= watermark) late.push(row)
    else if (starts.length === 0) inNoWindow += 1
    for (const start of alive) {
      const window = open.get(start) ?? new Map<string | null, (number | null)[]>()
      open.set(start, window)
      window.set(row.key, [...(window.get(row.key) ?? []), row.value])
    }
    watermark = Math.max(watermark, row.timestamp - boundMs - 1)
  }
  watermark = Number.POSITIVE_INFINITY
  fire()
  return { results, late, inNoWindow }
}

function resultOf(key: string | null, windowStart: number, windowEnd: number, values: (number | null)[]): OracleResult {
  const known = values.filter(value => value !== null)
  const total = known.reduce((sum, value) => sum + value, 0)
  const none = known.length === 0
  return {
    key,
    windowStart,
    windowEnd,
    rows: values.length,
    known: known.length,
    total: none ? null : total,
    least: none ? null : Math.min(...known),
    most: none ? null : Math.max(...known),
    average: none ? null : total / known.length,
  }
}
