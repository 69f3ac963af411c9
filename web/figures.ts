import type { JobMetrics } from 'sabot'

/** What the page shows of a run; plain data, so that it can be kept across a reload. */
export interface Figures {
  readonly rows: number
  readonly rowsExpected: number | undefined
  readonly rowsPerSecond: number
  /** ms; undefined before the first and after the last. */
  readonly watermark: number | undefined
  readonly openWindows: number
  readonly results: number
  readonly dropped: readonly { readonly reason: string; readonly rows: number }[]
  readonly checkpoint: { readonly id: number; readonly sizeBytes: number; readonly durationMs: number } | undefined
  readonly checkpointError: string | undefined
}

export function figuresOf(metrics: JobMetrics, rowsPerSecond: number): Figures {
  const { operators, checkpoints } = metrics
  const dropped = new Map<string, number>()
  for (const operator of operators) {
    for (const [reason, rows] of Object.entries(operator.dropped)) {
      if (rows > 0) dropped.set(reason, (dropped.get(reason) ?? 0) + rows)
    }
  }
  const windows = operators.filter(operator => operator.gauges.openWindows !== undefined)
  const watermark = Math.min(...windows.map(operator => operator.watermark))
  return {
    rows: metrics.rowsIn,
    rowsExpected: metrics.rowsExpected,
    rowsPerSecond,
    watermark: Number.isFinite(watermark) ? watermark : undefined,
    openWindows: windows.reduce((sum, operator) => sum + (operator.gauges.openWindows ?? 0), 0),
    results: windows.reduce((sum, operator) => sum + operator.rowsOut, 0),
    dropped: [...dropped].map(([reason, rows]) => ({ reason, rows })),
    checkpoint:
      checkpoints.lastId === undefined
        ? undefined
        : { id: checkpoints.lastId, sizeBytes: checkpoints.lastBytes, durationMs: checkpoints.lastDurationMs },
    checkpointError: checkpoints.lastError && `${checkpoints.lastError.code}: ${checkpoints.lastError.message}`,
  }
}

/** Rows per second from a growing count of rows. */
export class RateMeter {
  readonly #samples: Sample[] = []
  #first: Sample | undefined

  /** The rate over about the last second. */
  add(rows: number, elapsedMs: number): number {
    const sample = { rows, elapsedMs }
    this.#first ??= sample
    this.#samples.push(sample)
    while (this.#samples.length > 2 && elapsedMs - (this.#samples[1]?.elapsedMs ?? 0) >= 1000) this.#samples.shift()
    return rateBetween(this.#samples[0], sample)
  }

  /** The rate over all samples. */
  overall(): number {
    return rateBetween(this.#first, this.#samples.at(-1))
  }
}

interface Sample {
  readonly rows: number
  readonly elapsedMs: number
}

function rateBetween(from: Sample | undefined, to: Sample | undefined): number {
  if (!from || !to || to.elapsedMs <= from.elapsedMs) return 0
  return ((to.rows - from.rows) / (to.elapsedMs - from.elapsedMs)) * 1000
}
