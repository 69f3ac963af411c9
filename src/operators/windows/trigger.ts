import type { Json } from '../../core/json.js'

/**
 * What becomes of a window. `fire`: its result is put out. `purge`: its records are forgotten, the window stays.
 * Meanings are those of Flink's TriggerResult.
 */
export type TriggerResult = 'continue' | 'fire' | 'purge' | 'fireAndPurge'

/** What a trigger knows of its window, and the state that it keeps with it. Valid during one call. */
export interface TriggerContext {
  /** Inclusive, ms; -Infinity for the global window. */
  readonly windowStart: number
  /** Exclusive, ms; +Infinity for the global window. */
  readonly windowEnd: number
  /** The last millisecond of the window: windowEnd - 1. */
  readonly maxTimestamp: number
  /** When the window is dropped: maxTimestamp + allowed lateness; +Infinity where that is beyond the end of time. */
  readonly cleanupTime: number
  /** The watermark in force, ms; -Infinity before the first. */
  readonly watermark: number
  /** Processing time, ms since the epoch. */
  readonly processingTime: number
  /** State of this trigger for this key and window: part of every checkpoint. */
  get(name: string): Json | undefined
  /** undefined removes it. */
  set(name: string, value: Json | undefined): void
  /** Calls `onEventTime` once the watermark has reached `time`; at once when it has. The same time counts once. */
  registerEventTimer(time: number): void
  deleteEventTimer(time: number): void
  /** Calls `onProcessingTime` once processing time has reached `time`. */
  registerProcessingTimer(time: number): void
  deleteProcessingTimer(time: number): void
  /** No further record enters the window: those that come are dropped and counted. */
  close(): void
}

/** In `onMerge` the context is that of the new window, which has no state yet. */
export interface TriggerMergeContext extends TriggerContext {
  /** What the merged windows had under a name, those that had anything; windows ascending by start. */
  merged(name: string): readonly Json[]
  /** How many windows were merged. */
  readonly mergedWindows: number
}

/**
 * Decides when a window's result is put out. One trigger serves all windows, so it keeps nothing in itself: what it
 * remembers of a window goes into the context.
 *
 * Calls: `onRecord` after each record that entered the window; `onEventTime` and `onProcessingTime` for the timers that
 * it registered, and for the cleanup of the window, so that it compares the time with what it waits for; `clear` when
 * the window is dropped. The timers of a window that is dropped or merged into another are deleted with it.
 */
export interface Trigger<Row = unknown> {
  readonly kind: 'trigger'
  /** In words. It is part of the settings that state depends on. */
  readonly description: string
  /** `row` is a view of the record: who keeps it copies it. */
  onRecord(row: Row, timestamp: number, context: TriggerContext): TriggerResult
  onEventTime(time: number, context: TriggerContext): TriggerResult
  onProcessingTime(time: number, context: TriggerContext): TriggerResult
  /** Absent: it cannot be used with windows that merge. */
  onMerge?(context: TriggerMergeContext): void
  clear?(context: TriggerContext): void
}

export function fires(result: TriggerResult): boolean {
  return result === 'fire' || result === 'fireAndPurge'
}

export function purges(result: TriggerResult): boolean {
  return result === 'purge' || result === 'fireAndPurge'
}

/** A number in the state of a trigger. */
export function numberState(context: TriggerContext, name: string): number | undefined {
  const value = context.get(name)
  return typeof value === 'number' ? value : undefined
}

/** The numbers that the merged windows had under a name. */
export function mergedNumbers(context: TriggerMergeContext, name: string): number[] {
  return context.merged(name).filter(value => typeof value === 'number')
}
