/* What windows with Flink's default trigger are, record by record, in the simplest words. */

export interface TimedRow {
  readonly key: string
  readonly value: number
  readonly timestamp: number
  /** In force before the row. */
  readonly watermark: number
}

export interface OracleFiring {
  readonly key: string
  readonly windowStart: number
  readonly windowEnd: number
  readonly rows: number
  readonly total: number
}

/** The windows that a record is in by itself, and whether windows of a key merge. */
export interface OracleWindows {
  readonly of: (timestamp: number) => readonly (readonly [start: number, end: number])[]
  readonly merge: 'no' | 'touching' | 'overlapping'
  readonly latenessMs: number
}

interface OpenWindow {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly values: readonly number[]
}

/** Rows come with ascending watermarks; at the end the watermark is +Infinity. */
export function oracle(rows: readonly TimedRow[], { of, merge, latenessMs }: OracleWindows) {
  const firings: OracleFiring[] = []
  const late: { key: string; value: number }[] = []
  let open: OpenWindow[] = []
  let watermark = Number.NEGATIVE_INFINITY
  const fire = ({ key, start, end, values }: OpenWindow): void => {
    const total = values.reduce((sum, value) => sum + value, 0)
    firings.push({ key, windowStart: start, windowEnd: end, rows: values.length, total })
  }
  const advance = (to: number): void => {
    if (to <= watermark) return
    for (const window of open) if (window.end - 1 > watermark && window.end - 1 <= to) fire(window)
    watermark = to
    open = open.filter(({ end }) => end - 1 + latenessMs > to)
  }
  const meets = (a: OpenWindow, start: number, end: number): boolean =>
    merge === 'touching' ? a.start <= end && start <= a.end : a.start < end && start < a.end
  for (const { key, value, timestamp, watermark: before } of rows) {
    advance(before)
    let isIn = false
    for (const [start, end] of of(timestamp)) {
      const parts = open.filter(window => {
        if (window.key !== key) return false
        return merge === 'no' ? window.start === start && window.end === end : meets(window, start, end)
      })
      const window: OpenWindow = {
        key,
        start: Math.min(start, ...parts.map(part => part.start)),
        end: Math.max(end, ...parts.map(part => part.end)),
        values: [...parts.flatMap(({ values }) => values), value],
      }
      if (window.end - 1 + latenessMs <= watermark) continue
      isIn = true
      open = [...open.filter(other => !parts.includes(other)), window]
      if (window.end - 1 <= watermark) fire(window)
    }
    if (!isIn) late.push({ key, value })
  }
  advance(Number.POSITIVE_INFINITY)
  return { firings, late }
}
