import type { Json } from '../../core/json.js'

/**
 * How the watermark of a split follows from its records. Those of kind 'bounded' and 'punctuated' are per record: they
 * do not depend on how rows were cut into batches, nor on when they came.
 */
export type WatermarkStrategy<Row> = BoundedWatermarks | PunctuatedWatermarks<Row> | CustomWatermarks<Row>

/** Rule 1 of time: the highest timestamp - bound - 1. */
export interface BoundedWatermarks {
  readonly kind: 'bounded'
  /** Whole ms, 0 or more; 0: timestamps ascend. */
  readonly boundMs: number
}

export interface PunctuatedWatermarks<Row> {
  readonly kind: 'punctuated'
  /** The watermark that a record carries, ms, in force behind it; null or undefined: none. */
  readonly mark: (row: Row, timestamp: number) => number | null | undefined
}

export interface CustomWatermarks<Row> {
  readonly kind: 'custom'
  /** The state of a split that has had no record. It is kept in checkpoints as JSON. */
  readonly create: () => Json
  /** May change `state`. The watermark behind the record, ms; null or undefined: as it was. */
  readonly onRecord: (state: Json, row: Row, timestamp: number) => number | null | undefined
  /** The same, called every `everyMs` of processing time. */
  readonly onPeriodic: ((state: Json, nowMs: number) => number | null | undefined) | undefined
  readonly everyMs: number
}

/** How far ahead a timestamp may be before its record is set aside. */
export interface MaxAhead {
  readonly byMs: number
  /**
   * - 'processing-time': of the processing time at which the record comes.
   * - 'other-splits': of the highest watermark among the other splits that are not idle; where none has a watermark,
   *   nothing is too far ahead.
   */
  readonly of: 'processing-time' | 'other-splits'
}
