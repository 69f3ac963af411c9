import { type Duration, parseDuration } from '../core/duration.js'
import { describeValue, SabotError } from '../core/errors.js'
import type { Json } from '../core/json.js'
import type { IngestionTime, SourceTime } from '../operators/time/timestamp-values.js'
import type { BoundedWatermarks, CustomWatermarks, PunctuatedWatermarks } from '../operators/time/watermark-strategy.js'

/** Timestamps ascend within each split: a record behind another one is late for nothing but its own millisecond. */
export function monotone(): BoundedWatermarks {
  return { kind: 'bounded', boundMs: 0 }
}

/**
 * A record lags behind the highest timestamp of its split by `outOfOrderness` at most: the watermark is that timestamp
 * - outOfOrderness - 1 ms (Flink's forBoundedOutOfOrderness).
 * @throws SabotError INVALID_DURATION
 */
export function bounded(outOfOrderness: Duration): BoundedWatermarks {
  return { kind: 'bounded', boundMs: parseDuration(outOfOrderness) }
}

/**
 * Some records say themselves how far event time has come: `mark` gives the watermark behind a record (no more records
 * with timestamp <= it will follow in its split), or null. A watermark that would go back is ignored.
 * @throws TypeError unless `mark` is a function
 */
export function punctuated<Row>(
  mark: (row: Row, timestamp: number) => number | null | undefined,
): PunctuatedWatermarks<Row> {
  if (typeof mark !== 'function') throw new TypeError(`punctuated() takes a function, not ${describeValue(mark)}`)
  return { kind: 'punctuated', mark }
}

export interface CustomWatermarkOptions<Row, State extends Json> {
  /**
   * Makes the state of a split: finite numbers, texts, arrays, plain objects. The functions change it in place; it is
   * kept in checkpoints. Without it the state is an empty object.
   */
  readonly state?: () => State
  /** Sees each record once, in its split's order; gives the watermark behind it, ms, or null for: as it was. */
  readonly onRecord: (state: State, row: Row, timestamp: number) => number | null | undefined
  /**
   * Is called now and then, for what follows from time itself. Results then depend on when records came; those of
   * `onRecord` alone do not.
   */
  readonly onPeriodic?: (state: State, nowMs: number) => number | null | undefined
  /** Processing time between two calls of `onPeriodic`, above 0. Default '200ms', as in Flink. */
  readonly every?: Duration
}

const DEFAULT_EVERY_MS = 200

/**
 * Watermarks by functions of one's own, over a state of each split. A watermark that would go back is ignored.
 * @throws SabotError INVALID_DURATION, INVALID_OPTION; TypeError for what must be a function and is none
 */
export function customWatermarks<Row, State extends Json = { [name: string]: Json }>(
  options: CustomWatermarkOptions<Row, State>,
): CustomWatermarks<Row> {
  const { state, onRecord, onPeriodic, every = DEFAULT_EVERY_MS } = options
  for (const [name, value] of Object.entries({ state, onRecord, onPeriodic })) {
    if (typeof value === 'function' || (value === undefined && name !== 'onRecord')) continue
    throw new TypeError(`customWatermarks() takes a function as ${name}, not ${describeValue(value)}`)
  }
  const everyMs = parseDuration(every)
  if (everyMs === 0) {
    throw new SabotError(
      'INVALID_OPTION',
      "every is the time between two calls of onPeriodic, such as '200ms', not 0",
      {
        option: 'every',
        value: every,
      },
    )
  }
  return {
    kind: 'custom',
    create: state ?? (() => ({})),
    onRecord: (kept, row, timestamp) => onRecord(kept as State, row, timestamp),
    onPeriodic: onPeriodic && ((kept, nowMs) => onPeriodic(kept as State, nowMs)),
    everyMs,
  }
}

/** Event time is what the source put on the records, such as a broker's time: `withTimestamps(sourceTime(), ...)`. */
export function sourceTime(): SourceTime {
  return { kind: 'source-time' }
}

/**
 * Event time is processing time at the moment a record comes in: never out of order, and another in each run.
 * `withTimestamps(ingestionTime())` takes monotone watermarks unless it is told otherwise.
 */
export function ingestionTime(): IngestionTime {
  return { kind: 'ingestion-time' }
}
