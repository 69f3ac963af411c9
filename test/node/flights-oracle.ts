/* What the flights job must give, worked out record by record in plain TypeScript. */
import type { Flights } from './flight-data.js'

export interface OracleResult {
  readonly origin: string
  readonly windowStart: string
  readonly flights: number
  readonly meanDelay: number
  readonly worstDelay: number
  readonly delayedShare: number
}

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000

/**
 * Records become known in the order of (date + delay, row). The watermark is the highest date before a record, less
 * the bound, less 1 ms; a record is late when its hour's last millisecond is at or below the watermark.
 */
export function flightsOracle(
  flights: Flights,
  boundMs: number,
): { results: OracleResult[]; late: number; onTime: number } {
  const { date, delay, origin } = flights
  const known = date.map((ms, row) => ms + (delay[row] ?? 0) * MINUTE_MS)
  const order = Uint32Array.from(date, (_, row) => row).sort((a, b) => (known[a] ?? 0) - (known[b] ?? 0) || a - b)
  const windows = new Map<
    string,
    { start: number; origin: string; flights: number; sum: number; worst: number; delayed: number }
  >()
  let maxDate = Number.NEGATIVE_INFINITY
  let late = 0
  for (const row of order) {
    const ms = date[row] ?? 0
    const minutes = delay[row] ?? 0
    const airport = origin[row] ?? ''
    const start = Math.floor(ms / HOUR_MS) * HOUR_MS
    if (start + HOUR_MS - 1 <= maxDate - boundMs - 1) {
      late += 1
    } else {
      const key = `${start} ${airport}`
      let window = windows.get(key)
      if (window === undefined) {
        window = { start, origin: airport, flights: 0, sum: 0, worst: Number.NEGATIVE_INFINITY, delayed: 0 }
        windows.set(key, window)
      }
      window.flights += 1
      window.sum += minutes
      window.worst = Math.max(window.worst, minutes)
      if (minutes >= 15) window.delayed += 1
    }
    maxDate = Math.max(maxDate, ms)
  }
  const sorted = [...windows.values()].sort((a, b) => a.start - b.start || (a.origin < b.origin ? -1 : 1))
  const results = sorted.map(window => ({
    origin: window.origin,
    windowStart: new Date(window.start).toISOString(),
    flights: window.flights,
    meanDelay: window.sum / window.flights,
    worstDelay: window.worst,
    delayedShare: window.delayed / window.flights,
  }))
  return { results, late, onTime: order.length - late }
}
